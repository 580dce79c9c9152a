"""Cool-downs in Redis, each a key that expires."""

from __future__ import annotations

from fxpool.store.redis.connection import RedisConnection


class RedisCooldowns:
    """Cool-downs of one kind among all processes on one Redis; all calls raise RedisDown."""

    def __init__(self, connection: RedisConnection, prefix: str) -> None:
        """``prefix`` names the kind: ``ctrader:alert``."""
        self._redis, self._prefix = connection, prefix

    async def begin(self, key: str, seconds: float) -> bool:
        milliseconds = int(seconds * 1000)
        words = ("SET", f"{self._prefix}:{key}", "1", "PX", milliseconds, "NX")
        return await self._redis.command(*words) is not None

    async def end(self, key: str) -> None:
        await self._redis.command("DEL", f"{self._prefix}:{key}")
