"""The played Conversational Cloud: its world, its rules, its keys, its memory."""

import threading
from dataclasses import dataclass, field
from typing import Any

from lpnb.sandbox.faults.faults import FaultQueue
from lpnb.sandbox.faults.rate_limits import RateLimits
from lpnb.sandbox.state.state import State
from lpnb.sandbox.tokens import Keyring
from lpnb.sandbox.world.models import Account, Skill, World
from lpnb.sandbox.world.routing import Asked, route
from lpnb.sandbox.world.rules import Rules

_LANDINGS_KEPT = 1000
_HEAVIEST_LANDING = 500


@dataclass(slots=True)
class Loading:
    """How many calls to Monitoring still find their account loading; None is every one."""

    left: int | None = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Whether the call that just came finds it so."""
        with self._lock:
            if self.left:
                self.left -= 1
                return True
            return self.left is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What the services are given to decide with."""

    account_id: str
    """The account the sandbox introduces itself as; the world may have others."""
    world: World
    token_lifetime: int
    host: str
    """What the Domain API hands out: ``127.0.0.1:port``, or a name without a port."""
    rules: Rules
    keyring: Keyring
    state: State
    faults: FaultQueue
    rate_limits: RateLimits
    file_key: bytes = field(repr=False)
    """Signs the file store's URLs."""
    loading: Loading = field(default_factory=Loading)
    _landings: dict[Any, tuple[dict[str, Any], list[str]]] = field(default_factory=dict)

    @property
    def now(self) -> float:
        """The sandbox's time, in epoch seconds."""
        return self.state.clock()

    def account(self, account_id: str) -> Account | None:
        """The account with this id, or None."""
        return self.world.accounts_by_id.get(account_id)

    def land(self, account: Account, asked: Asked) -> tuple[dict[str, Any], list[str]]:
        """Where routing puts a conversation: the very same landing for all that ask for the same.

        A trace weighs more than the request it is about, and most are alike.
        """
        key = (account.id, asked, self.state.availability)
        found = self._landings.get(key)
        if found is None:
            found = route(account, asked, self.rules, lambda skill: self.online(account, skill))
            if asked.weight > _HEAVIEST_LANDING:
                return found
            if len(self._landings) >= _LANDINGS_KEPT:
                self._landings.clear()
            self._landings[key] = found
        return found

    def online(self, account: Account, skill: Skill) -> bool:
        """Whether an agent of *skill* is there."""
        for agent in account.agents_of(skill):
            said = self.state.online(account.id, agent.id)
            if agent.online if said is None else said:
                return True
        return False
