"""DataFrames of responses, cases and transcripts, and their export as files and as text.

Loaded on first use: ``print_table`` imports no pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpnb.tables.dataframes import responses_table, transcript_table
    from lpnb.tables.export import save_table
    from lpnb.tables.run_table import cases_table
    from lpnb.tables.text import print_table

_HOME = {
    "cases_table": "run_table",
    "print_table": "text",
    "responses_table": "dataframes",
    "save_table": "export",
    "transcript_table": "dataframes",
}
__all__ = ["cases_table", "print_table", "responses_table", "save_table", "transcript_table"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'lpnb.tables' has no attribute {name!r}")
    return getattr(import_module(f"lpnb.tables.{_HOME[name]}"), name)
