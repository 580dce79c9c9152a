"""Leases in Redis: one key per name with its holder's fence, and a counter of fences beside it."""

from __future__ import annotations

from typing import Final

from fxpool.store.leases import Lease
from fxpool.store.redis.connection import RedisConnection

_FENCE_SECONDS: Final = 90 * 86_400
"""How long a counter outlives its last lease; a later one begins at the clock, which is higher."""

_ACQUIRE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fence = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, now, tonumber(ARGV[3]))
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[2], text, 'EX', ARGV[2])
redis.call('SET', KEYS[1], text, 'PX', ARGV[1])
return text
"""

_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisLeases:
    """Leases among all processes on one Redis; every call raises RedisDown."""

    def __init__(self, connection: RedisConnection) -> None:
        self._redis = connection
        self._highest = 0  # of the fences seen here, in case Redis lost its data a moment ago

    async def acquire(self, name: str, seconds: float) -> Lease | None:
        keys = [_key(name), f"{_key(name)}:fence"]
        words = int(seconds * 1000), _FENCE_SECONDS, self._highest + 1
        fence = await self._redis.script(_ACQUIRE, keys, *words)
        if fence is None:
            return None
        self._highest = max(self._highest, int(fence))
        return Lease(name, int(fence), is_shared=True)

    async def renew(self, lease: Lease, seconds: float) -> bool:
        milliseconds = int(seconds * 1000)
        keys = [_key(lease.name)]
        return bool(await self._redis.script(_RENEW, keys, str(lease.fence), milliseconds))

    async def release(self, lease: Lease) -> None:
        await self._redis.script(_RELEASE, [_key(lease.name)], str(lease.fence))


def _key(name: str) -> str:
    return f"ctrader:{name}"
