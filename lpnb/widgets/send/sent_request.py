"""``SentRequest``: one send of the session, with batch, consumer, account and response."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lpnb._internal.json_codec import JsonError, read_json
from lpnb.client import AsyncClient, Client
from lpnb.models.batches import ConversationBatch
from lpnb.models.responses import BatchResponse
from lpnb.widgets import html_views


@dataclass(frozen=True, eq=False)
class SentRequest:
    """A batch and its response. ``number`` counts the sends of one explorer from 1."""

    number: int
    client: Client | AsyncClient
    batch: ConversationBatch
    response: BatchResponse

    @property
    def account_id(self) -> str:
        """The account it went to."""
        return self.client.settings.account_id

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
    def title(self) -> str:
        """The send in one line."""
        sent = f"{self.response.sent_at:%H:%M:%S} UTC · " if self.response.sent_at else ""
        consumer = html_views.shortened(self.consumer_id, 40)
        result = self.response.conversation_id or self.response.outcome
        return f"#{self.number} · {sent}{consumer} · {html_views.shortened(result, 60)}"

    def matches(self, query: str) -> bool:
        """Whether *query* occurs in what was sent or in what came back, in whatever case."""
        texts = (self.title, self.consumer_id, self.response.outcome, self.response.explanation,
               *self.frame_lines(), *self.answer_lines())  # fmt: skip
        return query.casefold() in "\n".join(texts).casefold()
