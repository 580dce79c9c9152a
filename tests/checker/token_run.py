"""Two processes keep one consent's tokens fresh for months while everything fails; then a verdict.

Time is simulated, so a month takes a second or two; the secret store is OpenBao or the encrypted
file, the lock is in Redis or in each process alone, the tokens are the simulator's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

from checker.token_processes import Life, MortalLeases, MortalRefresher, MortalStore, Process
from fxpool.auth import SecretStore, TokenKeeper, TokenPair
from fxpool.auth.file_key import KeySource
from fxpool.auth.file_store import FileStore
from fxpool.auth.keeper import LOOK_SECONDS
from fxpool.auth.rotation import CLAIM_SECONDS
from fxpool.auth.tokens import fields_of, pair_given
from fxpool.auth.vault import VaultStore
from fxpool.auth.vault_login import VaultLogin
from fxpool.errors import NeedsConsent, RedisDown, RequestNotSent
from fxpool.simulator.tokens import TokenKeeper as BrokersTokens
from fxpool.store.leases import Lease, Leases, ProcessLeases
from fxpool.store.redis import RedisConnection
from fxpool.store.redis.leases import RedisLeases
from fxpool.store.shared import SharedState
from harness.clock import ManualClock
from harness.openbao import ROOT_TOKEN, OpenBao
from harness.redis import RedisServer
from harness.tokens import KEY, LIFETIME, TokenService

DAYS: Final = 64  # two renewals
STEP_SECONDS: Final = 21_600.0
ACCOUNTS: Final = ("alpha", "beta")
LOOKS: Final = int(CLAIM_SECONDS / LOOK_SECONDS) + 4
_CALM_TURNS: Final = 12

FATES: Final = ("lost", "unheard", "heard", "seals")


@dataclass(frozen=True, slots=True)
class Servers:
    """The real servers of a run; without OpenBao an encrypted file, without Redis no lock."""

    openbao: OpenBao | None = None
    redis: RedisServer | None = None


@dataclass
class TokenReport:
    """What a run came to.

    Attributes:
        found: promises that were broken, in words; empty is good.
    """

    seed: int
    found: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}: {dict(self.counts)}", *self.found])


class TokenRun:
    """One seed. The same seed draws the same troubles."""

    def __init__(self, seed: int, folder: Path, servers: Servers, *, days: int = DAYS) -> None:
        self._days = days
        self._seed, self._folder, self._servers = seed, folder, servers
        self._chance = Random(seed)
        self.clock = ManualClock()
        tokens = count(1)
        broker = BrokersTokens(lambda: f"token-{seed}-{next(tokens)}")
        self._service = TokenService(self.clock, broker)
        self.report = TokenReport(seed)
        self._owners = count(1)
        self._processes: list[Process] = []
        self._down: dict[int, int] = {}  # a dead process's place, and steps until it is back
        self._is_split = self._chance.random() < 0.3
        self._has_rescue = self._chance.random() < 0.7
        self._sealed_for = self._redis_gone_for = 0
        self._leases: dict[Lease, float] = {}
        self._connections: list[RedisConnection] = []
        self._loose: list[asyncio.Task[Any]] = []
        self._successors: dict[str, TokenPair] = {}
        self._heard: dict[str, Life] = {}
        self._durable: set[str] = set()
        self._at_home: set[str] = set()
        self._in_rescue: dict[int, set[str]] = {0: set(), 1: set()}
        self._given: dict[str, TokenPair] = {}
        self._last_asked: dict[tuple[int, str], str] = {}

    async def run(self) -> TokenReport:
        await self._begin()
        try:
            for _ in range(int(self._days * 86_400 / STEP_SECONDS)):
                await self._trouble()
                await self._pass(STEP_SECONDS)
                if not await self._is_well():
                    await self._look_on()
            await self._mend()
            await self._judge_end()
        finally:
            await self._end()
        return self.report

    # The world

    async def _begin(self) -> None:
        if self._servers.redis is not None:
            for _ in range(3):  # two processes, and what ends leases when their time is over
                connection = RedisConnection(self._servers.redis.address, clock=self.clock)
                await connection.open()
                self._connections.append(connection)
        first = self._new_pair()
        home = self._home()
        for name in ACCOUNTS:
            await home.write(self._path(name), fields_of(first), version=0)
        await home.close()
        self._durable.add(first.access_token)
        self._at_home.add(first.access_token)
        for place in (0, 1):
            self._processes.append(self._start(place))
        await self._quiet()

    async def _end(self) -> None:
        await self._unseal()
        if self._redis_gone_for and self._servers.redis is not None:
            self._servers.redis.start()
        for process in self._processes:
            await process.bury()
        for task in self._loose:
            task.cancel()
        await asyncio.gather(*self._loose, return_exceptions=True)
        for connection in self._connections:
            await connection.close()

    def _new_pair(self) -> TokenPair:
        at = self.clock.at()
        grant = self._service.tokens.grant((1, 2), at_ms=int(at.timestamp() * 1000))
        pair = pair_given(grant.access_token, grant.refresh_token, LIFETIME, at)
        self._given[pair.refresh_token] = pair
        return pair

    def _home(self) -> SecretStore:
        if self._servers.openbao is not None:
            return VaultStore(self._servers.openbao.address, VaultLogin(ROOT_TOKEN))
        return self._file("secrets")

    def _file(self, name: str) -> FileStore:
        return FileStore(self._folder / f"{name}.bin", KeySource(self._folder / "key", KEY))

    def _path(self, name: str) -> str:
        return f"ctrader/accounts/{name}-{self._seed}"

    def _names(self, place: int) -> list[str]:
        return [ACCOUNTS[place]] if self._is_split else list(ACCOUNTS)

    def _start(self, place: int) -> Process:
        """Return a new process; a place is a machine with its own rescue file."""
        life = Life()
        home = MortalStore(
            self._home(),
            life,
            lambda fields: self._wrote(fields, self._at_home),
            lambda: self._servers.openbao is None and self._sealed_for > 0,
        )
        near = MortalStore(
            self._file(f"rescue-{place}"),
            life,
            lambda fields: self._wrote(fields, self._in_rescue[place]),
            lambda: False,
        )
        refresher = MortalRefresher(
            self._service,
            life,
            lambda token: self._asked(place, life, token),
            self._spent,
            lambda pair: self._heard.update({pair.access_token: life}),
            self._seal,
        )
        keeper = TokenKeeper(
            home,
            refresher,
            clock=self.clock,
            random=self._chance,
            owner=f"process-{next(self._owners)}",
            application=f"app-{self._seed}",
            leases=MortalLeases(self._own_leases(place), life, self._lease_noted),
            rescue=near if self._has_rescue else None,
        )
        for name in self._names(place):
            keeper.add(name, (self._path(name),))
        process = Process(life, keeper, refresher, [home, near])
        process.start(lambda: self._parked(place, process))
        return process

    def _own_leases(self, place: int) -> Leases:
        if not self._connections:
            return ProcessLeases(self.clock)
        return SharedState.on(self._connections[place], self.clock, instance="run").leases

    def _lease_noted(self, lease: Lease, seconds: float | None) -> None:
        if seconds is None:
            self._leases.pop(lease, None)
        else:
            self._leases[lease] = self.clock.now() + seconds

    def _parked(self, place: int, process: Process) -> list[str]:
        """The accounts that the broker does not let in with the token they have."""
        parked = []
        for name in self._names(place):
            try:
                token = process.keeper.access_token(name)
            except (NeedsConsent, RequestNotSent):
                parked.append(name)
            else:
                if not self._service.accepts(token):
                    parked.append(name)
        return parked

    # Time

    async def _pass(self, seconds: float) -> None:
        """Let time pass, leases end, and every process do what it does then."""
        self.clock.advance(seconds)
        redis = self._connections[2] if self._connections else None
        for lease, until in list(self._leases.items()):
            if until <= self.clock.now() and redis is not None and redis.is_up:
                try:
                    await RedisLeases(redis).release(lease)
                except RedisDown:  # nobody had noticed yet: they end when it is back
                    break
                del self._leases[lease]
        await self._quiet()
        self._judge_now()
        await self._consent_where_asked()

    async def _quiet(self) -> None:
        """Return when every process sleeps, or is dead."""
        calm, steps = 0, -1
        while calm < _CALM_TURNS:
            await asyncio.sleep(0)
            if any(process.life.flying for process in self._processes):
                calm = 0
                await asyncio.sleep(0.0003)
                continue
            now = sum(process.life.steps for process in self._processes)
            calm = calm + 1 if now == steps else 0
            steps = now

    async def _look_on(self) -> None:
        for _ in range(LOOKS):
            await self._pass(LOOK_SECONDS + 0.1)
            if await self._is_well():
                return

    async def _is_well(self) -> bool:
        """Whether every process lives and the broker lets all its accounts in."""
        return all(
            process.is_alive and not process.keeper._rotating and not self._parked(place, process)
            for place, process in enumerate(self._processes)
        )

    # Troubles

    async def _trouble(self) -> None:
        await self._recover()
        chance = self._chance
        place = chance.randrange(2)
        process = self._processes[place]
        drawn = chance.random()
        if drawn < 0.03:
            process.life.dies_in = chance.randint(1, 40)
        elif drawn < 0.04:
            process.refresher.next_reply = chance.choice(FATES)
        elif drawn < 0.05:
            await self._seal()
        elif drawn < 0.07:
            self._stop_redis()
        elif drawn < 0.08:
            process.life.is_dead = True

    async def _recover(self) -> None:
        if self._sealed_for:
            self._sealed_for -= 1
            if not self._sealed_for:
                self._sealed_for = 1
                await self._unseal()
        if self._redis_gone_for:
            self._redis_gone_for -= 1
            if not self._redis_gone_for and self._servers.redis is not None:
                self._servers.redis.start()
        for place, process in enumerate(self._processes):
            if process.is_alive:
                continue
            self._down.setdefault(place, self._chance.randint(1, 8))
            self._down[place] -= 1
            if self._down[place] <= 0:
                self._restart(place)

    def _restart(self, place: int) -> None:
        self._down.pop(place, None)
        self.report.counts["kills"] += 1
        dead = self._processes[place]
        self._processes[place] = self._start(place)
        self._loose.append(asyncio.create_task(dead.bury()))

    async def _seal(self) -> None:
        if not self._sealed_for:
            self.report.counts["seals"] += 1
            if self._servers.openbao is not None:
                await asyncio.to_thread(self._servers.openbao.seal)
        self._sealed_for = self._chance.randint(1, 6)

    async def _unseal(self) -> None:
        if self._sealed_for and self._servers.openbao is not None:
            await asyncio.to_thread(self._servers.openbao.unseal)
        self._sealed_for = 0

    def _stop_redis(self) -> None:
        if self._servers.redis is not None and not self._redis_gone_for:
            self.report.counts["redis stops"] += 1
            self._servers.redis.stop()
            self._redis_gone_for = self._chance.randint(1, 6)

    async def _mend(self) -> None:
        """End all troubles, and give everybody the time to recover."""
        await self._unseal()
        if self._redis_gone_for and self._servers.redis is not None:
            self._servers.redis.start()
            self._redis_gone_for = 0
        for place, process in enumerate(self._processes):
            process.life.dies_in, process.refresher.next_reply = None, ""
            if not process.is_alive:
                self._restart(place)
        for _ in range(8):
            await self._pass(STEP_SECONDS)
            await self._look_on()

    async def _consent_where_asked(self) -> None:
        """Be the person who authorises again, if that is asked for with good reason."""
        for place, process in enumerate(self._processes):
            if not process.is_alive or self._sealed_for:
                continue
            for name in self._names(place):
                asked = _consent_asked(process, name)
                if asked is not None:
                    self._judge_consent(place, process, name, asked)
                    await self._try(process.keeper.link(name, self._new_pair(), {}))

    async def _try(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that may hang because its process dies over it."""
        self._loose.append(asyncio.create_task(work))
        await self._quiet()

    # Promises

    def _broken(self, text: str) -> None:
        self.report.found.append(f"{self.clock.at():%F %T} {text}")

    def _wrote(self, fields: Mapping[str, str], where: set[str]) -> None:
        if "access_token" in fields:
            where.add(fields["access_token"])
            self._durable.add(fields["access_token"])

    def _asked(self, place: int, life: Life, token: str) -> None:
        self.report.counts["asked"] += 1
        pair = self._given.get(token)
        earliest = None if pair is None else pair.renewed_at(1.0)
        if earliest is None or self.clock.at() < earliest:
            self._broken(f"{token} was renewed long before it ends, or is none")
        successor = self._successors.get(token)
        if successor is not None and self._is_known(place, successor):
            self._broken(f"{token} was presented again although its successor is known")

    def _is_known(self, place: int, pair: TokenPair) -> bool:
        """Whether a process could know a pair, or another one that lives has it in its memory."""
        heard_by = self._heard.get(pair.access_token)
        return pair.access_token in self._at_home | self._in_rescue[place] or (
            heard_by is not None and not heard_by.is_dead
        )

    def _spent(self, token: str, pair: TokenPair) -> None:
        self.report.counts["renewed"] += 1
        if token in self._successors:
            self._broken(f"{token} was spent twice")
        self._successors[token] = pair
        self._given[pair.refresh_token] = pair

    def _judge_now(self) -> None:
        """No pair is used that would be lost with its process."""
        for place, process in enumerate(self._processes):
            if not process.is_alive:
                continue
            for name in self._names(place):
                try:
                    token = process.keeper.access_token(name)
                except (NeedsConsent, RequestNotSent):
                    continue
                if token not in self._durable:
                    self._broken(f"{token} is in use and not stored")

    def _judge_consent(self, place: int, process: Process, name: str, error: NeedsConsent) -> None:
        """A person is bothered only where nothing else can help."""
        self.report.counts["consents"] += 1
        pair = process.keeper._accounts[name].pair
        if pair is None:
            self._broken(f"{name}: its tokens are gone: {error}")
            return
        successor = self._successors.get(pair.refresh_token)
        if successor is None:
            self._broken(f"{name}: consent is asked for and nothing was lost: {error}")
        elif self._is_known(place, successor):
            self._broken(f"{name}: consent is asked for and the successor is known: {error}")

    async def _judge_end(self) -> None:
        for place, process in enumerate(self._processes):
            for name in self._names(place):
                try:
                    token = process.keeper.access_token(name)
                except (NeedsConsent, RequestNotSent) as exc:
                    self._broken(f"process {place}, {name}: not well in the end: {exc}")
                    continue
                if not self._service.accepts(token):
                    self._broken(f"process {place}, {name}: its token is dead in the end")
        home = self._home()
        for name in ACCOUNTS:
            stored = (await home.read(self._path(name))).fields.get("access_token", "")
            if not self._service.accepts(stored):
                self._broken(f"{name}: the stored token is dead in the end")
        await home.close()
        if self._successors == {}:
            self._broken("nothing was renewed")


def _consent_asked(process: Process, name: str) -> NeedsConsent | None:
    """Return why an account's owner is asked to authorise again: no token, or none to renew it."""
    try:
        process.keeper.access_token(name)
    except NeedsConsent as exc:
        return exc
    except RequestNotSent:
        return None
    pair = process.keeper._accounts[name].pair
    return None if pair is None else process.keeper._dead.get(pair.fingerprint)
