"""Background work: begun again after an error, told, and ended with its owner."""

from __future__ import annotations

import asyncio

import pytest
import structlog

import fxpool.background as background_module
from fxpool.background import AGAIN_SECONDS, Background
from harness.fast_clock import FastClock
from harness.wait import wait_until


async def test_kept_work_begins_again_after_an_error_and_is_told_until_it_goes_well() -> None:
    clock = FastClock(0.0, 100.0)
    background = Background(clock)
    began: list[float] = []

    async def work() -> None:
        began.append(clock.now())
        if len(began) < 3:
            raise LookupError("a defect")
        await asyncio.Event().wait()

    with structlog.testing.capture_logs() as logs:
        background.keep(work, "tickets")
        await wait_until(lambda: background.failure)
        assert background.failure == "tickets failed (LookupError)"
        await wait_until(lambda: len(began) == 3)
        await wait_until(lambda: background.failure is None)
    assert [log["work"] for log in logs] == ["tickets", "tickets"]
    assert began[1] - began[0] >= AGAIN_SECONDS
    await background.close()


async def test_work_ends_with_its_owner() -> None:
    background = Background(FastClock(0.0, 100.0))
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    first = background.start(work("one"), "one")
    background.keep(lambda: work("two"), "two")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await background.end([first])
    assert ended == ["one"]
    await background.close()
    assert ended == ["one", "two"]
    assert background.failure is None


async def test_work_that_swallows_a_cancellation_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background_module, "TOLD_AGAIN_SECONDS", 0.01)
    background = Background(FastClock(0.0, 100.0))
    told: list[int] = []

    async def work() -> None:
        while len(told) < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append(1)

    background.start(work(), "stubborn")
    await asyncio.sleep(0)
    await asyncio.wait_for(background.close(), 5)
    assert len(told) == 2


async def test_the_error_of_work_that_is_done_once_is_logged() -> None:
    background = Background(FastClock(0.0, 100.0))

    async def work() -> None:
        raise LookupError("a defect")

    with structlog.testing.capture_logs() as logs:
        task = background.start(work(), "symbols")
        await asyncio.wait([task])
    (line,) = logs
    assert (line["work"], line["log_level"]) == ("symbols", "error")
    await background.close()
