"""One account of the played Conversational Cloud: who it is, its rules, its keys, its memory."""

from dataclasses import dataclass

from .faults import FaultQueue
from .rate_limits import RateLimits
from .rules import Rules
from .state import State
from .tokens import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """What the services are given to decide with."""

    account_id: str
    client_id: str
    client_secret: str
    token_lifetime: int
    host: str
    """What the Domain API hands out: ``127.0.0.1:port``, or a name without a port."""
    rules: Rules
    keyring: Keyring
    state: State
    faults: FaultQueue
    rate_limits: RateLimits

    @property
    def now(self) -> float:
        """The sandbox's time, in epoch seconds."""
        return self.state.clock()
