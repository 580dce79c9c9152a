"""Values that are taken once, within a time: what a consent was asked for, under its state."""

from __future__ import annotations

from typing import Final, Protocol

from fxpool.clock import Clock
from fxpool.errors import RedisDown

_MOST: Final = 1000
"""Values kept at once in this process; the oldest goes first."""


class OnceValues(Protocol):
    """Short texts under keys that nobody can guess."""

    async def put(self, key: str, value: str, seconds: float) -> None:
        """Keep a value for so long."""
        ...

    async def take(self, key: str) -> str | None:
        """Return a value and forget it; None if it is unknown, taken or too old."""
        ...


class ProcessOnce:
    """Values of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[str, tuple[str, float]] = {}

    async def put(self, key: str, value: str, seconds: float) -> None:
        while len(self._values) >= _MOST:
            del self._values[next(iter(self._values))]
        self._values[key] = (value, self._clock.now() + seconds)

    async def take(self, key: str) -> str | None:
        value, until = self._values.pop(key, ("", 0.0))
        return value if self._clock.now() < until else None


class SharedOnce:
    """Values among processes. One is kept here only if the others could not be told of it, so that
    it is never taken twice."""

    def __init__(self, shared: OnceValues, own: ProcessOnce) -> None:
        self._shared, self._own = shared, own

    async def put(self, key: str, value: str, seconds: float) -> None:
        try:
            await self._shared.put(key, value, seconds)
        except RedisDown:
            await self._own.put(key, value, seconds)

    async def take(self, key: str) -> str | None:
        value = await self._own.take(key)
        if value is not None:
            return value
        try:
            return await self._shared.take(key)
        except RedisDown:
            return None
