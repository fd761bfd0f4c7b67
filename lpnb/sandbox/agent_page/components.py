"""View models of the agent's page, and the HTML components shared by its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lpnb.sandbox.agent_page import wording
from lpnb.sandbox.agent_page.inbox import InboxEntry
from lpnb.sandbox.agent_page.markup import Html, tag
from lpnb.sandbox.state.conversations import Conversation, Message
from lpnb.sandbox.webhooks.attempts import WebhookCounts
from lpnb.sandbox.world.models import Account

BASE = "/agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """One conversation of the list."""

    entry: InboxEntry
    conversation: Conversation
    name: str
    skill: str
    agent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConversation:
    """The conversation that is open on the page."""

    row: ListRow
    messages: Sequence[Message]
    groups: Sequence[wording.SdeGroup]
    trace: dict[str, Any]
    skills: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything on the page."""

    token: str
    sequence: int
    account: Account
    base: str
    client_id: str
    client_secret: str
    webhooks: WebhookCounts | None
    rows: Sequence[ListRow]
    current: OpenConversation | None = None
    missing: str | None = None
    problem: str | None = None


def stage_chip(item: ListRow, *, name_agent: bool = True) -> Html:
    """Waiting, with whom, or closed; one word without the agent's name: the list has room for no more."""
    conversation = item.conversation
    if conversation.stage == "CLOSE":
        return tag("span.chip", "Closed")
    if conversation.state == "CLOSE":
        return tag("span.chip.chip-wait", "Survey")
    if item.agent is None:
        return tag("span.chip.chip-wait", "Waiting")
    agent: tuple[object, ...] = ("With ", tag("bdi", item.agent)) if name_agent else ("Open",)
    return tag("span.chip.chip-good", *agent)


def when(seconds: float) -> Html:
    """A time of day, with the whole date for machines."""
    return tag("time", wording.clock_time(seconds), datetime=wording.iso_time(seconds))


def initials(name: str) -> str:
    """One or two letters for the round picture."""
    parts = [part for part in name.split() if part[:1].isalnum()]
    return (
        "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts[:1])).upper() or "?"
    )


def link(conversation_id: str, verb: str = "") -> str:
    """Where a conversation is on the page, or what is done to it."""
    place = f"{BASE}/conversations/{quote(conversation_id, safe='')}"
    return f"{place}/{verb}" if verb else place
