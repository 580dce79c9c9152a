"""What the processes of one application share: through Redis, or each alone without it.

Idempotency keys and order tickets are not here: they are in SQL (``store.journal``), where an
answer is durable before its order leaves. Tokens are not either: their claims are check-and-set
entries of the secret store, which a lease only keeps processes from fighting for.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

from fxpool.clock import Clock
from fxpool.settings import Settings
from fxpool.store.cooldowns import Cooldowns, ProcessCooldowns, SharedCooldowns
from fxpool.store.event_log import EventLog, ProcessEventLog
from fxpool.store.leases import Leases, ProcessLeases, SharedLeases
from fxpool.store.once import OnceValues, ProcessOnce, SharedOnce
from fxpool.store.redis import RedisAddress, RedisConnection
from fxpool.store.redis.cooldowns import RedisCooldowns
from fxpool.store.redis.event_log import RedisEventLog
from fxpool.store.redis.leases import RedisLeases
from fxpool.store.redis.once import RedisOnce
from fxpool.store.redis.presence import Presence


@dataclass(frozen=True, slots=True)
class SharedState:
    """The shared parts, each with a fallback in this process.

    Attributes:
        leases: who does what only one may do.
        consents: what a consent was asked for, by its state.
        alerts: which accounts had an alert a moment ago.
        events: what this gateway's events leave for its next life.
        redis: the connection behind them; None without Redis.
        presence: tells others which accounts this process serves; None without Redis.
    """

    leases: Leases
    consents: OnceValues
    alerts: Cooldowns
    events: EventLog
    redis: RedisConnection | None = None
    presence: Presence | None = None

    @classmethod
    def alone(cls, clock: Clock) -> Self:
        """Return the parts of a process that shares nothing."""
        return cls(
            ProcessLeases(clock),
            ProcessOnce(clock),
            ProcessCooldowns(clock),
            ProcessEventLog(_new_epoch),
        )

    @classmethod
    def on(cls, redis: RedisConnection, clock: Clock, *, instance: str) -> Self:
        """Return the parts of a process that shares a Redis; ``instance`` is its lasting name."""
        return cls(
            SharedLeases(RedisLeases(redis), ProcessLeases(clock)),
            SharedOnce(RedisOnce(redis, "ctrader:oauth:state"), ProcessOnce(clock)),
            SharedCooldowns(RedisCooldowns(redis, "ctrader:alert"), ProcessCooldowns(clock)),
            RedisEventLog(redis, instance, _new_epoch),
            redis,
            Presence(redis, instance, clock=clock),
        )

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock) -> Self:
        """Return what the settings mean; nothing is connected yet. Raises SettingsError."""
        address = RedisAddress.from_settings(settings)
        if address is None:
            return cls.alone(clock)
        redis = RedisConnection(address, clock=clock)
        return cls.on(redis, clock, instance=settings.instance_name)

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
        if self.redis is None:
            return {}
        return {"redis": self.redis.error or self.events.failure}


def _new_epoch() -> str:
    return secrets.token_hex(4)
