"""``SentRequest``: one send with batch, consumer, account, response and landing, and its form on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from lpnb._internal.json_codec import JsonError, read_json
from lpnb.client import AsyncClient, Client
from lpnb.models.batches import ConversationBatch
from lpnb.models.conversation_request import ClientProperties
from lpnb.models.landings import Landing
from lpnb.models.responses import BatchResponse, Pair
from lpnb.models.sdes import CustomerInfo, PersonalInfo
from lpnb.widgets import html_views

_UNDER_WAY = (
    "lpnb ended while this send was under way, and no answer came. A conversation may exist, so it "
    "was not repeated. Look for this consumer's open conversation before you send again."
)
_NOT_KEPT = "What was sent for it is not known: it was to be kept in memory alone."


@dataclass(eq=False)
class SentRequest:
    """A batch and its response. ``number`` counts the sends of one explorer from 1.

    ``client`` is None when it was sent earlier from another process and nobody here talks to that account.
    """

    number: int
    client: Client | AsyncClient | None
    batch: ConversationBatch
    response: BatchResponse
    account_id: str
    domain_api: str
    landing: Landing | None = None
    key: str = ""

    # On disk

    def record(self) -> dict[str, Any]:
        """Everything as plain values."""
        response, landing = self.response, self.landing
        place = (self.account_id, self.domain_api)
        record = initial_record(self.key, place, self.batch, response.consumer_id, response.sent_at)
        pairs = [{**asdict(pair), "body": None} for pair in response.pairs]
        record["response"] = {
            "outcome": response.outcome, "explanation": response.explanation, "pairs": pairs,
            "http_status": response.http_status, "attempts": response.attempts,
            "elapsed_ms": response.elapsed_ms, "raw": response.raw.decode("utf-8", "replace"),
            "sent_at": response.sent_at and response.sent_at.isoformat(),
        }  # fmt: skip
        if landing is not None:
            record["landing"] = {
                name: getattr(landing, name)
                for name in ("conversation_id", "skill_id", "skill_name", "source", "note")
            }
        return record

    @classmethod
    def from_record(cls, number: int, record: Mapping[str, Any], client: Client | AsyncClient) -> SentRequest:
        """The send that *record* tells of; one that nobody saw the end of has an unknown outcome.

        Raises:
            KeyError, TypeError, ValueError, LpnbError: It is no such record.
        """
        properties = record["client_properties"] and ClientProperties.from_wire(
            record["client_properties"], path="Client-Properties", unknown="keep"
        )
        batch = ConversationBatch.from_wire(record["frames"], unknown="keep", keep_ids=False)
        batch = replace(batch, client_properties=properties or None)
        if (answer := record.get("response")) is None:
            words = _UNDER_WAY if record.get("values", True) else f"{_UNDER_WAY} {_NOT_KEPT}"
            pairs = tuple(Pair("", frame["type"], False, "no-answer", words) for frame in record["frames"])
            response = BatchResponse(record["consumer_id"], "unknown", pairs, words)
        else:
            values = {**answer, "pairs": tuple(Pair(**pair) for pair in answer["pairs"])}
            values["raw"] = answer["raw"].encode()
            values["sent_at"] = answer["sent_at"] and datetime.fromisoformat(answer["sent_at"])
            response = BatchResponse(record["consumer_id"], **values)
        landing = Landing(**record["landing"]) if record.get("landing") else None
        place = (record["account_id"], record["domain_api"])
        is_same = place == (client.settings.account_id, client.settings.domain_api)
        return cls(number, client if is_same else None, batch, response, *place, landing, record["key"])

    @property
    def consumer_id(self) -> str:
        """The consumer it was sent for."""
        return self.response.consumer_id

    def frames(self) -> list[dict[str, Any]]:
        """The frames without their ids, which are made fresh for each send."""
        return [
            {k: v for k, v in frame.items() if k != "id"} for frame in self.batch.to_wire(self.account_id)
        ]

    def frame_lines(self) -> list[str]:
        """The frames as pretty-printed JSON."""
        return json.dumps(self.frames(), ensure_ascii=False, indent=2).splitlines()

    def answer_lines(self) -> list[str]:
        """What came of it, a line for each fact; what differs by nature (ids, times) is left out."""
        lines = [f"outcome: {self.response.outcome}", f"http_status: {self.response.http_status}"]
        return lines + [f"{pair.type}: {pair.code}, {pair.message}" for pair in self.response.pairs]

    def raw_text(self) -> str:
        """The reply as it came, JSON pretty-printed."""
        try:
            return json.dumps(read_json(self.response.raw), ensure_ascii=False, indent=2)
        except (JsonError, RecursionError):
            return self.response.raw.decode("utf-8", "replace")

    @property
    def frames_title(self) -> str:
        """What to call the frames: some were never posted."""
        return "What was not posted" if self.response.outcome == "not sent" else "What was posted"

    @property
    def history_row(self) -> str:
        """The send in one line."""
        at = self.response.sent_at
        day = "%d %b %H:%M:%S" if at and at.date() != datetime.now(UTC).date() else "%H:%M:%S"
        time_text = f"{at:{day}} UTC · " if at else ""
        who = html_views.shortened(", ".join([self._consumer_name(), *self._request_names()]), 80)
        return f"#{self.number} · {time_text}{who}, {html_views.shortened(self._result(), 60)}"

    def _consumer_name(self) -> str:
        """The consumer's name where the SDEs have one, else the id."""
        persons = [sde for sde in self.batch.profile.sdes if isinstance(sde, PersonalInfo)]
        names = [name for each in persons[-1:] for name in (each.firstname, each.lastname) if name]
        return " ".join(names) or html_views.shortened(self.consumer_id, 40)

    def _request_names(self) -> list[str]:
        """What routes it: customer type, urgency, campaign or skill."""
        request = self.batch.request
        customers = [sde for sde in self.batch.profile.sdes if isinstance(sde, CustomerInfo)]
        campaign = request.campaign_info.campaign_id if request.campaign_info else None
        values = [*(each.ctype for each in customers[-1:]), request.ttr_def_name]
        values += [f"campaign {campaign}" if campaign else None]
        values += [f"skill {request.skill_id}" if request.skill_id else None]
        return [str(value) for value in values if value]

    def _result(self) -> str:
        """Where it landed, as soon as that is known; else the conversation or the outcome."""
        if self.landing is not None and self.landing.ok:
            return self.landing.skill_name or self.landing.skill_id or self.landing.outcome
        return self.response.conversation_id or self.response.outcome

    def matches(self, query: str) -> bool:
        """Whether *query* occurs in what was sent or in what came back, in whatever case."""
        texts = (self.history_row, self.consumer_id, self.response.outcome, self.response.explanation,
               *self.frame_lines(), *self.answer_lines())  # fmt: skip
        return query.casefold() in "\n".join(texts).casefold()


def initial_record(
    key: str,
    place: tuple[str, str],
    batch: ConversationBatch,
    consumer_id: str,
    sent_at: datetime | None = None,
) -> dict[str, Any]:
    """What is known of a send before its call: enough to ask about it if nobody sees its end.

    *place* is the account's id and its Domain API's address.
    """
    frames = [{name: value for name, value in frame.items() if name != "id"} for frame in batch.to_wire()]
    header = batch.client_properties
    return {
        "key": key,
        "at": (sent_at or datetime.now(UTC)).isoformat(),
        "account_id": place[0],
        "domain_api": place[1],
        "consumer_id": consumer_id,
        "frames": frames,
        "client_properties": header.to_wire() if header else None,
    }
