"""What a dry run prints: requests as they would leave, with secrets masked. Nothing is sent from here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from lpnb._internal.display import count
from lpnb._internal.redaction import MASK
from lpnb._printable import json_lines, one_line
from lpnb.experiments.cases.cases import Cases
from lpnb.models.best_practices import AS_TEXT, foreign_brand, odd_value, usual_values
from lpnb.settings import Settings

#: Requests that a dry run writes out.
MOST_REQUESTS = 3
#: Cases whose ids are looked at, and findings that are printed.
_CHECKED_CASES = 100_000
_SHOWN_FINDINGS = 10
_SHOWN_CASES = 3
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def print_requests(settings: Settings, cases: Cases, most: int) -> None:
    """Print at *most* so many requests as they would leave, and which values look wrong."""
    first = min(len(cases), most)
    lines = [f"Dry run: {count(len(cases), 'case')}, the first {first:,} shown. Nothing is sent."]
    for number in range(first):
        case = cases[number]
        outgoing = case.batch().outgoing(settings.account_id)
        body = json.dumps(json.loads(outgoing.content), indent=2, ensure_ascii=False)
        path = f"/api/account/{settings.account_id}/messaging/consumer/conversation?v=3"
        lines += [
            "",
            one_line(f"{case_title(cases, number)}, for {case.consumer_id or 'a consumer made for it'}"),
        ]
        lines.append(f"POST https://(asyncMessagingEnt){path}")
        lines.append(f"Authorization: {MASK}\nX-LP-ON-BEHALF: {MASK}\nContent-Type: application/json")
        if outgoing.client_properties is not None:
            lines.append(one_line(f"Client-Properties: {outgoing.client_properties}"))
        lines.append(json_lines(body))
    lines.extend(odd_values(cases, settings.account_id))
    print("\n".join(lines))  # noqa: T201 - printing is what was asked for


def odd_values(cases: Cases, account_id: str | None = None, most: int = _CHECKED_CASES) -> Iterator[str]:
    """A line for each column of the first *most* cases with values that can hardly be meant as they stand.

    Args:
        cases: Where they stand.
        account_id: Where the cases go; with it a ``brandId`` of another account is one of them.
        most: How many cases are looked at.
    """
    odd = {
        column: texts for column in cases.columns if (texts := _odd_texts(cases, column, account_id, most))
    }
    first: dict[tuple[str, str], tuple[str, list[int]]] = {}
    for case in islice(cases, most if odd else 0):
        for column, reasons in odd.items():
            value = case.values.get(column)
            if isinstance(value, str) and (why := reasons.get(value)) is not None:
                rule = _QUOTED.sub("", why.replace(value, ""))
                first.setdefault((column, rule), (why, []))[1].append(case.number)
    if first:
        yield ""
    for (column, _), (why, numbers) in islice(first.items(), _SHOWN_FINDINGS):
        cases_text = ", ".join(case_title(cases, number, column) for number in numbers[:_SHOWN_CASES])
        several = f"{len(numbers):,} cases such as " if len(numbers) > _SHOWN_CASES else ""
        yield one_line(f"{several}{cases_text}, {column}: {why.removesuffix(f' {AS_TEXT}')}")
    if len(first) > _SHOWN_FINDINGS:
        yield f"... and {len(first) - _SHOWN_FINDINGS:,} more of the kind."
    if any(why.endswith(AS_TEXT) for why, _ in first.values()):
        yield AS_TEXT


def _odd_texts(cases: Cases, column: str, account_id: str | None, most: int) -> dict[str, str]:
    """What is odd about texts in the first *most* cells of *column*, by the text."""
    field = column.rpartition(".")[2]
    is_usual = usual_values(field).fullmatch
    texts = cases.texts(column, most)
    odd = {text: why for text in texts if not is_usual(text) and (why := odd_value(field, text)) is not None}
    if column == "brandId" and account_id is not None:
        foreign = {text: foreign_brand(text, account_id) for text in texts if text != account_id}
        odd = {**{text: why for text, why in foreign.items() if why is not None}, **odd}
    return odd


def case_title(cases: Cases, number: int, column: str = "") -> str:
    """A case's name, with what tells it from the others where it has no name of its own.

    Args:
        cases: The table it is of.
        number: Its place, from 0.
        column: What the sentence is about, which needs no repeating.
    """
    name, label = cases[number].name, cases.label(number, without=column)
    return f"{name} ({label})" if label and label != name else name
