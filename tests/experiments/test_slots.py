"""Slots: never more under way than there are, and no more written ahead than the disk's share calls for."""

from __future__ import annotations

import asyncio
import random

import pytest

from lpnb.experiments.runs.concurrency import ConcurrencyLimiter


async def play(count, senders, requests, writing, answering):
    """Play *requests* through; return the most that were under way, and ahead while every slot was taken."""
    slots, left = ConcurrencyLimiter(count), iter(range(requests))
    most = {"under way": 0, "ahead": 0}
    chance = random.Random(3)

    async def sender():
        for _ in left:
            await slots.write()
            if chance.random() < 0.05:
                slots.back_out()
                continue
            await asyncio.sleep(0)
            await slots.take(writing)
            most["under way"] = max(most["under way"], slots.under_way)
            if slots.under_way == count:
                most["ahead"] = max(most["ahead"], slots.ahead)
            await asyncio.sleep(0)
            slots.give_back(answering)

    await asyncio.gather(*(sender() for _ in range(senders)))
    assert (slots.under_way, slots.ahead) == (0, 0)
    return most


@pytest.mark.parametrize("count", [1, 3, 16])
def test_no_more_are_under_way_than_there_are_slots_and_all_come_through(count):
    most = asyncio.run(play(count, 2 * count, 2000, writing=0.001, answering=0.1))

    assert most["under way"] == count
    assert most["ahead"] <= count + 1


def test_a_slow_service_calls_for_one_ahead_and_a_quick_one_for_many():
    async def ahead_after(writing, answering, requests):
        for _ in range(requests):
            await slots.write()
            await slots.take(writing)
            slots.give_back(answering)
        return slots.ahead_at_most

    slots = ConcurrencyLimiter(16)
    assert slots.ahead_at_most == 1
    assert asyncio.run(ahead_after(0.002, 0.5, requests=1)) == 1
    assert asyncio.run(ahead_after(0.004, 0.004, requests=200)) == 16


def test_everybody_is_let_through_when_nothing_leaves_any_more():
    async def main():
        slots = ConcurrencyLimiter(1)
        await slots.write()
        await slots.take(0.001)
        await slots.write()
        waiting = [
            asyncio.create_task(slots.take(0.001)),
            *(asyncio.create_task(slots.write()) for _ in range(3)),
        ]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        slots.open()
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        await asyncio.wait_for(slots.write(), 5)
        await asyncio.wait_for(slots.take(0.001), 5)

    asyncio.run(main())
