"""Webhook delivery with retries, in order within each conversation.

Documented: 200 and 201 are success, 5 seconds to connect and to read, gaps of 2, 4, 8 ... seconds,
at most 5 minutes, up to the retention time; order is kept within a conversation. The deprecated
count-based retries are not imitated. The queue is in memory, bounded, and gone with the `Sandbox`.
With a state file, nothing is posted before it is stored.
"""

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.errors import ControlError
from lpnb.sandbox.state.conversations import Conversation
from lpnb.sandbox.state.event_ledger import Event
from lpnb.sandbox.state.state import State
from lpnb.sandbox.state.state_file import StateFileError
from lpnb.sandbox.webhooks.attempts import WebhookAttempt, WebhookCounts, WebhookTarget
from lpnb.sandbox.webhooks.bodies import body_of, key_of, to_bytes
from lpnb.sandbox.webhooks.delivery_options import Delivery
from lpnb.sandbox.webhooks.signing import Algorithm, Encoding, sign
from lpnb.sandbox.world.rules import Rules
from lpnb.sandbox.world.webhook_subscriptions import Subscription

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger("lpnb.sandbox")

FIRST_GAP = 2.0
LONGEST_GAP = 300.0

FAULTS = ("lose", "duplicate", "reorder")

_ATTEMPTS_KEPT = 1000
_AT_ONCE = 32
# A clock that stands still is asked again no more often than this.
_SHORTEST_WAIT = 0.005


@dataclass(frozen=True, slots=True)
class _QueuedWebhook:
    key: str
    body: bytes
    time: float
    conversation_id: str
    storage: "Future[None] | None"
    """Done when what it tells of is on the disk; None when it is, or nothing is kept there."""


_QueueKey = tuple[int, str]
"""A target's position and a conversation: what is kept in order."""


class WebhookDispatcher:
    """Hears of every event, and posts what the targets asked to hear of.

    Raises:
        ValueError: When an endpoint is on another machine, and that was not allowed.
    """

    def __init__(
        self,
        state: State,
        targets: Iterable[WebhookTarget],
        options: Delivery,
        rules: Callable[[], Rules] = Rules,
    ) -> None:
        self._state = state
        self._options = options
        self._rules = rules
        self._targets: tuple[tuple[WebhookTarget, dict[str, Subscription]], ...] = ()
        self._condition = threading.Condition()
        self._queues: dict[_QueueKey, deque[_QueuedWebhook]] = {}
        self._reorder_webhooks: dict[_QueueKey, _QueuedWebhook] = {}
        self._faults: deque[str] = deque()
        self._workers: dict[_QueueKey, asyncio.Task[None] | None] = {}
        self._waiting = self._delivered = self._retried = self._expired = self._dropped = 0
        self._bytes = 0
        self._attempts: deque[WebhookAttempt] = deque(maxlen=_ATTEMPTS_KEPT)
        self.settled: Callable[[], object] = lambda: None
        """Called in the loop when a webhook has arrived or was given up."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._http: httpx.AsyncClient | None = None
        self._wake_runner: Callable[[], object] = lambda: None
        for target in targets:
            self.set_target(target)

    def set_target(self, target: WebhookTarget) -> None:
        """Let an installation have these webhooks, in place of those it had; from any thread.

        What waits for an endpoint of before goes to the new one.

        Raises:
            ValueError: When an endpoint is on another machine, and that was not allowed.
        """
        for endpoint in () if self._options.any_host else target.webhooks.foreign_endpoints():
            raise ValueError(
                f"The webhook endpoint {endpoint!r} is not on this machine. The sandbox posts to "
                "127.0.0.1, ::1 and localhost; Delivery(any_host=True) lets it post anywhere."
            )
        with self._condition:
            targets = list(self._targets)
            installation_key = (target.account_id, target.client_id)
            installation_keys = [(other.account_id, other.client_id) for other, _ in targets]
            position = (
                installation_keys.index(installation_key)
                if installation_key in installation_keys
                else len(targets)
            )
            targets[position : position + 1] = [(target, target.webhooks.by_key())]
            first = not self._targets
            self._targets = tuple(targets)
        if first:  # a sandbox without webhooks need not hear of every event
            self._state.subscribe(self._on_event)
        self._wake_runner()

    @property
    def targets(self) -> tuple[WebhookTarget, ...]:
        """Who gets webhooks."""
        return tuple(target for target, subscriptions in self._targets if subscriptions)

    @property
    def counts(self) -> WebhookCounts:
        """How it went so far."""
        with self._condition:
            return WebhookCounts(self._delivered, self._retried, self._expired, self._dropped, self._waiting)

    @property
    def waiting_bytes(self) -> int:
        """What waits or is held back has bodies of so many bytes."""
        with self._condition:
            return self._bytes

    @property
    def attempts(self) -> list[WebhookAttempt]:
        """The last thousand tries, oldest first."""
        with self._condition:
            return list(self._attempts)

    def wait_until_settled(self, seconds: float) -> bool:
        """Wait until nothing waits to be delivered; False when that takes longer. Not for the loop."""
        with self._condition:
            return self._condition.wait_for(lambda: self._waiting == 0, seconds)

    def wait_for_attempts(self, count: int, seconds: float) -> bool:
        """Wait until there were so many tries; False when that takes longer. Not for the loop."""
        with self._condition:
            return self._condition.wait_for(lambda: len(self._attempts) >= count, seconds)

    def fail(self, fault: str, times: int = 1) -> None:
        """Do something to the next webhooks that loss, duplicates and reordering are allowed to do."""
        if fault not in FAULTS:
            raise ControlError(one_of("fault", fault, FAULTS))
        if not 1 <= times <= self._options.most_waiting:
            raise ControlError(f"times must be from 1 to {self._options.most_waiting}; got {times}.")
        with self._condition:
            self._faults.extend([fault] * times)

    def clear(self) -> None:
        """Forget what waits, the faults and the counters."""
        with self._condition:
            self._queues.clear()
            self._reorder_webhooks.clear()
            self._faults.clear()
            self._attempts.clear()
            self._waiting = self._delivered = self._retried = self._expired = self._dropped = 0
            self._bytes = 0
            self._condition.notify_all()
        self.clock_moved()

    def clock_moved(self) -> None:
        """What waits for a time looks at the clock again; from any thread."""
        self._in_loop(self._wake_sleepers)

    async def run(self) -> None:
        """Deliver until cancelled."""
        loop = asyncio.get_running_loop()
        wake_event = asyncio.Event()

        def wake() -> None:
            # The loop may have closed in between.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(wake_event.set)

        self._wake_runner = wake
        if not self._targets:
            await wake_event.wait()
        # Here and not at the top: a sandbox without webhooks need not wait for it.
        import httpx

        # Made anew for every start, as each has a loop of its own.
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._clock_moved = asyncio.Event()
        async with httpx.AsyncClient(
            timeout=self._options.timeout,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=_AT_ONCE),
        ) as self._http:
            with self._condition:
                self._loop = loop
                addresses = list(self._queues)
                self._workers.update(dict.fromkeys(addresses))
            for address in addresses:
                self._start(address)
            try:
                await asyncio.Event().wait()
            finally:
                with self._condition:
                    self._loop = None
                    working = [task for task in self._workers.values() if task is not None]
                    self._workers.clear()
                for task in working:
                    task.cancel()
                await asyncio.gather(*working, return_exceptions=True)

    def _on_event(self, event: Event) -> None:
        """Listens to the ledger: the state is as of the event, and must not change."""
        if event.kind == "reset":
            self.clear()
            return
        key = key_of(event)
        if key is None or event.conversation_id is None:
            return
        conversation: Conversation | None = self._state.conversation(event.conversation_id)
        if conversation is None:
            return
        body = None
        for position, (target, subscriptions) in enumerate(self._targets):
            if target.account_id != conversation.account_id or key not in subscriptions:
                continue
            body = body or to_bytes(body_of(event, self._state.conversation))
            storage = self._state.ledger.unstored()
            webhook = _QueuedWebhook(key, body, event.time, conversation.conversation_id, storage)
            self._enqueue((position, conversation.conversation_id), webhook)

    def _enqueue(self, address: _QueueKey, webhook: _QueuedWebhook) -> None:
        with self._condition:
            fault = self._faults.popleft() if self._faults else None
            if fault == "lose":
                return
            if fault == "reorder" and address not in self._reorder_webhooks:
                if self._has_room(webhook):
                    self._reorder_webhooks[address] = webhook
                    self._bytes += len(webhook.body)
                return
            items = [webhook, webhook] if fault == "duplicate" else [webhook]
            if (late_webhook := self._reorder_webhooks.pop(address, None)) is not None:
                self._bytes -= len(late_webhook.body)
                items.append(late_webhook)
            for item in items:
                if self._has_room(item):
                    self._queues.setdefault(address, deque()).append(item)
                    self._waiting += 1
                    self._bytes += len(item.body)
            if address in self._workers or address not in self._queues or self._loop is None:
                return
            self._workers[address] = None
        self._in_loop(self._start, address)

    def _has_room(self, webhook: _QueuedWebhook) -> bool:
        """Whether one more may wait; it is counted as dropped when not."""
        is_full = self._waiting >= self._options.most_waiting
        if is_full or self._bytes + len(webhook.body) > self._options.most_waiting_bytes:
            self._dropped += 1
            return False
        return True

    def _in_loop(self, call: object, *arguments: object) -> None:
        loop = self._loop
        if loop is not None:
            # The loop may have closed in between.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type]

    def _wake_sleepers(self) -> None:
        self._clock_moved.set()
        self._clock_moved = asyncio.Event()

    def _start(self, address: _QueueKey) -> None:
        with self._condition:
            if self._loop is not None and self._workers.get(address, self) is None:
                self._workers[address] = self._loop.create_task(self._deliver_queue(address))

    async def _deliver_queue(self, address: _QueueKey) -> None:
        """Deliver what waits for one conversation, one after the other."""
        while True:
            with self._condition:
                queue = self._queues.get(address)
                if not queue:
                    self._queues.pop(address, None)
                    self._workers.pop(address, None)
                    return
                webhook = queue[0]
            has_arrived = await self._deliver(address, queue, webhook)
            with self._condition:
                # Somebody may have cleared everything in the meantime.
                if self._queues.get(address) is queue and queue and queue[0] is webhook:
                    queue.popleft()
                    self._waiting -= 1
                    self._bytes -= len(webhook.body)
                    self._delivered += has_arrived
                    self._expired += not has_arrived
                    self._condition.notify_all()
            self.settled()

    async def _deliver(
        self, address: _QueueKey, queue: deque[_QueuedWebhook], webhook: _QueuedWebhook
    ) -> bool:
        """Whether it arrived in the end."""
        if not await _wait_until_stored(webhook):
            return False
        scale = self._options.time_scale
        gap = FIRST_GAP
        number = 1
        while True:
            target, subscriptions = self._targets[address[0]]
            subscription = subscriptions.get(webhook.key)
            if subscription is None:  # nobody wants it any more
                return False
            attempt = await self._post(target, subscription, webhook, number)
            if attempt.succeeded:
                return True
            last = webhook.time + target.webhooks.retry.retention_time * scale
            due = attempt.time + gap * scale
            if subscription.max_retries == 0 or due > last:
                logger.warning("A webhook to %s was given up after %d tries.", subscription.endpoint, number)
                return False
            await self._sleep_until(due, address, queue)
            if self._queues.get(address) is not queue:
                return False
            number += 1
            gap = min(2 * gap, LONGEST_GAP)
            with self._condition:
                self._retried += 1

    async def _sleep_until(self, due: float, address: _QueueKey, queue: deque[_QueuedWebhook]) -> None:
        """Wait by the sandbox's clock, which may be moved or stand still; no longer than anything waits."""
        while (remaining_seconds := due - self._state.clock()) > 0 and self._queues.get(address) is queue:
            clock_moved = self._clock_moved
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(remaining_seconds, _SHORTEST_WAIT)):
                    await clock_moved.wait()

    def _signature(self, body: bytes, secret: str) -> str:
        algorithm, _, encoding = self._rules().webhook_signature.partition("-")
        return sign(
            body,
            secret,
            self._options.signature or cast(Algorithm, algorithm),
            self._options.encoding or cast(Encoding, encoding),
        )

    async def _post(
        self, target: WebhookTarget, subscription: Subscription, webhook: _QueuedWebhook, number: int
    ) -> WebhookAttempt:
        import httpx

        assert self._http is not None  # noqa: S101 - run() made it before any worker
        headers = [(header.header_name, header.header_value) for header in subscription.headers]
        headers += [
            ("Content-Type", "application/json"),
            ("x-liveperson-account-id", target.account_id),
            ("x-liveperson-client-id", target.client_id),
            ("x-liveperson-signature", self._signature(webhook.body, target.client_secret)),
        ]
        status = problem = None
        request = httpx.Request("POST", subscription.endpoint, headers=headers, content=webhook.body)
        try:
            async with self._slots, asyncio.timeout(2 * self._options.timeout):
                answer = await self._http.send(request, stream=True)
                status = answer.status_code
                await answer.aclose()  # what the endpoint says besides is of no interest
        except (TimeoutError, httpx.TimeoutException):
            problem = "no answer in time"
        except (httpx.HTTPError, OSError, ValueError) as error:
            problem = type(error).__name__
        except Exception as error:
            # Whatever it is, the conversation's other webhooks must not wait for ever.
            logger.exception("Posting a webhook to %s failed.", subscription.endpoint)
            problem = type(error).__name__
        now = self._state.clock()
        attempt = WebhookAttempt(
            now, webhook.conversation_id, webhook.key, subscription.endpoint, number, status, problem
        )
        with self._condition:
            self._attempts.append(attempt)
            self._condition.notify_all()
        return attempt


async def _wait_until_stored(webhook: _QueuedWebhook) -> bool:
    """Wait until what a webhook tells of would survive the process; False when it cannot be stored."""
    if webhook.storage is not None:
        try:
            await asyncio.shield(asyncio.wrap_future(webhook.storage))
        except StateFileError:
            logger.warning("A webhook was given up: what it tells of could not be stored.")
            return False
    return True
