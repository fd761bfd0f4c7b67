"""Deadlines: each call has its own, and one timer serves them all."""

from __future__ import annotations

import asyncio

import pytest

from lpnb.transport.deadlines import Deadlines


def run(work):
    return asyncio.run(asyncio.wait_for(work, 10))


def test_what_is_done_in_time_ends_as_it_would_and_leaves_nothing_behind():
    async def main():
        deadlines = Deadlines(0.05)
        with deadlines:
            pass
        await asyncio.sleep(0.1)
        return deadlines._under_way, deadlines._timer, asyncio.current_task().cancelling()

    assert run(main()) == ({}, None, 0)


def test_a_call_that_takes_too_long_ends_with_a_timeout_and_the_task_goes_on():
    async def main():
        deadlines = Deadlines(0.05)
        with pytest.raises(TimeoutError), deadlines:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    assert run(main()) == 0


def test_of_many_calls_each_has_its_own_deadline():
    async def main():
        deadlines, ended = Deadlines(0.2), []

        async def call(name, begins, takes):
            await asyncio.sleep(begins)
            try:
                with deadlines:
                    await asyncio.sleep(takes)
                ended.append((name, "done"))
            except TimeoutError:
                ended.append((name, "late"))

        await asyncio.gather(
            call("first", 0, 5), call("second", 0.1, 5), call("quick", 0, 0.01), call("third", 0.15, 0.01)
        )
        return ended, deadlines._under_way, deadlines._timer

    assert run(main()) == (
        [("quick", "done"), ("third", "done"), ("first", "late"), ("second", "late")],
        {},
        None,
    )


def test_whoever_is_cancelled_from_outside_is_cancelled():
    async def main():
        deadlines = Deadlines(5)

        async def call():
            with deadlines:
                await asyncio.Event().wait()

        task = asyncio.create_task(call())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        timer = deadlines._timer
        deadlines.close()
        return timer.cancelled(), deadlines._timer

    assert run(main()) == (True, None)


def test_after_closing_a_call_under_way_still_has_its_deadline_and_then_the_timer_is_gone():
    async def main():
        deadlines = Deadlines(0.05)

        async def call(takes):
            with deadlines:
                await asyncio.sleep(takes)

        late, quick = asyncio.create_task(call(5)), asyncio.create_task(call(0.01))
        await asyncio.sleep(0)
        deadlines.close()
        await quick
        under_way = len(deadlines._under_way), deadlines._timer is not None
        with pytest.raises(TimeoutError):
            await late
        last = asyncio.create_task(call(0.01))
        await last
        return under_way, deadlines._under_way, deadlines._timer

    assert run(main()) == ((1, True), {}, None)


def test_cancelled_and_late_at_once_is_cancelled():
    async def main():
        deadlines = Deadlines(0.05)

        async def call():
            with deadlines:
                asyncio.current_task().cancel()
                deadlines._end(asyncio.current_task())
                await asyncio.Event().wait()

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(call())

    run(main())
