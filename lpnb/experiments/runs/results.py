"""What can be had of a run: its tables, pictures and files. How it is driven is ``run``'s business."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpnb._internal.validation import must, one_of
from lpnb.errors import InvalidValueError, JournalError, LpnbError, RunError
from lpnb.experiments.runs.journal_rows import (
    cases_frame,
    in_columns,
    journal_frame,
    known_of,
    pivot_of,
    responses_frame,
)
from lpnb.journal import Reader, read_journal

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.runs.compare import Comparison
    from lpnb.experiments.runs.partitions import Parts
    from lpnb.plots import Heatmap


#: Columns of a case that Monitoring may fill in, and what an offer calls them.
_OFFERED = {"campaignInfo.campaignId": "campaign_id", "campaignInfo.engagementId": "engagement_id"}


def _names(columns: str | list[str] | None) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns or ())


@contextlib.contextmanager
def reading(path: str | os.PathLike[str] | None, *, alone: bool = True) -> Iterator[None]:
    """Say of a journal that holds what lpnb never writes that it does; somebody has edited it, or a disk has.

    When it is not read *alone*, a wrong value may be one of the cases that were given, and is said as such.

    Example:
        >>> with reading("x.sqlite"):
        ...     int("twelve")
        Traceback (most recent call last):
        lpnb.errors.JournalError: x.sqlite holds what lpnb never writes (invalid literal for int() with base 10: 'twelve'). Take a copy of it from before; nothing is sent from this one.
    """  # noqa: E501
    try:
        yield
    except LpnbError as error:
        if not (alone and isinstance(error, InvalidValueError)):
            raise
        raise _odd(path, str(error).rstrip(".")) from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else error
        raise _odd(path, missing) from None


def _odd(path: str | os.PathLike[str] | None, finding: object) -> JournalError:
    return JournalError(
        f"{path} holds what lpnb never writes ({finding}). Take a copy of it from before; nothing is sent "
        "from this one."
    )


class Results:
    """The tables and pictures of a ``Run``. All of them are read from its journal."""

    journal_path: Path | None
    _cases: Cases | None
    _run_key: str
    _reader: Reader | None

    def table(self) -> pd.DataFrame:
        """One row per case, in the cases' order: see ``lpnb.tables.dataframes.cases_table`` for the columns.

        What has been tried counts ``attempts`` over all sittings of the run.
        """
        if self.journal_path is None:
            known = known_of(self._cases, self._run_key) if self._cases is not None else iter(())
            return cases_frame(in_columns(known), self._columns, {})
        with reading(self.journal_path):
            return journal_frame(self._look(), self._columns)

    def responses(self, *keys: str) -> pd.DataFrame:
        """One row per request frame: ``case``, the columns of ``responses_table``, and the cases' own *keys*.

        Args:
            keys: Columns of ``table()`` to have beside each frame, such as "ctmrinfo.ctype".

        Raises:
            InvalidValueError: The table has no such column.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, run_experiment
            >>> cases = [{"ctmrinfo.ctype": ctype} for ctype in ("vip", "gold")]
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     run = run_experiment(client, cases, journal="frames.sqlite", progress=False)
            >>> run.responses("ctmrinfo.ctype")[["case", "req_id", "ctmrinfo.ctype"]].shape
            (4, 3)
        """
        with reading(self.journal_path):
            frames = responses_frame(self._look())
        if not keys:
            return frames
        table = self._with_offers(*keys)
        there = [str(name) for name in table.columns]
        if wrong := [one_of("a key", key, there) for key in keys if key not in there]:
            raise InvalidValueError(wrong)
        if taken := [key for key in dict.fromkeys(keys) if key in frames.columns]:
            raise InvalidValueError([must("keys", "must not be columns of the frames", key) for key in taken])
        return frames.merge(table[["case", *dict.fromkeys(keys)]], on="case", how="left", validate="m:1")

    @property
    def unknown(self) -> pd.DataFrame:
        """The rows of ``table()`` whose outcome is unknown: a conversation may exist for each."""
        table = self.table()
        return table[table["outcome"] == "unknown"].reset_index(drop=True)

    def pivot(
        self, index: str | list[str], columns: str | list[str] | None = None, value: str = "outcome"
    ) -> pd.DataFrame:
        """Count the cases over one or two keys, or share them out by what became of them.

        Args:
            index: The column, or columns, whose values go down, such as "ctmrinfo.ctype".
            columns: Those whose values go across; *value* itself when left out.
            value: With *columns*, the cell shows this column's values, each with its count when there are
                several. When it is one of the keys, the cells count cases.

        Cases without a value are headed "(absent)".

        Raises:
            InvalidValueError: The table has no such column, or one is named twice.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, run_experiment
            >>> cases = [{"ctmrinfo.ctype": ctype} for ctype in ("vip", "vip", "gold")]
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     run = run_experiment(client, cases, journal="tiers.sqlite", progress=False)
            >>> run.pivot("ctmrinfo.ctype").loc["vip", "answered"].item()
            2
            >>> run.pivot("outcome")["cases"].to_dict()
            {'answered': 3}
        """
        return pivot_of(self._with_offers(*_names(index), *_names(columns), value), index, columns, value)

    def heatmap(self, rows: str, columns: str, value: str = "landed_skill", **options: Any) -> Heatmap:
        """Draw the cases over two columns; see ``lpnb.plots.heatmap``.

        Where Monitoring was asked, "campaignInfo.campaignId" and "campaignInfo.engagementId" are columns too.
        """
        from lpnb.plots import heatmap

        return heatmap(self._with_offers(rows, columns, value), rows, columns, value, **options)

    def flow(self, source: str, through: str | None = "campaignInfo.campaignId", **options: Any) -> Any:
        """Draw how cases come from a value through their campaign to a skill; see ``lpnb.plots.flow``.

        The campaign is the one that a case names, or that Monitoring offered.
        """
        from lpnb.plots import flow

        table = self._with_offers(source, through, options.get("to"))
        return flow(table, source, through, **options)

    def compare(self, other: Any) -> Comparison:
        """Say which cases moved since, this run being the one before; see ``lpnb.compare``."""
        from lpnb.experiments.runs.compare import compare

        return compare(self, other)

    def save(self, path: str | os.PathLike[str], *, responses: bool = False) -> Path:
        """Write the table, or that of *responses*, as Parquet, CSV or Excel, by the ending of *path*.

        Formulas are disarmed in CSV and Excel; see ``lpnb.tables.export.save_table``.
        """
        from lpnb.tables.export import save_table

        return save_table(self.responses() if responses else self.table(), Path(path))

    def to_parquet_parts(self, folder: str | os.PathLike[str], *, rows: int = 50_000) -> Parts:
        """Write the table into *folder* as Parquet files of so many *rows*, and return it as ``Parts``.

        No more than one file's rows are in memory at a time. The folder is there whole or not at all;
        ``read_parts`` reads it back.

        Raises:
            InvalidValueError: There is something in *folder*, or *rows* is no number of rows.
            LpnbError: It cannot be written.
        """
        from lpnb.experiments.runs.partitions import write_parts

        return write_parts(self._look(), self._columns, folder, rows)

    def _with_offers(self, *wanted: str | None) -> pd.DataFrame:
        """The table, with what Monitoring offered in those of the *wanted* columns that say so of a case."""
        table = self.table()
        named = [column for column in _OFFERED if column in wanted]
        if not named or self.journal_path is None:
            return table
        with reading(self.journal_path):
            offers = self._look().offers()
            for column in named if offers else ():
                given = table[column].tolist() if column in table else [None] * len(table)
                for number, offer in offers.items():
                    given[number] = offer[_OFFERED[column]]
                table[column] = given
                table[column] = table[column].astype("str")
        return table

    @property
    def _columns(self) -> list[str]:
        if self._cases is not None:
            return list(self._cases.columns)
        return list(self._look().about.get("columns", ()))

    def _look(self) -> Reader:
        if self.journal_path is None:
            raise RunError("A dry run has no journal: nothing was sent.")
        if self._reader is None:
            self._reader = read_journal(self.journal_path)
        return self._reader
