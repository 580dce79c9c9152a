"""The pool: carries out where accounts are placed, and keeps the sessions that this needs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import count
from random import Random
from types import TracebackType
from typing import Self

from google.protobuf.message import Message

from fxpool.clock import Clock
from fxpool.errors import (
    AuthRefused,
    LocalProtocolError,
    PoolBusy,
    PoolClosed,
    RequestNotSent,
    SettingsError,
)
from fxpool.pool.channel import AccountChannel, AccountListener, Environment, Priority, Seat
from fxpool.pool.keeper import ApplicationCredentials, Keeper
from fxpool.pool.limits import PoolLimits
from fxpool.pool.placement import SessionLoad, plan
from fxpool.pool.stats import PoolStats, Tally
from fxpool.session import Dialler, Endpoint


class Pool:
    """Sessions shared by many accounts. Use as an async context manager.

    Args:
        endpoints: where each environment's broker is; accounts of others cannot be attached.
        random: chance for pauses and for the prefix of request ids, which must differ between
            processes.
    """

    def __init__(
        self,
        endpoints: Mapping[Environment, Endpoint],
        credentials: ApplicationCredentials,
        *,
        clock: Clock,
        random: Random,
        limits: PoolLimits | None = None,
    ) -> None:
        self._limits = limits or PoolLimits()
        self._credentials = credentials
        self._clock = clock
        self._random = random
        self._request_ids = _request_ids(random)
        self._tally = Tally()
        self._keepers: dict[int, Keeper] = {}
        self._is_open = False
        seconds = self._limits.connect_timeout
        self._diallers = {
            environment: Dialler(endpoint, seconds=seconds)
            for environment, endpoint in endpoints.items()
        }

    async def __aenter__(self) -> Self:
        self._is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_open = False
        await self._close(tuple(self._keepers))

    def attach(self, seat: Seat, listener: AccountListener) -> AccountChannel:
        """Place an account on a session and return its channel; ``listener`` hears how it goes.

        Raises PoolClosed, PoolBusy (no room within the limits), SettingsError (no such
        environment), LocalProtocolError (attached already).
        """
        self._check_usable(seat.environment)
        if self._keeper_of(seat.account_id) is not None:
            raise LocalProtocolError(f"account {seat.account_id} is attached already")
        placed = plan(self._loads(), {seat.account_id: seat.environment}, self._limits)
        for key, environment in placed.open:
            self._open(key, environment)
        if seat.account_id in placed.unplaced:
            raise PoolBusy(f"no session has room for account {seat.account_id}", retry_after=60.0)
        return self._keepers[placed.assign[seat.account_id]].admit(seat, listener)

    async def detach(self, account_id: int) -> None:
        """Log an account out and forget it; does nothing if it is not attached."""
        keeper = self._keeper_of(account_id)
        if keeper is None:
            return
        await keeper.dismiss(keeper.members[account_id])
        await self._close(plan(self._loads(), {}, self._limits).close)

    async def request(
        self, environment: Environment, message: Message, timeout: float = 10.0
    ) -> Message:
        """Send a request that needs no account (account list, token refresh, version).

        A session is opened if there is none. ``timeout`` is in seconds, connecting included.
        Raises RequestError and its kinds (AuthRefused if the application is refused), PoolClosed,
        SettingsError.
        """
        self._check_usable(environment)
        deadline = self._clock.now() + timeout
        keeper = self._any_keeper(environment)
        try:
            async with asyncio.timeout(timeout):
                await keeper.settled()
        except TimeoutError as exc:
            raise RequestNotSent("no session was ready before the deadline") from exc
        if isinstance(keeper.failure, AuthRefused):
            raise keeper.failure
        left = deadline - self._clock.now()
        reply = await keeper.request(message, timeout=left, priority=Priority.READ)
        assert isinstance(reply, Message)  # noqa: S101 - order requests name an account
        return reply

    async def reset(self) -> None:
        """Close all sessions and open them again; returns when each has succeeded or failed."""
        keepers = tuple(self._keepers.values())
        for keeper in keepers:
            keeper.reset()
        for keeper in keepers:
            await keeper.settled()

    def stats(self) -> PoolStats:
        """Return what the pool counts, and each session's state."""
        keepers = self._keepers.values()
        return PoolStats(
            sessions_created=self._tally.sessions_created,
            reconnects=self._tally.reconnects,
            reused=self._tally.answered,
            in_flight=sum(keeper.in_flight for keeper in keepers),
            waiting=sum(keeper.waiting for keeper in keepers),
            errors=self._tally.errors,
            links=tuple(keeper.stats() for keeper in keepers),
        )

    def _check_usable(self, environment: Environment) -> None:
        if not self._is_open:
            raise PoolClosed("the pool is not open")
        if environment not in self._diallers:
            raise SettingsError(f"no endpoint is configured for {environment.value} accounts")

    def _loads(self) -> list[SessionLoad]:
        return [
            SessionLoad(keeper.key, keeper.environment, frozenset(keeper.members))
            for keeper in self._keepers.values()
        ]

    def _keeper_of(self, account_id: int) -> Keeper | None:
        holding = (keeper for keeper in self._keepers.values() if account_id in keeper.members)
        return next(holding, None)

    def _any_keeper(self, environment: Environment) -> Keeper:
        mine = [keeper for keeper in self._keepers.values() if keeper.environment is environment]
        if mine:
            return min(mine, key=lambda keeper: (keeper.failure is not None, len(keeper.members)))
        if len(self._keepers) >= self._limits.sessions:
            raise PoolBusy("all sessions that the limits allow are in use", retry_after=60.0)
        return self._open(max(self._keepers, default=0) + 1, environment)

    def _open(self, key: int, environment: Environment) -> Keeper:
        keeper = Keeper(
            key,
            environment,
            self._diallers[environment],
            self._credentials,
            clock=self._clock,
            random=self._random,
            request_ids=self._request_ids,
            limits=self._limits,
            tally=self._tally,
        )
        self._keepers[key] = keeper
        keeper.open()
        return keeper

    async def _close(self, keys: tuple[int, ...]) -> None:
        keepers = [self._keepers.pop(key) for key in keys]
        await asyncio.gather(*(keeper.close() for keeper in keepers))


def _request_ids(random: Random) -> Iterator[str]:
    prefix = f"{random.getrandbits(48):012x}"
    return (f"{prefix}-{number}" for number in count(1))
