"""Control API handlers for the agent's verbs and for webhooks."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from lpnb.sandbox.control.agent_side import AgentSide
from lpnb.sandbox.errors import ControlError
from lpnb.sandbox.http.messages import Answer, Request, json_answer, truncate

Body = Mapping[str, Any]


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        value_text = "nothing" if value is None else truncate(json.dumps(value), 60)
        raise ControlError(f"{name} must be a string; got {value_text}.")
    return value


def _rich(agents: AgentSide, name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ControlError("rich must be an object: structured content, such as a card with buttons.")
    return {"sequence": agents.agent_sends_rich(name, value)}


def _joins(agents: AgentSide, name: str, value: object) -> dict[str, Any]:
    return {"agent_id": agents.agent_joins(name, None if value in (None, True) else _text("joins", value))}


def _manager_joins(agents: AgentSide, name: str, value: object) -> dict[str, Any]:
    manager = None if value in (None, True) else _text("manager_joins", value)
    return {"agent_id": agents.manager_joins(name, manager)}


def _manager_leaves(agents: AgentSide, name: str, _value: object) -> dict[str, Any]:
    agents.manager_leaves(name)
    return {"done": True}


def _transfer(agents: AgentSide, name: str, value: object) -> dict[str, Any]:
    agents.transfer(name, _text("transfer", value))
    return {"done": True}


def _types(agents: AgentSide, name: str, value: object) -> dict[str, Any]:
    agents.agent_types(name, _text("types", value))
    return {"done": True}


def _summarises(agents: AgentSide, name: str, value: object) -> dict[str, Any]:
    agents.agent_summarises(name, _text("summarises", value))
    return {"done": True}


def _scores(agents: AgentSide, name: str, value: Any) -> dict[str, Any]:
    agents.set_mcs(name, value)
    return {"done": True}


def _closes(agents: AgentSide, name: str, _value: object) -> dict[str, Any]:
    agents.agent_closes(name)
    return {"done": True}


_VERBS: dict[str, Callable[[AgentSide, str, Any], dict[str, Any]]] = {
    "says": lambda agents, name, value: {"sequence": agents.agent_says(name, _text("says", value))},
    "notes": lambda agents, name, value: {"sequence": agents.agent_notes(name, _text("notes", value))},
    "rich": _rich,
    "types": _types,
    "reads": lambda agents, name, _: {"sequences": agents.agent_reads(name)},
    "joins": _joins,
    "manager_joins": _manager_joins,
    "manager_says": lambda agents, name, value: {
        "sequence": agents.manager_says(name, _text("manager_says", value))
    },
    "manager_leaves": _manager_leaves,
    "transfer": _transfer,
    "summarises": _summarises,
    "scores": _scores,
    "closes": _closes,
    "resumes": lambda agents, name, _: {"done": agents.agent_resumes(name)},
}

VERBS = tuple(_VERBS)


def agent_action(agents: AgentSide, request: Request, body: Body) -> Answer:
    """One thing an agent does, such as ``{"says": "Hello"}``."""
    if len(body) != 1:
        raise ControlError('Send one verb, such as {"says": "Hello"} or {"closes": true}.')
    ((verb, value),) = body.items()
    return json_answer(200, _VERBS[verb](agents, request.path_params["conversation_id"], value))


def webhooks(agents: AgentSide, _request: Request, _body: Body) -> Answer:
    """How webhooks fared, and the last tries."""
    attempts = [asdict(attempt) for attempt in agents.webhook_attempts]
    return json_answer(200, {"counts": asdict(agents.webhook_counts), "attempts": attempts})


def set_webhook(agents: AgentSide, _request: Request, body: Body) -> Answer:
    """Post webhooks to another endpoint, or to none."""
    url = body.get("url", 0)
    if url is not None and not isinstance(url, str):
        raise ControlError("url must be a string, such as 'http://127.0.0.1:8080/hook', or null for none.")
    names = {name: _text(name, body[name]) for name in ("kind", "client_id", "account_id") if name in body}
    agents.set_webhook(
        url,
        kind=names.get("kind"),
        client_id=names.get("client_id"),
        account_id=names.get("account_id"),
    )
    return json_answer(200, {"done": True})


def fail_webhooks(agents: AgentSide, _request: Request, body: Body) -> Answer:
    """Lose, double or reorder the next webhooks."""
    times = body.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool):
        raise ControlError("times must be a whole number.")
    agents.fail_webhooks(_text("fault", body.get("fault")), times)
    return json_answer(200, {"done": True})
