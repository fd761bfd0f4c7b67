"""What the control API shows, as JSON: nothing here changes anything."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPMethod
from typing import Any, TypeVar

from lpnb.sandbox.control.controls import Controls
from lpnb.sandbox.errors import ControlError
from lpnb.sandbox.faults.faults import FAULTS, listed
from lpnb.sandbox.faults.rate_limits import RATE_LIMIT
from lpnb.sandbox.http.messages import Answer, Request, json_answer, shortened
from lpnb.sandbox.route_names import NOWHERE, ROUTES
from lpnb.sandbox.state.state import Conversation, RequestRecord

Body = Mapping[str, Any]
V = TypeVar("V")

_STATUS = re.compile(r"[1-5][0-9][0-9]")

# What a filter may ask for, where that is known; "none" finds what has none.
_VALUES: dict[str, tuple[str, ...]] = {
    "route": (*ROUTES, NOWHERE),
    "method": tuple(HTTPMethod),
    "fault": (*FAULTS, RATE_LIMIT, "none"),
    "state": ("OPEN", "CLOSE"),
}

# Without a limit of their own, lists end here; "total" says how many there are.
_LIST = 1000


def clock(controls: Controls) -> dict[str, Any]:
    """The clock: its time, how far it is ahead of real time, and whether it stands still."""
    return {"now": controls.now, "offset": controls.clock_offset, "frozen": controls.clock_frozen}


def status(controls: Controls, _request: Request, _body: Body) -> Answer:
    """Everything in one look."""
    found = controls.conversations
    opened = sum(conversation.stage == "OPEN" for conversation in found)
    return json_answer(
        200,
        {
            "account": controls.account_id,
            "seed": controls.seed,
            "clock": clock(controls),
            "calls": dict(controls.calls),
            "requests": len(controls.requests),
            "conversations": {"open": opened, "closed": len(found) - opened},
            "faults": len(controls.faults),
            "rate_limits": {account: asdict(limit) for account, limit in controls.rate_limits.items()},
            "auto_close_after": controls.auto_close_after,
            "rules": asdict(controls.rules),
        },
    )


def requests(controls: Controls, request: Request, _body: Body) -> Answer:
    """The request log, filtered by the query."""
    wanted = _filters(request, ("route", "method", "status", "consumer", "fault", "since", "limit"))
    since = _number(wanted, "since", 0.0)
    found = [
        record
        for record in controls.requests
        if record.time >= since and all(_matches(record, name, value) for name, value in wanted.items())
    ]
    rows = [asdict(record) for record in _latest(found, wanted)]
    return json_answer(200, {"total": len(found), "requests": rows})


def faults(controls: Controls, _request: Request, _body: Body) -> Answer:
    """What is still to come, and what there is to ask for."""
    pending = [
        {
            "number": item.number,
            "route": item.route,
            "fault": item.fault.name,
            "options": {name: _plain(value) for name, value in item.fault.options.items()},
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


def fault_log(controls: Controls, _request: Request, _body: Body) -> Answer:
    """What happened, as it is compared byte by byte."""
    return Answer(200, controls.fault_log.encode(), content_type="application/x-ndjson;charset=utf-8")


def conversations(controls: Controls, request: Request, _body: Body) -> Answer:
    """A line for every conversation."""
    wanted = _filters(request, ("state", "consumer", "limit"))
    found = [
        conversation
        for conversation in controls.conversations
        if wanted.get("state", conversation.stage) == conversation.stage
        and wanted.get("consumer", conversation.ext_consumer_id) == conversation.ext_consumer_id
    ]
    rows = [_summary(conversation) for conversation in _latest(found, wanted)]
    return json_answer(200, {"total": len(found), "conversations": rows})


def conversation(controls: Controls, request: Request, _body: Body) -> Answer:
    """All there is to know about one conversation."""
    conversation_id = request.path_params["conversation_id"]
    detail = controls.detail(conversation_id)
    found = detail.conversation
    members = asdict(found)
    del members["raw_request"], members["raw_client_properties"]
    return json_answer(
        200,
        members
        | {
            "request": found.request,
            "client_properties": found.client_properties,
            "profile": controls.profile(found.ext_consumer_id, account_id=found.account_id),
            "messages": [asdict(message) for message in detail.messages],
            "trace": detail.trace,
        },
    )


def _summary(found: Conversation) -> dict[str, Any]:
    return {
        "conversation_id": found.conversation_id,
        "number": found.number,
        "ext_consumer_id": found.ext_consumer_id,
        "state": found.state,
        "stage": found.stage,
        "skill_id": found.skill_id,
        "created_at": found.created_at,
        "closed_at": found.closed_at,
        "warnings": list(found.warnings),
    }


def _filters(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name, value in request.query_pairs():
        if name not in known:
            raise ControlError(f"{shortened(name, 40)!r} is no filter; this takes {', '.join(known)}.")
        values = _VALUES.get(name)
        if values is not None and value not in values:
            raise ControlError(
                f"{name} must be one of {listed(map(str, values))}; got {shortened(value, 40)!r}."
            )
        if name == "status" and value != "none" and not _STATUS.fullmatch(value):
            raise ControlError(
                f"status must be a number from 100 to 599, or 'none'; got {shortened(value, 40)!r}."
            )
        found[name] = value
    return found


def _latest(found: list[V], wanted: Mapping[str, str]) -> list[V]:
    """The latest of them, as many as were wanted; oldest first all the same."""
    limit = wanted.get("limit", str(_LIST))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 9):
        raise ControlError(f"limit must be a whole number, 0 or more; got {shortened(limit, 40)!r}.")
    return found[max(0, len(found) - int(limit)) :]


def _matches(record: RequestRecord, name: str, value: str) -> bool:
    if name in ("since", "limit"):
        return True
    held = getattr(record, name)
    # "none" finds what has none: no answer, no consumer, no fault.
    return value == ("none" if held is None else str(held))


def _number(wanted: Mapping[str, str], name: str, default: float) -> float:
    value = wanted.get(name)
    if value is None:
        return default
    if len(value) > 20 or not value.replace(".", "", 1).isdecimal() or not value.isascii():
        raise ControlError(f"{name} must be a number, 0 or more; got {shortened(value, 40)!r}.")
    return float(value)


def _plain(value: object) -> object:
    return value.decode("latin-1") if isinstance(value, bytes) else value
