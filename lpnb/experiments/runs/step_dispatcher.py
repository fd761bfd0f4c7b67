"""The dispatcher of a run with steps: Monitoring before a case is sent; messages, landing and close after.

Each step is in the journal: a message is written down before it leaves and never sent twice, a landing is
read again until it is known, a close is repeated because that is harmless.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import count
from lpnb.client.sandbox_control import SandboxControl, find_sandbox
from lpnb.errors import LpnbError, NotSentError, SettingsError
from lpnb.experiments.runs.case_dispatcher import Dispatcher, HeldError, OpenConversation, Session
from lpnb.experiments.runs.closable_queue import ClosableQueue
from lpnb.experiments.runs.steps import Steps
from lpnb.journal import Answer, Reader, StepRecord
from lpnb.models.frame_responses import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from lpnb.experiments.cases.cases import Case
    from lpnb.models.frames import Frame
    from lpnb.models.outgoing import Batch
    from lpnb.models.responses import BatchResponse

#: Seconds between the tries of a new conversation's first frame: it may not be valid at once (documented).
NEW_CONVERSATION_DELAYS = (0.2, 0.5, 1.0)


class DispatcherWithSteps(Dispatcher):
    """A dispatcher that asks Monitoring before a case is sent, and follows its conversation up afterwards."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.steps = session.options.steps
        self._earlier_conversations = session.opened
        # Numbers and ids only: as many as there are conversations at the most.
        self._conversations: ClosableQueue[OpenConversation] = ClosableQueue()
        self.counters.step = self.steps.last_name

    async def run(self) -> str:
        """Send all there is, and do with each conversation what is to be done."""
        followers = [asyncio.create_task(self._follow_all()) for _ in range(self._concurrency)]
        try:
            for conversation in self._earlier_conversations:
                self._add(conversation)
            state = await super().run()
        finally:
            self._conversations.close(drop=self.is_stopping)
            await asyncio.gather(*followers)
        if self.failure is not None:
            return "failed"
        return "stopped" if state == "done" and self.is_stopping else state

    def stop(self) -> None:
        """Let nothing new leave; steps that were not begun wait for the next session."""
        super().stop()
        self._conversations.close(drop=True)

    async def batch_of(self, case: Case, consumer_id: str) -> Batch:
        """The case's batch, routed by what Monitoring offers when it is to be asked."""
        if not self.steps.engagement:
            return case.posted()
        from lpnb.models.engagements import EngagementRequest

        batch = case.batch()
        fields = case.engagement(consumer_id) or {}
        async with self.preparation:
            if self.holds:
                raise HeldError
            offer = await self.engine.engagement(EngagementRequest(consumer_id, **fields))
        details = {"campaign_id": offer.campaign_id, "engagement_id": offer.engagement_id}
        await self._note(case.number, "engagement", 0, offer.outcome, details)
        return batch.with_engagement(offer) if offer.outcome == "offered" else batch

    def after_answer(self, number: int, consumer_id: str, answer: Answer) -> None:
        """Hand an open conversation to those who follow it up."""
        if self.steps.follows and answer.outcome == "answered" and answer.conversation_id is not None:
            self._add(OpenConversation(number, consumer_id, answer.conversation_id))

    def _add(self, conversation: OpenConversation) -> None:
        self.counters.opened += 1
        self._conversations.put(conversation)

    async def _follow_all(self) -> None:
        while (conversation := await self._conversations.take()) is not None:
            try:
                await self._follow_up(conversation)
            except Exception as error:
                self._record_failure(error)
            self.counters.followed += 1

    async def _follow_up(self, conversation: OpenConversation) -> None:
        for place, text in enumerate(self.steps.say):
            if self.is_stopping:
                return
            if ("say", place) not in conversation.finished_steps and not await self._say(
                conversation, place, text
            ):
                break
        if self.steps.landing and ("landing", 0) not in conversation.finished_steps and not self.is_stopping:
            await self._land(conversation)
        if self.steps.close and ("close", 0) not in conversation.finished_steps and not self.is_stopping:
            await self._close(conversation)

    async def _say(self, conversation: OpenConversation, place: int, text: str) -> bool:
        from lpnb.models.frames import Message

        await self._note(conversation.number, "say", place, "sending", {})
        fields: dict[str, Any] = {"text": text, "conversation_id": conversation.conversation_id}
        try:
            reply = await self._send_frame(
                lambda: Message(**fields), conversation.consumer_id, is_first=place == 0
            )
            outcome, details = reply.outcome, {"sequence": reply.sequence, "explanation": reply.explanation}
        except NotSentError as error:
            outcome, details = "not sent", {"explanation": str(error)}
        await self._note(conversation.number, "say", place, outcome, details)
        return outcome == "answered"

    async def _land(self, conversation: OpenConversation) -> None:
        from lpnb.client.landings import find_landing

        try:
            landing = await find_landing(
                self.engine,
                conversation.conversation_id,
                receiver=self.steps.receiver,
                wait=self.steps.landing_wait,
            )
        except (NotSentError, SettingsError) as error:
            await self._note(conversation.number, "landing", 0, "not sent", {"explanation": str(error)})
            return
        details = {
            "skill_id": landing.skill_id,
            "skill_name": landing.skill_name,
            "source": landing.source,
            "explanation": landing.explanation,
        }
        if landing.ok and (rule := await self._deciding_rule(conversation.conversation_id)):
            details["decided_by"] = rule
        await self._note(
            conversation.number, "landing", 0, "answered" if landing.ok else "not visible", details
        )

    async def _deciding_rule(self, conversation_id: str) -> str | None:
        """The rule by which a sandbox routed the conversation; None where none can be asked, or knows it."""
        sandbox = find_sandbox(self.engine.settings)
        if sandbox is None:
            return None
        try:
            if isinstance(sandbox, SandboxControl):  # a request, and it would hold the loop
                trace = await asyncio.to_thread(sandbox.trace, conversation_id)
            else:
                trace = sandbox.trace(conversation_id)
        except (KeyError, ValueError, OSError, LpnbError):  # forgotten or gone; the landing is known anyway
            return None
        return f"{trace['decidedBy']}{', fallback' if trace['fallback'] else ''}"

    async def _close(self, conversation: OpenConversation) -> None:
        from lpnb.models.conversation_fields import Close
        from lpnb.models.frames import FieldUpdate

        fields: dict[str, Any] = {"fields": [Close()], "conversation_id": conversation.conversation_id}
        try:
            reply = await self._send_frame(
                lambda: FieldUpdate(**fields), conversation.consumer_id, is_first=not self.steps.say
            )
            outcome, details = reply.outcome, {"explanation": reply.explanation}
        except NotSentError as error:
            outcome, details = "not sent", {"explanation": str(error)}
        await self._note(conversation.number, "close", 0, outcome, details)

    async def _send_frame(
        self, make_frame: Callable[[], Frame], consumer_id: str, *, is_first: bool
    ) -> BatchResponse:
        """SEND a frame; the first of a conversation again where that may not be valid yet.

        A frame that was refused did nothing, so sending it again is safe.
        """
        reply = await self.engine.send(make_frame(), consumer_id)
        for delay in NEW_CONVERSATION_DELAYS if is_first else ():
            if self.is_stopping or not _may_be_too_early(reply):
                break
            await asyncio.sleep(delay)
            reply = await self.engine.send(make_frame(), consumer_id)
        return reply

    async def _note(self, number: int, step: str, place: int, outcome: str, details: dict[str, Any]) -> None:
        details_text = json.dumps(details, ensure_ascii=False)
        await self.journal.step(
            StepRecord(number, step, place, outcome, details_text, time.time_ns() // 1000)
        )


def _may_be_too_early(reply: BatchResponse) -> bool:
    """Whether a refusal can be of a conversation that the service does not know yet."""
    pair = reply.pairs[0] if reply.pairs else None
    if reply.outcome != "refused" or pair is None or pair.code != "BAD_REQUEST":
        return False
    # The two documented refusals of SEND: too long, and closed. Neither changes by waiting.
    return pair.message != "Bad Request" and CLOSED not in (pair.message or "")


def make_dispatcher(session: Session) -> Dispatcher:
    """The dispatcher for *session*: one with steps where there are any."""
    return DispatcherWithSteps(session) if session.options.steps.any else Dispatcher(session)


def conversations_to_follow(reader: Reader, steps: Steps) -> list[OpenConversation]:
    """The open conversations of an earlier session with which something is still to be done."""
    if not steps.follows:
        return []
    finished_steps: dict[int, set[tuple[str, int]]] = {}
    for number, step, place, outcome, _ in reader.steps():
        if outcome in ("answered", "refused") or (step == "say" and outcome != "not sent"):
            finished_steps.setdefault(number, set()).add((step, place))
    steps_to_do = {("say", place) for place in range(len(steps.say))}
    steps_to_do |= {("landing", 0)} if steps.landing else set()
    steps_to_do |= {("close", 0)} if steps.close else set()
    return [
        OpenConversation(case.number, case.consumer_id, case.conversation_id, frozenset(steps_done))
        for case in reader.cases()
        if case.state == "answered"
        and case.conversation_id is not None
        and steps_to_do - (steps_done := finished_steps.get(case.number, set()))
        and ("close", 0) not in steps_done
    ]


def unfinished_steps(reader: Reader, resume_hint: str) -> str:
    """What steps did not come to, by how many cases, and what can be done: *resume_hint* does some again."""
    counts: dict[tuple[str, str], int] = {}
    for outcomes in reader.step_outcomes().values():
        for step in ("say", "landing", "close"):
            if (outcome := outcomes.get(step, "answered")) not in ("answered", "sending"):
                counts[step, outcome] = counts.get((step, outcome), 0) + 1
    again = f"{resume_hint} tries again"
    by_hand = "do it by hand in the conversation"
    sentences = {
        ("say", "refused"): f"an opening message was refused and is not said again; {by_hand}",
        ("say", "unknown"): f"an opening message may not have arrived and is not said again; {by_hand}",
        ("say", "not sent"): f"an opening message was not sent; {again}",
        ("landing", "not visible"): f"the landing is not known; {again}",
        ("landing", "not sent"): f"the landing could not be asked for; {again}",
        ("close", "refused"): f"the close was refused and is not repeated; {by_hand}",
        ("close", "unknown"): f"the conversation may still be open; {again}",
        ("close", "not sent"): f"the close was not sent; {again}",
    }
    return " ".join(
        f"{count(counts[key], 'case')}: {sentence}." for key, sentence in sentences.items() if key in counts
    )
