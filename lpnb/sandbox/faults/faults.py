"""The kinds of fault that can be injected, and the queue of those still to happen."""

import json
import math
import random
import re
import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.errors import ControlError, UnknownOptionError
from lpnb.sandbox.route_names import ROUTES, SEND_API

# How many faults that happened are remembered.
MAX_LOGGED = 10_000


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault: a line about it, and its options with their defaults.

    ``work_done`` says whether the service does its work behind the fault; where it is among the
    options, whoever asks for the fault may choose.
    """

    doc: str
    options: Mapping[str, Any] = field(default_factory=dict)
    work_done: bool = True
    routes: tuple[str, ...] = ROUTES
    """Whose answers can have it."""
    about: str = ""
    """What those answers have and the others have not."""


# The file store answers with no JSON, refresh and logout with no body.
_WITHOUT_JSON = ("upload", "download", "refresh", "logout")
_WITH_JSON = tuple(route for route in ROUTES if route not in _WITHOUT_JSON)

FAULTS: dict[str, FaultKind] = {
    "status": FaultKind(
        "Answer any status code, with an optional Retry-After and body.",
        {"code": 503, "retry_after": None, "body": None, "work_done": False},
    ),
    "slow": FaultKind("Wait before the work, then do it and answer.", {"seconds": 1.0}),
    "hang": FaultKind(
        "Say nothing for so long, then cut the connection.", {"seconds": 60.0, "work_done": False}
    ),
    "drip": FaultKind("Send the body one byte at a time, so many seconds apart.", {"seconds": 0.05}),
    "drop_before": FaultKind("Cut the connection; the work is not done.", {"reset": False}, work_done=False),
    "drop_after": FaultKind(
        "Do the work, then cut the connection without a byte of answer.", {"reset": False}
    ),
    "truncate": FaultKind(
        "Do the work, send the full Content-Length and half the body, then cut; of an answer without a "
        "body, half the head."
    ),
    "html": FaultKind(
        "Answer a web page, as a gateway or a captive portal would.", {"code": 200, "work_done": False}
    ),
    "empty": FaultKind("Answer with no body at all.", {"code": 200, "work_done": False}),
    "big": FaultKind("Answer with a body of so many bytes.", {"size": 20_000_000, "work_done": False}),
    "nan": FaultKind("Do the work and put a NaN into the answer's JSON.", routes=_WITH_JSON, about="JSON"),
    "reqid_missing": FaultKind("Leave reqId out of the last element.", routes=SEND_API, about="elements"),
    "reqid_doubled": FaultKind(
        "Give the last element the first one's reqId.", routes=("conversation",), about="several elements"
    ),
    "reqid_unknown": FaultKind(
        "Give the last element a reqId that nobody sent.", routes=SEND_API, about="elements"
    ),
    "reqid_int": FaultKind("Send every reqId as a JSON number.", routes=SEND_API, about="elements"),
    "not_yet": FaultKind(
        "Answer a SEND as if its conversation did not exist yet, as a new one may; the work is not done.",
        work_done=False,
        routes=("send",),
        about="a refusal of a new conversation",
    ),
    "shuffled": FaultKind(
        "Send the elements in reverse order, which is legal.",
        routes=("conversation",),
        about="several elements",
    ),
    "surplus": FaultKind("Send a second, stale reply right behind the first on the same connection."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault about to happen: its kind's name and its options, defaults filled in."""

    name: str
    options: Mapping[str, Any]
    work_done: bool


@dataclass(frozen=True, slots=True)
class PendingFault:
    """A fault that waits for its requests. ``left`` is how often it will still happen, None for always."""

    number: int
    """Counts from 1 in the order they were asked for."""
    route: str
    fault: Fault
    left: int | None
    probability: float


@dataclass(slots=True)
class _QueuedFault:
    number: int
    fault: Fault
    remaining_calls: int | None
    probability: float
    chance: random.Random


def make_fault(route: str, name: str, options: Mapping[str, Any]) -> Fault:
    """Check what was asked for and fill in the defaults.

    >>> make_fault("conversation", "status", {"code": 429}).options["code"]
    429
    >>> make_fault("idp", "explode", {})
    Traceback (most recent call last):
        ...
    lpnb.sandbox.errors.ControlError: fault must be one of 'status', 'slow', 'hang', 'drip', \
'drop_before', 'drop_after', 'truncate', 'html', 'empty', 'big', 'nan', 'reqid_missing', \
'reqid_doubled', 'reqid_unknown', 'reqid_int', 'not_yet', 'shuffled', 'surplus'; got 'explode'.
    """
    if route not in ROUTES:
        raise ControlError(one_of("route", route, ROUTES))
    kind = FAULTS.get(name)
    if kind is None:
        hint = ""
        # What many write first: the status in place of the fault's name.
        if re.fullmatch(r"[2-5]\d\d", name):
            hint = f" For that status: use 'status', code={name}."
        raise ControlError(f"fault must be one of {quoted_list(FAULTS)}; got {name!r}.{hint}")
    if route not in kind.routes:
        raise ControlError(
            f"fault {name!r} is about {kind.about}, which {route!r} does not answer with; "
            f"it fits {quoted_list(kind.routes)}."
        )
    values = dict(kind.options)
    for option, value in options.items():
        if option not in values:
            takes = f"takes {quoted_list(values)}" if values else "takes no options"
            raise UnknownOptionError(f"fault {name!r} {takes}; got {option!r}.")
        _check_value(option, value)
        values[option] = value
    work_done = bool(values.pop("work_done", kind.work_done))
    return Fault(name, values, work_done)


def _check_value(option: str, value: object) -> None:
    if option == "code" and (not _is_whole(value) or not 200 <= value <= 599):  # type: ignore[operator] # whole by then
        raise ControlError(f"code must be a status from 200 to 599; got {value!r}.")
    if option in ("seconds", "size"):
        check_number(option, value)
    if option in ("reset", "work_done") and not isinstance(value, bool):
        raise ControlError(f"{option} must be True or False; got {value!r}.")
    # It goes into a header as it is.
    if option == "retry_after" and value is not None and not _HEADER_TEXT.fullmatch(str(value)):
        raise ControlError(f"retry_after must be a number or a date, in ASCII; got {value!r}.")


_HEADER_TEXT = re.compile(r"[\x20-\x7e]{1,100}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def check_number(name: str, value: object, *, above: float | None = None) -> None:
    """Complain when *value* is not a finite number, or not 0 or more, or not *above* a bound."""
    ok = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not ok or value < 0 or (above is not None and value <= above):  # type: ignore[operator] # a number by then
        bound = "0 or more" if above is None else f"above {above:g}"
        raise ControlError(f"{name} must be a number{',' if above is None else ''} {bound}; got {value!r}.")


def quoted_list(names: Iterable[str]) -> str:
    """The names for a message, each in quotes."""
    return ", ".join(repr(name) for name in names)


class FaultQueue:
    """Faults that wait for their request, per route, first come first served.

    A fault with a probability is decided by a generator of its own, made from the seed and the
    fault's number. Whether it happens to the nth request of a route depends on nothing else, so
    the log of two runs with the same seed is the same to the byte.
    """

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._forget_all()

    def _forget_all(self) -> None:
        self._waiting: dict[str, list[_QueuedFault]] = {}
        self._fault_count = 0
        self._request_counts: Counter[str] = Counter()
        self._log: deque[tuple[str, int, Fault]] = deque(maxlen=MAX_LOGGED)

    def add(self, route: str, fault: Fault, times: int | None, probability: float = 1.0) -> None:
        """Let *fault* happen to the next *times* requests of *route*; None means until `clear`.

        With a *probability* below 1, each request is hit or spared by chance,
        and *times* counts the hits.
        """
        if times is not None and (not _is_whole(times) or times < 1):
            raise ControlError(f"times must be 1 or more, or None for every request; got {times!r}.")
        check_number("probability", probability, above=0)
        if probability > 1:
            raise ControlError(f"probability must be a number above 0, at most 1; got {probability!r}.")
        with self._lock:
            self._fault_count += 1
            # Chance for a test, not for a secret.
            chance = random.Random(f"{self._seed}/{self._fault_count}")  # noqa: S311
            waiting = _QueuedFault(self._fault_count, fault, times, float(probability), chance)
            self._waiting.setdefault(route, []).append(waiting)

    def count_unless_faulty(self, route: str) -> bool:
        """Whether no fault waits for *route*; its request is then counted, and `take` not to be asked."""
        with self._lock:
            if self._waiting.get(route):
                return False
            self._request_counts[route] += 1
            return True

    def take(self, route: str) -> Fault | None:
        """The fault for the request that just arrived, or None."""
        with self._lock:
            self._request_counts[route] += 1
            waiting = self._waiting.get(route)
            if not waiting:
                return None
            for position, item in enumerate(waiting):
                if item.probability < 1 and item.chance.random() >= item.probability:
                    continue
                if item.remaining_calls is not None:
                    item.remaining_calls -= 1
                    if item.remaining_calls == 0:
                        waiting.pop(position)
                self._log.append((route, self._request_counts[route], item.fault))
                return item.fault
            return None

    def pending(self) -> list[PendingFault]:
        """Every fault still to come, by route, in the order they were asked for."""
        with self._lock:
            return [
                PendingFault(item.number, route, item.fault, item.remaining_calls, item.probability)
                for route, waiting in self._waiting.items()
                for item in waiting
            ]

    def log(self) -> str:
        """The faults that happened, a line of JSON each: the last 10,000, by route and request.

        ``request`` counts the requests of the route since the last reset. No time is in it and no
        id, so that two runs can be compared.
        """
        with self._lock:
            entries = sorted(self._log, key=lambda entry: entry[:2])
        return "".join(_log_line(*entry) for entry in entries)

    def clear(self) -> None:
        """Drop every fault still to come."""
        with self._lock:
            self._waiting.clear()

    def reset(self) -> None:
        """Drop what is to come and what happened; chance starts over."""
        with self._lock:
            self._forget_all()


def _log_line(route: str, request: int, fault: Fault) -> str:
    entry = {"route": route, "request": request, "fault": fault.name, "options": dict(fault.options)}
    return json.dumps(entry, separators=(",", ":"), default=_as_text) + "\n"


def _as_text(value: object) -> str:
    """Bytes given as a body, or what else Python may pass and JSON does not know."""
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)
