"""Searching history by conversation, by consumer and by filters.

Documented are the paths, the parameters, the bodies and the status codes; the texts of the
refusals are the sandbox's own.
"""

from collections.abc import Callable, Iterator
from typing import Any

from lpnb.sandbox.cloud import Cloud
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import Answer, Request, json_answer, shortened, teach
from lpnb.sandbox.services.event_rules import one_of
from lpnb.sandbox.services.history import credentials
from lpnb.sandbox.services.history.records import CONTENTS, Seen
from lpnb.sandbox.services.history.sde_names import values_in
from lpnb.sandbox.world.models import Account
from lpnb.sandbox.world.routing import number

LONGEST_SOURCE = 20
MOST = 100
USUALLY = 50
LONGEST_SPAN_MS = 93 * 24 * 3600 * 1000

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
    cloud: Cloud, request: Request, find: Callable[[Cloud, Account, Body, int], Iterator[Seen]]
) -> Answer:
    account = cloud.account(request.path_params["account_id"])
    if account is None:
        return teach(401, credentials.REFUSAL)
    if refusal := credentials.refuse(cloud, account, request):
        return refusal
    try:
        sources = request.query_values("source")
        if len(sources) != 1 or not 1 <= len(sources[0]) <= LONGEST_SOURCE:
            raise _RefusedError(f"Send source, 1 to {LONGEST_SOURCE} characters that say who is asking.")
        version = _one(request, "v", "1", ("1", "2", "1.0", "2.0"))
        offset = _whole(request, "offset", 0, 0, 10_000_000)
        limit = _whole(request, "limit", USUALLY, 1, MOST)
        key, _, order = _one(request, "sort", "start:desc", _SORTS).partition(":")
        try:
            body = strict_json.read(request.body)
        except strict_json.StrictJsonError as error:
            raise _RefusedError(str(error)) from None
        if not isinstance(body, dict):
            raise _RefusedError("The body must be a JSON object.")
        contents = _contents(body)
        found = list(find(cloud, account, body, int(version[0])))
    except _RefusedError as error:
        return teach(400, str(error))
    found.sort(key=_KEYS[key], reverse=order != "asc")
    if not found and cloud.rules.history_empty_status == 204:
        return Answer(204, b"")
    records = [seen.to_record(contents) for seen in found[offset : offset + limit]]
    metadata = {
        "count": len(found),
        "self": {"rel": "self", "href": request.path},
        "shardsStatusResult": {"partialResult": False},
    }
    return json_answer(200, {"_metadata": metadata, "conversationHistoryRecords": records})


def _by_conversation(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[Seen]:
    one = body.get("conversationId")
    if isinstance(one, str) and one:
        wanted = [one]
    else:
        wanted = _texts(body, "conversationIds")
        if not wanted:
            raise _RefusedError("Send conversationId, a string.")
    for conversation_id in wanted:
        found = cloud.state.conversation(conversation_id)
        if found is not None:
            seen = Seen(cloud, account, found, _moment(cloud), version)
            if _reached(seen):
                yield seen


def _by_consumer(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[Seen]:
    consumer = body.get("consumer")
    if not isinstance(consumer, str) or not consumer:
        raise _RefusedError("Send consumer: the lp_consumer_id, a string.")
    states = _states(body)
    for seen in _all(cloud, account, version):
        if seen.now.lp_consumer_id == consumer and _state(seen) in states:
            yield seen


def _by_filters(cloud: Cloud, account: Account, body: Body, version: int) -> Iterator[Seen]:
    first, last = _span(body)
    states = _states(body)
    skills, latest = _ids(body, "skillIds"), _ids(body, "latestSkillIds")
    agents = _ids(body, "latestAgentIds")
    sdes = _sde_search(body)
    for seen in _all(cloud, account, version):
        if (
            first <= int(seen.now.created_at * 1000) <= last
            and _state(seen) in states
            and (not skills or skills & {_as_id(skill) for skill in seen.skill_ids})
            and (not latest or _as_id(seen.skill_id) in latest)
            and (not agents or agents & {agent for agent, _ in seen.now.agents})
            and (not sdes or _has_sdes(seen, sdes))
        ):
            yield seen


def _all(cloud: Cloud, account: Account, version: int) -> Iterator[Seen]:
    moment = _moment(cloud)
    for conversation in cloud.state.conversations:
        seen = Seen(cloud, account, conversation, moment, version)
        if _reached(seen):
            yield seen


def _moment(cloud: Cloud) -> float:
    return cloud.now - cloud.rules.history_delay


def _reached(seen: Seen) -> bool:
    """Whether history of this account has heard of the conversation."""
    return seen.now.account_id == seen.account.id and seen.now.created_at <= seen.moment


def _state(seen: Seen) -> str:
    return "CLOSE" if seen.closed else "OPEN"


def _contents(body: Body) -> frozenset[str]:
    wanted = body.get("contentToRetrieve")
    if wanted is None:
        return frozenset(CONTENTS)
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise _RefusedError("contentToRetrieve must be an array of strings.")
    return frozenset(wanted)


def _span(body: Body) -> tuple[int, int]:
    start = body.get("start")
    found = [start.get(name) if isinstance(start, dict) else None for name in ("from", "to")]
    first, last = (
        int(value) if isinstance(value, int | str) and str(value).isascii() and str(value).isdigit() else None
        for value in (str(item) if isinstance(item, int) else item for item in found)
    )
    if first is None or last is None or len(str(first)) > 15 or len(str(last)) > 15:
        raise _RefusedError("Send start: {from, to}, in epoch milliseconds.")
    if first > last:
        raise _RefusedError("start.from must not be later than start.to.")
    if last - first > LONGEST_SPAN_MS:
        raise _RefusedError("start may span three months at most.")
    return first, last


def _states(body: Body) -> set[str]:
    wanted = body.get("status")
    states = [wanted] if isinstance(wanted, str) else wanted
    if states is None:
        return {"OPEN", "CLOSE"}
    if not isinstance(states, list) or not states:
        raise _RefusedError("status must be an array of 'OPEN' and 'CLOSE'.")
    for state in states:
        if state not in ("OPEN", "CLOSE"):
            raise _RefusedError(one_of("status", state, ("OPEN", "CLOSE")))
    return set(states)


def _ids(body: Body, name: str) -> set[str]:
    wanted = body.get(name, [])
    if not isinstance(wanted, list) or not all(
        isinstance(item, int | str) and not isinstance(item, bool) for item in wanted
    ):
        raise _RefusedError(f"{name} must be an array of ids.")
    return {str(item) for item in wanted}


def _as_id(skill_id: str) -> str:
    """A skill as history has it: what is no number is no skill, which is -1."""
    return "-1" if number(skill_id) is None else skill_id


def _texts(body: Body, name: str) -> list[str]:
    wanted = body.get(name, [])
    if not isinstance(wanted, list) or not all(isinstance(item, str) for item in wanted):
        raise _RefusedError(f"{name} must be an array of strings.")
    return wanted[:MOST]


def _sde_search(body: Body) -> dict[str, set[str]]:
    """Name of a group or a field to the values it may have (inferred: equality, in any case)."""
    wanted = body.get("sdeSearch")
    if wanted is None:
        return {}
    if not isinstance(wanted, dict):
        raise _RefusedError("sdeSearch must be an object, such as {'customerInfo': ['vip']}.")
    found = {}
    for name in wanted:
        texts = _texts(wanted, name)
        found[name] = {text.casefold() for text in texts}
    return found


def _has_sdes(seen: Seen, wanted: dict[str, set[str]]) -> bool:
    events = seen.sde_events(authenticated=True)
    if seen.version == 2:
        events += seen.sde_events(authenticated=False)
    return all(
        any(value.casefold() in values for event in events for value in values_in(event, name))
        for name, values in wanted.items()
    )


def _one(request: Request, name: str, default: str, allowed: tuple[str, ...]) -> str:
    values = request.query_values(name) or [default]
    if len(set(values)) > 1 or values[0] not in allowed:
        raise _RefusedError(one_of(name, shortened(values[0], 40), allowed))
    return values[0]


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    values = request.query_values(name) or [str(default)]
    value = values[0]
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):
        raise _RefusedError(
            f"{name} must be a whole number from {least} to {most}; got {shortened(value, 40)!r}."
        )
    return int(value)


_KEYS: dict[str, Callable[[Seen], Any]] = {
    "start": lambda seen: (seen.now.created_at, seen.now.number),
    "end": lambda seen: (seen.now.closed_at if seen.closed else float("inf"), seen.now.number),
}
_SORTS = tuple(f"{key}{order}" for key in _KEYS for order in ("", ":asc", ":desc"))
