"""The counters behind our own rate limits."""

from __future__ import annotations

import pytest

from fxpool.gateway.rates import ProcessCounters


class Time:
    now = 100.0


@pytest.fixture
def counters() -> ProcessCounters:
    Time.now = 100.0
    return ProcessCounters(lambda: Time.now)


async def test_as_many_as_the_limit_pass_at_once_and_the_next_is_told_when(
    counters: ProcessCounters,
) -> None:
    assert [(await counters.take("a", 3, 6.0)).is_allowed for _ in range(4)] == [True] * 3 + [False]
    assert (await counters.take("a", 3, 6.0)).retry_after == pytest.approx(2.0)
    Time.now += 2.01
    assert (await counters.take("a", 3, 6.0)).is_allowed
    assert not (await counters.take("a", 3, 6.0)).is_allowed


async def test_each_key_is_counted_on_its_own(counters: ProcessCounters) -> None:
    assert (await counters.take("a", 1, 60.0)).is_allowed
    assert (await counters.take("b", 1, 60.0)).is_allowed
    assert not (await counters.take("a", 1, 60.0)).is_allowed


async def test_a_refused_call_is_not_counted(counters: ProcessCounters) -> None:
    await counters.take("a", 1, 10.0)
    for _ in range(50):
        await counters.take("a", 1, 10.0)
    Time.now += 10.01
    assert (await counters.take("a", 1, 10.0)).is_allowed


async def test_a_flood_of_keys_does_not_fill_the_memory(counters: ProcessCounters) -> None:
    for number in range(25_000):
        await counters.take(f"flood-{number}", 1, 60.0)
    assert len(counters._paid_at) <= 10_000
