from __future__ import annotations

import asyncio
from math import inf

from fxpool.session import Alarm, Nap
from harness.clock import ManualClock
from harness.wait import wait_until


async def test_a_nap_lasts_until_its_time_or_until_it_is_cut_short() -> None:
    clock = ManualClock()
    nap = Nap(clock)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(nap.sleep(5.0))
        await _settle()
        clock.advance(4.0)
        await _settle()
        assert not first.done()
        clock.advance(1.0)
        await first
        second = tasks.create_task(nap.sleep(inf))
        await _settle()
        nap.cut_short()
        await second
    nap.cut_short()  # nobody sleeps: nothing happens


async def test_an_alarm_rings_at_each_deadline_and_earlier_when_told() -> None:
    clock = ManualClock(now=100.0)
    rang: list[float] = []

    def on_due(now: float) -> float:
        rang.append(now)
        return now + 10.0

    alarm = Alarm(clock, on_due)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(alarm.run())
        await wait_until(lambda: rang == [100.0])
        await _settle()
        clock.advance(10.0)
        await wait_until(lambda: rang == [100.0, 110.0])
        await _settle()
        alarm.bring_forward(125.0)  # later than what is due: no change
        clock.advance(3.0)
        alarm.bring_forward(113.0)
        await wait_until(lambda: rang == [100.0, 110.0, 113.0])
        alarm.stop()
    assert rang == [100.0, 110.0, 113.0]


async def _settle() -> None:
    """Let every task run until it waits for the clock."""
    for _ in range(5):
        await asyncio.sleep(0)
