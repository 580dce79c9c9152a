"""Values that are taken once, in Redis. A key there is the hash of ours, which is a secret."""

from __future__ import annotations

import hashlib

from fxpool.store.redis.connection import RedisConnection


class RedisOnce:
    """Values of one kind among all processes on one Redis; every call raises RedisDown."""

    def __init__(self, connection: RedisConnection, prefix: str) -> None:
        """``prefix`` names the kind: ``ctrader:oauth:state``."""
        self._redis, self._prefix = connection, prefix

    async def put(self, key: str, value: str, seconds: float) -> None:
        await self._redis.command("SET", self._key(key), value, "PX", int(seconds * 1000))

    async def take(self, key: str) -> str | None:
        value = await self._redis.command("GETDEL", self._key(key))
        return None if value is None else value.decode()

    def _key(self, key: str) -> str:
        return f"{self._prefix}:{hashlib.sha256(key.encode()).hexdigest()}"
