"""What the processes of one application share: through Redis, or each alone without it.

Idempotency keys and order tickets are not here: they are in SQL (``store.journal``), where an
answer is durable before its order leaves. Tokens are not either: their claims are check-and-set
entries of the secret store, which a lease only keeps processes from fighting for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from fxpool.clock import Clock
from fxpool.settings import Settings
from fxpool.store.cooldowns import Cooldowns, ProcessCooldowns, SharedCooldowns
from fxpool.store.leases import Leases, ProcessLeases, SharedLeases
from fxpool.store.once import OnceValues, ProcessOnce, SharedOnce
from fxpool.store.redis import RedisAddress, RedisConnection
from fxpool.store.redis.cooldowns import RedisCooldowns
from fxpool.store.redis.leases import RedisLeases
from fxpool.store.redis.once import RedisOnce


@dataclass(frozen=True, slots=True)
class SharedState:
    """The shared parts, each with a fallback in this process.

    Attributes:
        leases: who does what only one may do.
        consents: what a consent was asked for, by its state.
        alerts: which accounts had an alert a moment ago.
        redis: the connection behind them; None without Redis.
    """

    leases: Leases
    consents: OnceValues
    alerts: Cooldowns
    redis: RedisConnection | None = None

    @classmethod
    def alone(cls, clock: Clock) -> Self:
        """Return the parts of a process that shares nothing."""
        return cls(ProcessLeases(clock), ProcessOnce(clock), ProcessCooldowns(clock))

    @classmethod
    def on(cls, redis: RedisConnection, clock: Clock) -> Self:
        """Return the parts of a process that shares a Redis."""
        return cls(
            SharedLeases(RedisLeases(redis), ProcessLeases(clock)),
            SharedOnce(RedisOnce(redis, "ctrader:oauth:state"), ProcessOnce(clock)),
            SharedCooldowns(RedisCooldowns(redis, "ctrader:alert"), ProcessCooldowns(clock)),
            redis,
        )

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> Self:
        """Return what the settings mean; nothing is connected yet. Raises SettingsError."""
        address = RedisAddress.from_settings(settings)
        if address is None:
            return cls.alone(clock)
        return cls.on(RedisConnection(address, clock=clock), clock)

    async def open(self) -> None:
        """Connect; a Redis that is down is no error."""
        if self.redis is not None:
            await self.redis.open()

    async def close(self) -> None:
        """Let go of the connection."""
        if self.redis is not None:
            await self.redis.close()

    @property
    def failures(self) -> dict[str, str | None]:
        """Why Redis does not work, None if it does; empty without Redis."""
        return {} if self.redis is None else {"redis": self.redis.error or None}
