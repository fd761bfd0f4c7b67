"""Finding the skill a conversation landed in: from history or a webhook, whichever answers first.

History is about a minute late and is asked politely; a webhook arrives by itself at a ``Receiver``. Neither
is read here: ``history`` and ``webhooks`` know how.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from lpnb.api.history import (
    LANDING_CONTENT,
    MAX_IDS,
    HistoryRecord,
    by_conversation,
    by_conversations,
    by_filters,
)
from lpnb.errors import Complaint, InvalidValueError, LpnbError, ReceiverError, ServiceError
from lpnb.models.landings import Landing

if TYPE_CHECKING:
    from lpnb.client.engine import Engine

#: Seconds that a landing is waited for: history's minute, and half as much again.
DEFAULT_WAIT = 90.0
#: Seconds beyond that in which an answer of history that is under way may still come.
ANSWER_GRACE = 10.0
#: Seconds between two questions to history; the last one goes on.
POLL_INTERVALS = (5.0, 10.0, 15.0)
#: How far back, and for how many seconds, history is looked through for the name of a skill.
SKILL_NAME_SPAN = timedelta(days=90)
SKILL_NAME_TIMEOUT = 5.0


class LandingSource(Protocol):
    """What a landing needs of a ``Receiver``."""

    def landing(self, conversation_id: str) -> Landing | None:
        """What its webhooks say, or None as long as they say nothing."""
        ...

    def news(self, conversation_id: str) -> Future[None]:
        """A future that is done when the next webhook about the conversation has come."""
        ...


async def find_landing(
    engine: Engine, conversation_id: str, *, receiver: LandingSource | None = None, wait: float = DEFAULT_WAIT
) -> Landing:
    """Say which skill a conversation landed in, as soon as history or a webhook knows.

    For code that runs on the background loop, such as a run of many sends; everybody else has
    ``client.landing`` and ``conversation.landing``.

    Args:
        engine: Of the client that asks.
        conversation_id: As CONVERSATION answered it.
        receiver: A running ``Receiver`` to listen to as well. Without credentials for history it is the only
            source.
        wait: Seconds to wait at the most, and up to ten more for an answer that is under way. History is
            asked at once, then after 5, 10, 15, 15 ... s.

    Returns:
        A ``Landing``. Its ``outcome`` is "not visible" when nobody had heard of the conversation in time.

    Raises:
        CredentialsError: Every way into history is refused, and there is no receiver.
        ServiceError: History fails, and there is no receiver.

    Source: Messaging Interactions API, freshness about a minute; Webhooks, conversation state.
    """
    by_conversation(conversation_id)  # says what is wrong with an id that cannot be one
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not 0 <= wait <= 86_400:
        sentence = f"wait must be from 0 to 86,400 seconds; got {wait!r}."
        raise InvalidValueError([Complaint("wait", sentence)])
    asks = engine.settings.can_read_history or receiver is None
    tasks: set[asyncio.Task[Landing | None]] = set()
    if asks:
        tasks.add(asyncio.create_task(_by_history(engine, conversation_id, wait)))
    if receiver is not None:
        tasks.add(asyncio.create_task(_by_webhook(receiver, conversation_id, wait)))
    sources, failures = len(tasks), []
    try:
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                try:
                    landing = task.result()
                except (ServiceError, ReceiverError) as error:
                    failures.append(error)
                    if len(failures) == sources:
                        raise
                    continue
                if landing is not None:
                    return (
                        landing
                        if landing.source == "history"
                        else await _with_skill_names(engine, landing, asks)
                    )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    notes = []
    if asks and not any(isinstance(error, ServiceError) for error in failures):
        notes.append(f"History did not have it within {wait:g} s.")
    if receiver is not None and not any(isinstance(error, ReceiverError) for error in failures):
        notes.append("No webhook reported it.")
    notes += [
        f"{'History' if isinstance(error, ServiceError) else 'The receiver'} failed: {error}"
        for error in failures
    ]
    return Landing(conversation_id, asked_at=datetime.now(UTC), note=" ".join(notes))


def landing_of(record: HistoryRecord, conversation_id: str) -> Landing:
    """What a history record says about the landing."""
    return Landing(
        conversation_id,
        skill_id=record.latest_skill_id,
        skill_name=record.latest_skill_name,
        source="history",
        transfers=record.transfers,
        asked_at=datetime.now(UTC),
    )


class _HistoryPoller:
    """What is asked of one account's history: one search at a time, with all questions that have gathered.

    So a thousand landings that are waited for together cost history twenty searches a round, not a thousand.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[HistoryRecord | None]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._naming: dict[str, asyncio.Task[None]] = {}

    async def learn_name(self, engine: Engine, skill_id: str) -> None:
        """Have history say what a skill is called, by any conversation in it; once for each skill."""
        if skill_id not in self._naming:
            self._naming[skill_id] = asyncio.create_task(_fetch_skill_name(engine, skill_id))
        await asyncio.shield(self._naming[skill_id])

    async def ask(self, engine: Engine, conversation_id: str) -> HistoryRecord | None:
        """What history has of the conversation; None when it has not heard of it."""
        answer = self._waiting.get(conversation_id)
        if answer is None:
            answer = self._waiting[conversation_id] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(_retrieve_exception)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(engine))
        # Whoever gives up must not take the answer from others who wait for the same.
        return await asyncio.shield(answer)

    async def _ask_all(self, engine: Engine) -> None:
        try:
            while self._waiting:
                batch = {name: self._waiting.pop(name) for name in list(self._waiting)[:MAX_IDS]}
                try:
                    search = by_conversations(list(batch), LANDING_CONTENT)
                    if len(batch) == 1:
                        search = by_conversation(next(iter(batch)), LANDING_CONTENT)
                    records = (await engine.history(search)).records
                except Exception as error:
                    for answer in batch.values():
                        answer.set_exception(_copy_error(error))
                except BaseException:
                    for answer in batch.values():
                        answer.cancel()
                    raise
                else:
                    by_id = {record.conversation_id: record for record in records}
                    for name, answer in batch.items():
                        answer.set_result(by_id.get(name))
        finally:
            self._asking = None


async def _fetch_skill_name(engine: Engine, skill_id: str) -> None:
    now = datetime.now(UTC)
    search = by_filters(
        now - SKILL_NAME_SPAN, now, latest_skill_ids=[skill_id], content=["campaign"], limit=1
    )
    # A name is nice to have: the landing is known without it.
    with suppress(LpnbError, TimeoutError):
        async with asyncio.timeout(SKILL_NAME_TIMEOUT):
            await engine.history(search)


async def _with_skill_names(engine: Engine, landing: Landing, asks: bool) -> Landing:
    """The landing that a webhook told of, with the names of its skills as far as history knows them."""
    names = engine.skill_names
    if (
        asks
        and landing.skill_id is not None
        and landing.outcome == "landed"
        and landing.skill_id not in names
    ):
        await _poller_of(engine).learn_name(engine, landing.skill_id)
    moves = tuple(
        replace(
            move,
            source_skill_name=names.get(move.source_skill_id or ""),
            target_skill_name=names.get(move.target_skill_id or ""),
        )
        for move in landing.transfers
    )
    return replace(landing, skill_name=names.get(landing.skill_id or ""), transfers=moves)


def _retrieve_exception(answer: asyncio.Future[Any]) -> None:
    """Nobody may be left to hear of a failure."""
    if not answer.cancelled():
        answer.exception()


def _copy_error(error: Exception) -> Exception:
    """An error for each who waits: raising one and the same in several places mixes their tracebacks up."""
    return type(error)(*error.args) if isinstance(error, LpnbError) else error


_pollers: WeakKeyDictionary[Engine, _HistoryPoller] = WeakKeyDictionary()


def _poller_of(engine: Engine) -> _HistoryPoller:
    return _pollers.setdefault(engine, _HistoryPoller())


async def _by_history(engine: Engine, conversation_id: str, wait: float) -> Landing | None:
    """Ask until history has heard of the conversation, or the time is over."""
    try:
        async with asyncio.timeout(wait + ANSWER_GRACE):
            for pause in _poll_delays(wait):
                await asyncio.sleep(engine.scaled(pause))
                record = await _poller_of(engine).ask(engine, conversation_id)
                if record is not None:
                    return landing_of(record, conversation_id)
    except TimeoutError:
        # The question itself goes on for others who wait for it; its tries are counted.
        raise ServiceError(
            f"Messaging Interactions gave no answer within {wait + ANSWER_GRACE:g} s."
        ) from None
    return None


def _poll_delays(wait: float) -> Iterator[float]:
    """Seconds before each question: none, 5, 10, 15, 15 ..., the last one cut so that they add up.

    Example:
        >>> list(_poll_delays(40.0))
        [0.0, 5.0, 10.0, 15.0, 10.0]
    """
    yield 0.0
    number = 0
    while wait > 0:
        pause = min(POLL_INTERVALS[min(number, len(POLL_INTERVALS) - 1)], wait)
        yield pause
        wait -= pause
        number += 1


async def _by_webhook(receiver: LandingSource, conversation_id: str, wait: float) -> Landing | None:
    """Look at each webhook about the conversation until one tells where it is, or the time is over."""
    try:
        async with asyncio.timeout(wait):
            while True:
                # Asked for before looking: what comes in between is not missed.
                news = receiver.news(conversation_id)
                try:
                    landing = receiver.landing(conversation_id)
                    if landing is not None:
                        return landing
                    await asyncio.wrap_future(news)
                finally:
                    news.cancel()  # nobody listens any more
    except TimeoutError:
        return None
