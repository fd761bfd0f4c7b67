"""What a dry run prints: requests as they would leave, with secrets masked. Nothing is sent from here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from lpnb._internal.display import count
from lpnb._internal.redaction import MASK
from lpnb._printable import json_lines, one_line
from lpnb.experiments.cases.cases import Cases
from lpnb.models.best_practices import AS_TEXT, odd_value
from lpnb.settings import Settings

#: Requests that a dry run writes out.
SHOWN = 3
#: Cases whose ids are looked at, and findings that are printed.
_CHECKED_CASES = 100_000
_SHOWN_FINDINGS = 5


def print_requests(settings: Settings, cases: Cases, shown: int) -> None:
    """Print the first *shown* requests as they would leave, and which values look wrong."""
    first = min(len(cases), shown)
    lines = [f"Dry run: {count(len(cases), 'case')}, the first {first:,} shown. Nothing is sent."]
    for number in range(first):
        case = cases[number]
        outgoing = case.batch().outgoing(settings.account_id)
        body = json.dumps(json.loads(outgoing.content), indent=2, ensure_ascii=False)
        path = f"/api/account/{settings.account_id}/messaging/consumer/conversation?v=3"
        lines += ["", one_line(f"{case.name}, for {case.consumer_id or 'a consumer made for it'}")]
        lines.append(f"POST https://(asyncMessagingEnt){path}")
        lines.append(f"Authorization: {MASK}\nX-LP-ON-BEHALF: {MASK}\nContent-Type: application/json")
        if outgoing.client_properties is not None:
            lines.append(one_line(f"Client-Properties: {outgoing.client_properties}"))
        lines.append(json_lines(body))
    lines.extend(odd_values(cases))
    print("\n".join(lines))  # noqa: T201 - printing is what was asked for


def odd_values(cases: Cases, most: int = _CHECKED_CASES) -> Iterator[str]:
    """A line for each value of the first *most* cases that can hardly be meant as it stands."""
    odd = (
        f"{case.name}, {column}: {sentence}"
        for case in islice(cases, most)
        for column, value in case.values.items()
        if isinstance(value, str) and (sentence := odd_value(column.rpartition(".")[2], value)) is not None
    )
    sentences = list(islice(odd, _SHOWN_FINDINGS + 1))
    if sentences:
        yield ""
        for sentence in sentences[:_SHOWN_FINDINGS]:
            yield one_line(sentence.removesuffix(f" {AS_TEXT}"))
        if len(sentences) > _SHOWN_FINDINGS:
            yield "..."
        if any(sentence.endswith(AS_TEXT) for sentence in sentences):
            yield AS_TEXT
