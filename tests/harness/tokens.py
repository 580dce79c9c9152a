"""A token keeper as a process that can be killed, and the simulator's token service behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from fxpool.auth import Secret, SecretStore, TokenKeeper, TokenPair
from fxpool.auth.file_key import KeySource
from fxpool.auth.file_store import FileStore
from fxpool.auth.tokens import fields_of, pair_given
from fxpool.errors import AuthRefused, RequestTimedOut, SecretStoreSealed
from fxpool.simulator.refusal import Refusal
from fxpool.simulator.tokens import TokenKeeper as BrokersTokens
from fxpool.store.leases import Leases, ProcessLeases
from harness.clock import ManualClock

LIFETIME = 2_628_000.0
KEY = "A" * 43 + "="
ACCOUNTS = ("alpha", "beta")


class Killed(BaseException):
    """The process ends here, and nothing of it goes on."""


@dataclass
class TokenService:
    """The simulator's tokens, asked for renewals; counts what was asked.

    Attributes:
        presented: every refresh token that was sent, in order.
        loses_replies: how many of the next answers get lost on the way.
    """

    clock: ManualClock
    tokens: BrokersTokens
    presented: list[str] = field(default_factory=list)
    loses_replies: int = 0

    async def refresh(self, refresh_token: str) -> TokenPair:
        self.presented.append(refresh_token)
        at = self.clock.at()
        try:
            _, grant = self.tokens.refresh(refresh_token, int(at.timestamp() * 1000))
        except Refusal as refusal:
            raise AuthRefused(refusal.code, refusal.text) from None
        if self.loses_replies:
            self.loses_replies -= 1
            raise RequestTimedOut("no answer")
        return pair_given(grant.access_token, grant.refresh_token, LIFETIME, at)

    def accepts(self, access_token: str) -> bool:
        """Whether the broker lets an access token in now."""
        try:
            self.tokens.find(access_token, int(self.clock.at().timestamp() * 1000))
        except Refusal:
            return False
        return True


class FragileStore:
    """A store in front of a real one: sealed on demand, killed before or after a chosen step.

    Attributes:
        steps: operations so far; each counts once before and once after it is done.
    """

    is_read_only = False
    place = "a fragile store"

    def __init__(self, store: SecretStore, *, dies_at: int | None = None) -> None:
        self._store, self._dies_at = store, dies_at
        self.steps = 0
        self.is_sealed = False

    def _step(self) -> None:
        self.steps += 1
        if self._dies_at is not None and self.steps >= self._dies_at:
            raise Killed
        self._check()

    def _check(self) -> None:
        if self.is_sealed:
            raise SecretStoreSealed("sealed for the test")

    async def read(self, path: str) -> Secret:
        self._step()
        return await self._store.read(path)

    async def write(self, path: str, fields: Mapping[str, str], *, version: int) -> int:
        self._step()
        written = await self._store.write(path, fields, version=version)
        self._step()
        return written

    async def delete(self, path: str) -> None:
        self._step()
        await self._store.delete(path)

    async def names(self, folder: str) -> list[str]:
        self._step()
        return await self._store.names(folder)

    async def tend(self) -> None:
        self._check()
        await self._store.tend()

    async def close(self) -> None:
        await self._store.close()


class TokenWorld:
    """One consent for two accounts, its entries in a file, and processes that keep it fresh."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.clock = ManualClock()
        self._folder = folder
        self._random = Random(seed)
        self._owners = count(1)
        tokens = count(1)
        self.service = TokenService(self.clock, BrokersTokens(lambda: f"token-{next(tokens)}"))
        at_ms = int(self.clock.at().timestamp() * 1000)
        grant = self.service.tokens.grant((1, 2), at_ms=at_ms)
        self.first = pair_given(grant.access_token, grant.refresh_token, LIFETIME, self.clock.at())

    async def store_first_pair(self, accounts: Sequence[str] = ACCOUNTS) -> None:
        for name in accounts:
            fields = {**fields_of(self.first), "acc_num": "7"}
            await self.file().write(f"ctrader/accounts/{name}", fields, version=0)

    def file(self, name: str = "secrets") -> FileStore:
        return FileStore(self._folder / f"{name}.bin", KeySource(self._folder / "key", KEY))

    async def process(
        self,
        store: SecretStore | None = None,
        *,
        rescue: SecretStore | None = None,
        accounts: Sequence[str] = ACCOUNTS,
        leases: Leases | None = None,
    ) -> TokenKeeper:
        """Return a keeper as a process would have it right after its start."""
        keeper = TokenKeeper(
            store or self.file(),
            self.service,
            clock=self.clock,
            random=self._random,
            owner=f"process-{next(self._owners)}",
            application="app",
            leases=leases or ProcessLeases(self.clock),
            rescue=rescue,
        )
        for name in accounts:
            keeper.add(name, (f"ctrader/accounts/{name}",))
        await keeper.read_all()
        return keeper

    async def stored(self, name: str) -> Mapping[str, str]:
        return (await self.file().read(f"ctrader/accounts/{name}")).fields
