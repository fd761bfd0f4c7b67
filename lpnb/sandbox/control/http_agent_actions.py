"""Control API handlers for the agent's verbs and for webhooks."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from lpnb.sandbox.control.agent_actions import AgentActions
from lpnb.sandbox.control.control_route import Body, control
from lpnb.sandbox.errors import ControlError
from lpnb.sandbox.http.messages import Answer, Request, json_answer, truncate


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        value_text = "nothing" if value is None else truncate(json.dumps(value), 60)
        raise ControlError(f"{name} must be a string; got {value_text}.")
    return value


def _name_or_any(name: str, value: object) -> str | None:
    return None if value in (None, True) else _text(name, value)


def _rich(_name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ControlError("rich must be an object: structured content, such as a card with buttons.")
    return value


def _as_it_came(_name: str, value: Any) -> Any:
    return value


# Each verb to the method of `AgentActions`, what reads its value (None: there is none), and what the answer
# calls the result.
_VERBS: dict[str, tuple[str, Callable[[str, Any], Any] | None, str]] = {
    "says": ("agent_says", _text, "sequence"),
    "notes": ("agent_notes", _text, "sequence"),
    "rich": ("agent_sends_rich", _rich, "sequence"),
    "types": ("agent_types", _text, "done"),
    "reads": ("agent_reads", None, "sequences"),
    "joins": ("agent_joins", _name_or_any, "agent_id"),
    "manager_joins": ("manager_joins", _name_or_any, "agent_id"),
    "manager_says": ("manager_says", _text, "sequence"),
    "manager_leaves": ("manager_leaves", None, "done"),
    "transfer": ("transfer", _text, "done"),
    "summarises": ("agent_summarises", _text, "done"),
    "scores": ("set_mcs", _as_it_came, "done"),
    "closes": ("agent_closes", None, "done"),
    "resumes": ("agent_resumes", None, "done"),
}


@control("POST", "/conversations/{conversation_id}/agent", tuple(_VERBS))
def agent_action(agents: AgentActions, request: Request, body: Body) -> Answer:
    """Do something as an agent, one verb at a time, such as {"says": "Hello"}."""
    if len(body) != 1:
        raise ControlError('Send one verb, such as {"says": "Hello"} or {"closes": true}.')
    ((verb, value),) = body.items()
    method, read_value, name = _VERBS[verb]
    arguments = () if read_value is None else (read_value(verb, value),)
    result = getattr(agents, method)(request.path_params["conversation_id"], *arguments)
    return json_answer(200, {name: True if result is None else result})


@control("GET", "/webhooks")
def webhooks(agents: AgentActions, _request: Request, _body: Body) -> Answer:
    """How webhooks fared, and the last thousand tries."""
    attempts = [asdict(attempt) for attempt in agents.webhook_attempts]
    return json_answer(200, {"counts": asdict(agents.webhook_counts), "attempts": attempts})


@control("POST", "/webhooks", "url kind client_id account_id")
def set_webhook(agents: AgentActions, _request: Request, body: Body) -> None:
    """Post webhooks of all kinds or of one to this URL, or to none."""
    url = body.get("url", 0)
    if url is not None and not isinstance(url, str):
        raise ControlError("url must be a string, such as 'http://127.0.0.1:8080/hook', or null for none.")
    names = {name: _text(name, body[name]) for name in ("kind", "client_id", "account_id") if name in body}
    agents.set_webhook(url, **names)


@control("POST", "/webhooks/faults", "fault times")
def fail_webhooks(agents: AgentActions, _request: Request, body: Body) -> None:
    """Lose, duplicate or reorder the next webhooks."""
    times = body.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool):
        raise ControlError("times must be a whole number.")
    agents.fail_webhooks(_text("fault", body.get("fault")), times)
