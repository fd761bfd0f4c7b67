"""Searches in history: by conversation, by consumer, or by filters.

A ``Search`` is checked when it is made. Its flow asks once for each page; whoever wants all pages, or to
wait until history has heard of something, asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from lpnb._internal.display import brief
from lpnb._internal.json_codec import lone_surrogate
from lpnb._internal.redaction import Secret
from lpnb.api.history.credentials import HistoryWay, authorization, reason
from lpnb.api.history.records import HistoryPage, page_of
from lpnb.errors import Complaint, CredentialsError, InvalidValueError, ServiceError
from lpnb.settings import Settings
from lpnb.transport.protocol import Exchange, Flow, Request, Sleep, content_of
from lpnb.transport.retries import with_retries

#: Who is asking, 1 to 20 characters; required (documented).
SOURCE = "lpnb"
#: The most records of one page.
MAX_PAGE = 100
#: The most conversations that are asked for at once: as many as a page has when nobody says how many.
MAX_IDS = 50
#: The longest span that one search may cover.
MAX_SPAN = timedelta(days=93)
STATES = ("OPEN", "CLOSE")

#: What ``contentToRetrieve`` may name, as far as it is documented. Other names pass.
CONTENT = (
    "campaign",
    "messageRecords",
    "agentParticipants",
    "agentParticipantsActive",
    "consumerParticipants",
    "transfers",
    "skillChanges",
    "interactions",
    "dialogs",
    "messageStatuses",
    "sdes",
    "unAuthSdes",
    "monitoring",
)
#: What a landing needs.
LANDING_CONTENT = ("campaign", "dialogs", "transfers")
#: What tells about a conversation without what was said in it.
DETAIL_CONTENT = (
    *LANDING_CONTENT,
    "skillChanges",
    "agentParticipants",
    "consumerParticipants",
    "sdes",
    "unAuthSdes",
)

_PATH = "/messaging_history/api/account/{account}/conversations{what}/search"


@dataclass(frozen=True, slots=True)
class Search:
    """One question: ``what`` is the path's part, ``body`` and ``params`` go along."""

    what: str
    body: Mapping[str, Any]
    params: Mapping[str, str] = field(default_factory=dict)

    def at(self, offset: int) -> Search:
        """The same, from the record with this number on."""
        return Search(self.what, self.body, {**self.params, "offset": str(offset)})


#: The version of the answers that has typed values and unauthenticated SDEs.
_VERSION_2 = {"v": "2"}


def by_conversation(conversation_id: str, content: Sequence[str] = DETAIL_CONTENT) -> Search:
    """Ask for one conversation by its id.

    Args:
        conversation_id: As CONVERSATION answered it.
        content: Names for ``contentToRetrieve``, such as those in ``CONTENT``.

    Example:
        >>> by_conversation("1e5c-...", ["transfers"]).body
        {'conversationId': '1e5c-...', 'contentToRetrieve': ['transfers']}

    Source: Messaging Interactions API, Get conversation by conversation ID.
    """
    _refuse([*_text_trouble("conversationId", conversation_id), *_content_trouble(content)])
    body = {"conversationId": conversation_id, "contentToRetrieve": list(content)}
    return Search("/conversation", body, _VERSION_2)


def by_conversations(conversation_ids: Sequence[str], content: Sequence[str] = DETAIL_CONTENT) -> Search:
    """Ask for up to 50 conversations at once, by their ids: one page of what is found."""
    complaints = [*_content_trouble(content)]
    for number, conversation_id in enumerate(conversation_ids):
        complaints += _text_trouble(f"conversationIds[{number}]", conversation_id)
    if isinstance(conversation_ids, str) or not 1 <= len(conversation_ids) <= MAX_IDS:
        complaints.append(_complaint("conversationIds", f"must be 1 to {MAX_IDS} ids", conversation_ids))
    _refuse(complaints)
    body = {"conversationIds": list(conversation_ids), "contentToRetrieve": list(content)}
    return Search("/conversation", body, _VERSION_2)


def by_consumer(
    lp_consumer_id: str,
    status: str | Iterable[str] = ("OPEN",),
    content: Sequence[str] = DETAIL_CONTENT,
) -> Search:
    """Ask for a consumer's conversations, by LivePerson's own id for the consumer.

    Source: Messaging Interactions API, Get conversations by consumer ID.
    """
    states = _states(status)
    complaints = [*_text_trouble("consumer", lp_consumer_id), *_content_trouble(content)]
    _refuse([*complaints, *_state_trouble(states)])
    body = {"consumer": lp_consumer_id, "status": states, "contentToRetrieve": list(content)}
    return Search("/consumer", body, _VERSION_2)


def by_filters(
    start: datetime,
    end: datetime,
    *,
    status: str | Iterable[str] = STATES,
    skill_ids: Sequence[str | int] = (),
    latest_skill_ids: Sequence[str | int] = (),
    agent_ids: Sequence[str | int] = (),
    sdes: Mapping[str, Sequence[str]] | None = None,
    content: Sequence[str] = DETAIL_CONTENT,
    limit: int = 50,
    sort: str = "start:desc",
    version: int = 2,
) -> Search:
    """Ask for every conversation that started between two moments and passes all filters.

    Args:
        start: The earliest start, with a time zone.
        end: The latest start, at most three months (93 days) later.
        status: "OPEN", "CLOSE" or both.
        skill_ids: Skills it has been in at any time.
        latest_skill_ids: Skills it is in, or was in at its end.
        agent_ids: Agents it was last assigned to.
        sdes: History's name of an SDE or of a field to the values it may have, such as
            ``{"customerType": ["vip"]}``. They can be found about two hours after they were sent.
        content: As for ``by_conversation``.
        limit: Records on a page, 1 to 100.
        sort: "start" or "end", and ":asc" or ":desc".
        version: As for ``by_conversation``.

    Raises:
        InvalidValueError: Naming everything that is wrong.

    Source: Messaging Interactions API, Conversations.
    """
    states = _states(status)
    complaints = [*_content_trouble(content), *_state_trouble(states), *_version_trouble(version)]
    complaints += _span_trouble(start, end)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        complaints.append(_complaint("limit", f"must be a whole number from 1 to {MAX_PAGE}", limit))
    key, _, order = str(sort).partition(":")
    if key not in ("start", "end") or order not in ("", "asc", "desc"):
        complaints.append(_complaint("sort", "must be start or end, and :asc or :desc", sort))
    ids = {"skillIds": skill_ids, "latestSkillIds": latest_skill_ids, "latestAgentIds": agent_ids}
    for name, values in ids.items():
        if (
            isinstance(values, str | bytes | Mapping)
            or not isinstance(values, Iterable)
            or not all(isinstance(item, str | int) and not isinstance(item, bool) for item in values)
        ):
            complaints.append(_complaint(name, "must be a list of ids", values))
    if sdes is not None and not isinstance(sdes, Mapping):
        complaints.append(_complaint("sdeSearch", "must be names with their values", sdes))
    for name, values_of_sde in sdes.items() if isinstance(sdes, Mapping) else ():
        if (
            isinstance(values_of_sde, str)
            or not isinstance(values_of_sde, Iterable)
            or not all(isinstance(item, str) for item in values_of_sde)
        ):
            complaints.append(_complaint(f"sdeSearch.{name}", "must be a list of texts", values_of_sde))
    _refuse(complaints)
    body: dict[str, Any] = {
        "start": {"from": _milliseconds(start), "to": _milliseconds(end)},
        "status": states,
        "contentToRetrieve": list(content),
    }
    # Skills and agents are numbers in history's own examples.
    body |= {name: [_as_number(item) for item in values] for name, values in ids.items() if values}
    if sdes:
        body["sdeSearch"] = {name: list(values) for name, values in sdes.items()}
    return Search("", body, {"v": str(version), "limit": str(limit), "offset": "0", "sort": sort})


def search_history(
    settings: Settings,
    msg_hist: str,
    search: Search,
    way: HistoryWay,
    bearer: Secret | None = None,
    wait: Callable[[float], Sleep | None] = Sleep,
) -> Flow[HistoryPage | None]:
    """Ask for one page; None when the bearer is refused and a fresh one may help.

    Raises:
        CredentialsError: The API key is refused, or whose credentials they are may not read history.
        ServiceError: The service cannot be reached, refuses the search or answers what is no history.

    Source: Messaging Interactions API: 200, 204 for nothing found, 400, 401, 403, 429, 500 and 503.
    """
    path = _PATH.format(account=settings.account_id, what=search.what)
    url = f"{msg_hist}{path}?{urlencode({**search.params, 'source': SOURCE})}"

    def request() -> Request:
        # Signed anew for each try: a nonce is good for one request.
        headers = {"Authorization": authorization(settings, way, "POST", url, bearer)}
        return Request("POST", url, headers=headers, json=search.body)

    exchange = yield from with_retries(request, "Messaging Interactions", wait)
    details = reason(exchange, settings, bearer)
    if exchange.status == 401 and way.takes_bearer:
        return None
    if exchange.status == 401:
        raise CredentialsError(f"Messaging Interactions refused {way.whose}{details}.")
    if exchange.status == 403:
        raise CredentialsError(f"Messaging Interactions does not let {way.whose} read history{details}.")
    if exchange.status == 204:
        return HistoryPage()
    # In a function of its own: a traceback may show this frame's variables, and a service may echo a secret.
    page, is_json = _page(exchange)
    if page is None:
        if exchange.status == 200 and is_json:
            details = " (HTTP 200: its answer holds no conversationHistoryRecords)"
        raise ServiceError(f"Messaging Interactions did not answer the search{details}.")
    conversation_id = search.body.get("conversationId")
    expected_ids = search.body.get("conversationIds", [conversation_id] if conversation_id else [])
    if expected_ids:
        # A late answer to another question on the same connection would be about other conversations.
        records = tuple(record for record in page.records if record.conversation_id in expected_ids)
        return HistoryPage(records, len(records), page.partial)
    return page


def _page(exchange: Exchange) -> tuple[HistoryPage | None, bool]:
    """What the reply holds, if it is history, and whether it is JSON at all."""
    reply, parse_error = content_of(exchange)
    return page_of(reply) if exchange.status == 200 else None, parse_error is None


def _complaint(path: str, rule: str, value: object) -> Complaint:
    return Complaint(path, f"{path} {rule}; got {brief(value)}.")


def _refuse(complaints: Sequence[Complaint]) -> None:
    if complaints:
        raise InvalidValueError(complaints)


def _text_trouble(path: str, value: object) -> list[Complaint]:
    if isinstance(value, str) and lone_surrogate(value) is not None:
        return [_complaint(path, "must not hold half a character (a lone surrogate)", value)]
    is_valid = isinstance(value, str) and value.strip()
    return [] if is_valid else [_complaint(path, "must be text that is not blank", value)]


def _content_trouble(content: object) -> list[Complaint]:
    is_list = not isinstance(content, str) and isinstance(content, Iterable)
    if is_list and all(isinstance(name, str) and name for name in content):  # type: ignore[attr-defined]
        return []
    return [_complaint("contentToRetrieve", "must be a list of names", content)]


def _states(status: str | Iterable[str]) -> list[str]:
    # What is no list at all is said to be none of the states.
    return [status] if isinstance(status, str) or not isinstance(status, Iterable) else list(status)


def _state_trouble(states: Sequence[object]) -> list[Complaint]:
    choices = ", ".join(repr(state) for state in STATES)
    wrong_states = [state for state in states if state not in STATES]
    if not states:
        return [_complaint("status", f"must name at least one of {choices}", states)]
    return [_complaint("status", f"must be one of {choices}", state) for state in wrong_states]


def _version_trouble(version: object) -> list[Complaint]:
    is_valid = version in (1, 2) and not isinstance(version, bool)
    return [] if is_valid else [_complaint("v", "must be 1 or 2", version)]


def _span_trouble(start: object, end: object) -> list[Complaint]:
    complaints = [
        _complaint(path, "must be a datetime with a time zone", value)
        for path, value in (("start.from", start), ("start.to", end))
        if not isinstance(value, datetime) or value.tzinfo is None
    ]
    if not complaints and isinstance(start, datetime) and isinstance(end, datetime):
        if start > end:
            complaints.append(_complaint("start.from", "must not be later than start.to", start.isoformat()))
        elif end - start > MAX_SPAN:
            complaints.append(
                _complaint("start", "must span three months (93 days) at most", f"{(end - start).days} days")
            )
    return complaints


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _as_number(value: str | int) -> str | int:
    text = str(value)
    return int(text) if text.removeprefix("-").isdigit() and text.isascii() else text
