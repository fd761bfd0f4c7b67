"""The workers of a Dask cluster: gathered for a run, and watched while it goes on.

Nothing here sends or decides about a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import urlsplit

from lpnb._internal.optional_dependencies import install_command
from lpnb.errors import JournalError, RunError
from lpnb.experiments.cluster.actor_client import ActorClient
from lpnb.experiments.cluster.cluster_transport import START_ALLOWANCE, ClusterTransport, Worker, one_line
from lpnb.experiments.cluster.messages import WorkerVersion
from lpnb.journal import Journal
from lpnb.transport.http_transport import DEADLINE, MAX_REPLY_BYTES, HttpTransport, Transport

#: Seconds to reach a scheduler, and to have a worker ready.
REACH_SECONDS = 20.0
#: Seconds between looks at who is there; and without anybody after which a run pauses.
LOOK_INTERVAL = 0.5
NO_WORKER_LIMIT = 20.0
#: Local workers when no number is given.
LOCAL_WORKERS = 4


class SessionControl(Protocol):
    """What a pool needs of the session that it sends for."""

    def grow(self, concurrency: int) -> None:
        """Have so many requests under way at once from now on."""
        ...

    def pause(self, why: str) -> None:
        """Stop because nothing can be sent for now."""
        ...


class WorkerPool:
    """The workers of one session. Made by ``open_worker_pool``; use it on the background loop only."""

    def __init__(self, client: Any, local: Any, slots: int, transport: Transport) -> None:
        self.transport = ClusterTransport(self._on_lost)
        self._client = client
        self._address: str = client.scheduler.address
        self._local = local
        self._slots = slots
        http = transport if isinstance(transport, HttpTransport) else None
        kind = http.kind if http else HttpTransport.kind
        self._transport_options = (
            (http.deadline, http.largest_reply, kind) if http else (DEADLINE, MAX_REPLY_BYTES, kind)
        )
        self._actors: dict[str, Any] = {}
        """Workers that were asked to take part, by address, with Dask's name for their part of it."""
        self._leases: dict[str, int] = {}
        self.earlier_until = 0.0
        """Until when workers of an earlier session may have started something, in seconds since 1970."""
        self._refusals: list[str] = []
        self._joining_tasks: set[asyncio.Task[None]] = set()
        self._watch_task: asyncio.Task[None] | None = None
        self._is_closing = False
        self._session: SessionControl | None = None
        self._journal: Journal | None = None
        self._total = 0

    @property
    def capacity(self) -> int:
        """How many requests the workers that are there may have at once."""
        return sum(worker.capacity for worker in self.transport.workers)

    async def gather(self) -> None:
        """Ask everybody who is there, and see that they can take part.

        Raises:
            RunError: Nobody is there, or somebody runs another lpnb.
        """
        if not (addresses := await self._addresses()):
            raise RunError(
                f"The scheduler at {self._address} has no workers. Start some: dask worker {self._address}"
            )
        await asyncio.gather(*(self._add_worker(address) for address in addresses))
        if self._refusals:
            refusals_text = "".join(f"\n  - {refusal}" for refusal in self._refusals)
            raise RunError(f"Not every worker can take part, so nothing was sent:{refusals_text}")

    async def begin(self, journal: Journal, session: SessionControl, total: int) -> None:
        """Let the workers send for *session*, and hold on to them until ``close``.

        Raises:
            JournalError: It cannot be written.
        """
        self._journal, self._session, self._total = journal, session, total
        for worker in self.transport.workers:
            await self._lease(worker)
        await self._allow(journal)
        self._watch_task = asyncio.create_task(self._watch(journal))

    async def recall(self) -> None:
        """Take back what no worker has started."""
        await self.transport.recall()

    async def close(self) -> None:
        """Let the workers go. Nothing of the run stays with them."""
        self._is_closing = True  # what is under way over Dask's connections may swallow a cancellation
        tasks = [task for task in (self._watch_task, *self._joining_tasks) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        workers, lost_at = list(self.transport.workers), self.transport.lost_at
        closes = (asyncio.wait_for(worker.proxy.close(), 2.0) for worker in workers)
        await asyncio.gather(*closes, return_exceptions=True)
        await self.transport.aclose()
        if self._journal is not None:
            with contextlib.suppress(JournalError):
                # Of those who are still there nobody can start anything any more.
                until = (
                    self.earlier_until
                    if lost_at is None
                    else max(self.earlier_until, lost_at + START_ALLOWANCE)
                )
                self._journal.set_value("starts_until", until)
                await asyncio.to_thread(self._end_leases, self._journal)
        self._actors.clear()
        with contextlib.suppress(Exception), _without_dask_log():
            await asyncio.wait_for(self._client.close(), 5.0)
        if self._local is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._local.close(), 10.0)

    # Who is there

    async def _addresses(self) -> list[str]:
        return list((await self._client.scheduler.identity())["workers"])

    async def _add_worker(self, address: str) -> None:
        """Have the worker at *address* take part, or note why it does not."""
        from lpnb.experiments.cluster.worker import RequestWorker

        actor = self._client.submit(
            RequestWorker,
            WorkerVersion(),
            self._slots,
            *self._transport_options,
            actor=True,
            pure=False,
            key=f"lpnb-sender-{secrets.token_hex(4)}",
            workers=[address],
            allow_other_workers=False,
        )
        self._actors[address] = actor
        try:
            async with asyncio.timeout(REACH_SECONDS):
                await actor
        except TimeoutError:
            self._refusals.append(f"{address}: it was not ready within {REACH_SECONDS:.0f} s")
            return
        except Exception as error:
            self._refusals.append(f"{address}: {_why(error)}")
            return
        proxy = ActorClient(self._client, address, actor.key)
        worker = Worker(address, proxy, self._slots)
        if self._journal is not None:
            await self._lease(worker)
        self.transport.join(worker)

    async def _watch(self, journal: Journal) -> None:
        """Renew what is allowed, and look who has come and gone."""
        last_renewal = last_present = time.monotonic()
        while not self._is_closing:
            await asyncio.sleep(LOOK_INTERVAL)
            now = time.monotonic()
            if now - last_renewal >= START_ALLOWANCE / 4:
                last_renewal = now
                try:
                    await self._allow(journal)
                except JournalError as error:
                    self.transport.end(one_line(error))
                    return
            self.transport.lose_silent()
            if self.transport.end_reason is None:
                await self._refresh()
                if self.transport.workers or self._joining_tasks:
                    last_present = now
                elif now - last_present > NO_WORKER_LIMIT:
                    self.transport.end("no worker of the cluster is left")

    async def _refresh(self) -> None:
        try:
            if self._client.status != "running":
                raise ConnectionError(self._client.status)
            async with asyncio.timeout(REACH_SECONDS):
                addresses = set(await self._addresses())
        except Exception:
            # One that comes back knows nothing of what was under way.
            self.transport.end(f"the Dask scheduler at {self._address} is gone")
            return
        for worker in list(self.transport.workers):
            if worker.address not in addresses:
                self.transport.lose(worker, "the scheduler has lost it")
        for address in set(self._actors) - addresses:
            del self._actors[address]
        for address in addresses - set(self._actors):
            task = asyncio.create_task(self._add_late_worker(address))
            self._joining_tasks.add(task)
            task.add_done_callback(self._joining_tasks.discard)

    async def _add_late_worker(self, address: str) -> None:
        """Let one that comes later take part; one that cannot is left out, which harms nothing."""
        await self._add_worker(address)
        if self._session is not None:
            self._session.grow(self.capacity)

    def _on_lost(self, why: str) -> None:
        if self._session is not None:
            self._session.pause(why)

    # What is written into the journal

    async def _allow(self, journal: Journal) -> None:
        """Have it on the disk until when workers may start something, and then tell them."""
        until = time.monotonic() + START_ALLOWANCE
        journal.set_value("starts_until", time.time() + START_ALLOWANCE)
        await asyncio.to_thread(journal.flush)
        self.transport.allow(until)

    async def _lease(self, worker: Worker) -> None:
        if self._journal is not None:
            owner = f"Dask worker {worker.address}"
            lease = await asyncio.to_thread(self._journal.lease, 0, self._total, owner)
            self._leases[worker.address] = lease

    def _end_leases(self, journal: Journal) -> None:
        for lease in self._leases.values():
            journal.end_lease(lease)


async def open_worker_pool(cluster: object, slots: int, transport: Transport) -> WorkerPool:
    """Reach a cluster and have its workers ready.

    Args:
        cluster: A ``distributed.Client``, one of Dask's clusters, a scheduler's address, a number of workers
            on this machine, or True for four of them.
        slots: How many requests a worker has under way at once, at the most.
        transport: Workers get connections like its.

    Raises:
        InvalidValueError: *cluster* is something else.
        RunError: Dask is not installed, the scheduler cannot be reached, or a worker cannot take part.
    """
    try:
        import distributed
    except ImportError:
        raise RunError(f"A cluster needs Dask. Install it with: {install_command('dask')}") from None

    dask: Any = distributed  # its constructors have no types
    local: Any = None
    security: Any = None
    address: Any = None
    if isinstance(cluster, distributed.Client):
        address, security = getattr(cluster.scheduler, "address", None), cluster.security
    elif isinstance(cluster, str):
        address = cluster
    elif isinstance(cluster, dask.deploy.Cluster):
        address, security = cluster.scheduler_address, getattr(cluster, "security", None)
    elif isinstance(cluster, int):
        local = await dask.LocalCluster(
            n_workers=LOCAL_WORKERS if cluster is True else cluster,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=0,  # nothing is kept there that could be spilled
            silence_logs=40,
            asynchronous=True,
        )
        address, security = local.scheduler_address, local.security
    try:
        client = await dask.Client(
            address,
            security=security,
            asynchronous=True,
            set_as_default=False,
            direct_to_workers=_is_local(address),
            timeout=REACH_SECONDS,
            name="lpnb",
        )
    except Exception as error:
        if local is not None:
            await local.close()
        raise RunError(f"The Dask scheduler at {address} cannot be reached: {_why(error)}") from None
    pool = WorkerPool(client, local, slots, transport)
    try:
        await pool.gather()
    except BaseException:
        await pool.close()
        raise
    return pool


@contextlib.contextmanager
def _without_dask_log() -> Iterator[None]:
    """Keep what Dask logs of leaving a scheduler that is dead: it has been said already."""
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def _is_local(address: str) -> bool:
    """Whether workers are spoken to directly; a scheduler elsewhere passes on what it is given."""
    host = urlsplit(address).hostname
    return host in ("127.0.0.1", "localhost", "::1")


def _why(error: BaseException) -> str:
    """Why a worker does not take part, in a sentence."""
    if isinstance(error, ModuleNotFoundError) and "lpnb" in str(error):
        return "it has no lpnb, or one that has no clusters. Install the same on both"
    return one_line(error).rstrip(".")
