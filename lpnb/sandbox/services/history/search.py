"""History searches by conversation, by consumer and by filters.

Documented are the paths, the parameters, the bodies and the status codes; the texts of the
refusals are the sandbox's own.
"""

from collections.abc import Callable, Iterator
from typing import Any

from lpnb.sandbox.cloud import Cloud
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer, truncate
from lpnb.sandbox.services.event_rules import one_of
from lpnb.sandbox.services.history import credentials
from lpnb.sandbox.services.history.records import CONTENTS, HistoryView
from lpnb.sandbox.services.history.sde_names import values_in
from lpnb.sandbox.world.models import Account
from lpnb.sandbox.world.routing import parse_id

MAX_SOURCE = 20
MAX_LIMIT = 100
DEFAULT_LIMIT = 50
MAX_SPAN_MS = 93 * 24 * 3600 * 1000

Body = dict[str, Any]


class _RefusedError(Exception):
    """The search makes no sense; the message says what does."""


def answer_conversation(cloud: Cloud, request: Request) -> Answer:
    """One conversation by its id, or several by ``conversationIds``."""
    return _answer(cloud, request, _by_conversation)


def answer_consumer(cloud: Cloud, request: Request) -> Answer:
    """Every conversation of a consumer, who is named by LivePerson's own id."""
    return _answer(cloud, request, _by_consumer)


def answer_filters(cloud: Cloud, request: Request) -> Answer:
    """Every conversation that started in a span of time and passes all filters."""
    return _answer(cloud, request, _by_filters)


def _answer(
    cloud: Cloud, request: Request, find: Callable[[Cloud, Account, Body, int], Iterator[HistoryView]]
) -> Answer:
    account = cloud.account(request.path_params["account_id"])
    if account is None:
        return error_answer(401, credentials.REFUSAL)
    if refusal := credentials.check_credentials(cloud, account, request):
        return refusal
    try:
        sources = request.query_values("source")
        if len(sources) != 1 or not 1 <= len(sources[0]) <= MAX_SOURCE:
            raise _RefusedError(f"Send source, 1 to {MAX_SOURCE} characters that say who is asking.")
        version = _one(request, "v", "1", ("1", "2", "1.0", "2.0"))
        offset = _whole(request, "offset", 0, 0, 10_000_000)
        limit = _whole(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        key, _, order = _one(request, "sort", "start:desc", _SORTS).partition(":")
        try:
            body = strict_json.read(request.body)
        except strict_json.StrictJsonError as error:
            raise _RefusedError(str(error)) from None
        if not isinstance(body, dict):
            raise _RefusedError("The body must be a JSON object.")
        contents = _contents(body)
        views = list(find(cloud, account, body, int(version[0])))
    except _RefusedError as error:
        return error_answer(400, str(error))
    views.sort(key=_KEYS[key], reverse=order != "asc")
    if not views and cloud.rules.history_empty_status == 204:
        return Answer(204, b"")
    records = [view.to_record(contents) for view in views[offset : offset + limit]]
    metadata = {
        "count": len(views),
        "self": {"rel": "self", "href": request.path},
        "shardsStatusResult": {"partialResult": False},
    }
    return json_answer(200, {"_metadata": metadata, "conversationHistoryRecords": records})


def _by_conversation(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[HistoryView]:
    one = body.get("conversationId")
    if isinstance(one, str) and one:
        requested = [one]
    else:
        requested = _texts(body, "conversationIds")
        if not requested:
            raise _RefusedError("Send conversationId, a string.")
    for conversation_id in requested:
        conversation = cloud.state.conversation(conversation_id)
        if conversation is not None:
            view = HistoryView(cloud, account, conversation, _visible_until(cloud), version)
            if _is_visible(view):
                yield view


def _by_consumer(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[HistoryView]:
    consumer = body.get("consumer")
    if not isinstance(consumer, str) or not consumer:
        raise _RefusedError("Send consumer: the lp_consumer_id, a string.")
    states = _states(body)
    for view in _all(cloud, account, version):
        if view.now.lp_consumer_id == consumer and _state(view) in states:
            yield view


def _by_filters(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[HistoryView]:
    first, last = _span(body)
    states = _states(body)
    skills, latest = _ids(body, "skillIds"), _ids(body, "latestSkillIds")
    agents = _ids(body, "latestAgentIds")
    sdes = _sde_search(body)
    for view in _all(cloud, account, version):
        if (
            first <= int(view.now.created_at * 1000) <= last
            and _state(view) in states
            and (not skills or skills & {_as_id(skill) for skill in view.skill_ids})
            and (not latest or _as_id(view.skill_id) in latest)
            and (not agents or agents & {agent for agent, _ in view.now.agents})
            and (not sdes or _has_sdes(view, sdes))
        ):
            yield view


def _all(cloud: Cloud, account: Account, version: int) -> Iterator[HistoryView]:
    moment = _visible_until(cloud)
    for conversation in cloud.state.conversations:
        view = HistoryView(cloud, account, conversation, moment, version)
        if _is_visible(view):
            yield view


def _visible_until(cloud: Cloud) -> float:
    return cloud.now - cloud.rules.history_delay


def _is_visible(view: HistoryView) -> bool:
    """Whether history of this account has heard of the conversation."""
    return view.now.account_id == view.account.id and view.now.created_at <= view.moment


def _state(view: HistoryView) -> str:
    return "CLOSE" if view.closed else "OPEN"


def _contents(body: Body) -> frozenset[str]:
    requested = body.get("contentToRetrieve")
    if requested is None:
        return frozenset(CONTENTS)
    if not isinstance(requested, list) or not all(isinstance(name, str) for name in requested):
        raise _RefusedError("contentToRetrieve must be an array of strings.")
    return frozenset(requested)


def _span(body: Body) -> tuple[int, int]:
    start = body.get("start")
    bounds = [start.get(name) if isinstance(start, dict) else None for name in ("from", "to")]
    first, last = (
        int(value) if isinstance(value, int | str) and str(value).isascii() and str(value).isdigit() else None
        for value in (str(item) if isinstance(item, int) else item for item in bounds)
    )
    if first is None or last is None or len(str(first)) > 15 or len(str(last)) > 15:
        raise _RefusedError("Send start: {from, to}, in epoch milliseconds.")
    if first > last:
        raise _RefusedError("start.from must not be later than start.to.")
    if last - first > MAX_SPAN_MS:
        raise _RefusedError("start may span three months at most.")
    return first, last


def _states(body: Body) -> set[str]:
    requested = body.get("status")
    states = [requested] if isinstance(requested, str) else requested
    if states is None:
        return {"OPEN", "CLOSE"}
    if not isinstance(states, list) or not states:
        raise _RefusedError("status must be an array of 'OPEN' and 'CLOSE'.")
    for state in states:
        if state not in ("OPEN", "CLOSE"):
            raise _RefusedError(one_of("status", state, ("OPEN", "CLOSE")))
    return set(states)


def _ids(body: Body, name: str) -> set[str]:
    requested = body.get(name, [])
    if not isinstance(requested, list) or not all(
        isinstance(item, int | str) and not isinstance(item, bool) for item in requested
    ):
        raise _RefusedError(f"{name} must be an array of ids.")
    return {str(item) for item in requested}


def _as_id(skill_id: str) -> str:
    """A skill as history has it: what is no number is no skill, which is -1."""
    return "-1" if parse_id(skill_id) is None else skill_id


def _texts(body: Body, name: str) -> list[str]:
    requested = body.get(name, [])
    if not isinstance(requested, list) or not all(isinstance(item, str) for item in requested):
        raise _RefusedError(f"{name} must be an array of strings.")
    return requested[:MAX_LIMIT]


def _sde_search(body: Body) -> dict[str, set[str]]:
    """Name of a group or a field to the values it may have (inferred: equality, in any case)."""
    requested = body.get("sdeSearch")
    if requested is None:
        return {}
    if not isinstance(requested, dict):
        raise _RefusedError("sdeSearch must be an object, such as {'customerInfo': ['vip']}.")
    search = {}
    for name in requested:
        texts = _texts(requested, name)
        search[name] = {text.casefold() for text in texts}
    return search


def _has_sdes(view: HistoryView, requested: dict[str, set[str]]) -> bool:
    events = view.sde_events(authenticated=True)
    if view.version == 2:
        events += view.sde_events(authenticated=False)
    return all(
        any(value.casefold() in values for event in events for value in values_in(event, name))
        for name, values in requested.items()
    )


def _one(request: Request, name: str, default: str, allowed: tuple[str, ...]) -> str:
    values = request.query_values(name) or [default]
    if len(set(values)) > 1 or values[0] not in allowed:
        raise _RefusedError(one_of(name, truncate(values[0], 40), allowed))
    return values[0]


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    values = request.query_values(name) or [str(default)]
    value = values[0]
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):
        raise _RefusedError(
            f"{name} must be a whole number from {least} to {most}; got {truncate(value, 40)!r}."
        )
    return int(value)


_KEYS: dict[str, Callable[[HistoryView], Any]] = {
    "start": lambda view: (view.now.created_at, view.now.number),
    "end": lambda view: (view.now.closed_at if view.closed else float("inf"), view.now.number),
}
_SORTS = tuple(f"{key}{order}" for key in _KEYS for order in ("", ":asc", ":desc"))
