"""Counters of our own rate limits that several processes share, in Redis.

While Redis is away each process counts on its own, so a limit then holds per process.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fxpool.clock import Clock
from fxpool.errors import RedisDown
from fxpool.gateway.rates import ALLOWED, Decision, ProcessCounters, RateCounters
from fxpool.settings import Settings
from fxpool.store.redis import RedisAddress, RedisConnection

TAKE_SECONDS: Final = 0.05
"""How long a call waits for Redis to count it: a trade may be behind it."""

_TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, step = tonumber(ARGV[1]), tonumber(ARGV[2])
local paid_at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + step
local wait = paid_at - window - now
if wait > 0 then return math.ceil(wait) end
redis.call('SET', KEYS[1], string.format('%.0f', paid_at), 'PX', math.ceil(window / 1000) + 1)
return 0
"""
"""Times in microseconds of Redis' own clock, so that processes' clocks need not agree.

Source: the generic cell rate algorithm (ITU-T I.371), as in ``gateway.rates``.
"""


class SharedCounters:
    """Counts in Redis, each call in one step that nothing else can come between."""

    def __init__(self, redis: RedisConnection, own: ProcessCounters) -> None:
        self._redis, self._own = redis, own

    async def take(self, key: str, limit: int, window: float) -> Decision:
        window_us = round(window * 1e6)
        words = (window_us, max(1, window_us // limit))
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                wait_us = await self._redis.script(_TAKE, [_name(key)], *words)
        except (RedisDown, TimeoutError):
            return await self._own.take(key, limit, window)
        return Decision(is_allowed=False, retry_after=wait_us / 1e6) if wait_us else ALLOWED


@asynccontextmanager
async def rate_counters(settings: Settings, *, clock: Clock) -> AsyncIterator[RateCounters]:
    """Give the counters that the settings mean. Raises SettingsError."""
    own = ProcessCounters(clock.now)
    address = RedisAddress.from_settings(settings)
    if address is None:
        yield own
        return
    redis = RedisConnection(address, clock=clock)
    await redis.open()
    try:
        yield SharedCounters(redis, own)
    finally:
        await redis.close()


def _name(key: str) -> str:
    """Return the key in Redis; a hash, since ours may tell who called from where."""
    return f"ctrader:rate:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
