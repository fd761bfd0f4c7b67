"""``Grid``: every combination of the values that a few columns can take, or a choice of them, as cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import Cases
from lpnb.experiments.cases.grid_file import grid_arguments
from lpnb.experiments.cases.grid_source import MOST_FILTERED, GridSource


class Grid(Cases):
    """Cases from the values of columns, crossed or zipped, filtered, sampled.

    Args:
        values: For each wire-dotted column the values it takes, in order; a single value stands for a
            column that is the same throughout. None and "" leave the field out. Whole objects
            (``CampaignInfo(...)``, ``PersonalInfo(...)``, or dicts as the wire has them) are values too.
        zipped: Columns that go together, first with first and second with second, in place of being
            crossed: True for all that have a list, the names of one group, or a list of groups.
        where: Called with the values of each combination by column; those it is false for are left out.
        sample: Take so many of the combinations, at random.
        seed: The same seed, the same sample, and the same cover.
        cover: Take few combinations in which every pair (2) or every triple (3) of values of different
            columns occurs; zipped columns count as one. ``coverage`` says in words what that shows. The
            case with the most new pairs comes first. Not together with *sample*.

    The last column varies fastest. ``len(grid)`` is known before anything is built.

    Raises:
        InvalidValueError: Naming every column that is unknown or of the wrong length, a sample larger
            than the grid, a filter over too many combinations, a cover of more than five million pairs or
            triples.

    Example:
        >>> grid = Grid({"ctmrinfo.ctype": ["vip", "gold"], "conversationContext.lang": ["en-US", "de-DE", None]})
        >>> len(grid), dict(grid[1].values)
        (6, {'ctmrinfo.ctype': 'vip', 'conversationContext.lang': 'de-DE'})
        >>> pairs = {"campaignInfo.campaignId": ["1", "2"], "campaignInfo.engagementId": ["10", "20"]}
        >>> len(Grid({**pairs, "ttrDefName": ["NORMAL", "URGENT"]}, zipped=list(pairs)))
        4
        >>> len(Grid({"ctmrinfo.ctype": list("abcd"), "skillId": "-1"}, where=lambda case: case["ctmrinfo.ctype"] != "a"))
        3
        >>> few = Grid({f"ctmrinfo.{name}": [1, 2, 3, 4] for name in ("balance", "userName", "ctype", "role")}, cover=2)
        >>> few
        <Grid: 19 cases of 4 columns with every pair of values, of 256>
    """  # noqa: E501

    def __init__(
        self,
        values: Mapping[str, object],
        *,
        zipped: Literal[True] | Sequence[str] | Sequence[Sequence[str]] = (),
        where: Callable[[Mapping[str, Any]], bool] | None = None,
        sample: int | None = None,
        seed: int = 0,
        cover: int | None = None,
    ) -> None:
        source = GridSource(values, zipped, where, sample, seed, cover)
        super().__init__(source, notes=[source.coverage] if source.strength else ())
        self._grid_source = source
        #: How many combinations there are before the filter, the cover and the sample.
        self.combinations = source.combinations
        #: The filter, as it was given.
        self.where = where

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a grid from a TOML file; ``cases_of`` and the command line do so with every ``.toml``.

        ``[values]`` has a list for each column, "" for "left out"; ``zipped``, ``sample``, ``seed`` and
        ``cover`` are as for ``Grid``. Each ``[[exclude]]`` leaves out the combinations in which all its
        columns have one of its values.

        Args:
            path: The file.

        Raises:
            InvalidValueError: It cannot be read, holds something else, or is no grid.

        Example:
            >>> lines = ['cover = 2', '[values]', '"ctmrinfo.ctype" = ["vip", "gold", ""]', 'skillId = ["-1", ""]',
            ...          '[[exclude]]', '"ctmrinfo.ctype" = ["vip", "gold"]', 'skillId = "-1"']
            >>> _ = Path("grid.toml").write_text("\\n".join(lines), encoding="utf-8")
            >>> [dict(case.values) for case in Grid.read("grid.toml")]
            [{'ctmrinfo.ctype': 'gold'}, {}, {'ctmrinfo.ctype': 'vip'}, {'skillId': '-1'}]
        """  # noqa: E501
        grid = cls(**grid_arguments(path))
        grid.origin = f"of {Path(path).name}"
        return grid

    @property
    def coverage(self) -> str:
        """What the cases of ``cover=`` are certain to show, and what not; of another grid, how many there are.

        Example:
            >>> print(Grid({"ctmrinfo.ctype": ["vip", "gold"], "ttrDefName": ["NORMAL", "URGENT"]}, cover=2).coverage)
            4 of 4 combinations: each of the 4 pairs of values of two columns occurs. A rule on at most two columns shows in a case, unless another rule hides it there; one on three or more may not show.
        """  # noqa: E501
        return self._grid_source.coverage

    def __repr__(self) -> str:
        extent = self._grid_source.extent
        return f"{super().__repr__()[:-1]}{f' {extent}' if extent else ''}>"

    @property
    def values(self) -> dict[str, list[object]]:
        """Each column's values, in order.

        Example:
            >>> Grid({"ctmrinfo.ctype": ["vip", None], "skillId": "-1"}).values
            {'ctmrinfo.ctype': ['vip', None], 'skillId': ['-1']}
        """
        source = self._grid_source
        return dict(zip(source.names, map(list, source._values), strict=True))

    @property
    def zipped(self) -> list[list[str]]:
        """The groups of columns that go together.

        Example:
            >>> Grid({"ctmrinfo.ctype": ["vip", "gold"], "skillId": ["1", "2"]}, zipped=True).zipped
            [['ctmrinfo.ctype', 'skillId']]
        """
        source = self._grid_source
        return [[source.names[place] for place in group] for group in source._groups if len(group) > 1]

    def check(self) -> None:
        """See that every case can be sent as it stands, as ``Cases.check`` does, and that they can be walked.

        Raises:
            InvalidValueError: A cell is wrong, or there are more than five million cases.
        """
        if len(self) > MOST_FILTERED:
            sentence = (
                f"The grid has {len(self):,} cases, and {MOST_FILTERED:,} can be sent at the most. "
                "Take a sample of it: Grid(..., sample=1000)."
            )
            raise InvalidValueError([Complaint("", sentence)])
        super().check()
