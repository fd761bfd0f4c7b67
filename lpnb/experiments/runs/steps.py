"""What a run does with each case besides opening its conversation.

Asking Monitoring comes before, opening messages, the landing skill and the close come after. Each is in the
journal: a message is written down before it leaves and never sent twice, a landing is read again until it is
known, a close is repeated because that is harmless.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import brief, count
from lpnb._internal.validation import one_of
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.errors import Complaint, InvalidValueError, NotSentError, SettingsError
from lpnb.experiments.cases.columns import ATTRIBUTES, ENTRY_POINTS, IDENTITIES
from lpnb.experiments.runs.closable_queue import Pipe
from lpnb.experiments.runs.dispatcher import HeldError, Sending
from lpnb.journal import Answer, Reader, Step

if TYPE_CHECKING:
    from lpnb.client.landings import LandingSource
    from lpnb.experiments.cases.cases import Case
    from lpnb.models.outgoing import Batch


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

    What became of them is told by ``say_outcome``, ``landing_outcome`` and ``close_outcome`` in the run's
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

        def __new__(cls, *_: Any, **given: Any) -> Steps:
            """Refuse what is no step: the dataclass would not say which steps there are."""
            names = tuple(cls.__dataclass_fields__)
            if wrong := [one_of("a step", name, names) for name in given if name not in names]:
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
        said = self.say
        listed = isinstance(said, Iterable) and not isinstance(said, str)
        texts = tuple(said) if listed else ()  # once: a generator has nothing left for a second look
        if not listed or not all(isinstance(text, str) and text.strip() for text in texts):
            rule = "must be a list of messages that are not blank"
            wrong.append(Complaint("steps.say", f"steps.say {rule}; got {brief(said)}."))
        else:
            wrong.extend(_unsayable(texts))
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

    def kept(self) -> dict[str, Any]:
        """These steps as a journal keeps them; a receiver is of this process alone."""
        return {**asdict(Steps(self.engagement, self.say, self.landing, self.close, self.landing_wait))}


def for_nobody(steps: Steps, columns: Iterable[str]) -> str | None:
    """What the cases hold for Monitoring alone while these steps do not ask it, and how to ask.

    Example:
        >>> for_nobody(Steps(), ["ctmrinfo.ctype", "entryPoints"])[:56]
        'Monitoring is not asked, so entryPoints changes nothing.'
        >>> for_nobody(Steps(engagement=True), ["entryPoints"])
    """
    parts = {name.split(".")[0] for name in columns}
    idle = [part for part in (ENTRY_POINTS, IDENTITIES, ATTRIBUTES) if part in parts]
    if steps.engagement or not idle:
        return None
    change = "changes" if len(idle) == 1 else "change"
    return (
        f"Monitoring is not asked, so {' and '.join(idle)} {change} nothing. "
        "To ask it: steps=Steps(engagement=True), or --engagement."
    )


def _unsayable(texts: Iterable[str]) -> Iterator[Complaint]:
    """What keeps a message from being sent, while no conversation is open yet."""
    from lpnb.models.frames import Message

    for place, text in enumerate(texts):
        try:
            Message(text=text, conversation_id=_LIKE_AN_ID)
        except InvalidValueError as error:
            for found in error.complaints:
                yield Complaint(f"steps.say[{place}]", f"steps.say[{place}]: {found.sentence}")


#: As long as the ids that the service gives.
_LIKE_AN_ID = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class _Opened:
    number: int
    consumer_id: str
    conversation_id: str
    done: frozenset[tuple[str, int]] = frozenset()
    """Steps that are over, or that may have happened and must not happen twice."""


class SendingWithSteps(Sending):
    """``Sending``, with something to do before and after."""

    def __init__(self, *args: Any, steps: Steps, unfinished: Iterable[_Opened] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.steps = steps
        self._unfinished = unfinished
        # Numbers and ids only: as many as there are conversations at the most.
        self._opened: Pipe[_Opened] = Pipe()

    async def run(self) -> str:
        """Send all there is, and do with each conversation what is to be done."""
        following = [asyncio.create_task(self._follow()) for _ in range(self._concurrency)]
        try:
            for opened in self._unfinished:
                self._opened.put(opened)
            state = await super().run()
        finally:
            self._opened.close(drop=self.stopping)
            await asyncio.gather(*following)
        if self.failure is not None:
            return "failed"
        return "stopped" if state == "done" and self.stopping else state

    def stop(self) -> None:
        """Let nothing new leave; steps that were not begun wait for the next sitting."""
        super().stop()
        self._opened.close(drop=True)

    async def batch_of(self, case: Case, consumer_id: str) -> Batch:
        """The case's batch, routed by what Monitoring offers when it is to be asked."""
        if not self.steps.engagement:
            return case.posted()
        batch = case.batch()
        from lpnb.models.engagements import EngagementRequest

        asked = case.engagement(consumer_id) or {}
        async with self.preparing:
            if self.holds:
                raise HeldError
            offer = await self.engine.engagement(EngagementRequest(consumer_id, **asked))
        said = {"campaign_id": offer.campaign_id, "engagement_id": offer.engagement_id}
        await self._note(case.number, "engagement", 0, offer.outcome, said)
        return batch.with_engagement(offer) if offer.outcome == "offered" else batch

    def after(self, number: int, consumer_id: str, answer: Answer) -> None:
        """Hand an open conversation to those who follow it up."""
        if self.steps.follows and answer.outcome == "answered" and answer.conversation_id is not None:
            self._opened.put(_Opened(number, consumer_id, answer.conversation_id))

    async def _follow(self) -> None:
        while (opened := await self._opened.take()) is not None:
            try:
                await self._do(opened)
            except Exception as error:
                self._fail(error)

    async def _do(self, opened: _Opened) -> None:
        for place, text in enumerate(self.steps.say):
            if self.stopping:
                return
            if ("say", place) not in opened.done and not await self._say(opened, place, text):
                break
        if self.steps.landing and ("landing", 0) not in opened.done and not self.stopping:
            await self._land(opened)
        if self.steps.close and ("close", 0) not in opened.done and not self.stopping:
            await self._close(opened)

    async def _say(self, opened: _Opened, place: int, text: str) -> bool:
        from lpnb.models.frames import Message

        await self._note(opened.number, "say", place, "sending", {})
        try:
            fields: dict[str, Any] = {"text": text, "conversation_id": opened.conversation_id}
            frame = Message(**fields)
            reply = await self.engine.send_frame(frame, opened.consumer_id)
            outcome, said = reply.outcome, {"sequence": reply.sequence, "explanation": reply.explanation}
        except NotSentError as error:
            outcome, said = "not sent", {"explanation": str(error)}
        await self._note(opened.number, "say", place, outcome, said)
        return outcome == "answered"

    async def _land(self, opened: _Opened) -> None:
        from lpnb.client.landings import find_landing

        try:
            landing = await find_landing(
                self.engine,
                opened.conversation_id,
                receiver=self.steps.receiver,
                wait=self.steps.landing_wait,
            )
        except (NotSentError, SettingsError) as error:
            await self._note(opened.number, "landing", 0, "not sent", {"explanation": str(error)})
            return
        said = {
            "skill_id": landing.skill_id,
            "skill_name": landing.skill_name,
            "source": landing.source,
            "explanation": landing.explanation,
        }
        await self._note(opened.number, "landing", 0, "answered" if landing.ok else "not visible", said)

    async def _close(self, opened: _Opened) -> None:
        from lpnb.models.conversation_fields import Close
        from lpnb.models.frames import FieldUpdate

        try:
            fields: dict[str, Any] = {"fields": [Close()], "conversation_id": opened.conversation_id}
            frame = FieldUpdate(**fields)
            reply = await self.engine.send_frame(frame, opened.consumer_id)
            outcome, said = reply.outcome, {"explanation": reply.explanation}
        except NotSentError as error:
            outcome, said = "not sent", {"explanation": str(error)}
        await self._note(opened.number, "close", 0, outcome, said)

    async def _note(self, number: int, step: str, place: int, outcome: str, said: dict[str, Any]) -> None:
        said_text = json.dumps(said, ensure_ascii=False)
        await self.journal.step(Step(number, step, place, outcome, said_text, time.time_ns() // 1000))


def sending_of(*given: Any, steps: Steps, unfinished: Iterable[_Opened], **options: Any) -> Sending:
    """A sitting with those of the *steps* that there are."""
    if steps.any:
        return SendingWithSteps(*given, steps=steps, unfinished=unfinished, **options)
    return Sending(*given, **options)


def unfinished(reader: Reader, steps: Steps) -> list[_Opened]:
    """The open conversations of an earlier sitting with which something is still to be done."""
    if not steps.follows:
        return []
    done: dict[int, set[tuple[str, int]]] = {}
    for number, step, place, outcome, _ in reader.steps():
        if outcome in ("answered", "refused") or (step == "say" and outcome != "not sent"):
            done.setdefault(number, set()).add((step, place))
    wanted = {("say", place) for place in range(len(steps.say))}
    wanted |= {("landing", 0)} if steps.landing else set()
    wanted |= {("close", 0)} if steps.close else set()
    return [
        _Opened(case.number, case.consumer_id, case.conversation_id, frozenset(had))
        for case in reader.cases()
        if case.state == "answered"
        and case.conversation_id is not None
        and wanted - (had := done.get(case.number, set()))
        and ("close", 0) not in had
    ]


def missed(reader: Reader, resume: str) -> str:
    """What steps did not come to, by how many cases, and what can be done: *resume* does some again."""
    found: dict[tuple[str, str], int] = {}
    for had in reader.followed().values():
        for step in ("say", "landing", "close"):
            if (outcome := had.get(step, "answered")) not in ("answered", "sending"):
                found[step, outcome] = found.get((step, outcome), 0) + 1
    again = f"{resume} tries again"
    by_hand = "see to it in the conversation"
    told = {
        ("say", "refused"): f"an opening message was refused and is not said again; {by_hand}",
        ("say", "unknown"): f"an opening message may not have arrived and is not said again; {by_hand}",
        ("say", "not sent"): f"an opening message was not sent; {again}",
        ("landing", "not visible"): f"the landing is not known; {again}",
        ("landing", "not sent"): f"the landing could not be asked for; {again}",
        ("close", "refused"): f"the close was refused and is not repeated; {by_hand}",
        ("close", "unknown"): f"the conversation may still be open; {again}",
        ("close", "not sent"): f"the close was not sent; {again}",
    }
    return " ".join(f"{count(found[it], 'case')}: {told[it]}." for it in told if it in found)
