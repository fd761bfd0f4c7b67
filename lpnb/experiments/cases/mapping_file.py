"""The mapping file of a table: which column each header stands for, its formats, and ids behind names."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.headers import HeaderMatch

_TEXTS = ("decimal", "dates", "separator", "encoding", "sheet")
_KEYS = ("columns", *_TEXTS, "values")


@dataclass(frozen=True)
class TableMapping:
    """What a mapping file says of a table; see ``cases_of`` for what each means."""

    columns: Mapping[str, str | None] = field(default_factory=dict)
    decimal: str | None = None
    dates: str | None = None
    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_mapping(path: Path) -> TableMapping:
    """Read the mapping file that ``lpnb columns FILE --map MAPPING`` wrote.

    Raises:
        InvalidValueError: It cannot be read, or holds something else.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidValueError([Complaint(str(path), f"{path} cannot be read: {reason}.")]) from None
    wrong = [
        f"{path} must not hold {key!r}; it holds {', '.join(_KEYS)}." for key in content if key not in _KEYS
    ]
    columns, values = content.get("columns", {}), content.get("values", {})
    if not _is_texts(columns):
        wrong.append(f"{path}: columns must be a table of headers and columns, both texts.")
    if not isinstance(values, dict) or not all(map(_is_texts, values.values())):
        wrong.append(f"{path}: values must hold a table of texts for each column.")
    wrong += [f"{path}: {key} must be a text." for key in _TEXTS if not isinstance(content.get(key, ""), str)]
    if wrong:
        raise InvalidValueError([Complaint(str(path), sentence) for sentence in wrong])
    column_by_header = {header: column or None for header, column in columns.items()}
    return TableMapping(**{**content, "columns": column_by_header})


def _is_texts(table: object) -> bool:
    return isinstance(table, dict) and all(isinstance(value, str) for value in table.values())


def mapping_text(matches: Sequence[HeaderMatch], options: Mapping[str, str | None]) -> str:
    """A mapping file for a table with these headers that was read with these *options*, to be edited.

    Example:
        >>> print(mapping_text([HeaderMatch("Tier", "ctmrinfo.ctype", "words")], {"decimal": ","}))
        # Which column each header stands for; "" leaves a column out, "note.word" keeps it beside the
        # results and does not send it. lpnb.case_columns() lists the columns.
        decimal = ","
        <BLANKLINE>
        [columns]
        "Tier" = "ctmrinfo.ctype"
    """
    lines = [
        '# Which column each header stands for; "" leaves a column out, "note.word" keeps it beside the',
        "# results and does not send it. lpnb.case_columns() lists the columns.",
    ]
    lines += [f"{key} = {json.dumps(options[key])}" for key in _TEXTS if options.get(key)]
    lines += ["", "[columns]"]
    for match in matches:
        note = ""
        if match.how == "unknown":
            candidates_text = " or ".join(match.candidates)
            note = f"  # unknown{f'; perhaps {candidates_text}' if candidates_text else ''}"
        lines.append(
            f"{json.dumps(match.header, ensure_ascii=False)} = {json.dumps(match.column or '')}{note}"
        )
    return "\n".join(lines)
