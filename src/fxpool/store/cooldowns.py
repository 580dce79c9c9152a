"""Cool-downs: of several that want to say the same, one says it, and then nobody for a while."""

from __future__ import annotations

from typing import Final, Protocol

from fxpool.clock import Clock
from fxpool.errors import RedisDown

_SWEEP_AT: Final = 10_000


class Cooldowns(Protocol):
    """Whose turn it is."""

    async def begin(self, key: str, seconds: float) -> bool:
        """Begin a cool-down of so long and return True; False while one runs."""
        ...

    async def end(self, key: str) -> None:
        """End a cool-down early: what it was begun for did not succeed."""
        ...


class ProcessCooldowns:
    """Cool-downs of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    async def begin(self, key: str, seconds: float) -> bool:
        now = self._clock.now()
        if self._until.get(key, now) > now:
            return False
        if len(self._until) >= _SWEEP_AT:
            self._until = {other: until for other, until in self._until.items() if until > now}
        self._until[key] = now + seconds
        return True

    async def end(self, key: str) -> None:
        self._until.pop(key, None)


class SharedCooldowns:
    """Cool-downs among processes; while those cannot be reached, of this one."""

    def __init__(self, shared: Cooldowns, own: ProcessCooldowns) -> None:
        self._shared, self._own = shared, own

    async def begin(self, key: str, seconds: float) -> bool:
        is_first_here = await self._own.begin(key, seconds)
        try:
            return is_first_here and await self._shared.begin(key, seconds)
        except RedisDown:
            return is_first_here

    async def end(self, key: str) -> None:
        await self._own.end(key)
        try:
            await self._shared.end(key)
        except RedisDown:
            return  # it ends by itself
