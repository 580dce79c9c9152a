"""Waiting for an account's state to become so."""

from __future__ import annotations

import asyncio

from fxpool.account.waits import Waits
from harness.wait import wait_until


async def test_what_holds_already_is_not_waited_for() -> None:
    waits = Waits()
    assert await waits.until(lambda: True, 0)
    assert waits.pending == []


async def test_a_wait_ends_at_the_check_at_which_its_condition_holds() -> None:
    waits, known = Waits(), set[str]()
    waiting = asyncio.create_task(waits.until(lambda: "bid" in known, 10))
    await wait_until(lambda: waits.pending)
    waits.check()
    known.add("bid")
    assert not waiting.done()
    waits.check()
    assert await waiting
    assert waits.pending == []


async def test_a_wait_that_is_released_says_what_is_so_then() -> None:
    waits = Waits()
    waiting = asyncio.create_task(waits.until(lambda: False, 10))
    await wait_until(lambda: waits.pending)
    waits.release()
    assert not await waiting


async def test_a_wait_that_takes_too_long_or_is_cancelled_is_forgotten() -> None:
    waits = Waits()
    assert not await waits.until(lambda: False, 0.001)
    waiting = asyncio.create_task(waits.until(lambda: False, 10))
    await wait_until(lambda: waits.pending)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert waits.pending == []
