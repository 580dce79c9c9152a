"""One suite for the counters of rate limits: of one process, and of two on one Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.gateway.rates import ProcessCounters, RateCounters
from fxpool.gateway.shared_rates import SharedCounters, rate_counters
from fxpool.settings import Settings
from fxpool.store.redis import RedisConnection
from harness.redis import PASSWORD, RedisServer, connected, running_redis


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=["alone", "redis"])
async def two(
    request: pytest.FixtureRequest, redis: RedisServer
) -> AsyncIterator[tuple[RateCounters, RateCounters]]:
    redis.clear()
    if request.param == "alone":
        async with rate_counters(Settings(), clock=SystemClock()) as counters:
            yield counters, counters
        return
    async with connected(redis.address) as first, connected(redis.address) as second:
        yield shared(first), shared(second)


def shared(connection: RedisConnection) -> RateCounters:
    return SharedCounters(connection, ProcessCounters(SystemClock().now))


Two = tuple[RateCounters, RateCounters]


async def test_processes_count_together(two: Two) -> None:
    decisions = await asyncio.gather(*(two[n % 2].take("a", 5, 60.0) for n in range(20)))
    assert sum(decision.is_allowed for decision in decisions) == 5
    assert all(0 < d.retry_after <= 12.0 for d in decisions if not d.is_allowed)
    assert (await two[0].take("b", 5, 60.0)).is_allowed


async def test_a_refused_call_is_told_when_and_is_not_counted(two: Two) -> None:
    assert (await two[0].take("a", 1, 0.2)).is_allowed
    refused = [await two[1].take("a", 1, 0.2) for _ in range(5)]
    assert not any(decision.is_allowed for decision in refused)
    await asyncio.sleep(refused[-1].retry_after + 0.01)
    assert (await two[0].take("a", 1, 0.2)).is_allowed


async def test_while_redis_is_away_each_process_counts_on_its_own(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        counters = shared(connection)
        redis.stop()
        try:
            decisions = [await counters.take("a", 2, 60.0) for _ in range(4)]
        finally:
            redis.start()
    assert [decision.is_allowed for decision in decisions] == [True, True, False, False]


async def test_a_key_is_not_shown_to_who_reads_redis(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        await shared(connection).take("planted-canary", 2, 60.0)
        keys = await connection.command("KEYS", "*")
    assert keys
    assert "canary" not in repr(keys)


async def test_a_redis_that_hangs_holds_no_call_up(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        counters = shared(connection)
        await counters.take("a", 2, 60.0)
        with redis.hanging():
            async with asyncio.timeout(1.0):
                assert (await counters.take("b", 2, 60.0)).is_allowed


async def test_the_settings_say_that_redis_counts(redis: RedisServer) -> None:
    redis.clear()
    url = SecretStr(f"redis://:{PASSWORD}@127.0.0.1:{redis.port}")
    settings = Settings(redis_url=url)
    async with (
        rate_counters(settings, clock=SystemClock()) as first,
        rate_counters(settings, clock=SystemClock()) as second,
    ):
        assert (await first.take("a", 1, 60.0)).is_allowed
        assert not (await second.take("a", 1, 60.0)).is_allowed
