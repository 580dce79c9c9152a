"""Two processes on one set of tokens and a real Redis that comes and goes.

The lock keeps them from fighting; that no pair is spent twice also holds without it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from fxpool.auth import TokenKeeper
from fxpool.auth.keeper import LOOK_SECONDS
from fxpool.auth.rotation import CLAIM_SECONDS, Rotations
from fxpool.clock import SystemClock
from fxpool.store.leases import Lease, Leases, ProcessLeases
from fxpool.store.redis import RedisConnection
from fxpool.store.redis.leases import RedisLeases
from fxpool.store.shared import SharedState
from harness.redis import RedisServer, connected, running_redis
from harness.tokens import ACCOUNTS, TokenWorld
from harness.wait import wait_until

DAY = 86_400.0


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
async def two(redis: RedisServer) -> AsyncIterator[list[RedisConnection]]:
    """The connections of two processes."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(redis.address)) for _ in range(2)]


def shared(connection: RedisConnection) -> Leases:
    return SharedState.on(connection, SystemClock(), instance="test").leases


async def settled(world: TokenWorld, keepers: list[TokenKeeper]) -> None:
    def is_quiet() -> bool:
        return world.clock.sleepers == len(keepers) and not any(k._rotating for k in keepers)

    await wait_until(is_quiet)


async def test_two_processes_renew_each_pair_once_though_redis_comes_and_goes(
    redis: RedisServer, two: list[RedisConnection], tmp_path: Path
) -> None:
    world, chance = TokenWorld(tmp_path), Random(7)
    await world.store_first_pair()
    keepers = [await world.process(leases=shared(connection)) for connection in two]
    runs = [asyncio.create_task(keeper.run(lambda: (), lambda _: None)) for keeper in keepers]
    is_running = True
    try:
        for _ in range(60):
            world.clock.advance(DAY)
            for _ in range(3):  # looks after the day has passed
                await settled(world, keepers)
                world.clock.advance(LOOK_SECONDS + CLAIM_SECONDS)
            if chance.random() < 0.2:
                redis.stop() if is_running else redis.start()
                is_running = not is_running
        await settled(world, keepers)
    finally:
        if not is_running:
            redis.start()
        for run in runs:
            run.cancel()
        await asyncio.wait(runs)
    times = Counter(world.service.presented)
    assert len(times) >= 2
    assert set(times.values()) == {1}
    for keeper in keepers:
        for name in ACCOUNTS:
            assert world.service.accepts(keeper.access_token(name))


async def test_while_one_process_renews_another_does_not_even_try(
    two: list[RedisConnection], tmp_path: Path
) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    other = RedisLeases(two[0])
    lease = await other.acquire(f"token:lock:app:{world.first.fingerprint}", 60)
    assert lease is not None
    keeper = await world.process(leases=shared(two[1]))
    world.clock.advance(31 * DAY)
    await keeper._look(())
    await wait_until(lambda: not keeper._rotating)
    assert world.service.presented == []
    await other.release(lease)
    await keeper._look(())
    await wait_until(lambda: not keeper._rotating)
    assert len(world.service.presented) == 1


async def test_a_holder_that_was_paused_is_refused_at_the_write(
    redis: RedisServer, two: list[RedisConnection], tmp_path: Path
) -> None:
    world = TokenWorld(tmp_path)
    leases = [RedisLeases(connection) for connection in two]
    old = await leases[0].acquire("token:lock:paused", 0.02)
    await asyncio.sleep(0.05)
    new = await leases[1].acquire("token:lock:paused", 60)
    assert old is not None
    assert new is not None
    at = world.clock.at()
    heir = Rotations(world.file(), None, owner="heir")
    assert await heir.claim(world.first, new, at=at, now=0.0)
    paused = Rotations(world.file(), None, owner="paused")
    assert not await paused.claim(world.first, old, at=at, now=0.0)
    looks = range(0, int(CLAIM_SECONDS), int(LOOK_SECONDS))
    for look in looks:  # the heir's own claim is over by then
        assert not await paused.claim(world.first, old, at=at, now=float(look))
    later = CLAIM_SECONDS
    assert not await paused.claim(world.first, old, at=at, now=later)
    newest = await leases[1].acquire("token:lock:other", 60)
    assert newest is not None
    last = Lease("x", newest.fence, is_shared=True)
    assert await paused.claim(world.first, last, at=at, now=later)


async def test_a_process_that_lost_its_lease_does_not_spend_the_pair(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    leases = ProcessLeases(SystemClock())

    class Paused(ProcessLeases):
        async def acquire(self, name: str, seconds: float) -> Lease | None:
            lease = await leases.acquire(name, 0)  # over at once, as after a long pause
            assert await leases.acquire(name, 60)
            return lease

        renew = leases.renew
        release = leases.release

    keeper = await world.process(leases=Paused(SystemClock()))
    world.clock.advance(31 * DAY)
    await keeper._look(())
    await wait_until(lambda: not keeper._rotating)
    assert world.service.presented == []


async def test_no_token_is_in_redis(
    redis: RedisServer, two: list[RedisConnection], tmp_path: Path
) -> None:
    redis.clear()
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    keeper = await world.process(leases=shared(two[0]))
    await keeper.renew("alpha")
    fresh = keeper._accounts["alpha"].pair
    assert fresh is not None
    stored = await everything_in(two[0])
    assert stored
    for pair in (world.first, fresh):
        assert pair.access_token not in stored
        assert pair.refresh_token not in stored


async def everything_in(connection: RedisConnection) -> str:
    """Return the dump of all keys with their names."""
    keys = await connection.command("KEYS", "*")
    values = [await connection.command("DUMP", key) for key in keys]
    return repr(keys + values)
