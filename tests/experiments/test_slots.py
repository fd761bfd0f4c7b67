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
            slots.took(writing=writing)
            await slots.take()
            most["under way"] = max(most["under way"], slots.under_way)
            if slots.under_way == count:
                most["ahead"] = max(most["ahead"], slots.ahead)
            await asyncio.sleep(0)
            slots.took(answering=answering)
            slots.give_back()

    await asyncio.gather(*(sender() for _ in range(senders)))
    assert (slots.under_way, slots.ahead) == (0, 0)
    return most


@pytest.mark.parametrize("count", [1, 3, 16])
def test_no_more_are_under_way_than_there_are_slots_and_all_come_through(count):
    most = asyncio.run(play(count, 2 * count, 2000, writing=0.001, answering=0.1))

    assert most["under way"] == count
    assert most["ahead"] <= count + 1


def test_a_slow_service_calls_for_one_ahead_and_a_quick_one_for_many():
    slots = ConcurrencyLimiter(16)
    assert slots.ahead_at_most == 1
    slots.took(writing=0.002, answering=0.5)
    assert slots.ahead_at_most == 1
    for _ in range(200):
        slots.took(writing=0.004, answering=0.004)
    assert slots.ahead_at_most == 16


def test_everybody_is_let_through_when_nothing_leaves_any_more():
    async def main():
        slots = ConcurrencyLimiter(1)
        await slots.write()
        await slots.take()
        await slots.write()
        waiting = [asyncio.create_task(slots.take()), *(asyncio.create_task(slots.write()) for _ in range(3))]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        slots.open()
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        await asyncio.wait_for(slots.write(), 5)
        await asyncio.wait_for(slots.take(), 5)

    asyncio.run(main())
