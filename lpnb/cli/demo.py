"""``lpnb demo``: send the documentation's three examples to an embedded sandbox and print the table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lpnb._internal.display import room, table_text

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

_COLUMNS = ("consumer_id", "req_id", "type", "code", "conversation_id", "http_status", "elapsed_ms")


def register(commands: SubParsers) -> None:
    """Add ``demo`` to the command line."""
    demo = commands.add_parser(
        "demo", help="send LivePerson's three example batches to the sandbox, print the table"
    )
    demo.add_argument("--json", action="store_true", help="print the rows as one JSON array and nothing else")
    demo.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from lpnb.client import Client
    from lpnb.samples.examples import page_examples
    from lpnb.sandbox import Sandbox
    from lpnb.settings import Settings
    from lpnb.tables.dataframes import responses_table

    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        examples = page_examples().items()
        responses = [
            client.send_batch(batch, consumer_id=f"demo-{name.replace(' ', '-')}") for name, batch in examples
        ]
        table = responses_table(responses)
        rows = table.to_json(orient="records", date_format="iso", date_unit="us", force_ascii=False)
        if options.json:
            print(rows)
        else:
            print(f"Sandbox on {sandbox.base}, account {sandbox.account_id}. Nothing leaves this machine.")
            print("Three example batches, one CONVERSATION call each, one row per request frame:\n")
            print(_table_text(json.loads(rows)))
            number = sum(response.outcome == "answered" for response in responses)
            print('\nThe ids "1," and "2," are those of the documentation\'s own examples; ids are opaque.')
            print(f"{number} conversations opened. In a notebook: lpnb lab, in a clone python3 dev.py lab")
    return 0 if all(response.ok for response in responses) else 1


def _table_text(rows: Sequence[Mapping[str, object]]) -> str:
    """The table in a width that a terminal has; the rest is in ``--json``."""
    return table_text(_COLUMNS, ([_cell(name, row[name]) for name in _COLUMNS] for row in rows), room())


def _cell(column: str, value: object) -> object:
    if column == "type":
        return str(value).rsplit(".", 1)[-1]
    return f"{value:.1f}" if column == "elapsed_ms" else value
