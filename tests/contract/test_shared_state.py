"""One suite for what processes share: in one process, in Redis, and in both as the product has it.

A second subject in each test is another process on the same Redis; alone, it is the same object.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from fxpool.clock import SystemClock
from fxpool.store.cooldowns import Cooldowns, ProcessCooldowns, SharedCooldowns
from fxpool.store.leases import Leases, ProcessLeases, SharedLeases, leased
from fxpool.store.once import OnceValues, ProcessOnce, SharedOnce
from fxpool.store.redis import RedisConnection
from fxpool.store.redis.cooldowns import RedisCooldowns
from fxpool.store.redis.leases import RedisLeases
from fxpool.store.redis.once import RedisOnce
from harness.redis import RedisServer, connected, running_redis

CLOCK = SystemClock()
SHORT = 0.05


@dataclass
class Process:
    """What one process sees."""

    leases: Leases
    once: OnceValues
    cooldowns: Cooldowns

    @classmethod
    def alone(cls) -> Process:
        return cls(ProcessLeases(CLOCK), ProcessOnce(CLOCK), ProcessCooldowns(CLOCK))

    @classmethod
    def on(cls, redis: RedisConnection) -> Process:
        return cls(
            RedisLeases(redis), RedisOnce(redis, "ctrader:once"), RedisCooldowns(redis, "ctrader:c")
        )

    @classmethod
    def both(cls, redis: RedisConnection) -> Process:
        shared = cls.on(redis)
        return cls(
            SharedLeases(shared.leases, ProcessLeases(CLOCK)),
            SharedOnce(shared.once, ProcessOnce(CLOCK)),
            SharedCooldowns(shared.cooldowns, ProcessCooldowns(CLOCK)),
        )


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=["alone", "redis", "shared"])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Process, Process]]:
    if request.param == "alone":
        process = Process.alone()
        yield process, process
        return
    server: RedisServer = request.getfixturevalue("redis")
    server.clear()
    make: Any = Process.on if request.param == "redis" else Process.both
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(connected(server.address)) for _ in "12"]
        yield make(connections[0]), make(connections[1])


Two = tuple[Process, Process]


async def test_a_name_has_one_holder(two: Two) -> None:
    first, second = two
    lease = await first.leases.acquire("lock:a", 5)
    assert lease is not None
    assert await second.leases.acquire("lock:a", 5) is None
    assert await second.leases.acquire("lock:b", 5) is not None
    await first.leases.release(lease)
    assert await second.leases.acquire("lock:a", 5) is not None


async def test_a_lease_ends_by_itself_and_its_heir_has_a_higher_fence(two: Two) -> None:
    first, second = two
    old = await first.leases.acquire("lock:a", SHORT)
    assert old is not None
    await asyncio.sleep(SHORT * 2)
    new = await second.leases.acquire("lock:a", 5)
    assert new is not None
    assert new.fence > old.fence
    assert not await first.leases.renew(old, 5)
    await first.leases.release(old)  # takes nothing from the heir
    assert await second.leases.renew(new, 5)
    assert await first.leases.acquire("lock:a", 5) is None


async def test_fences_count_up_over_quick_holders(two: Two) -> None:
    fences = []
    for number in range(20):
        leases = two[number % 2].leases
        lease = await leases.acquire("lock:a", 5)
        assert lease is not None
        fences.append(lease.fence)
        await leases.release(lease)
    assert fences == sorted(set(fences))


async def test_of_many_that_want_a_lease_one_gets_it(two: Two) -> None:
    wanted = [two[number % 2].leases.acquire("lock:a", 5) for number in range(20)]
    got = [lease for lease in await asyncio.gather(*wanted) if lease is not None]
    assert len(got) == 1


async def test_a_held_lease_is_renewed_and_given_back(two: Two) -> None:
    first, second = two
    async with leased(first.leases, "lock:a", SHORT * 4, clock=CLOCK) as lease:
        assert lease is not None
        await asyncio.sleep(SHORT * 8)
        async with leased(second.leases, "lock:a", 5, clock=CLOCK) as other:
            assert other is None
    assert await second.leases.acquire("lock:a", 5) is not None


async def test_a_value_is_taken_once(two: Two) -> None:
    first, second = two
    await first.once.put("state", "alpha", 5)
    assert await second.once.take("state") == "alpha"
    assert await first.once.take("state") is None
    assert await second.once.take("state") is None


async def test_of_many_that_take_a_value_one_gets_it(two: Two) -> None:
    await two[0].once.put("state", "alpha", 5)
    taken = await asyncio.gather(*(two[number % 2].once.take("state") for number in range(20)))
    assert [value for value in taken if value] == ["alpha"]


async def test_a_value_is_too_old_after_its_time(two: Two) -> None:
    first, second = two
    await first.once.put("state", "alpha", SHORT)
    await asyncio.sleep(SHORT * 2)
    assert await second.once.take("state") is None


async def test_of_many_that_want_to_say_the_same_one_says_it(two: Two) -> None:
    said = await asyncio.gather(*(two[n % 2].cooldowns.begin("alpha", 5) for n in range(20)))
    assert sum(said) == 1
    assert await two[1].cooldowns.begin("beta", 5)


async def test_a_cool_down_ends(two: Two) -> None:
    first, second = two
    assert await first.cooldowns.begin("alpha", SHORT)
    assert not await second.cooldowns.begin("alpha", SHORT)
    await asyncio.sleep(SHORT * 2)
    assert await second.cooldowns.begin("alpha", SHORT)


async def test_fences_go_on_counting_after_redis_lost_its_data(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        leases = RedisLeases(connection)
        before = await leases.acquire("lock:lost", 5)
        redis.clear()
        after = await leases.acquire("lock:lost", 5)
    assert before is not None
    assert after is not None
    assert after.fence > before.fence


async def test_while_redis_is_down_each_process_goes_on_alone(redis: RedisServer) -> None:
    async with connected(redis.address) as connection:
        process = Process.both(connection)
        held_before = await process.leases.acquire("lock:down", 30)
        assert held_before is not None
        redis.stop()
        try:
            assert await process.leases.renew(held_before, 30)
            lease = await process.leases.acquire("lock:alone", 5)
            assert lease is not None
            assert await process.leases.acquire("lock:alone", 5) is None
            await process.once.put("state", "alpha", 5)
            assert await process.once.take("state") == "alpha"
            assert await process.cooldowns.begin("down", 5)
            assert not await process.cooldowns.begin("down", 5)
        finally:
            redis.start()


async def test_a_value_that_redis_took_is_not_taken_again_while_it_is_down(
    redis: RedisServer,
) -> None:
    async with connected(redis.address) as connection:
        process = Process.both(connection)
        await process.once.put("state", "alpha", 30)
        assert await process.once.take("state") == "alpha"
        redis.stop()
        try:
            assert await process.once.take("state") is None
        finally:
            redis.start()


async def test_a_cool_down_that_was_in_vain_can_be_ended(two: Two) -> None:
    first, second = two
    assert await first.cooldowns.begin("vain", 5)
    await first.cooldowns.end("vain")
    assert await second.cooldowns.begin("vain", 5)
