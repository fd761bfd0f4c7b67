"""Grids from TOML files: the columns and their values, what goes together, what is left out."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lpnb._internal.validation import check_path
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.grid_source import Where

_TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".parquet")
_KEYS = ("values", "zipped", "exclude", "sample", "seed", "cover")


def grid_arguments(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a grid file says, as the arguments of ``Grid``; ``exclude`` has become ``where``.

    The columns may stand in ``[values]``, in ``[factors]``, or alone in the file.

    Raises:
        InvalidValueError: It cannot be read, or holds something else.
    """
    check_path("path", path)
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sentence = f"{path} cannot be read: {reason}."
        if Path(path).suffix.lower() != ".toml" and isinstance(error, ValueError | IsADirectoryError):
            sentence = f"{path} is no TOML file of columns and their values; lpnb learn --help describes one."
            if Path(path).suffix.lower() in _TABLE_SUFFIXES:
                sentence += f" A table of cases is for lpnb send {path}, or lpnb why {path} for one of them."
        raise InvalidValueError([Complaint(str(path), sentence)]) from None
    if "factors" in content and "values" not in content:
        content["values"] = content.pop("factors")
    elif content and content.keys().isdisjoint(_KEYS):  # columns alone
        content = {"values": content}
    if isinstance(content.get("values"), dict):
        content["values"] = dict(_columns(content["values"]))
    wrong = [
        f"{path} must not hold {key!r}; it holds {', '.join(_KEYS)}." for key in content if key not in _KEYS
    ]
    values, exclude = content.get("values"), content.pop("exclude", [])
    if not isinstance(values, dict) or not values:
        wrong.append(
            f"{path} needs a table [values] of columns and their values, such as "
            '"ctmrinfo.ctype" = ["vip", "gold", ""].'
        )
    elif not isinstance(exclude, list) or not all(isinstance(entry, dict) and entry for entry in exclude):
        wrong.append(f"{path}: exclude must be tables [[exclude]] of columns and the values to leave out.")
    else:
        columns = dict.fromkeys(column for entry in exclude for column in entry if column not in values)
        wrong += [f"{path}: exclude names {column!r}, which is no column of [values]." for column in columns]
        wrong += [
            f"{path}: exclude names {value!r}, which is no value of {column!r}."
            for entry in exclude
            for column, choices in entry.items()
            if isinstance(values.get(column), list)
            for value in (choices if isinstance(choices, list) else [choices])
            if value not in values[column] and value != ""
        ]
    if wrong:
        raise InvalidValueError([Complaint(str(path), sentence) for sentence in wrong])
    return {**content, **({"where": _exclusion(exclude)} if exclude else {})}


def _columns(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Columns and their values; dots without quotes are tables in TOML."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _columns(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _exclusion(exclude: list[dict[str, Any]]) -> Where:
    """The ``where`` that leaves out what *exclude* says."""
    entries = [
        [(column, value if isinstance(value, list) else [value]) for column, value in entry.items()]
        for entry in exclude
    ]

    def where(case: Mapping[str, Any]) -> bool:
        return not any(
            all(case[column] in values or (case[column] is None and "" in values) for column, values in entry)
            for entry in entries
        )

    return where
