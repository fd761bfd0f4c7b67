"""The background asyncio event loop that all asynchronous work of the process runs on.

Which thread and which loop a notebook's button callback runs in changes from one kernel release to
the next, and an interrupt during an awaited gather lets every job finish. So lpnb assumes nothing of
the caller's loop: ``submit`` from a button, ``wait`` from a script or a plain cell, ``awaitable``
from an ``async`` one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import sys
import threading
import time
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

from lpnb.errors import LpnbError

T = TypeVar("T")

_NAME = "lpnb-io"

# Re-entrant: garbage collection may close a forgotten client while this very thread starts the loop.
_lock = threading.RLock()
_loop: asyncio.AbstractEventLoop | None = None
_owner = 0
_thread: threading.Thread | None = None
#: What was submitted and has no result yet; when the thread ends, all of it fails.
_pending: weakref.WeakSet[concurrent.futures.Future[Any]] = weakref.WeakSet()


def loop() -> asyncio.AbstractEventLoop:
    """Return the running background loop, starting it on first use (and again in a forked child).

    Raises:
        LpnbError: gevent has replaced this process's threads.
    """
    global _loop, _owner, _thread
    with _lock:
        if _loop is None or _loop.is_closed() or _owner != os.getpid():
            _check_threads()
            _loop, _owner = _new_loop(), os.getpid()
            _thread = threading.Thread(target=_run, args=(_loop,), daemon=True, name=_NAME)
            _thread.start()
        return _loop


def _check_threads() -> None:
    """See that threads are threads: a greenlet in place of one would stop everything, and for ever."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        raise LpnbError(
            "gevent has replaced this process's threads (gevent.monkey.patch_all), and lpnb needs a real one "
            "for its connections. Nothing was sent. Run lpnb in a process of its own, such as one that "
            "subprocess starts, or patch with thread=False before lpnb is used."
        )


def _run(running: asyncio.AbstractEventLoop) -> None:
    """Run the loop; when it ends, whatever the reason, fail what waits for it and let a new one be made."""
    global _loop
    reason = "it was stopped"
    try:
        running.run_forever()
    except BaseException as error:  # the thread ends with it, and everybody who waits is told
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
    with _lock:
        if _loop is running:
            _loop = None
        lost = list(_pending)
        _pending.clear()
    for future in lost:
        if not future.done():
            future.set_exception(
                LpnbError(
                    f"lpnb's background thread has ended ({reason}). What was under way may have been sent: "
                    "look for the consumer's open conversation before you send again. The next call starts a "
                    "new thread."
                )
            )


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where there is one: connections and tasks cost less CPU on it."""
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def submit(work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Start *work* on the background loop and return at once with its future.

    Raises:
        LpnbError: There can be no background loop in this process.
    """
    try:
        running = loop()
    except LpnbError:
        work.close()
        raise
    future = asyncio.run_coroutine_threadsafe(work, running)
    _pending.add(future)
    return future


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* on the background loop and wait for it in steps short enough for an interrupt.

    An interrupt cancels the work, gives it a moment to write down how far it came, and is raised on.

    Raises:
        RuntimeError: When called on the background loop itself, such as from a widget's observer that a
            send has set off. Waiting there would stop every send of this process.
    """
    if is_here():
        work.close()
        raise RuntimeError(
            "This runs on lpnb's own loop, where a plain Client cannot wait. "
            "Use AsyncClient here, or start a thread."
        )
    future = submit(work)
    try:
        while True:
            done, _ = concurrent.futures.wait([future], timeout=0.2)
            if done:
                return future.result()
    except BaseException:
        if future.cancel():
            submit(_ended(work)).result()
        raise


def is_here() -> bool:
    """Whether the caller runs on the background loop's own thread, where waiting for it would be forever."""
    return _thread is not None and threading.get_ident() == _thread.ident


def is_running() -> bool:
    """Whether the loop has been started in this process."""
    return _loop is not None and _owner == os.getpid() and not _loop.is_closed()


def _forget() -> None:
    """A forked child has no thread of its parent's, and may have been forked while the lock was held."""
    global _loop, _thread, _lock
    _loop = _thread = None
    _lock = threading.RLock()
    _pending.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


async def awaitable(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* on the background loop from any other one; cancelling the caller cancels the work.

    As in ``wait``, the work has a moment to write down how far it came.
    """
    try:
        return await asyncio.wrap_future(submit(work))
    except asyncio.CancelledError:
        await asyncio.wrap_future(submit(_ended(work)))
        raise


async def _ended(work: Coroutine[Any, Any, Any], seconds: float = 2.0) -> None:
    """Return when *work*, which was cancelled, has come to its end, but after *seconds* at the latest."""
    give_up = time.monotonic() + seconds
    while inspect.getcoroutinestate(work) != inspect.CORO_CLOSED:
        if time.monotonic() > give_up:
            return
        await asyncio.sleep(0.005)
