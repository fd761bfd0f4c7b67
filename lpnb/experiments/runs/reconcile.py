"""Reconciliation of unknown outcomes: does the case's consumer have a conversation?

Monitoring knows a consumer's open conversation at once; history knows closed ones too, about a minute late.
Silence counts as absence only when it can be relied on: history was asked, it has had time to hear of the
attempt, and before that it knew a conversation that this very run opened later than the attempt (or an hour
has passed, for how late history is is nowhere promised). Nothing is guessed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lpnb._internal.display import table_html
from lpnb._printable import one_line
from lpnb.client.engine import Engine
from lpnb.errors import NotSentError, SettingsError
from lpnb.journal import Journal, JournalCase, LookupResult

#: Seconds after which history knows what happened: its minute (documented), and half as much again.
HISTORY_DELAY = 90.0
#: The same on this machine, where nothing lags but what was in work when the line was cut.
HISTORY_DELAY_ON_LOOPBACK = 2.0
#: Seconds after which history's silence counts though nothing later proves that it is as far.
CERTAIN_AFTER = 3600.0
#: How far our clock and the service's may be apart to tell by time which conversation came of an attempt.
_SKEW = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """What looking for the unknown cases has given, by the cases' names.

    Attributes:
        answered: Their conversation is there, and its id is in the table now.
        absent: There is certainly none; ``resume`` sends them.
        unknown: It still cannot be said, and they are not sent again. ``reasons`` says why.
        reasons: A sentence for each of those.

    Example:
        >>> print(Settled(answered=("case-00001",), absent=("case-00004", "case-00007")))
        1 found, 2 certainly not created, safe to send.
    """

    answered: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    reasons: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [
            f"{len(names):,} {what}"
            for names, what in (
                (self.answered, "found"),
                (self.absent, "certainly not created, safe to send"),
                (self.unknown, "still unknown"),
            )
            if names
        ]
        reasons = "".join(
            f"\n  - {one_line(f'{name}: {why}')}" for name, why in list(self.reasons.items())[:20]
        )
        return (", ".join(parts) or "Nothing was unknown") + "." + reasons

    def _repr_html_(self) -> str:
        rows = [(name, "found", "") for name in self.answered]
        rows += [(name, "certainly absent", "safe to send") for name in self.absent]
        rows += [(name, "still unknown", self.reasons.get(name, "")) for name in self.unknown]
        return table_html(f"Settled: {str(self).splitlines()[0]}", ("case", "found out", "why"), rows)


class Reconciler:
    """Looks up one unknown case after the other.

    Args:
        engine: Who asks.
        journal: Where what is found goes, before anybody is told.
        known_case: The latest answered case of the same run, to see whether history can be relied on.
        run_prefix: Consumers that begin so were made for their case, and can have no other conversation.
        fresh: Seconds after an attempt from which on history is asked.
        certain: Seconds after which it need not be shown that history is as far as the attempt.
        origin_changed: Whether the service is not the one that the cases were sent to.
        started_until: Seconds since 1970 until when workers of a cluster may have started what they had.
            Nobody is asked before.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        *,
        known_case: JournalCase | None,
        run_prefix: str,
        fresh: float,
        certain: float,
        origin_changed: bool,
        started_until: float = 0.0,
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._known_case = known_case
        self._prefix = run_prefix
        self._fresh = fresh
        self._certain = certain
        self._origin_changed = origin_changed
        self._started_until = started_until
        self._distrust_reason: str | None = None
        """Why history's silence means nothing, or "" when it does; None as long as nobody has looked."""
        self._clocks_agree = False
        self._lock = asyncio.Lock()

    async def reconcile(self, cases: Iterable[JournalCase], concurrency: int) -> Settled:
        """Look up *cases*, and write down what is found."""
        names: dict[str, list[str]] = {"answered": [], "absent": [], "unknown": []}
        reasons: dict[str, str] = {}
        todo = iter(cases := list(cases))
        if cases and (wait := self._started_until - time.time()) > 0:
            await asyncio.sleep(min(wait, 60.0))

        async def settle_cases(todo: Iterator[JournalCase]) -> None:
            for case in todo:
                result, why = await self._look_up(case)
                if result is not None:
                    await self._journal.lookup(case.number, case.last_number, result)
                    names[result.outcome].append(case.name)
                else:
                    names["unknown"].append(case.name)
                    reasons[case.name] = why

        await asyncio.gather(*(settle_cases(todo) for _ in range(concurrency)))
        return Settled(
            **{outcome: tuple(sorted(case_names)) for outcome, case_names in names.items()}, reasons=reasons
        )

    async def _look_up(self, case: JournalCase) -> tuple[LookupResult | None, str]:
        """What is certain about *case*, or None and why nothing is."""
        asked_at = time.time_ns() // 1000
        try:
            if (conversation := await self._in_monitoring(case)) is not None:
                explanation = f"Monitoring knows it: {conversation}."
                return LookupResult("answered", conversation, "monitoring", asked_at, explanation), ""
            await self._until_fresh(case)
            asked_at = time.time_ns() // 1000
            conversation, why = await self._in_history(case)
            if conversation is not None:
                explanation = f"History knows it: {conversation}."
                return LookupResult("answered", conversation, "history", asked_at, explanation), ""
            if why:
                return None, why
        except SettingsError:
            return None, (
                "Monitoring knows no open conversation, and only history knows closed ones: set "
                "LP_AGENT_LOGIN and LP_AGENT_PASSWORD, or an API key, to be certain"
            )
        except NotSentError as error:
            return None, f"it could not be looked up: {error}"
        explanation = "History knows no conversation that came of it, open or closed."
        return LookupResult("absent", None, "history", asked_at, explanation), ""

    def _end_of(self, case: JournalCase) -> float | None:
        """Seconds since 1970 when *case* was over: a worker may have started it when its driver was dead."""
        end = _ended_at(case)
        return end if end is None else max(end, self._started_until)

    async def _until_fresh(self, case: JournalCase) -> None:
        """Wait until history has had its time to hear of *case*; of one without a time, all of it."""
        end = self._end_of(case)
        age = 0.0 if end is None else max(0.0, time.time() - end)
        await asyncio.sleep(max(0.0, self._fresh - age))

    async def _in_monitoring(self, case: JournalCase) -> str | None:
        """The open conversation that Monitoring knows of; only for a consumer that can have no other."""
        if not case.consumer_id.startswith(self._prefix):
            return None
        from lpnb.models.engagements import EngagementRequest

        offer = await self._engine.engagement(EngagementRequest(case.consumer_id))
        return offer.conversation_id if offer.outcome == "already open" else None

    async def _in_history(self, case: JournalCase) -> tuple[str | None, str]:
        """The conversation in history; or None, and why its silence means nothing here, or ""."""
        # First what history knows, then what it says of this one: the other way round it may have heard of
        # both in between.
        why = await self._reason_to_distrust(case)
        records = await self._engine.history_consumer(case.consumer_id, ("OPEN", "CLOSE"), ())
        is_own = case.consumer_id.startswith(self._prefix)
        if is_own and (ids := [record.conversation_id for record in records if record.conversation_id]):
            return ids[0], ""
        if why:
            return None, why
        if not records:
            return None, ""
        # This consumer may have had others before. Those that began before the attempt are not its.
        starts = [(record.started_at, record.conversation_id) for record in records]
        if not self._clocks_agree or any(when is None for when, _ in starts):
            return None, "this consumer has other conversations, and which came of this case cannot be said"
        since = datetime.fromtimestamp((case.sent_at or 0) / 1_000_000, UTC) - _SKEW
        later = [
            conversation
            for when, conversation in starts
            if when is not None and when >= since and conversation
        ]
        if len(later) > 1:
            return None, f"this consumer has {len(later)} conversations that began after the attempt"
        return (later[0] if later else None), ""

    async def _reason_to_distrust(self, case: JournalCase) -> str:
        """Why history's silence about *case* means nothing, or ""."""
        async with self._lock:
            if self._distrust_reason is None:
                self._distrust_reason = await self._test_history()
        if self._distrust_reason or self._known_case is None:
            return self._distrust_reason
        end, later_sent_at = self._end_of(case), self._known_case.sent_at
        if end is not None and later_sent_at is not None and later_sent_at / 1_000_000 >= end:
            return ""
        if end is not None and time.time() - end >= self._certain:
            return ""
        return (
            "history shows no conversation yet that this run opened later, so it may be late. Settle again "
            f"when there is one, or {_duration(self._certain)} after the attempt"
        )

    async def _test_history(self) -> str:
        if self._origin_changed:
            return "the service is not at the address that this was sent to, and may not know of it"
        known_case = self._known_case
        if known_case is None:
            return (
                "this run has no answered case by which history could be tested. Let run.resume() send what "
                "is left, and settle again"
            )
        await self._until_fresh(known_case)
        records = await self._engine.history_consumer(known_case.consumer_id, ("OPEN", "CLOSE"), ())
        for record in records:
            if record.conversation_id == known_case.conversation_id:
                sent_at = datetime.fromtimestamp((known_case.sent_at or 0) / 1_000_000, UTC)
                elapsed = timedelta(milliseconds=known_case.elapsed_ms or 0)
                started_at = record.started_at
                self._clocks_agree = (
                    started_at is not None and sent_at - _SKEW <= started_at <= sent_at + elapsed + _SKEW
                )
                return ""
        return (
            f"history does not know conversation {known_case.conversation_id} of case {known_case.name} "
            "either, so a conversation that it does not show may exist all the same"
        )


def _ended_at(case: JournalCase) -> float | None:
    """When the waiting for *case* was over, in seconds since 1970; it may have begun till then."""
    if case.sent_at is None:
        return None
    return case.sent_at / 1_000_000 + (case.elapsed_ms or 0.0) / 1_000


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 60 else f"{seconds:g} seconds"
