"""The read-only views of the control API as JSON."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPMethod
from typing import Any, TypeVar

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.control.control_route import Body, control
from lpnb.sandbox.control.controls import Controls
from lpnb.sandbox.errors import ControlError
from lpnb.sandbox.faults.faults import FAULTS
from lpnb.sandbox.faults.rate_limits import RATE_LIMIT
from lpnb.sandbox.http.messages import Answer, Request, json_answer, truncate
from lpnb.sandbox.route_names import NOWHERE, ROUTES
from lpnb.sandbox.state.conversations import Conversation
from lpnb.sandbox.state.state import RequestRecord

V = TypeVar("V")

_STATUS = re.compile(r"[1-5][0-9][0-9]")

# What a filter may ask for, where that is known; "none" finds what has none.
_FILTER_VALUES: dict[str, tuple[str, ...]] = {
    "route": (*ROUTES, NOWHERE),
    "method": tuple(HTTPMethod),
    "fault": (*FAULTS, RATE_LIMIT, "none"),
    "state": ("OPEN", "CLOSE"),
}

# Without a limit of their own, lists end here; "total" says how many there are.
_DEFAULT_LIMIT = 1000


def clock(controls: Controls) -> dict[str, Any]:
    """The clock: its time, how far it is ahead of real time, and whether it stands still."""
    return {"now": controls.now, "offset": controls.clock_offset, "frozen": controls.clock_frozen}


@control("GET", "/status")
def status(controls: Controls, _request: Request, _body: Body) -> Answer:
    """Account, clock, counters, limits, and how much there is of what."""
    conversations = controls.conversations
    open_count = sum(conversation.stage == "OPEN" for conversation in conversations)
    return json_answer(
        200,
        {
            "account": controls.account_id,
            "seed": controls.seed,
            "clock": clock(controls),
            "calls": dict(controls.calls),
            "requests": len(controls.requests),
            "conversations": {"open": open_count, "closed": len(conversations) - open_count},
            "faults": len(controls.faults),
            "rate_limits": {account: asdict(limit) for account, limit in controls.rate_limits.items()},
            "auto_close_after": controls.auto_close_after,
            "rules": asdict(controls.rules),
        },
    )


@control("GET", "/requests")
def requests(controls: Controls, request: Request, _body: Body) -> Answer:
    """The request log, oldest first; filters: route, method, status, consumer, fault, since; and
    limit, for the latest."""
    filters = _filters(request, ("route", "method", "status", "consumer", "fault", "since", "limit"))
    since = _number(filters, "since", 0.0)
    records = [
        record
        for record in controls.requests
        if record.time >= since and all(_matches(record, name, value) for name, value in filters.items())
    ]
    rows = [asdict(record) for record in _last_rows(records, filters)]
    return json_answer(200, {"total": len(records), "requests": rows})


@control("GET", "/faults")
def faults(controls: Controls, _request: Request, _body: Body) -> Answer:
    """Faults still to come, and the routes and kinds there are."""
    pending = [
        {
            "number": item.number,
            "route": item.route,
            "fault": item.fault.name,
            "options": {name: _as_json_value(value) for name, value in item.fault.options.items()},
            "work_done": item.fault.work_done,
            "left": item.left,
            "probability": item.probability,
        }
        for item in controls.pending_faults
    ]
    kinds = {
        name: {"doc": kind.doc, "options": dict(kind.options), "routes": list(kind.routes)}
        for name, kind in FAULTS.items()
    }
    return json_answer(200, {"faults": pending, "routes": list(ROUTES), "kinds": kinds})


@control("GET", "/faults/log")
def fault_log(controls: Controls, _request: Request, _body: Body) -> Answer:
    """Faults that happened, a line of JSON each."""
    return Answer(200, controls.fault_log.encode(), content_type="application/x-ndjson;charset=utf-8")


@control("GET", "/rules")
def rules(controls: Controls, _request: Request, _body: Body) -> Answer:
    """Every rule: value, default, choices, and what is known."""
    return json_answer(200, {"rules": controls.rule_list})


@control("GET", "/names")
def names(controls: Controls, request: Request, _body: Body) -> Answer:
    """An account's skills, campaigns and engagements by their ids; filter: account_id."""
    return json_answer(200, controls.account_names(_filters(request, ("account_id",)).get("account_id")))


@control("GET", "/conversations")
def conversations(controls: Controls, request: Request, _body: Body) -> Answer:
    """Every conversation remembered, oldest first; filters: state, consumer; and limit, for the latest."""
    filters = _filters(request, ("state", "consumer", "limit"))
    matching = [
        conversation
        for conversation in controls.conversations
        if filters.get("state", conversation.stage) == conversation.stage
        and filters.get("consumer", conversation.ext_consumer_id) == conversation.ext_consumer_id
    ]
    rows = [_summary(conversation) for conversation in _last_rows(matching, filters)]
    return json_answer(200, {"total": len(matching), "conversations": rows})


@control("GET", "/conversations/{conversation_id}")
def conversation(controls: Controls, request: Request, _body: Body) -> Answer:
    """One conversation in full: request, profile, messages, routing trace."""
    conversation_id = request.path_params["conversation_id"]
    detail = controls.detail(conversation_id)
    snapshot = detail.conversation
    members = asdict(snapshot)
    del members["raw_request"], members["raw_client_properties"]
    return json_answer(
        200,
        members
        | {
            "request": snapshot.request,
            "client_properties": snapshot.client_properties,
            "profile": controls.profile(snapshot.ext_consumer_id, account_id=snapshot.account_id),
            "messages": [asdict(message) for message in detail.messages],
            "trace": detail.trace,
        },
    )


_SUMMARY = (
    *("conversation_id", "number", "ext_consumer_id"),
    *("state", "stage", "skill_id", "created_at", "closed_at"),
)


def _summary(conversation: Conversation) -> dict[str, Any]:
    members = {name: getattr(conversation, name) for name in _SUMMARY}
    return {**members, "warnings": list(conversation.warnings)}


def _filters(request: Request, filter_names: tuple[str, ...]) -> dict[str, str]:
    filters = {}
    for name, value in request.query_pairs():
        if name not in filter_names:
            raise ControlError(f"{truncate(name, 40)!r} is no filter; this takes {', '.join(filter_names)}.")
        values = _FILTER_VALUES.get(name)
        if values is not None and value not in values:
            raise ControlError(one_of(name, value, tuple(map(str, values))))
        if name == "status" and value != "none" and not _STATUS.fullmatch(value):
            raise ControlError(
                f"status must be a number from 100 to 599, or 'none'; got {truncate(value, 40)!r}."
            )
        filters[name] = value
    return filters


def _last_rows(rows: list[V], filters: Mapping[str, str]) -> list[V]:
    """The latest of them, as many as were wanted; oldest first all the same."""
    limit = filters.get("limit", str(_DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9):
        raise ControlError(f"limit must be a whole number, 0 or more; got {truncate(limit, 40)!r}.")
    return rows[max(0, len(rows) - int(limit)) :]


def _matches(record: RequestRecord, name: str, value: str) -> bool:
    if name in ("since", "limit"):
        return True
    actual = getattr(record, name)
    # "none" finds what has none: no answer, no consumer, no fault.
    return value == ("none" if actual is None else str(actual))


def _number(filters: Mapping[str, str], name: str, default: float) -> float:
    value = filters.get(name)
    if value is None:
        return default
    if len(value) > 20 or not value.replace(".", "", 1).isdecimal() or not value.isascii():
        raise ControlError(f"{name} must be a number, 0 or more; got {truncate(value, 40)!r}.")
    return float(value)


def _as_json_value(value: object) -> object:
    return value.decode("latin-1") if isinstance(value, bytes) else value
