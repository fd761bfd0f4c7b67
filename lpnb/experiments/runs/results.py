"""The results of a run: its tables, pictures and files, read from the journal.

The columns of a run's table are defined in ``tables.run_table`` and filled in ``journal_rows``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpnb._internal.validation import must, one_of
from lpnb.errors import InvalidValueError, RunError
from lpnb.experiments.runs.failures import FailureGroup, failure_groups
from lpnb.experiments.runs.journal_rows import (
    arrow_of,
    column_blocks,
    journal_blocks,
    pivot_of,
    planned_cases,
    responses_frame,
    run_blocks,
    run_kinds,
)
from lpnb.journal import Reader, explain_damage, read_journal

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.runs.compare import Comparison
    from lpnb.experiments.runs.partitions import Parts
    from lpnb.experiments.runs.run_rules import RunRules
    from lpnb.plots import Heatmap
    from lpnb.plots.flow import FlowPicture


#: Results that stand right beside the cases in a workbook.
_READ_FIRST = (
    "outcome", "landed_skill", "expected_skill", "passed", "message", "conversation_id",
)  # fmt: skip
#: Columns of a case that Monitoring may fill in, and the columns of the table with what it offered.
_OFFER_COLUMNS = {
    "campaignInfo.campaignId": "offered_campaign_id",
    "campaignInfo.engagementId": "offered_engagement_id",
}


def _rules_of(table: pd.DataFrame, where: Mapping[str, object]) -> RunRules:
    from lpnb.experiments.runs.run_rules import rules_of_table

    return rules_of_table(table, where=where)


def _names(columns: str | list[str] | None) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns or ())


class Results:
    """The tables and pictures of a ``Run``. All of them are read from its journal."""

    journal_path: Path | None
    _cases: Cases | None
    _run_key: str
    _reader: Reader | None

    def table(self) -> pd.DataFrame:
        """One row per case, in the cases' order: see ``lpnb.tables.run_table.cases_table`` for the columns.

        What has been tried counts ``attempts`` over all sessions of the run.
        """
        from lpnb.tables.arrow_columns import to_pandas

        with explain_damage(self.journal_path):
            return to_pandas(arrow_of(self._blocks(), self._kinds))

    def columns(self) -> dict[str, list[Any]]:
        """The cells of ``table()`` as lists by column, without pandas; moments are microseconds since 1970.

        They weigh five times what the table does.
        """
        columns: dict[str, list[Any]] = {name: [] for name in self._kinds}
        with explain_damage(self.journal_path):
            for block in self._blocks():
                for name, cells in block.items():
                    columns[name].extend(cells)
        return columns

    def _blocks(self) -> Iterator[dict[str, Sequence[Any]]]:
        if self.journal_path is not None:
            return journal_blocks(self._look(), self._columns)
        cases = planned_cases(self._cases, self._run_key) if self._cases is not None else iter(())
        return run_blocks(column_blocks(cases), self._columns, {})

    @property
    def _kinds(self) -> dict[str, str]:
        hashes = self.journal_path is not None and self._look().about.get("salt") is not None
        return run_kinds(self._columns, hashes=hashes)

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
        with explain_damage(self.journal_path):
            frames = responses_frame(self._look())
        if not keys:
            return frames
        table = self._with_offers(*keys)
        there = [str(name) for name in table.columns]
        if wrong := [one_of("a key", key, there) for key in keys if key not in there]:
            raise InvalidValueError(wrong)
        if frame_keys := [key for key in dict.fromkeys(keys) if key in frames.columns]:
            raise InvalidValueError(
                [must("keys", "must not be columns of the frames", key) for key in frame_keys]
            )
        return frames.merge(table[["case", *dict.fromkeys(keys)]], on="case", how="left", validate="m:1")

    @property
    def unknown(self) -> pd.DataFrame:
        """The rows of ``table()`` whose outcome is unknown: a conversation may exist for each."""
        table = self.table()
        return table[table["outcome"] == "unknown"].reset_index(drop=True)

    def failures(self) -> pd.DataFrame:
        """The cases that were not answered, one row for each cause, the most frequent first.

        Columns: ``outcome`` (str), ``http_status`` (Int64), ``code`` (str), ``message`` (str, what was said
        about the first), ``cases`` (int64, how many), ``case`` (str, the first one's name). Ids and quoted
        values in a message do not tell causes apart.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, run_experiment
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     sandbox.fail("conversation", "status", code=403, times=2)
            ...     cases = [{"skillId": "2741903011"}] * 3
            ...     how = {"journal": "causes.sqlite", "concurrency": 1, "progress": False}
            ...     run = run_experiment(client, cases, **how)
            >>> run.failures()[["outcome", "http_status", "cases", "case"]].values.tolist()
            [['refused', 403, 2, 'case-00001']]
        """
        import pandas as pd

        names = [field.name for field in fields(FailureGroup)]
        rows = [[getattr(group, name) for name in names] for group in failure_groups(self.columns())]
        table = pd.DataFrame(rows, columns=names)
        return table.astype({"http_status": "Int64", "cases": "int64"})

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

    def heatmap(
        self,
        rows: str | None = None,
        columns: str | None = None,
        value: str = "landed_skill",
        *,
        colours: Mapping[str, str] | None = None,
    ) -> Heatmap:
        """Draw the cases over two columns; see ``lpnb.plots.heatmap``.

        Args:
            rows: The column whose values go down, such as "ctmrinfo.ctype". Where Monitoring was asked,
                "campaignInfo.campaignId" and "campaignInfo.engagementId" are columns too. Left out, with or
                without *columns*, those that explain the most are taken, as ``factors`` ranks them.
            columns: The column whose values go across.
            value: What a cell shows: "landed_skill", "outcome", "failed", or any other column.
            colours: A colour (#rrggbb) for each skill, where the usual ones are not wanted.

        Raises:
            InvalidValueError: The table lacks a column, both keys are the same, or one is left out and fewer
                than two columns vary.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, run_experiment
            >>> cases = [{"ctmrinfo.ctype": ctype, "skillId": "-1"} for ctype in ("vip", "gold")]
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     run = run_experiment(client, cases, journal="heat.sqlite", progress=False)
            >>> run.heatmap("ctmrinfo.ctype", "skillId", "outcome").table().loc["vip", "-1"]
            'answered'
        """
        from lpnb.plots import heatmap

        table = self._with_offers(rows, columns, value)
        if rows is None or columns is None:
            from lpnb.experiments.runs.landing_factors import most_explaining

            rows, columns = most_explaining(table, rows, columns, value)
        picture = heatmap(table, rows, columns, value, colours=colours)
        keys = (rows, columns)
        picture.explain_cell = lambda cell: _rules_of(table, dict(zip(keys, cell, strict=True)))
        return picture

    def factors(self, columns: Sequence[str] | None = None, value: str = "landed_skill") -> pd.DataFrame:
        """Rank the cases' columns by how much of the landings they explain, alone and in pairs.

        Columns that always go together are one factor, named "one + other". A refusal counts as a landing;
        cases of which nobody knows where they landed do not count.

        ================  =======  ====================================================================
        factor            str      the column
        second_factor     str      of a pair the other column; missing for one alone
        explained         float64  the share of the landings that its values tell beyond chance: 0 is no
                                   better than skills dealt out at random, 1 is all of them
        right             float64  the share of cases that landed where most cases with their value did
        values            Int64    how many different values there are, or pairs of them
        cases             Int64    how many cases with a known landing that rests on
        ================  =======  ====================================================================

        The most explained comes first; of equals the simpler one.

        Args:
            columns: The columns to rank, such as ``["offered_engagement_id"]``; the cases' own when left out.
            value: What is explained: "landed_skill", "outcome", "failed", or any other column.

        Raises:
            InvalidValueError: The table has no such column.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, Steps, run_experiment
            >>> cases = [{"ctmrinfo.ctype": ctype, "ctmrinfo.role": role}
            ...          for ctype in ("vip", "gold", "business") for role in ("owner", "guest")]
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     run = run_experiment(
            ...         client, cases, steps=Steps(landing=True), journal="ranked.sqlite", progress=False)
            >>> run.factors()[["factor", "right"]].values.tolist()[0]
            ['ctmrinfo.ctype', 1.0]
        """
        from lpnb.experiments.runs.landing_factors import factor_ranking

        return factor_ranking(self.table(), columns, value)

    def flow(
        self,
        source: str,
        through: str | None = "campaignInfo.campaignId",
        to: str = "landed_skill",
        *,
        colours: Mapping[str, str] | None = None,
    ) -> FlowPicture:
        """Draw how cases come from a value through their campaign to a skill; see ``lpnb.plots.flow``.

        Args:
            source: The column to start with, such as "ctmrinfo.ctype".
            through: The column between; None for none. The campaign is the one that a case names, or that
                Monitoring offered.
            to: Where it ends: "landed_skill", "outcome", or any other column.
            colours: A colour (#rrggbb) for each name of the last stage, where the usual ones are not wanted.

        Raises:
            InvalidValueError: The table lacks a column, or one is named twice.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, run_experiment
            >>> cases = [{"ctmrinfo.ctype": ctype} for ctype in ("vip", "gold")]
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     run = run_experiment(client, cases, journal="flow.sqlite", progress=False)
            >>> run.flow("ctmrinfo.ctype", None, "outcome").summary
            '2 cases from ctmrinfo.ctype to outcome'
        """
        from lpnb.plots import flow

        return flow(self._with_offers(source, through, to), source, through, to, colours=colours)

    def rules(
        self,
        columns: Sequence[str] | None = None,
        where: Mapping[str, object] | None = None,
        seed: int = 0,
    ) -> RunRules:
        """Find the shortest list of rules that the run's own cases follow. Sends nothing.

        Printed it is the list in words; ``.rules`` is the same as a DataFrame, ``.picture()`` draws it, and
        it predicts and explains as what ``learn_routing`` returns. Where the cases follow no short list, it
        says so. A refusal counts as a landing.

        Args:
            columns: The columns that rules may look at; those that were sent and vary, when left out.
            where: Only the cases with these values by column, as a heatmap heads them.
            seed: The same seed, the same rules.

        Raises:
            InvalidValueError: There is no such column or value, no case with a known landing, or no column
                varies.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, Steps, run_experiment
            >>> cases = [{"ctmrinfo.ctype": ctype} for ctype in ("business", "gold", "silver")]
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     steps = Steps(landing=True)
            ...     run = run_experiment(client, cases, steps=steps, journal="rules.sqlite", progress=False)
            >>> print(str(run.rules()).splitlines()[1])
              1. If ctmrinfo.ctype is business: Business Banking (33 % of the cases; rests on 1 send)
        """
        from lpnb.experiments.runs.run_rules import rules_of_table

        return rules_of_table(self.table(), columns, where, seed)

    def compare(self, other: Any, key: str | Sequence[str] | None = None) -> Comparison:
        """Say which cases moved since, this run being the one before; see ``lpnb.compare``.

        Args:
            other: The run after, the path of its journal, or its per-case table.
            key: The column, or columns, that tell cases apart; what was sent, when left out.
        """
        from lpnb.experiments.runs.compare import compare

        return compare(self, other, key)

    def save(
        self, path: str | os.PathLike[str], *, responses: bool = False, byte_order_mark: bool = False
    ) -> Path:
        """Write the table, or that of *responses*, as Parquet, CSV or Excel, by the ending of *path*.

        A CSV file begins with a *byte_order_mark*, by which Excel knows UTF-8, where that is asked for. A
        workbook, which people read, begins with the cases' columns, under the headers of the file that they
        came from; Parquet and CSV, which ``compare`` and reports read, have those of the wire at the end.
        Formulas are escaped in CSV and Excel; see ``lpnb.tables.export.save_table``.
        """
        from lpnb.tables.export import save_blocks, save_table

        if responses:
            return save_table(self.responses(), path, byte_order_mark=byte_order_mark)
        with explain_damage(self.journal_path):
            kinds = self._kinds
            names = {name: name for name in kinds}
            if str(path).lower().endswith(".xlsx"):
                headers = self._own_headers
                first = dict.fromkeys(("case", *self._columns, *_READ_FIRST, *names))
                names = {name: headers.get(name, name) for name in first}
            blocks = ({new: block[name] for name, new in names.items()} for block in self._blocks())
            kinds = {new: kinds[name] for name, new in names.items()}
            return save_blocks(blocks, kinds, path, byte_order_mark=byte_order_mark)

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

    def _with_offers(self, *names: str | None) -> pd.DataFrame:
        """The table, with what Monitoring offered in the columns *names*."""
        table = self.table()
        for column, offer_column in _OFFER_COLUMNS.items():
            if column in names and table[offer_column].notna().any():
                own_cells = table[column].astype("str") if column in table else None
                table[column] = (
                    table[offer_column] if own_cells is None else table[offer_column].fillna(own_cells)
                )
        return table

    @property
    def _columns(self) -> list[str]:
        if self.journal_path is None:  # a dry run
            return list(self._cases.columns) if self._cases is not None else []
        return list(self._look().about.get("columns", ()))

    @property
    def _own_headers(self) -> dict[str, str]:
        """The file's header of each column, but for those that name a column of the table, in any case."""
        if self.journal_path is None:  # a dry run
            headers = {} if self._cases is None else self._cases.own_headers
        else:
            headers = self._look().about.get("headers", {})
        names = {name.casefold() for name in self._kinds}
        return {name: header for name, header in headers.items() if header.casefold() not in names}

    def _look(self) -> Reader:
        if self.journal_path is None:
            raise RunError("A dry run has no journal: nothing was sent.")
        if self._reader is None:
            self._reader = read_journal(self.journal_path)
        return self._reader
