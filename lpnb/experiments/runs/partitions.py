"""A run's per-case table as a folder of Parquet files, for results that do not fit into memory.

It is written from the journal block by block, and read back whole, by columns, or as a Dask frame. What a
column means is said by ``lpnb.tables.run_table.cases_table``.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from lpnb._internal.validation import one_of
from lpnb.errors import Complaint, InvalidValueError, LpnbError, RunError
from lpnb.experiments.runs.journal_rows import arrow_of, column_blocks, pivot_of, run_blocks, run_kinds
from lpnb.tables.arrow_columns import with_dtype_notes, with_types
from lpnb.tables.run_table import RUN_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.experiments.runs.compare import Comparison
    from lpnb.journal import Reader
    from lpnb.plots import Heatmap

#: Rows of one file.
ROWS = 50_000
#: What a comparison reads of a table, besides the cases' own columns.
_COMPARISON_COLUMNS = ("case", "outcome", "code", "landed_skill_id", "landed_skill", "offered_engagement_id")
#: What else a picture of these reads.
_READ_WITH = {
    "landed_skill": ("landed_skill", "landed_skill_id", "outcome"),
    "failed": ("outcome", "passed"),
}


class Parts:
    """A per-case table in a folder of Parquet files. ``run.to_parquet_parts`` and ``read_parts`` make them.

    Pivots, heatmaps and comparisons read the columns that they need and no more, each text once.

    Attributes:
        folder: Where the files are: ``part-00000.parquet`` and so on, in the cases' order.
        columns: The table's columns.

    Example:
        >>> from lpnb import Client, Sandbox, Settings, run_experiment
        >>> cases = [{"ctmrinfo.ctype": ctype} for ctype in ("vip", "gold", "vip")]
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     run = run_experiment(client, cases, journal="parts.sqlite", progress=False)
        >>> parts = run.to_parquet_parts("parts", rows=2)
        >>> parts
        <Parts of 3 cases in 2 files in parts>
        >>> parts.pivot("ctmrinfo.ctype").loc["vip", "answered"].item()
        2
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._set = ds.dataset(sorted(map(str, folder.glob("part-*.parquet"))), format="parquet")
        self.columns: list[str] = list(self._set.schema.names)

    def __len__(self) -> int:
        return int(self._set.count_rows())

    def table(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The table, or some of its *columns*, with the dtypes that ``run.table()`` has.

        Raises:
            InvalidValueError: There is no such column.
        """
        self._check(columns or ())
        frame: pd.DataFrame = self._set.to_table(columns=columns and list(dict.fromkeys(columns))).to_pandas()
        return frame

    def dask(self) -> Any:
        """The table as a Dask DataFrame (``pip install "lpnb[dask]"``), one partition for each file."""
        try:
            import dask.dataframe
        except ImportError:
            raise RunError('A Dask frame needs Dask: pip install "lpnb[dask]".') from None
        frame: Any = dask.dataframe  # it has no types
        return frame.read_parquet(sorted(map(str, self.folder.glob("part-*.parquet"))))

    def pivot(
        self, index: str | list[str], columns: str | list[str] | None = None, value: str = "outcome"
    ) -> pd.DataFrame:
        """Count the cases over one or two keys; see ``Run.pivot``."""
        down = [index] if isinstance(index, str) else list(index)
        across = [columns] if isinstance(columns, str) else list(columns or ())
        return pivot_of(self._narrow([*down, *across, value]), index, columns, value)

    def heatmap(
        self,
        rows: str,
        columns: str,
        value: str = "landed_skill",
        *,
        colours: Mapping[str, str] | None = None,
    ) -> Heatmap:
        """Draw the cases over two columns; see ``lpnb.plots.heatmap``.

        Args:
            rows: The column whose values go down.
            columns: The column whose values go across.
            value: What a cell shows: "landed_skill", "outcome", "failed", or any other column.
            colours: A colour (#rrggbb) for each skill, where the usual ones are not wanted.

        Raises:
            InvalidValueError: There is no such column.
        """
        from lpnb.plots import heatmap

        names = [rows, columns, *_READ_WITH.get(value, (value,))]
        return heatmap(self._narrow(names), rows, columns, value, colours=colours)

    def compare(self, other: Any, key: str | Sequence[str] | None = None) -> Comparison:
        """Say which cases moved since, this run being the one before; see ``lpnb.compare``.

        Args:
            other: A run, the path of its journal, its per-case table, or parts.
            key: The column, or columns, that tell cases apart; what was sent, when left out.
        """
        from lpnb.experiments.runs.compare import compare

        return compare(
            self._comparison_table(), other._comparison_table() if isinstance(other, Parts) else other, key
        )

    def _comparison_table(self) -> pd.DataFrame:
        """What a comparison reads: the cases' own columns, and a few of those that a run adds."""
        names = [name for name in self.columns if name in _COMPARISON_COLUMNS or name not in RUN_COLUMNS]
        return self._narrow(names)

    def _narrow(self, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns, with every text kept once and the cases pointing to it."""
        self._check(columns)
        texts = [field.name for field in self._set.schema if _is_text(field.type)]
        narrow = ds.ParquetFileFormat(dictionary_columns=texts)
        table = ds.dataset(self._set.files, format=narrow).to_table(columns=list(dict.fromkeys(columns)))
        frame: pd.DataFrame = table.unify_dictionaries().to_pandas(ignore_metadata=True)
        return frame

    def _check(self, columns: Sequence[str]) -> None:
        wrong = [one_of("a column", name, self.columns) for name in columns if name not in self.columns]
        if wrong:
            raise InvalidValueError(wrong)

    def __repr__(self) -> str:
        files = len(self._set.files)
        cases = len(self)
        return (
            f"<Parts of {cases:,} case{'' if cases == 1 else 's'} in {files:,} "
            f"file{'' if files == 1 else 's'} in {self.folder}>"
        )


def read_parts(folder: str | os.PathLike[str]) -> Parts:
    """The table in *folder*, as ``run.to_parquet_parts`` wrote it.

    Raises:
        RunError: There are no parts.

    Example:
        >>> read_parts("nowhere")
        Traceback (most recent call last):
        lpnb.errors.RunError: There are no parts in nowhere. run.to_parquet_parts(...) writes them.
    """
    path = Path(folder)
    if not any(path.glob("part-*.parquet")):
        raise RunError(f"There are no parts in {path}. run.to_parquet_parts(...) writes them.")
    return Parts(path)


def write_parts(
    reader: Reader, columns: Sequence[str], folder: str | os.PathLike[str], rows: int = ROWS
) -> Parts:
    """Write the per-case table of the run that *reader* reads into *folder*, whole or not at all.

    Raises:
        InvalidValueError: There is something in *folder*, or *rows* is no number of rows.
        LpnbError: It cannot be written.
    """
    path = Path(folder)
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise InvalidValueError([Complaint("rows", f"rows must be a whole number from 1; got {rows!r}.")])
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        sentence = f"There is something in {path} already. Name a folder that is new or empty."
        raise InvalidValueError([Complaint("folder", sentence)])
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            part.mkdir(mode=0o700, parents=True)  # rows may hold personal values
            for number, table in enumerate(_tables(reader, columns, rows)):
                pq.write_table(table, part / f"part-{number:05d}.parquet")
            if path.exists():
                path.rmdir()
            part.rename(path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise LpnbError(f"{path} cannot be written: {reason}.") from None
    return Parts(path)


def _tables(reader: Reader, columns: Sequence[str], rows: int) -> Iterator[pa.Table]:
    """The table in blocks, all of one schema."""
    kinds = run_kinds(columns, hashes=reader.about.get("salt") is not None)
    cases = reader.cases()
    schema = None
    while (block := list(islice(cases, rows))) or schema is None:
        step_outcomes = reader.step_outcomes(block[0].number, block[-1].number) if block else {}
        table = arrow_of(run_blocks(column_blocks(block), columns, step_outcomes), kinds)
        schema = schema or table.schema
        yield with_dtype_notes(with_types(table, schema))
        if len(block) < rows:
            return


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
