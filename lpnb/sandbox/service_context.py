"""The context handed to every service: world, rules, keys, state, faults and rate limits."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lpnb.sandbox.faults.faults import FaultQueue
from lpnb.sandbox.faults.rate_limits import RateLimits
from lpnb.sandbox.state.state import State
from lpnb.sandbox.tokens import Keyring
from lpnb.sandbox.world.models import Account, Skill, World
from lpnb.sandbox.world.rules import Rules
from lpnb.sandbox.world.skill_routing import RoutingRequest, route_conversation

_MAX_CACHED_LANDINGS = 1000
_MAX_CACHED_REQUEST = 500


@dataclass(slots=True)
class AccountLoading:
    """How many calls to Monitoring still find their account loading; None is every one."""

    remaining_calls: int | None = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Whether the call that just came finds it so."""
        with self._lock:
            if self.remaining_calls:
                self.remaining_calls -= 1
                return True
            return self.remaining_calls is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What the services are given to decide with."""

    account_id: str
    """The account the sandbox introduces itself as; the world may have others."""
    world: World
    token_lifetime: int
    host: str
    """What the Domain API hands out: ``127.0.0.1:port``, or a name without a port."""
    scheme: str
    """Either "http" or "https"."""
    current_rules: Callable[[], Rules] = field(repr=False)
    keyring: Keyring
    state: State
    faults: FaultQueue
    rate_limits: RateLimits
    file_key: bytes = field(repr=False)
    """Signs the file store's URLs."""
    account_loading: AccountLoading = field(default_factory=AccountLoading)
    _landing_cache: dict[Any, tuple[dict[str, Any], list[str]]] = field(default_factory=dict)

    @property
    def rules(self) -> Rules:
        """The rules as they are now: the control API may change them."""
        return self.current_rules()

    @property
    def now(self) -> float:
        """The sandbox's time, in epoch seconds."""
        return self.state.clock()

    def account(self, account_id: str) -> Account | None:
        """The account with this id, or None."""
        return self.world.accounts_by_id.get(account_id)

    def landing_for(self, account: Account, request: RoutingRequest) -> tuple[dict[str, Any], list[str]]:
        """Where routing puts a conversation: the very same landing for all that ask for the same.

        A trace weighs more than the request it is about, and most are alike.
        """
        key = (account.id, request, self.state.availability, self.rules)
        landing = self._landing_cache.get(key)
        if landing is None:
            landing = route_conversation(
                account, request, self.rules, lambda skill: self.online(account, skill)
            )
            if request.weight > _MAX_CACHED_REQUEST:
                return landing
            if len(self._landing_cache) >= _MAX_CACHED_LANDINGS:
                self._landing_cache.clear()
            self._landing_cache[key] = landing
        return landing

    def online(self, account: Account, skill: Skill) -> bool:
        """Whether an agent of *skill* is there."""
        for agent in account.agents_of(skill):
            set_online = self.state.online(account.id, agent.id)
            if agent.online if set_online is None else set_online:
                return True
        return False
