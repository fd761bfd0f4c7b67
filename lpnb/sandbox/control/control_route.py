"""The table of the control API: each function of it with its method, path and members."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lpnb.sandbox.control.controls import Controls
from lpnb.sandbox.http.messages import Answer, Request, json_answer
from lpnb.sandbox.world.rules import RULE_NAMES

CONTROL_PATH = "/_lpnb"

Body = Mapping[str, Any]
Handler = Callable[[Controls, Request, Body], Answer | None]


@dataclass(frozen=True, slots=True)
class ControlRoute:
    """One thing to look at or to do. ``takes`` names the members of a POST's body; None is any rule."""

    method: str
    path: str
    doc: str
    handler: Handler
    takes: tuple[str, ...] | None = ()

    @property
    def members(self) -> tuple[str, ...]:
        """The members that a body may have."""
        return RULE_NAMES if self.takes is None else self.takes

    def answer(self, controls: Controls, request: Request, body: Body) -> Answer:
        """What the function answers; that it is done, when it answers nothing."""
        return self.handler(controls, request, body) or json_answer(200, {"done": True})


CONTROL_ROUTES: list[ControlRoute] = []


def control(method: str, path: str, takes: tuple[str, ...] | str | None = ()) -> Callable[[Handler], Handler]:
    """Serve a function at *path*; its docstring is what the list of the control API says of it."""

    def register(handler: Handler) -> Handler:
        members = tuple(takes.split()) if isinstance(takes, str) else takes
        doc = " ".join((handler.__doc__ or "").split())
        CONTROL_ROUTES.append(ControlRoute(method, path, doc, handler, members))
        return handler

    return register
