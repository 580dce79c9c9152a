"""One polled account: its last reading, how old that is, and the tasks that keep it fresh.

A reading is shown while it is younger than two polling intervals; an older one is read again
before anything is answered, and a failed reading is an error, never an empty list. The readings
of one account follow each other, so that an older one never takes the place of a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from fxpool.account import AccountState, Phase
from fxpool.clock import Clock
from fxpool.errors import AuthRefused, FxPoolError, NotReady, RequestRefused
from fxpool.mapping.formats import AccountInformation
from fxpool.platforms.directory import AccountNames
from fxpool.platforms.halts import Halt, Halts
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.feed import MetaApiFeed
from fxpool.platforms.metaapi.model import Price, Specification
from fxpool.platforms.metaapi.proofs import Proofs
from fxpool.platforms.metaapi.way import Way
from fxpool.platforms.routing import OtherAccountConfig

SETTLED_SECONDS: Final = 0.2
"""Pause between looks for what a trade that was done should show."""

log = structlog.get_logger(__name__)


class MetaApiAccount:
    """One account behind a way.

    Attributes:
        state: its phase with reason and since.
        reading: the last one; None before the first.
        watched: symbols whose prices are asked for, with the newest price of each.
    """

    def __init__(
        self,
        config: OtherAccountConfig,
        way: Way,
        feed: MetaApiFeed,
        halts: Halts,
        *,
        poll_seconds: float,
        price_seconds: float,
        clock: Clock,
    ) -> None:
        self.config = config
        self.key = config.key
        self.way = way
        self.feed = feed
        self._halts = halts
        self.poll_seconds = poll_seconds
        self.price_seconds = price_seconds
        self.clock = clock
        self.state = AccountState(Phase.CONFIGURED, "", clock.at())
        self.reading: Reading | None = None
        self.watched: dict[str, Price | None] = {}
        self.wake = asyncio.Event()
        self._lost_at: float | None = None
        self._turn = asyncio.Lock()
        self._proofs = Proofs(config.key, way, feed, clock=clock)
        self._specifications: dict[str, Specification] = {}
        self._symbols: tuple[str, ...] = ()
        feed.row = lambda reading: self.row(reading, config.key)

    @property
    def environment(self) -> str:
        """``demo`` or ``live``: by the configuration, else by the server; empty while unknown."""
        if self.config.environment or self.reading is None:
            return self.config.environment
        return shapes.environment_of(self.reading.information)

    @property
    def halt(self) -> Halt | None:
        """What stops it from opening anything, None if nothing does."""
        return self._halts.of(self.key)

    def row(self, reading: Reading, shown_id: str) -> AccountInformation:
        """Return the account as a reading shows it."""
        environment = self.config.environment or shapes.environment_of(reading.information)
        return shapes.account_information(
            shown_id,
            reading.information,
            reading.positions.values(),
            environment=environment,
            read_only=self.config.read_only,
            halted=self.halt is not None,
            as_of=reading.as_of,
        )

    @property
    def known_names(self) -> AccountNames:
        login = self.reading.information.login if self.reading is not None else None
        number = int(login) if login is not None and str(login).isdecimal() else None
        return AccountNames(self.key, self.config.login, None, number)

    # Readings

    async def current(self) -> Reading:
        """Return a reading that is not older than two polls. Raises kinds of FxPoolError."""
        reading, oldest = self.reading, self.clock.now() - 2 * self.poll_seconds
        if reading is not None and self._lost_at is None and reading.began >= oldest:
            return reading
        return await self.read(since=oldest)

    async def proved(self) -> Reading:
        """Return a current reading that misses no position without a proof that it closed.

        Raises NotReady while it does, and other kinds of FxPoolError.
        """
        reading = await self.current()
        await self._proofs.require()
        return self.reading or reading

    async def read(self, *, since: float | None = None) -> Reading:
        """Return a reading that began after this call, or after ``since`` (monotonic seconds).

        Raises kinds of FxPoolError; the account is reconnecting or refused then.
        """
        since = self.clock.now() if since is None else since
        async with self._turn:
            known = self.reading
            if known is not None and self._lost_at is None and known.began >= since:
                return known
            if self.state.phase is Phase.CONFIGURED:
                self._move(Phase.SYNCHRONISING, "reading account, positions and orders")
            try:
                new = await self._look()
            except FxPoolError as exc:
                self._failed(exc)
                raise
            self._took(new)
            return new

    async def _look(self) -> Reading:
        """Return what is shown now. Raises NotReady for what contradicts itself twice."""
        if not _contradicts_itself(new := await self._ask()):
            return new
        if _contradicts_itself(new := await self._ask()):  # the first was no change in between
            text = "margin is in use, and neither a position nor an order is shown"
            raise NotReady(text, phase="synchronising")
        return new

    async def _ask(self) -> Reading:
        began, as_of = self.clock.now(), self.clock.at()
        way = self.way
        try:
            async with asyncio.TaskGroup() as reads:
                information = reads.create_task(way.information(self.key))
                positions = reads.create_task(way.positions(self.key))
                orders = reads.create_task(way.orders(self.key)) if way.offers.orders else None
        except* FxPoolError as group:
            raise _first(group) from group
        return Reading(
            began,
            as_of,
            information.result(),
            {str(position.id): position for position in positions.result()},
            None if orders is None else {str(order.id): order for order in orders.result()},
        )

    def _took(self, new: Reading) -> None:
        old, lost_at = self.reading, self._lost_at
        gap = None if old is None or lost_at is None else self.clock.now() - lost_at
        self.reading, self._lost_at = new, None
        if self.state.phase is not Phase.LIVE:
            self._move(Phase.LIVE, "")
        self.feed.read(old, new, gap)
        if self._proofs.noticed(new):
            self.wake.set()  # their end is looked up at once

    def _failed(self, error: FxPoolError) -> None:
        if self._lost_at is None:
            self._lost_at = self.clock.now()
        is_refused = isinstance(error, AuthRefused) or (
            isinstance(error, RequestRefused) and error.code == "NOT_FOUND"
        )
        if isinstance(error, NotReady) and error.phase == Phase.REFUSED.value:
            is_refused = True
        self._move(Phase.REFUSED if is_refused else Phase.RECONNECTING, str(error))
        self.feed.lost(str(error))

    def _move(self, phase: Phase, reason: str) -> None:
        if (phase, reason) != (self.state.phase, self.state.reason):
            log.info("account", account=self.key, phase=phase.value, reason=reason)
        since = self.state.since if phase is self.state.phase else self.clock.at()
        self.state = AccountState(phase, reason, since)

    def disable(self, reason: str) -> None:
        """Serve it no more."""
        self._move(Phase.CONFIGURED, reason)

    async def until(self, condition: Callable[[Reading], object], seconds: float) -> Reading | None:
        """Return the first new reading for which ``condition`` holds; None if none did in time.

        Raises what ``read`` raises, if the last look failed.
        """
        deadline = self.clock.now() + seconds
        while True:
            reading = await self.read()
            if condition(reading):
                return reading
            if self.clock.now() > deadline:
                return None
            await self.clock.sleep(SETTLED_SECONDS)

    # Symbols and prices

    async def specification(self, symbol: str) -> Specification:
        """Return what may be traded of a symbol; read once. Raises SymbolNotFound."""
        known = self._specifications.get(symbol)
        if known is None:
            known = await self.way.specification(self.key, symbol)
            self._specifications[symbol] = known
        return known

    def digits_of(self, symbol: str) -> int | None:
        """Return a symbol's digits, None while nobody asked for its specification."""
        known = self._specifications.get(symbol)
        return None if known is None else known.digits

    async def symbols(self) -> tuple[str, ...]:
        """Return the names of all symbols; read once, for it is dear."""
        if not self._symbols:
            self._symbols = tuple(await self.way.symbols(self.key))
        return self._symbols

    async def price(self, symbol: str) -> Price:
        """Ask for a price now, tell it, and return it."""
        found = await self.way.price(self.key, symbol)
        if symbol in self.watched:
            self.watched[symbol] = found
        self.feed.priced(found)
        return found

    # Tasks

    async def keep(self) -> None:
        """Read the account again and again, until cancelled: the outermost frame of its task."""
        while True:
            try:
                await self.read()
                await self._proofs.look()
            except FxPoolError as exc:
                log.debug("polling", account=self.key, error=str(exc))
            except Exception as exc:  # it is not live until a later turn could look
                log.exception("polling", account=self.key)
                self._move(Phase.RECONNECTING, f"an internal error: {type(exc).__name__}")
            try:
                async with asyncio.timeout(self.poll_seconds):
                    await self.wake.wait()
            except TimeoutError:
                continue
            finally:
                self.wake.clear()

    async def keep_prices(self) -> None:
        """Ask for the prices of watched symbols, until cancelled: the outermost frame."""
        while True:
            for symbol in tuple(self.watched):
                try:
                    await self.price(symbol)
                except FxPoolError as exc:
                    log.debug("price", account=self.key, symbol=symbol, error=str(exc))
                except Exception:  # the others are asked for on; this price keeps its old time
                    log.exception("price", account=self.key, symbol=symbol)
            await self.clock.sleep(self.price_seconds)


def _first(group: BaseExceptionGroup[FxPoolError]) -> FxPoolError:
    """Return one error of those that several reads raised at once."""
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise AssertionError(group)


def _contradicts_itself(reading: Reading) -> bool:
    """Whether something must be there that is not shown; without orders nobody knows."""
    holds_nothing = not reading.positions and reading.orders == {}
    return holds_nothing and reading.information.margin > 0
