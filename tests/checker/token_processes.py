"""Processes that keep tokens, on stores, locks and a broker that are real or the simulator's.

A process that dies stops in the middle of whatever it does: nothing that it began goes on, no
clean-up of it runs, and its lock ends by time only. That is what ``kill -9`` leaves behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from fxpool.auth import Secret, SecretStore, TokenKeeper, TokenPair
from fxpool.errors import AuthRefused, RequestTimedOut, SecretStoreSealed
from fxpool.store.leases import Lease, Leases
from harness.tokens import Killed, TokenService

T = TypeVar("T")


@dataclass(eq=False)
class Life:
    """One process's life; every operation that leaves the process passes through it.

    Attributes:
        dies_in: how many more steps it lives; each operation is one before and one after it.
        flying: operations that are on their way.
    """

    dies_in: int | None = None
    is_dead: bool = False
    is_buried: bool = False
    flying: int = 0
    steps: int = 0

    async def step(self) -> None:
        self.steps += 1
        if self.dies_in is not None:
            self.dies_in -= 1
            self.is_dead |= self.dies_in <= 0
        if self.is_buried:
            raise Killed
        if self.is_dead:
            await asyncio.get_running_loop().create_future()

    async def does(self, operation: Callable[[], Awaitable[T]]) -> T:
        await self.step()
        self.flying += 1
        try:
            done = await operation()
        finally:
            self.flying -= 1
        await self.step()
        return done


class MortalStore:
    """A store as one process reaches it.

    ``is_sealed`` seals what cannot be sealed itself; ``written`` hears of every durable entry.
    """

    is_read_only = False

    def __init__(
        self,
        store: SecretStore,
        life: Life,
        written: Callable[[Mapping[str, str]], None],
        is_sealed: Callable[[], bool],
    ) -> None:
        self._store, self._life, self._written = store, life, written
        self._is_sealed = is_sealed
        self.place = store.place

    async def read(self, path: str) -> Secret:
        return await self._does(lambda: self._store.read(path))

    async def write(self, path: str, fields: Mapping[str, str], *, version: int) -> int:
        async def written() -> int:
            new = await self._store.write(path, fields, version=version)
            self._written(fields)
            return new

        return await self._does(written)

    async def delete(self, path: str) -> None:
        await self._does(lambda: self._store.delete(path))

    async def names(self, folder: str) -> list[str]:
        return await self._does(lambda: self._store.names(folder))

    async def tend(self) -> None:
        await self._store.tend()

    async def close(self) -> None:
        await self._store.close()

    async def _does(self, operation: Callable[[], Awaitable[T]]) -> T:
        if self._is_sealed():
            await self._life.step()
            raise SecretStoreSealed("sealed for the test")
        return await self._life.does(operation)


class MortalLeases:
    """Leases as one process has them. They live in simulated time: ``noted`` hears until when."""

    _LONG = 86_400.0

    def __init__(
        self, leases: Leases, life: Life, noted: Callable[[Lease, float | None], None]
    ) -> None:
        self._leases, self._life, self._noted = leases, life, noted

    async def acquire(self, name: str, seconds: float) -> Lease | None:
        async def acquired() -> Lease | None:
            lease = await self._leases.acquire(name, self._LONG)
            if lease is not None:
                self._noted(lease, seconds)
            return lease

        return await self._life.does(acquired)

    async def renew(self, lease: Lease, seconds: float) -> bool:
        async def renewed() -> bool:
            is_ours = await self._leases.renew(lease, self._LONG)
            if is_ours:
                self._noted(lease, seconds)
            return is_ours

        return await self._life.does(renewed)

    async def release(self, lease: Lease) -> None:
        await self._life.does(lambda: self._leases.release(lease))
        self._noted(lease, None)


@dataclass
class MortalRefresher:
    """The token service as one process reaches it.

    Attributes:
        spent: hears of each refresh token that the service has replaced, with its successor.
        heard: hears of each pair whose reply got here.
        next_reply: what befalls the next reply: nothing, ``lost``, ``unheard`` (the process dies
            before it), ``heard`` (right after it) or ``seals`` (the store is sealed by then).
    """

    service: TokenService
    life: Life
    asked: Callable[[str], None]
    spent: Callable[[str, TokenPair], None]
    heard: Callable[[TokenPair], None]
    seal: Callable[[], Awaitable[None]]
    next_reply: str = ""

    async def refresh(self, refresh_token: str) -> TokenPair:
        await self.life.step()
        self.asked(refresh_token)
        fate, self.next_reply = self.next_reply, ""
        try:
            pair = await self.service.refresh(refresh_token)
        except AuthRefused:
            self.next_reply = fate
            raise
        self.spent(refresh_token, pair)
        if fate == "lost":
            raise RequestTimedOut("no answer")
        if fate == "unheard":
            self.life.is_dead = True
            await self.life.step()
        self.heard(pair)
        if fate == "heard":
            self.life.dies_in = 1
        if fate == "seals":
            await self.life.does(self.seal)
        return pair


@dataclass(eq=False)
class Process:
    """One process: a keeper that runs, and what it may be struck by."""

    life: Life
    keeper: TokenKeeper
    refresher: MortalRefresher
    stores: list[SecretStore]
    running: asyncio.Task[None] | None = None
    told: list[str] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        return not self.life.is_dead

    def start(self, parked: Callable[[], list[str]]) -> None:
        self.running = asyncio.create_task(self.keeper.run(parked, self.told.append))

    async def bury(self) -> None:
        """End its tasks without letting them do anything more."""
        self.life.is_dead = self.life.is_buried = True
        tasks = [task for task in (self.running, *self.keeper._rotating.values()) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for store in self.stores:
            await store.close()
