"""Leases: one holder per name, for a while, with a number that tells an old holder from a new one.

A holder that was paused may go on after its lease ended. So whatever a lease guards is written with
its ``fence``, and what is guarded refuses a fence lower than one it has seen.

The leases of this process are here; those that several processes share are ``store.redis.leases``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from fxpool.clock import Clock
from fxpool.errors import RedisDown


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to do what ``name`` stands for, until it ends or is lost.

    Attributes:
        fence: higher than that of every earlier holder of the name, in any process. It is never
            lower than the epoch milliseconds of the grant, so that it stays higher when Redis has
            lost its data.
        is_shared: other processes respect it too; only such fences can be compared.
    """

    name: str
    fence: int
    is_shared: bool = False


class Leases(Protocol):
    """Grants leases. A process that cannot reach the others is alone and grants its own."""

    async def acquire(self, name: str, seconds: float) -> Lease | None:
        """Return a lease for so long; None while somebody else holds the name."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> bool:
        """Hold a lease for so long from now; False if it is lost."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back; one that is lost is no error."""
        ...


class ProcessLeases:
    """Leases among the tasks of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[Lease, float]] = {}
        self._last_fence = 0

    async def acquire(self, name: str, seconds: float) -> Lease | None:
        now = self._clock.now()
        if name in self._held and self._held[name][1] > now:
            return None
        self._last_fence = max(self._last_fence + 1, int(self._clock.at().timestamp() * 1000))
        lease = Lease(name, self._last_fence)
        self._held[name] = (lease, now + seconds)
        return lease

    async def renew(self, lease: Lease, seconds: float) -> bool:
        now = self._clock.now()
        held, until = self._held.get(lease.name, (None, 0.0))
        if held != lease or until <= now:
            return False
        self._held[lease.name] = (lease, now + seconds)
        return True

    async def release(self, lease: Lease) -> None:
        if lease.name in self._held and self._held[lease.name][0] == lease:
            del self._held[lease.name]


class SharedLeases:
    """Leases among processes; while those cannot be reached, among the tasks of this one.

    So it is no proof of being alone: what it guards must check once more where it is written.
    """

    def __init__(self, shared: Leases, own: ProcessLeases) -> None:
        self._shared, self._own = shared, own
        self._inside: dict[Lease, Lease] = {}  # our own lease beside a shared one

    async def acquire(self, name: str, seconds: float) -> Lease | None:
        inside = await self._own.acquire(name, seconds)
        if inside is None:
            return None
        try:
            lease = await self._shared.acquire(name, seconds)
        except RedisDown:
            return inside
        except BaseException:
            await self._own.release(inside)
            raise
        if lease is None:
            await self._own.release(inside)
            return None
        self._inside[lease] = inside
        return lease

    async def renew(self, lease: Lease, seconds: float) -> bool:
        inside = self._inside.get(lease)
        if inside is None:
            return await self._own.renew(lease, seconds)
        if not await self._own.renew(inside, seconds):
            return False
        try:
            return await self._shared.renew(lease, seconds)
        except RedisDown:
            return True

    async def release(self, lease: Lease) -> None:
        inside = self._inside.pop(lease, None)
        await self._own.release(inside or lease)
        if inside is not None:
            try:
                await self._shared.release(lease)
            except RedisDown:
                return  # it ends by itself


@asynccontextmanager
async def leased(
    leases: Leases, name: str, seconds: float, *, clock: Clock
) -> AsyncIterator[Lease | None]:
    """Hold a lease while the block runs, renewed in time; None if somebody else has it.

    That it was lost is not told: the fence tells whoever is written to.
    """
    lease = await leases.acquire(name, seconds)
    if lease is None:
        yield None
        return
    renewing = asyncio.create_task(_renew(leases, lease, seconds, clock), name=f"lease-{name}")
    try:
        yield lease
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        await leases.release(lease)


async def _renew(leases: Leases, lease: Lease, seconds: float, clock: Clock) -> None:
    while True:
        await clock.sleep(seconds / 3)
        if not await leases.renew(lease, seconds):
            return
