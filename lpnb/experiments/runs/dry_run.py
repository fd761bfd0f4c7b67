"""What a dry run prints: requests as they would leave, with secrets masked. Nothing is sent from here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from lpnb._internal.display import count
from lpnb._internal.redaction import MASK
from lpnb.experiments.cases.cases import Cases
from lpnb.models.best_practices import AS_TEXT, is_rounded
from lpnb.settings import Settings

#: Requests that a dry run writes out.
SHOWN = 3
#: Cases whose ids are looked at, and findings that are printed.
_LOOKED_AT = 100_000
_SAID = 5
_IDS = ("customerId", "socialId", "campaignId", "engagementId", "skillId")


def print_requests(settings: Settings, cases: Cases, shown: int) -> None:
    """Print the first *shown* requests as they would leave, and what looks wrong with ids."""
    first = min(len(cases), shown)
    lines = [f"Dry run: {count(len(cases), 'case')}, the first {first:,} shown. Nothing is sent."]
    for number in range(first):
        case = cases[number]
        outgoing = case.batch().outgoing(settings.account_id)
        body = json.dumps(json.loads(outgoing.content), indent=2, ensure_ascii=False)
        path = f"/api/account/{settings.account_id}/messaging/consumer/conversation?v=3"
        lines.append(f"\n{case.name}, for {case.consumer_id or 'a consumer made for it'}")
        lines.append(f"POST https://(asyncMessagingEnt){path}")
        lines.append(f"Authorization: {MASK}\nX-LP-ON-BEHALF: {MASK}\nContent-Type: application/json")
        if outgoing.client_properties is not None:
            lines.append(f"Client-Properties: {outgoing.client_properties}")
        lines.append(body)
    lines.extend(_rounded(cases))
    print("\n".join(lines))  # noqa: T201 - printing is what was asked for


def _rounded(cases: Cases) -> Iterator[str]:
    """A line for each id that a spreadsheet has rounded, and what to do about them."""
    found = (
        f"{case.name}, {column}: {value} looks like an id that a spreadsheet has rounded."
        for case in islice(cases, _LOOKED_AT)
        for column, value in case.values.items()
        if column.rpartition(".")[2] in _IDS and is_rounded(value)
    )
    said = list(islice(found, _SAID + 1))
    if said:
        more = [] if len(said) <= _SAID else ["..."]
        yield from ("", *said[:_SAID], *more, AS_TEXT)
