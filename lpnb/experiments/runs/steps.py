"""The steps of a run: what is done with each case besides opening its conversation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import brief, count
from lpnb._internal.validation import one_of
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.columns import ATTRIBUTES, ENTRY_POINTS, IDENTITIES

if TYPE_CHECKING:
    from lpnb.client.landings import LandingSource
    from lpnb.experiments.cases.cases import Cases


@dataclass(frozen=True)
class Steps:
    """What is done with each case besides opening its conversation.

    Args:
        engagement: Ask Monitoring first, with the case's SDEs and entry points, and route by what it offers;
            a case that is offered nothing is sent as it stands.
        say: Messages to send as the consumer once the conversation is open.
        landing: Read which skill it landed in, from history or a *receiver*.
        close: Close the conversation at the end.
        landing_wait: Seconds to wait for the landing at the most; history is about a minute late.
        receiver: A running ``Receiver``, to hear of landings by webhook.

    A new conversation may not be valid at once: where its first frame is refused with BAD_REQUEST, it is sent
    again after 0.2, 0.5 and 1 s.

    What became of them is in ``say_outcome``, ``landing_outcome`` and ``close_outcome`` in the run's
    table, and by ``run.advice`` where one did not come to what it should.

    Raises:
        InvalidValueError: Naming everything that is wrong.

    Example:
        >>> Steps(say=["Hello"], landing=True, close=True).any
        True
    """

    engagement: bool = False
    say: Sequence[str] = ()
    landing: bool = False
    close: bool = False
    landing_wait: float = DEFAULT_WAIT
    receiver: LandingSource | None = None

    if not TYPE_CHECKING:

        def __new__(cls, *_: Any, **values: Any) -> Steps:
            """Refuse what is no step: the dataclass would not say which steps there are."""
            names = tuple(cls.__dataclass_fields__)
            if wrong := [one_of("a step", name, names) for name in values if name not in names]:
                raise InvalidValueError(wrong)
            return super().__new__(cls)

    def __post_init__(self) -> None:
        wrong = [
            Complaint(
                f"steps.{name}", f"steps.{name} must be true or false; got {brief(getattr(self, name))}."
            )
            for name in ("engagement", "landing", "close")
            if not isinstance(getattr(self, name), bool)
        ]
        is_list = isinstance(self.say, Iterable) and not isinstance(self.say, str)
        texts = tuple(self.say) if is_list else ()  # once: a generator has nothing left for a second look
        if not is_list or not all(isinstance(text, str) and text.strip() for text in texts):
            rule = "must be a list of messages that are not blank"
            wrong.append(Complaint("steps.say", f"steps.say {rule}; got {brief(self.say)}."))
        else:
            wrong.extend(_invalid_messages(texts))
        if self.receiver is not None and not callable(getattr(self.receiver, "landing", None)):
            sentence = f"steps.receiver must be a Receiver, or None; got {brief(self.receiver)}."
            wrong.append(Complaint("steps.receiver", sentence))
        wait = self.landing_wait
        if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= 86_400:
            rule = "must be from 0 to 86,400 seconds"
            wrong.append(Complaint("steps.landing_wait", f"steps.landing_wait {rule}; got {brief(wait)}."))
        if wrong:
            raise InvalidValueError(wrong)
        object.__setattr__(self, "say", texts)

    @property
    def any(self) -> bool:
        """Whether there is anything to do besides sending."""
        return self.engagement or self.follows

    @property
    def follows(self) -> bool:
        """Whether there is anything to do once a conversation is open."""
        return bool(self.say) or self.landing or self.close

    @property
    def last_name(self) -> str:
        """What is done last with a conversation, as progress says it; empty when nothing is."""
        names = {"closing": self.close, "reading landings": self.landing, "saying": bool(self.say)}
        return next((name for name, is_on in names.items() if is_on), "")

    def for_journal(self) -> dict[str, Any]:
        """These steps as a journal keeps them; a receiver is of this process alone."""
        return {**asdict(Steps(self.engagement, self.say, self.landing, self.close, self.landing_wait))}


def run_forecast(cases: int, rate: float | None, steps: Steps) -> str:
    """Say how many conversations and calls a run makes, and how long it takes.

    *rate* is calls to the Connector API a second, steps included: CONVERSATION, each message and the close.

    Example:
        >>> run_forecast(1200, 10, Steps(engagement=True, say=["Hello"], close=True))[40:]
        'at least 6,000 calls, 3,600 of them to the Connector API: about 6.0 minutes at 10 of those a second.'
        >>> run_forecast(1, None, Steps(landing=True))
        'This run opens 1 conversation with at least 3 calls, as fast as the account takes them.'
    """
    # A ConsumerJWS and CONVERSATION for each.
    calls = cases * (2 + steps.engagement + len(steps.say) + steps.landing + steps.close)
    sentence = f"This run opens {count(cases, 'conversation')} with at least {count(calls, 'call')}"
    if not rate or rate <= 0:
        return f"{sentence}, as fast as the account takes them."
    api_calls = cases * (1 + len(steps.say) + steps.close)
    seconds = api_calls / rate
    time = f"{seconds / 60:.1f} minutes" if seconds >= 60 else count(max(round(seconds), 1), "second")
    return (
        f"{sentence}, {api_calls:,} of them to the Connector API: about {time} at {rate:g} of those a second."
    )


def campaign_alone(cases: Cases) -> str | None:
    """How many cases name a campaign and no engagement of it, and what becomes of them; None when none does.

    Example:
        >>> from lpnb import cases_of
        >>> campaign_alone(cases_of([{"skillId": "7"}, {"campaignInfo.campaignId": "9"}]))[:65]
        '1 of 2 cases names a campaign and no campaignInfo.engagementId. T'
        >>> campaign_alone(cases_of([{"skillId": "7", "campaignInfo.campaignId": None}]))
    """
    alone = cases.rows_with("campaignInfo.campaignId", without="campaignInfo.engagementId")
    if not alone:
        return None
    return (
        f"{alone:,} of {count(len(cases), 'case')} {'names' if alone == 1 else 'name'} a campaign and no "
        "campaignInfo.engagementId. The two belong together: the sandbox routes such a case as if it named "
        "no campaign, so it may land in the default skill."
    )


def unused_columns(steps: Steps, columns: Iterable[str]) -> str | None:
    """What the cases hold for Monitoring alone while these steps do not ask it, and how to ask.

    Example:
        >>> unused_columns(Steps(), ["ctmrinfo.ctype", "entryPoints"])[:56]
        'Monitoring is not asked, so entryPoints changes nothing.'
        >>> unused_columns(Steps(engagement=True), ["entryPoints"])
    """
    parts = {name.split(".")[0] for name in columns}
    idle = [part for part in (ENTRY_POINTS, IDENTITIES, ATTRIBUTES) if part in parts]
    if steps.engagement or not idle:
        return None
    change = "changes" if len(idle) == 1 else "change"
    return (
        f"Monitoring is not asked, so {' and '.join(idle)} {change} nothing. "
        "To ask it: --engagement, or in Python steps=Steps(engagement=True)."
    )


def without_entry_points(steps: Steps, columns: Iterable[str]) -> str | None:
    """What Monitoring offers to cases that name no page, and what that decides; None when they name one.

    Example:
        >>> without_entry_points(Steps(engagement=True), ["ctmrinfo.ctype"])[:32]
        'No case has entryPoints, so Moni'
    """
    if not steps.engagement or ENTRY_POINTS in {name.split(".")[0] for name in columns}:
        return None
    return (
        "No case has entryPoints, so Monitoring offers what is meant for every page, and its offer decides "
        "before a rule about ctype."
    )


def _invalid_messages(texts: Sequence[str]) -> Iterator[Complaint]:
    """What keeps a message from being sent, while no conversation is open yet."""
    if not texts:
        return
    from lpnb.models.frames import Message

    for place, text in enumerate(texts):
        try:
            Message(text=text, conversation_id=_EXAMPLE_ID)
        except InvalidValueError as error:
            for complaint in error.complaints:
                yield Complaint(f"steps.say[{place}]", f"steps.say[{place}]: {complaint.sentence}")


#: As long as the ids that the service gives.
_EXAMPLE_ID = "00000000-0000-4000-8000-000000000000"
