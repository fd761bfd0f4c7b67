"""A file of factors (TOML): columns with their values, and groups of columns that go together."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lpnb._internal.display import brief
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.grid import Grid

EXAMPLE = '"ctmrinfo.ctype" = ["vip", "gold", ""]'


def read_factors(path: Path) -> Grid:
    """The grid of the factors at *path*.

    Each key is a column, each value a list of what it may hold; "" leaves the column out, and a single value
    stays the same. Columns may stand in a table ``[factors]`` or in none, quoted or nested. ``zipped`` is a
    list of lists of columns.

    Raises:
        InvalidValueError: There is no such file, it is no TOML, or a value cannot be one of a column's.

    Example:
        >>> _ = Path("factors.toml").write_text('[factors]\\nctmrinfo.ctype = ["vip", "gold", ""]\\n')
        >>> read_factors(Path("factors.toml")).values
        {'ctmrinfo.ctype': ['vip', 'gold', None]}
    """
    try:
        told = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise _refusal(
            path, f"is no TOML ({error}). A line of it is a column and its values: {EXAMPLE}"
        ) from None
    zipped = told.pop("zipped", [])
    nested = told.pop("factors", told)
    if nested is not told and told:
        sentence = f"has {brief(next(iter(told)))} beside [factors]. Beside it there may be zipped alone."
        raise _refusal(path, sentence)
    if not isinstance(nested, Mapping) or not nested:
        raise _refusal(path, f"names no column. A line of it is a column and its values: {EXAMPLE}")
    columns = dict(_columns(nested))
    return Grid({name: _values(value) for name, value in columns.items()}, zipped=zipped)


def _columns(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _columns(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _values(value: Any) -> Any:
    return [None if item == "" else item for item in value] if isinstance(value, list) else value


def _refusal(path: Path, sentence: str) -> InvalidValueError:
    return InvalidValueError([Complaint("factors", f"{path} {sentence}")])
