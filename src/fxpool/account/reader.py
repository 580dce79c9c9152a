"""Reads what one account's book is missing, and subscribes to the quotes that it needs.

Knows which reading fills which gap, and not when to read nor what a failure means: each method
raises what ``AccountReads`` raises, and leaves the gap for the next call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from fxpool.account.book import AccountBook
from fxpool.account.events import BookEvent, OrderUnreadable, OrderVanished, PositionVanished
from fxpool.account.known_past import KnownPast
from fxpool.account.reads import AccountReads
from fxpool.account.telling import Telling
from fxpool.domain.trades import Deal, Order
from fxpool.errors import FxPoolError, MappingError, RequestRefused
from fxpool.openapi import Reaction, reaction_to, says_gone

CLOCK_BEHIND: Final = timedelta(hours=12)
"""How far the broker's clock may be behind ours: so much of the known past is read again with new
deals."""

LAG_SECONDS: Final = 5.0
"""How long the broker must say that it does not know an order before that is believed: its history
may lag behind by seconds (SW-21)."""

log = structlog.get_logger(__name__)


class NotProved(FxPoolError):
    """Positions or orders are gone, and the broker's history does not show their end yet."""


class BookReader:
    """The readings of one account.

    Attributes:
        watched: symbols that callers asked quotes of.
        subscribed: symbols that are quoted on the present session.
        renewed: symbols whose parameters the broker changed.
        unreadable: symbols whose entry in the broker's list makes no sense, by id: why.
        unreadable_positions: those of the last snapshot that make no sense, by id: why.
        is_reconciled: the book is a snapshot of the present session and what was told since; what
            could not be read is named apart.
        unquoted: symbols whose quotes the broker refused on the present session, by id: its words.
        deals_due: the account moved by something that no event told, so there are deals to read.
    """

    def __init__(self, key: str, book: AccountBook, telling: Telling) -> None:
        self.watched: set[int] = set()
        self.subscribed: set[int] = set()
        self.renewed: set[int] = set()
        self.unreadable: dict[int, str] = {}
        self.unreadable_positions: dict[int, str] = {}
        self.is_reconciled = False
        self.unquoted: dict[int, RequestRefused] = {}
        self.deals_due = False
        self._key = key
        self._book = book
        self._telling = telling
        self._session = 0
        self._unknown_since: dict[int, float] = {}
        self._past: KnownPast | None = None
        self._deals_read_at: datetime | None = None
        self._reading = asyncio.Lock()

    def begin_session(self) -> None:
        """Forget what was subscribed: another session serves the account, or none."""
        self._session += 1
        self.is_reconciled = False
        self.subscribed.clear()
        self.unquoted.clear()

    # State

    async def read_trader(self, reads: AccountReads) -> None:
        """Read the trader record. A balance that no event told means deals that none told; it may
        be back at the same amount, in another version."""
        trader = await reads.trader()
        version = self._book.balance_version
        events = self._book.load_trader(trader)
        if self._past is not None and self._book.balance_version > version:
            self.deals_due = True
        self.deals_due = self.deals_due or bool(events)
        self._telling.tell(events)

    async def read_lists(self, reads: AccountReads) -> None:
        """Read assets and symbols; parameters that the broker changed are read anew, those of
        symbols that it lists no more stay."""
        self._book.load_assets(await reads.assets())
        listed = await reads.symbols()
        self._book.load_symbols(listed.symbols)
        self.unreadable = listed.unreadable
        renewed = set(self.renewed)
        known = self._book.symbols.keys() & {light.symbol_id for light in listed.symbols}
        await self._read_details(reads, renewed & known)
        self.renewed -= renewed

    async def read_snapshot(self, reads: AccountReads) -> None:
        """Read positions and orders, and tell how they differ from the book.

        What vanished is not told: ``prove`` looks up its end. Raises MappingError for positions
        that cannot be read, once all else is taken.
        """
        session = self._session
        self._book.begin_reconcile()
        snapshot = await reads.snapshot()
        events = self._book.reconcile(
            snapshot.positions,
            snapshot.orders,
            snapshot.unreadable,
            snapshot.unreadable_positions.keys(),
        )
        self.is_reconciled = session == self._session
        self.deals_due = self.deals_due or bool(events)
        for event in events:
            if isinstance(event, OrderUnreadable):
                order = event.order
                log.error(
                    "unreadable order", account=self._key, order_id=order.order_id, why=order.why
                )
        self._telling.tell(event for event in events if not is_unproved(event))
        self.unreadable_positions = snapshot.unreadable_positions
        snapshot.require_positions()

    async def prove(
        self, reads: AccountReads, waits_for: Callable[[str], None], now: float
    ) -> None:
        """Look up what became of vanished positions and orders, and tell it; ``now`` is monotonic.

        Raises NotProved while the history does not show it, since it may lag behind. An order that
        the broker does not know for LAG_SECONDS is told as gone by what its deals show.
        """
        book = self._book
        if not (book.vanished or book.vanished_orders):
            self._unknown_since.clear()
        doubts: list[str] = []
        for position_id in book.vanished:
            waits_for(f"reading the deals of position {position_id}")
            try:
                await self._prove_closed(reads, position_id, now)
            except NotProved as exc:
                doubts.append(str(exc))
            except (RequestRefused, MappingError) as exc:  # the end of others is told all the same
                doubts.append(f"what became of position {position_id} cannot be read: {exc}")
        for order_id, known in book.vanished_orders.items():
            waits_for(f"reading order {order_id}")
            try:
                await self._prove_done(reads, known, now)
            except NotProved as exc:
                doubts.append(str(exc))
            except (RequestRefused, MappingError) as exc:
                doubts.append(f"what became of order {order_id} cannot be read: {exc}")
        unproved = ", ".join(map(str, [*book.vanished, *book.vanished_orders]))
        if unproved:
            waits_for(f"reading the end of {unproved}")
            doubts.insert(0, f"the history does not show what became of {unproved}")
            raise NotProved("; ".join(doubts))

    async def _prove_closed(self, reads: AccountReads, position_id: int, now: float) -> None:
        deals = await reads.deals_of(position_id)
        order = await self._order(reads, deals[-1].order_id, now) if deals else None
        self._telling.tell(self._book.prove_closed(position_id, deals, order))

    async def _prove_done(self, reads: AccountReads, known: Order, now: float) -> None:
        order = await self._order(reads, known.order_id, now)
        if order is not None:
            self._telling.tell(self._book.prove_done(order))
            return
        deals = await self._deals_of(reads, known)
        self._telling.tell(self._book.give_up_order(known.order_id, deals))

    async def _order(self, reads: AccountReads, order_id: int, now: float) -> Order | None:
        """Return an order; None once the broker has for long enough refused to tell it, or told
        what cannot be read. Raises NotProved before that."""
        try:
            order = await reads.order(order_id)
        except (RequestRefused, MappingError) as exc:
            said = f"order {order_id} cannot be read"
            if isinstance(exc, RequestRefused):
                if reaction_to(exc.code, exc.text) is not Reaction.REFUSE:
                    raise
                if says_gone(exc.code):
                    said = f"the broker does not know order {order_id}"
            if now - self._unknown_since.setdefault(order_id, now) < LAG_SECONDS:
                raise NotProved(f"{said}: {exc}") from exc
            log.warning("no end of an order", account=self._key, order_id=order_id, why=said)
            return None
        self._unknown_since.pop(order_id, None)
        return order

    async def _deals_of(self, reads: AccountReads, order: Order) -> list[Deal]:
        """Return the deals of the position that an order names; none where there is none."""
        if order.position_id is None:
            return []
        try:
            return await reads.deals_of(order.position_id)
        except RequestRefused as exc:
            if not says_gone(exc.code):
                raise
            return []

    def begin_deals(self, at: datetime) -> None:
        """Say that the book is whole for the first time: deals from now on are news."""
        if self._past is None:
            self._past = KnownPast.of(self._book, at)
            self._deals_read_at = at
            self.deals_due = False

    async def read_deals(self, reads: AccountReads, at: datetime) -> bool:
        """Tell the deals since the last known ones that no event told; return whether there are.

        Asks for some that are known as well, because histories lag and clocks differ: each deal is
        told once, by its id.
        """
        if self._past is None or self._deals_read_at is None:
            return False
        deals = await reads.deals_since(self._deals_read_at - CLOCK_BEHIND, at)
        news = self._book.take_deals(self._past.news(deals))
        self._deals_read_at = at
        self.deals_due = False
        self._telling.tell(news)
        return bool(news)

    async def read_past_deals(self, reads: AccountReads) -> None:
        """Learn what earlier partial closes of open positions realised.

        A deal of a gap that the history showed late is told here, or it would count as known.
        """
        for position_id in self._book.deals_wanted():
            deals = await reads.deals_of(position_id)
            self._telling.tell(self._book.take_deals(self._news_of(position_id, deals)))
            self._book.add_deals(position_id, deals)

    def _news_of(self, position_id: int, deals: Sequence[Deal]) -> list[Deal]:
        """Return the deals since the book was whole that led to a position's known state; a later
        one is left to its event."""
        position = self._book.position(position_id)
        if position is None or position.updated_at is None or self._past is None:
            return []
        news = self._past.news(deals)
        return [deal for deal in news if deal.executed_at <= position.updated_at]

    # Symbols and quotes

    def details_wanted(self) -> set[int]:
        """Symbols in use whose parameters are not known."""
        used = self._book.quotes_wanted() | self.watched | self._telling.symbols
        return used - self._book.symbols.keys()

    def quotes_wanted(self) -> set[int]:
        """Symbols that are to be quoted and are not, though the broker does not refuse it."""
        wanted = self._book.quotes_wanted() | self.watched
        return wanted - self.subscribed - self.unquoted.keys()

    async def meet_needs(self, reads: AccountReads) -> None:
        """Read parameters and conversions and subscribe, until the book misses nothing."""
        async with self._reading:
            while True:
                details, quotes = self.details_wanted(), self.quotes_wanted()
                conversions = self._book.conversions_wanted()
                leverages = self._book.leverages_wanted()
                if not (details or conversions or leverages or quotes):
                    return
                await self._read_details(reads, details)
                self._telling.release()
                for pair in conversions:
                    await self._read_conversion(reads, *pair)
                for leverage_id in leverages:
                    tiers = await reads.leverage_tiers(leverage_id)
                    self._book.add_leverage(leverage_id, tiers)
                if quotes:
                    await self._subscribe(reads, quotes)

    async def read_symbol(self, reads: AccountReads, symbol_id: int) -> None:
        """Read the parameters of one symbol."""
        async with self._reading:
            await self._read_details(reads, {symbol_id} - self._book.symbols.keys())

    async def resubscribe(self, reads: AccountReads, symbol_ids: Collection[int]) -> None:
        """End and begin the quotes of symbols, so that the broker sends the latest ones."""
        async with self._reading:
            silent = set(symbol_ids) & self.subscribed
            if silent:
                await reads.unsubscribe(silent)
                self.subscribed -= silent
                await self._subscribe(reads, silent)

    async def unsubscribe(self, reads: AccountReads, symbol_ids: Collection[int]) -> None:
        """End the quotes of those symbols that nothing in the book needs."""
        async with self._reading:
            superfluous = set(symbol_ids) & self.subscribed - self._book.quotes_wanted()
            if superfluous:
                await reads.unsubscribe(superfluous)
                self.subscribed -= superfluous

    async def _read_details(self, reads: AccountReads, symbol_ids: set[int]) -> None:
        listed = self._book.light_symbols
        for symbol_id in sorted(symbol_ids):
            self._require_listed(symbol_id)
        lights = [listed[symbol_id] for symbol_id in sorted(symbol_ids)]
        for symbol in await reads.details(lights):
            self._book.add_symbol(symbol)
        for light in lights:
            if light.symbol_id not in self._book.symbols:
                raise MappingError(f"the broker sent no parameters of {light.name}")

    def _require_listed(self, symbol_id: int) -> None:
        if symbol_id not in self._book.light_symbols:
            why = self.unreadable.get(symbol_id, "the broker does not list it")
            raise MappingError(f"symbol id {symbol_id} is in use, but cannot be known: {why}")

    async def _read_conversion(
        self, reads: AccountReads, from_asset_id: int, to_asset_id: int
    ) -> None:
        """Read how an asset converts. Where the broker refuses to say, or says what makes no sense,
        what needs it is unknown; the account is served all the same, or nothing could be closed."""
        try:
            chain = await reads.conversion(from_asset_id, to_asset_id)
            for light in chain:
                self._require_listed(light.symbol_id)
            self._book.set_conversion(from_asset_id, to_asset_id, chain)
        except (RequestRefused, MappingError) as exc:
            if isinstance(exc, RequestRefused) and (
                reaction_to(exc.code, exc.text) is not Reaction.REFUSE
            ):
                raise
            log.warning("no conversion", account=self._key, asset=from_asset_id, error=str(exc))
            self._book.set_conversion(from_asset_id, to_asset_id, [])

    async def _subscribe(self, reads: AccountReads, symbol_ids: Collection[int]) -> None:
        """Subscribe to quotes. A batch may be refused for one of its symbols (SW-52), so each is
        then asked for alone: what is refused is not quoted, and holds up no other."""
        session = self._session
        try:
            await reads.subscribe(symbol_ids)
        except RequestRefused as exc:
            if reaction_to(exc.code, exc.text) is not Reaction.REFUSE:
                raise
            if len(symbol_ids) > 1:
                for symbol_id in sorted(symbol_ids):
                    await self._subscribe(reads, [symbol_id])
                return
            log.warning("no quotes", account=self._key, symbols=list(symbol_ids), error=str(exc))
            if session == self._session:
                self.unquoted.update(dict.fromkeys(symbol_ids, exc))
            return
        if session == self._session:
            self.subscribed.update(symbol_ids)


def is_unproved(event: BookEvent) -> bool:
    """Whether an event says that something is gone without telling its end."""
    return isinstance(event, PositionVanished | OrderVanished)
