"""`Controls`: the methods with which a test inspects and steers a running sandbox.

`Sandbox` inherits them; the control API offers the same over HTTP.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from types import EllipsisType
from typing import Any

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.control.agent_actions import AgentActions
from lpnb.sandbox.control.routing_trace import trace_of
from lpnb.sandbox.errors import ControlError
from lpnb.sandbox.faults.faults import FaultQueue, PendingFault, make_fault, quoted_list
from lpnb.sandbox.faults.rate_limits import RateLimit, RateLimits, make_limit
from lpnb.sandbox.service_context import AccountLoading
from lpnb.sandbox.state.auto_close import close_idle
from lpnb.sandbox.state.clock import Clock
from lpnb.sandbox.state.conversations import Conversation, Message
from lpnb.sandbox.state.state import RequestRecord, State
from lpnb.sandbox.tokens import Keyring, consumer
from lpnb.sandbox.world.models import World
from lpnb.sandbox.world.rules import Rules, RulesError, describe_rules, make_rules


@dataclass(frozen=True, slots=True)
class ConversationDetail:
    """A conversation, what was said in it, and how it came to its skill."""

    conversation: Conversation
    messages: list[Message]
    trace: dict[str, Any]


class Controls(AgentActions):
    """Views and verbs over the parts of one played account."""

    account_id: str
    world: World
    seed: str
    """Decides faults of chance, and ids too when it was given. Shown, so that a run can be repeated."""
    auto_close_after: float
    rules: Rules
    _state: State
    _clock: Clock
    _faults: FaultQueue
    _rate_limits: RateLimits
    _account_loading: AccountLoading
    _rules_at_start: Rules
    _keyring: Keyring | None

    @property
    def calls(self) -> Counter[str]:
        """How many requests reached each route, such as ``calls["conversation"]``."""
        return self._state.calls

    @property
    def requests(self) -> list[RequestRecord]:
        """The request log, oldest first, without tokens and secrets."""
        return self._state.records

    @property
    def conversations(self) -> list[Conversation]:
        """A snapshot of every conversation still remembered, oldest first."""
        return self._state.conversations

    def profile(self, ext_consumer_id: str, *, account_id: str | None = None) -> list[Any]:
        """The SDEs known of a consumer, whether or not a conversation came of them.

        Args:
            ext_consumer_id: As the connector named it.
            account_id: Whose consumer; the sandbox's own account by default.
        """
        return self._state.profile_of(consumer(account_id or self.account_id, ext_consumer_id))

    @property
    def faults(self) -> list[tuple[str, str, int | None]]:
        """The faults still to come: route, name and how many times."""
        return [(item.route, item.fault.name, item.left) for item in self.pending_faults]

    @property
    def pending_faults(self) -> list[PendingFault]:
        """The faults still to come, with all their options."""
        return self._faults.pending()

    @property
    def fault_log(self) -> str:
        """The faults that happened, a line of JSON each; equal for equal seeds and requests."""
        return self._faults.log()

    @property
    def rate_limits(self) -> dict[str, RateLimit]:
        """The rate limits in force, by account."""
        return self._rate_limits.by_account()

    @property
    def now(self) -> float:
        """The sandbox's time, in epoch seconds."""
        return self._clock()

    @property
    def clock_offset(self) -> float:
        """By how many seconds the sandbox is ahead of real time."""
        return self._clock.offset

    @property
    def clock_frozen(self) -> bool:
        """Whether the sandbox's clock stands still."""
        return self._clock.frozen

    def fail(
        self,
        route: str,
        fault: str,
        times: int | EllipsisType | None = ...,
        *,
        probability: float = 1.0,
        code: int | None = None,
        retry_after: float | str | None = None,
        body: Any = None,
        seconds: float | None = None,
        size: int | None = None,
        reset: bool | None = None,
        work_done: bool | None = None,
    ) -> None:
        """Let *fault* happen to the next *times* requests of *route*.

        An option that is left out has the fault's own default; `lpnb.sandbox.faults.faults.FAULTS` is the
        table of faults, with the options and defaults of each.

        Args:
            route: A name from `lpnb.sandbox.route_names.ROUTES`, such as "conversation".
            fault: "status", "slow", "hang", "drip", "drop_before", "drop_after", "truncate", "html", "empty",
                "big", "nan", "reqid_missing", "reqid_doubled", "reqid_unknown", "reqid_int", "not_yet",
                "shuffled" or "surplus".
            times: How often; None for every request until `reset`. Left out: once, and without end when
                there is a *probability*.
            probability: The chance of each request to be hit, above 0 and at most 1.
            code: HTTP status of "status", "html" and "empty".
            retry_after: Retry-After header of "status", in seconds or as a date.
            body: Body of "status": text, bytes, or a value that becomes JSON.
            seconds: How long "slow" waits, "hang" says nothing, or "drip" pauses between two bytes.
            size: Bytes of the body of "big".
            reset: Whether "drop_before" and "drop_after" cut with RST in place of FIN.
            work_done: Whether the service does its work all the same, of "status", "hang", "html", "empty"
                and "big".

        Raises:
            ValueError: There is no such route or fault, the route's answers cannot have the fault, or a value
                makes no sense.
            TypeError: The fault does not take this option.

        Example:
            >>> from lpnb import Sandbox
            >>> sandbox = Sandbox()
            >>> sandbox.fail("conversation", "status", code=429, retry_after=2)
            >>> sandbox.faults
            [('conversation', 'status', 1)]
        """
        options = {
            "code": code,
            "retry_after": retry_after,
            "body": body,
            "seconds": seconds,
            "size": size,
            "reset": reset,
            "work_done": work_done,
        }
        options = {name: value for name, value in options.items() if value is not None}
        self.add_fault(route, fault, options, times, probability)

    def add_fault(
        self,
        route: str,
        fault: str,
        options: Mapping[str, Any],
        times: int | EllipsisType | None = ...,
        probability: float = 1.0,
    ) -> None:
        """`fail` with the options as a mapping, as the control API takes them."""
        if times is ...:
            times = 1 if probability == 1 else None
        self._faults.add(route, make_fault(route, fault, options), times, probability)

    def clear_faults(self) -> None:
        """Drop every fault still to come; what happened stays in the log."""
        self._faults.clear()

    def rate_limit(
        self,
        rate: float | None,
        burst: int | None = None,
        *,
        retry_after: bool = False,
        body: Any = None,
        routes: Sequence[str] | None = None,
        account_id: str | None = None,
    ) -> None:
        """Answer 429 to what comes faster than *rate* requests a second.

        Args:
            rate: Requests a second, by the sandbox's clock; None lifts the limit.
            burst: How many may come at once; *rate*, rounded up, by default.
            retry_after: Say in Retry-After how many seconds to wait. LivePerson mentions no such header.
            body: JSON to answer with; no body at all by default.
            routes: Which routes count together; the Send API's by default.
            account_id: Whose limit; the sandbox's own account by default.
        """
        account_id = self._account_id(account_id)
        limit = (
            None
            if rate is None
            else make_limit(rate, burst, retry_after=retry_after, body=body, routes=routes)
        )
        self._rate_limits.set(account_id, limit, self.now)

    def advance(self, seconds: float) -> None:
        """Move the clock on: tokens and URLs expire, idle conversations close, buckets refill."""
        self._clock.advance(seconds)
        self._clock_moved()

    def set_clock(self, now: float) -> None:
        """Let it be *now*, in epoch seconds."""
        self._clock.set(now)
        self._clock_moved()

    def freeze_clock(self) -> None:
        """Let the time stand still; `advance` and `set_clock` move it all the same."""
        self._clock.freeze()
        self._clock_moved()

    def run_clock(self) -> None:
        """Let the time run on from where it stands."""
        self._clock.run()
        self._clock_moved()

    @property
    def rule_list(self) -> list[dict[str, Any]]:
        """Every rule: name, value, default, choices, and what is known about it."""
        return describe_rules(self.rules)

    def set_rules(self, rules: Mapping[str, object]) -> None:
        """Change switches of `rules` from now on, until `reset`.

        Args:
            rules: Values by name, such as ``{"unknown_ids": "refuse"}``; those not named stay as they are.

        Raises:
            ValueError: Naming everything that is wrong. Nothing has changed then.

        Example:
            >>> from lpnb import Sandbox
            >>> sandbox = Sandbox()
            >>> sandbox.set_rules({"unknown_ids": "refuse"})
            >>> sandbox.rules.unknown_ids
            'refuse'
        """
        try:
            self.rules = make_rules(asdict(self.rules), rules)
        except RulesError as error:
            raise ControlError(" ".join(error.complaints)) from None

    def close_idle(self) -> list[str]:
        """Close what waited too long for its consumer, as every move of the clock does; return the ids."""
        return close_idle(self._state, self.auto_close_after)

    def detail(self, conversation_id: str) -> ConversationDetail:
        """One conversation in full.

        Raises:
            KeyError: When there is no such conversation, or it has been forgotten.
        """
        state = self._state
        with state.ledger:
            conversation = self._conversation(conversation_id)
            return ConversationDetail(
                conversation, state.messages(conversation_id), self.trace(conversation_id)
            )

    def trace(self, conversation_id: str) -> dict[str, Any]:
        """How a conversation came to its skill: the rules in their order, and the engagements considered.

        Raises:
            KeyError: When there is no such conversation, or it has been forgotten.
        """
        with self._state.ledger:
            self._conversation(conversation_id)
            return trace_of(self.world, self._state, conversation_id)

    def account_names(self, account_id: str | None = None) -> dict[str, dict[str, str]]:
        """The names of an account's "skills", "campaigns" and "engagements", each by its id."""
        account = self.world.accounts_by_id[self._account_id(account_id)]
        return {
            "skills": {skill.id: skill.name for skill in account.skills},
            "campaigns": {campaign.id: campaign.name for campaign in account.campaigns},
            "engagements": {engagement.id: engagement.name for engagement in account.engagements},
        }

    def set_online(self, agent_id: str, online: bool, *, account_id: str | None = None) -> None:
        """Let an agent come or go, by id or name; who is there when the world begins stands in the world."""
        account_id = self._account_id(account_id)
        account = self.world.accounts_by_id[account_id]
        agents = account.agents
        namesake_ids = [agent.id for agent in agents if agent.name.casefold() == agent_id.strip().casefold()]
        if agent_id not in {agent.id for agent in agents} and len(namesake_ids) == 1:
            (agent_id,) = namesake_ids
        if agent_id not in {agent.id for agent in agents}:
            ids_text = quoted_list(agent.id for agent in agents) or "none: the account has no agents"
            names = {skill.id: skill.name for skill in account.skills}
            who = "".join(
                f"\n{agent.id} is {agent.name}: "
                f"{', '.join(names.get(skill, skill) for skill in agent.skills) or 'every skill'}."
                for agent in agents
            )
            raise ControlError(f"agent_id must be one of {ids_text}; got {agent_id!r}.{who}")
        self._state.set_online(account_id, agent_id, online)

    def load_account(self, calls: int | None = 1) -> None:
        """Let the next *calls* to Monitoring find the account loading; None for all until 0 is set."""
        self._account_loading.remaining_calls = calls

    def unstored(self) -> "Future[None] | None":
        """Done when everything that happened is in the state file; None when it is, or there is none."""
        return self._state.ledger.unstored()

    def close_conversation(self, conversation_id: str) -> None:
        """Close a conversation, so that its consumer may open another one.

        Raises:
            KeyError: When there is no such conversation, or it has been forgotten.
        """
        with self._state.ledger:
            self._conversation(conversation_id)
            self._state.close_conversation(conversation_id)

    def expire_tokens(self) -> None:
        """Make every AppJWT issued so far invalid at once; ConsumerJWS stay valid, as they never expire."""
        if self._keyring is not None:
            self._keyring.expire_app_jwts(self.now)
            self._tokens_expired()

    def reset(self) -> None:
        """Forget conversations, profiles, faults, limits, counters and logs; the clock shows real time again.

        Rules are those of the start again. Tokens stay as they are.
        """
        self._faults.reset()
        self._rate_limits.clear()
        self._account_loading.remaining_calls = 0
        self.rules = self._rules_at_start
        self._clock.reset()
        self._state.reset()
        self._clock_moved()

    def _account_id(self, account_id: str | None) -> str:
        """The account that is meant, which must be one of the world's."""
        if account_id is not None and account_id not in self.world.accounts_by_id:
            raise ControlError(one_of("account_id", account_id, tuple(self.world.accounts_by_id)))
        return account_id or self.account_id

    def _clock_moved(self) -> None:
        """After every change of the clock."""
        self.close_idle()

    def _tokens_expired(self) -> None:
        """After tokens were expired by hand."""
