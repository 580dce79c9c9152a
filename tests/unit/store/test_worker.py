"""The thread that a database's work runs in."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fxpool.store.worker import Worker


async def test_calls_are_made_in_their_order_in_one_thread() -> None:
    worker, made = Worker("of the test"), list[tuple[int, str]]()

    def call(number: int) -> int:
        made.append((number, threading.current_thread().name))
        return number

    try:
        results = await asyncio.gather(
            *(worker.run(lambda number=number: call(number)) for number in range(20))
        )
    finally:
        worker.close()
    assert results == list(range(20))
    assert made == [(number, "of the test") for number in range(20)]


async def test_what_a_call_raises_is_its_callers_and_the_next_call_is_made() -> None:
    worker = Worker("of the test")

    def fail() -> None:
        raise OSError("the disk is gone")

    try:
        with pytest.raises(OSError, match="the disk is gone"):
            await worker.run(fail)
        assert await worker.run(lambda: "made") == "made"
    finally:
        worker.close()


async def test_a_call_is_made_although_its_caller_was_cancelled() -> None:
    worker, go_on, made = Worker("of the test"), threading.Event(), threading.Event()

    def call() -> None:
        go_on.wait()
        made.set()

    try:
        cancelled = asyncio.create_task(worker.run(call))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        go_on.set()
        assert await worker.run(made.is_set)
    finally:
        go_on.set()
        worker.close()


async def test_what_waits_at_the_end_is_made_and_nothing_afterwards() -> None:
    worker, made = Worker("of the test"), list[int]()
    waiting = [asyncio.create_task(worker.run(lambda: made.append(1))) for _ in range(3)]
    await asyncio.sleep(0)
    worker.close()
    await asyncio.gather(*waiting)
    assert made == [1, 1, 1]
    with pytest.raises(RuntimeError, match="is closed"):
        await worker.run(lambda: made.append(2))


async def test_one_that_was_never_needed_is_closed_too() -> None:
    worker, made = Worker("of the test"), list[int]()
    worker.close()
    with pytest.raises(RuntimeError, match="is closed"):
        await worker.run(lambda: None)
    worker.soon(lambda: made.append(1))
    worker.close()
    assert made == []


async def test_a_call_that_nobody_waits_for_may_be_the_first() -> None:
    worker, made = Worker("of the test"), list[int]()
    worker.soon(lambda: made.append(1))
    worker.close()
    assert made == [1]


def test_a_call_whose_loop_has_ended_meanwhile_does_not_end_the_thread() -> None:
    worker, go_on = Worker("of the test"), threading.Event()

    async def leave() -> None:
        waiting = asyncio.ensure_future(worker.run(go_on.wait))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    go_on.set()
    try:
        assert asyncio.run(worker.run(lambda: "made")) == "made"
    finally:
        worker.close()


async def test_a_call_that_nobody_waits_for_is_made_after_those_that_wait(
    capsys: pytest.CaptureFixture[str],
) -> None:
    worker, made = Worker("of the test"), list[str]()

    def fail() -> None:
        made.append("unwaited")
        raise OSError("the disk is gone")

    try:
        first = asyncio.create_task(worker.run(lambda: made.append("first")))
        await asyncio.sleep(0)
        worker.soon(fail)
        await worker.run(lambda: made.append("last"))
        await first
    finally:
        worker.close()
    assert made == ["first", "unwaited", "last"]
    assert "the disk is gone" in capsys.readouterr().out
