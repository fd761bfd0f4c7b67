"""Faults on demand: what can go wrong, told in one table, and the queue of what shall go wrong next.

How a fault is done to a connection is `faulty`'s to know.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROUTES = ("domain", "sentinel", "idp", "conversation")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: a line about it, and its options with their defaults.

    ``work_done`` says whether the service does its work behind the fault; where it is among the
    options, whoever asks for the fault may choose.
    """

    doc: str
    options: Mapping[str, Any] = field(default_factory=dict)
    work_done: bool = True
    conversation_only: bool = False


FAULTS: dict[str, Kind] = {
    "status": Kind(
        "Answer any status code, with an optional Retry-After and body.",
        {"code": 503, "retry_after": None, "body": None, "work_done": False},
    ),
    "slow": Kind("Wait before the work, then do it and answer.", {"seconds": 1.0}),
    "hang": Kind("Say nothing for so long, then cut the connection.", {"seconds": 60.0, "work_done": False}),
    "drip": Kind("Send the body one byte at a time, so many seconds apart.", {"seconds": 0.05}),
    "drop_before": Kind("Cut the connection; the work is not done.", {"reset": False}, work_done=False),
    "drop_after": Kind("Do the work, then cut the connection without a byte of answer.", {"reset": False}),
    "truncate": Kind("Do the work, send the full Content-Length and half the body, then cut."),
    "html": Kind(
        "Answer a web page, as a gateway or a captive portal would.", {"code": 200, "work_done": False}
    ),
    "empty": Kind("Answer with no body at all.", {"code": 200, "work_done": False}),
    "big": Kind("Answer with a body of so many bytes.", {"size": 20_000_000, "work_done": False}),
    "nan": Kind("Do the work and put a NaN into the answer's JSON."),
    "reqid_missing": Kind("Leave reqId out of the last element.", conversation_only=True),
    "reqid_doubled": Kind("Give the last element the first one's reqId.", conversation_only=True),
    "reqid_unknown": Kind("Give the last element a reqId that nobody sent.", conversation_only=True),
    "reqid_int": Kind("Send every reqId as a JSON number.", conversation_only=True),
    "shuffled": Kind("Send the elements in reverse order, which is legal.", conversation_only=True),
    "surplus": Kind("Send a second, stale reply right behind the first on the same connection."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault about to happen: its kind's name and its options, defaults filled in."""

    name: str
    options: Mapping[str, Any]
    work_done: bool


@dataclass(slots=True)
class _Pending:
    fault: Fault
    left: int | None


def make_fault(route: str, name: str, options: Mapping[str, Any]) -> Fault:
    """Check what was asked for and fill in the defaults.

    >>> make_fault("conversation", "status", {"code": 429}).options["code"]
    429
    >>> make_fault("idp", "explode", {})
    Traceback (most recent call last):
        ...
    ValueError: fault must be one of 'status', 'slow', 'hang', 'drip', 'drop_before', 'drop_after', \
'truncate', 'html', 'empty', 'big', 'nan', 'reqid_missing', 'reqid_doubled', 'reqid_unknown', \
'reqid_int', 'shuffled', 'surplus'; got 'explode'.
    """
    if route not in ROUTES:
        raise ValueError(f"route must be one of {_listed(ROUTES)}; got {route!r}.")
    kind = FAULTS.get(name)
    if kind is None:
        raise ValueError(f"fault must be one of {_listed(FAULTS)}; got {name!r}.")
    if kind.conversation_only and route != "conversation":
        raise ValueError(
            f"fault {name!r} is about elements, which only 'conversation' answers with; got {route!r}."
        )
    known = dict(kind.options)
    for option, value in options.items():
        if option not in known:
            takes = f"takes {_listed(known)}" if known else "takes no options"
            raise TypeError(f"fault {name!r} {takes}; got {option!r}.")
        _check_value(option, value)
        known[option] = value
    work_done = bool(known.pop("work_done", kind.work_done))
    return Fault(name, known, work_done)


def _check_value(option: str, value: object) -> None:
    if option == "code" and (not isinstance(value, int) or not 200 <= value <= 599):
        raise ValueError(f"code must be a status from 200 to 599; got {value!r}.")
    if option in ("seconds", "size") and (not isinstance(value, int | float) or value < 0):
        raise ValueError(f"{option} must be a number, 0 or more; got {value!r}.")


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names)


class FaultQueue:
    """Faults that wait for their request, per route, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, list[_Pending]] = {}

    def add(self, route: str, fault: Fault, times: int | None) -> None:
        """Let *fault* happen to the next *times* requests of *route*; None means until `clear`."""
        if times is not None and times < 1:
            raise ValueError(f"times must be 1 or more, or None for every request; got {times!r}.")
        with self._lock:
            self._pending.setdefault(route, []).append(_Pending(fault, times))

    def take(self, route: str) -> Fault | None:
        """The fault for the request that just arrived, or None."""
        with self._lock:
            waiting = self._pending.get(route)
            if not waiting:
                return None
            first = waiting[0]
            if first.left is not None:
                first.left -= 1
                if first.left == 0:
                    waiting.pop(0)
            return first.fault

    def pending(self) -> list[tuple[str, str, int | None]]:
        """Route, name and how many times are left, of every fault still to come."""
        with self._lock:
            return [
                (route, item.fault.name, item.left)
                for route, waiting in self._pending.items()
                for item in waiting
            ]

    def clear(self) -> None:
        """Drop every fault still to come."""
        with self._lock:
            self._pending.clear()
