"""Steers a sandbox in another process over its control API, with the methods of ``Sandbox``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lpnb._internal.redaction import Secret
from lpnb._internal.validation import check_conversation_id
from lpnb.settings import Settings, read_variable
from lpnb.transport.loopback_requests import request_json

#: Where ``lpnb lab`` tells the notebooks' kernels of the sandbox beside them.
CONTROL_VARIABLE = "LPNB_SANDBOX_CONTROL"
TOKEN_VARIABLE = "LPNB_SANDBOX_TOKEN"  # noqa: S105 - a name


def find_sandbox(settings: Settings) -> Any:
    """The sandbox that *settings* point at: the object in this process, its control, or None."""
    if not settings.on_loopback:
        return None
    # Not imported here: a sandbox that runs in this process has been imported by whoever started it.
    module = sys.modules.get("lpnb.sandbox.sandbox")
    running = None if module is None else module.RUNNING.get(settings.domain_api)
    return running or SandboxControl.of_environment(settings.domain_api)


class SandboxControl:
    """A sandbox that runs in another process on this machine, such as the one that ``lpnb lab`` starts.

    It has the methods of ``Sandbox`` that a notebook needs: traces, webhooks, agents, faults, the clock, the
    rules and the reset. Each is a request to the sandbox's control API.

    Args:
        control: Address of the control API: ``Sandbox.control``, or ``control`` of the ready line.
        token: Its token: ``Sandbox.control_token``, or ``control_token`` of the ready line.

    Example:
        >>> from lpnb import Sandbox
        >>> with Sandbox() as sandbox:
        ...     control = SandboxControl(sandbox.control, sandbox.control_token)
        ...     control.set_rules({"unknown_ids": "refuse"})
        ...     sandbox.rules.unknown_ids
        'refuse'
    """

    def __init__(self, control: str, token: str) -> None:
        self.control = control
        self._token = Secret(token)

    @classmethod
    def of_environment(cls, base: str) -> SandboxControl | None:
        """The one that the environment names, where it is the sandbox at *base*; None otherwise."""
        control, token = read_variable(CONTROL_VARIABLE), read_variable(TOKEN_VARIABLE)
        if not control or not token or not control.startswith(f"{base.rstrip('/')}/"):
            return None
        return cls(control, token)

    def __repr__(self) -> str:
        return f"<SandboxControl of {self.control}>"

    def trace(self, conversation_id: str) -> dict[str, Any]:
        """How a conversation came to its skill: the rules in their order, and the engagements considered.

        Raises:
            KeyError: There is no such conversation, or it has been forgotten.
        """
        check_conversation_id(conversation_id)
        trace: dict[str, Any] = self._call("GET", f"/conversations/{conversation_id}")["trace"]
        return trace

    def set_webhook(
        self,
        url: str | None,
        *,
        kind: str | None = None,
        client_id: str | None = None,
        account_id: str | None = None,
    ) -> None:
        """Post webhooks to *url* from now on, None for none; all kinds, or one such as "ContentEvent"."""
        names = {"kind": kind, "client_id": client_id, "account_id": account_id}
        body: dict[str, Any] = {"url": url}
        body |= {name: value for name, value in names.items() if value is not None}
        self._call("POST", "/webhooks", body)

    def set_online(self, agent_id: str, online: bool, *, account_id: str | None = None) -> None:
        """Let an agent come or go."""
        body: dict[str, Any] = {"online": online}
        self._call("POST", f"/agents/{agent_id}", body | ({"account_id": account_id} if account_id else {}))

    def agent_joins(self, conversation_id: str, agent: str | None = None) -> str:
        """Let an agent take the conversation; return the agent's id."""
        return str(self._act(conversation_id, {"joins": agent or True})["agent_id"])

    def agent_says(self, conversation_id: str, text: str) -> int:
        """Publish a text as the assigned agent, who joins first when there is none; return its sequence."""
        return int(self._act(conversation_id, {"says": text})["sequence"])

    def transfer(self, conversation_id: str, skill: str) -> None:
        """Hand the conversation to another skill, by id or name."""
        self._act(conversation_id, {"transfer": skill})

    def agent_closes(self, conversation_id: str) -> None:
        """Close the conversation as the agent."""
        self._act(conversation_id, {"closes": True})

    def fail(
        self,
        route: str,
        fault: str,
        times: int | None = 1,
        *,
        probability: float = 1.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Let *fault* happen to the next *times* requests of *route*; options such as ``{"code": 503}``."""
        body = {"route": route, "fault": fault, "times": times, "probability": probability}
        self._call("POST", "/faults", body | {"options": dict(options or {})})

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock on."""
        self._call("POST", "/clock", {"advance": seconds})

    def account_names(self, account_id: str | None = None) -> dict[str, dict[str, str]]:
        """The names of an account's "skills", "campaigns" and "engagements", each by its id."""
        query = f"?account_id={quote(account_id, safe='')}" if account_id else ""
        names: dict[str, dict[str, str]] = self._call("GET", "/names", query=query)
        return names

    @property
    def rule_list(self) -> list[dict[str, Any]]:
        """Every rule: name, value, default, choices, and what is known about it."""
        rules: list[dict[str, Any]] = self._call("GET", "/rules")["rules"]
        return rules

    def set_rules(self, rules: Mapping[str, object]) -> None:
        """Change rules from now on, until the reset."""
        self._call("POST", "/rules", dict(rules))

    def reset(self) -> None:
        """Forget conversations, profiles, faults, limits, counters and logs; rules are those of the start."""
        self._call("POST", "/reset", {})

    def _act(self, conversation_id: str, verb: dict[str, Any]) -> dict[str, Any]:
        check_conversation_id(conversation_id)
        return self._call("POST", f"/conversations/{conversation_id}/agent", verb)

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, query: str = ""
    ) -> dict[str, Any]:
        headers = {"X-Sandbox-Token": self._token.reveal()}
        status, result = request_json(method, self.control + quote(path) + query, body, headers)
        if status == 404:
            raise KeyError(result["error"])
        if status != 200:
            raise ValueError(result.get("error", f"HTTP {status}"))
        return result
