"""One account's live book: trader, symbols, quotes, positions, pending orders. Pure, synchronous.

Kept true by executions and by snapshots (reconcile); each call returns what changed. A fact is
counted once: deals by their id, the balance by its version. A position that is absent from a
snapshot is not closed: it is flagged until the broker's deals prove it (``prove_closed``).

Knows nothing of messages, sockets or callers' formats. Order of filling it: ``load_trader``,
``load_assets``, ``load_symbols``, ``begin_reconcile`` and ``reconcile``, then what
``symbols_wanting_details``, ``conversions_wanted``, ``quotes_wanted`` and ``deals_wanted`` ask for,
after each change again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from decimal import Decimal

from fxpool.account.events import BalanceChanged, BookEvent, DealAdded, OrderUnreadable
from fxpool.account.margin_book import MarginBook, usd_asset
from fxpool.account.orders import PendingOrders
from fxpool.account.positions import ClosedPosition, OpenPositions
from fxpool.account.unreadable import UnreadableOrder
from fxpool.account.valuation import Valuation
from fxpool.domain.accounts import AccountTotals, Trader
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbols import Asset, LeverageTier, LightSymbol, Symbol, TickValues
from fxpool.domain.trades import CashFlow, Deal, Execution, Order, Position, PositionStatus
from fxpool.errors import LocalProtocolError, MappingError, NotReady


@dataclass(frozen=True, slots=True)
class _Touched:
    """What executions told since a snapshot was asked for."""

    positions: set[int] = field(default_factory=set)
    orders: set[int] = field(default_factory=set)

    def note(self, execution: Execution) -> None:
        if execution.position is not None:
            self.positions.add(execution.position.position_id)
        if execution.order is not None:
            self.orders.add(execution.order.order_id)


class AccountBook:
    """The live book of one account; the module's text says in which order it is filled.

    Attributes:
        assets, light_symbols, symbols: by id; ``symbols`` holds those with trading parameters.
        apply_quote: the hot path, ``(symbol_id, bid, ask, timestamp_ms, now)``: prices in 1/100000
            and None for an absent side; replaces integers in place, revalues what depends on them.
        values_by: whether an open position's result depends on a symbol's quotes.
        forget_quotes: take no price for true until it is quoted again.
        has_position: ``(symbol_id, side)``: whether there is an open position like that.
        set_floor: ``(amount, call)``: call as soon as all gross results together are that or less.
    """

    def __init__(self) -> None:
        self.assets: dict[int, Asset] = {}
        self.light_symbols: dict[int, LightSymbol] = {}
        self.symbols: dict[int, Symbol] = {}
        self._trader: Trader | None = None
        self._balance: tuple[Decimal, int | None] | None = None  # with its version
        self._valuation = Valuation()
        self._positions = OpenPositions(self._valuation)
        self._orders = PendingOrders()
        self._margins = MarginBook(self._valuation.rate)
        self._touched: _Touched | None = None
        self._reconciled = False
        self.apply_quote = self._valuation.apply_quote
        self.forget_quotes = self._valuation.forget_quotes
        self.set_floor = self._valuation.set_floor
        self.values_by = self._valuation.values_by
        self.has_position = self._valuation.has

    # The broker's lists

    def load_trader(self, trader: Trader) -> list[BookEvent]:
        """Take the trader record; its balance counts unless a newer one is known."""
        if self._trader is not None and trader.leverage != self._trader.leverage:
            self._margins.is_old = True
        self._trader = trader
        self._valuation.set_deposit(trader.deposit_asset_id, trader.money_digits)
        self._valuation.set_margin_mode(trader.margin_mode)
        # A never-funded account has no version, so an absent one is the oldest.
        events = self._take_balance(trader.balance, trader.balance_version or 0, None)
        self._renew_trader()
        return events

    def load_assets(self, assets: Iterable[Asset]) -> None:
        """Replace the asset list."""
        self.assets = {asset.asset_id: asset for asset in assets}

    def load_symbols(self, symbols: Iterable[LightSymbol]) -> None:
        """Replace the symbol list. A symbol whose trading parameters were added stays, disabled
        where it is listed no more: a position may be left on it."""
        listed = {light.symbol_id: light for light in symbols}
        gone = self.symbols.keys() - listed.keys()
        kept = {i: replace(self.symbols[i].light, enabled=False) for i in gone}
        self.light_symbols = listed | kept
        self._valuation.set_symbols(self.light_symbols)

    def add_symbol(self, symbol: Symbol) -> None:
        """Add or replace the trading parameters of a symbol."""
        known = self.symbols.get(symbol.symbol_id)
        if known is not None and known.leverage_id != symbol.leverage_id:
            self._margins.is_old = True
        self.symbols[symbol.symbol_id] = symbol

    def set_conversion(
        self, from_asset_id: int, to_asset_id: int, chain: Sequence[LightSymbol]
    ) -> None:
        """Take the broker's conversion chain for a pair of ``conversions_wanted``.

        An empty chain says that there is none, and what needs it stays unknown. Raises
        MappingError if the chain does not lead from the one asset to the other.
        """
        if self._trader is None or to_asset_id != self._trader.deposit_asset_id:
            raise MappingError(
                f"asset {to_asset_id} is not the account's, so nothing converts to it"
            )
        self._valuation.set_chain(from_asset_id, chain)

    def add_leverage(self, leverage_id: int, tiers: tuple[LeverageTier, ...]) -> None:
        """Take the tiers of a dynamic leverage of ``leverages_wanted``."""
        self._margins.tiers[leverage_id] = tiers

    # What it needs to be complete

    def symbols_wanting_details(self) -> set[int]:
        """Symbols of open positions and pending orders whose trading parameters are missing."""
        return self._symbols_in_use() - self.symbols.keys()

    def conversions_wanted(self) -> set[tuple[int, int]]:
        """Pairs of asset ids, from and to, that positions, orders and quotes need converted."""
        used = self._symbols_in_use() | self._valuation.quotes.keys()
        return self._valuation.conversions_wanted(used, self._extra_assets())

    def quotes_wanted(self) -> set[int]:
        """Symbols to subscribe: of open positions, pending orders, and of conversions."""
        used = self._symbols_in_use()
        known = used | self._valuation.quotes.keys()
        return used | self._valuation.leg_symbols(known, self._extra_assets())

    def leverages_wanted(self) -> set[int]:
        """Dynamic leverages that a margin has to be computed with: read their tiers."""
        return self._margins.tiers_wanted(self._open(), self.symbols)

    @property
    def margins_doubted(self) -> bool:
        """Whether margins may be others now than the broker said last: read a snapshot."""
        return self._margins.is_old or bool(self._margins.doubted)

    def deals_wanted(self) -> set[int]:
        """Open positions whose past deals are unknown, so that ``realised`` is None: fetch them
        all and call ``add_deals``."""
        return {i for i, held in self._positions.held.items() if not held.deals_known}

    # Snapshots

    def begin_reconcile(self) -> None:
        """Call before the snapshot is requested: what executions tell from here on is newer."""
        self._touched = _Touched()

    def reconcile(
        self,
        positions: Iterable[Position],
        orders: Iterable[Order],
        unreadable: Iterable[UnreadableOrder] = (),
        unreadable_positions: AbstractSet[int] = frozenset(),
    ) -> list[BookEvent]:
        """Take a whole snapshot and return the differences; the first one differs from nothing.

        What an execution told since ``begin_reconcile`` is never undone; what could not be read
        stays as it was. Raises LocalProtocolError without ``begin_reconcile``.
        """
        touched, self._touched = self._touched, None
        if touched is None:
            raise LocalProtocolError("reconcile without begin_reconcile")
        snapshot = {p.position_id: p for p in positions if p.status is PositionStatus.OPEN}
        events = self._positions.reconcile(snapshot, touched.positions | unreadable_positions)
        still_open = snapshot.keys() | unreadable_positions
        events += self._orders.reconcile(orders, unreadable, still_open, touched.orders)
        self._margins.doubted -= snapshot.keys() - touched.positions
        self._margins.doubted &= self._positions.held.keys()
        self._margins.is_old = False
        is_first, self._reconciled = not self._reconciled, True
        if is_first:
            return [event for event in events if isinstance(event, OrderUnreadable)]
        return events

    @property
    def vanished(self) -> Mapping[int, Position]:
        """Positions that wait for ``prove_closed``, by id; ``positions`` has them too."""
        return {i: self._positions.held[i].position for i in self._positions.vanished}

    @property
    def vanished_orders(self) -> Mapping[int, Order]:
        """Orders that wait for ``prove_done`` or ``give_up_order``, by id, not in ``orders``."""
        return dict(self._orders.vanished)

    def prove_closed(
        self, position_id: int, deals: Iterable[Deal], closing_order: Order | None
    ) -> list[BookEvent]:
        """Close a position if its deals leave no volume; change nothing if they do not.

        ``deals`` are *all* deals of the position, in any order; ``closing_order`` is the order of
        the last one, which tells the reason.
        """
        events = self._positions.prove_closed(position_id, deals, closing_order)
        for deal in [event.deal for event in events if isinstance(event, DealAdded)]:
            events += self._balance_after(deal)
        return events

    def prove_done(self, order: Order) -> list[BookEvent]:
        """Say what became of a vanished order, as a lookup shows it; nothing if it still rests."""
        return self._orders.prove_done(order)

    def give_up_order(self, order_id: int, deals: Iterable[Deal]) -> list[BookEvent]:
        """Say what ``deals`` show of a vanished order that the broker does not know any more."""
        return self._orders.give_up(order_id, deals)

    def add_deals(self, position_id: int, deals: Iterable[Deal]) -> None:
        """Take *all* deals of an open position, so that ``realised`` is known; nothing is
        reported, since they are history."""
        self._positions.add_deals(position_id, deals)

    def take_deals(self, deals: Iterable[Deal]) -> list[BookEvent]:
        """Take deals of the account's history, oldest first; return those that were not known.

        Positions are left to snapshots: only they say what is open.
        """
        events: list[BookEvent] = []
        for deal in deals:
            if self._if_new(deal) is not None:
                events.append(DealAdded(deal))
                events += self._balance_after(deal)
        return events

    # Events

    def apply_execution(self, execution: Execution) -> list[BookEvent]:
        """Take an execution event, whoever caused it, and return what changed.

        Repeats, and events older than what is known, change nothing.
        """
        if self._touched is not None:
            self._touched.note(execution)
        deal = self._if_new(execution.deal)
        events: list[BookEvent] = []
        if execution.order is not None:
            events += self._orders.apply(execution, execution.order, deal)
        if deal is not None:
            events.append(DealAdded(deal))
        if execution.position is not None:
            changes = self._positions.apply(execution, execution.position, deal)
            self._margins.hear(changes, self._open, self.symbols)
            events += changes
        if deal is not None:
            events += self._balance_after(deal)
        if (flow := execution.cash_flow) is not None:
            events += self._take_balance(flow.balance, flow.balance_version, flow)
        return events

    def apply_trailing_stop(self, position_id: int, stop_loss: Decimal) -> list[BookEvent]:
        """Take a stop loss that the server moved; no execution event reports it."""
        self._touch_position(position_id)
        return self._positions.amend(position_id, lambda p: replace(p, stop_loss=stop_loss))

    def apply_margin(self, position_id: int, used_margin: Decimal) -> list[BookEvent]:
        """Take a position's margin as a margin event tells it."""
        self._touch_position(position_id)
        self._margins.doubted.discard(position_id)
        return self._positions.amend(position_id, lambda p: replace(p, used_margin=used_margin))

    # Reading

    @property
    def trader(self) -> Trader:
        """The trader with the newest balance known. Raises NotReady before it is loaded."""
        if self._trader is None or self._balance is None:
            raise _not_ready("the account's record")
        return self._trader

    @property
    def balance_version(self) -> int:
        """The version of the newest balance known, 0 for one without."""
        return 0 if self._balance is None else self._balance[1] or 0

    @property
    def positions(self) -> Mapping[int, Position]:
        """Open positions by id, vanished ones included. Raises NotReady before a snapshot."""
        self._require_snapshot()
        return {i: self._shown(held.position) for i, held in self._positions.held.items()}

    def held_positions(self) -> Iterator[Position]:
        """Open positions, their margin as the broker said it last. Raises NotReady before a
        snapshot."""
        self._require_snapshot()
        return self._open()

    @property
    def orders(self) -> Mapping[int, Order]:
        """Pending orders by id, without protection orders. Raises NotReady before a snapshot."""
        self._require_snapshot()
        return dict(self._orders.resting)

    @property
    def unreadable_orders(self) -> Mapping[int, UnreadableOrder]:
        """Pending orders of the last snapshot that make no sense to this build, by id."""
        return self._orders.unreadable

    @property
    def quotes(self) -> Mapping[int, LiveQuote]:
        """The newest quotes by symbol id: live objects, to be read at once."""
        return self._valuation.quotes

    def position(self, position_id: int) -> Position | None:
        """Return an open position, or None."""
        held = self._positions.held.get(position_id)
        return None if held is None else self._shown(held.position)

    def gross(self, position_id: int) -> Decimal | None:
        """Return an open position's unrealised result without swap and commission; None while a
        quote or a conversion is unknown. Raises KeyError if it is not open."""
        return self._valuation.gross(position_id)

    def realised(self, position_id: int) -> Decimal | None:
        """Return the net result of an open position's partial closes; None while its past deals
        are unknown (``deals_wanted``). Raises KeyError if it is not open."""
        return self._positions.held[position_id].realised

    def tick_values(self, symbol_id: int) -> TickValues | None:
        """Return what a tick of one lot is worth; None while the symbol's parameters, a conversion
        or a quote of it are unknown."""
        symbol = self.symbols.get(symbol_id)
        return None if symbol is None else self._valuation.tick_values(symbol)

    def closed_position(self, position_id: int) -> ClosedPosition | None:
        """Return a position that this book saw close within a day, or None."""
        return self._positions.closed.get(position_id)

    def totals(self) -> AccountTotals:
        """Return balance, equity and margin now. Raises NotReady before trader and snapshot."""
        balance = self.trader.balance
        self._require_snapshot()
        is_said = not (self._margins.doubted or self._valuation.without_margin)
        return self._valuation.totals(balance, () if is_said else self._computed_margins())

    # Small parts

    def _open(self) -> Iterator[Position]:
        return (held.position for held in self._positions.held.values())

    def _computed_margins(self) -> Iterator[tuple[Position, Position]]:
        """Positions as the broker said them last, each with its margin as it is now, where the
        two may differ."""
        for position_id in self._margins.doubted | self._valuation.without_margin:
            held = self._positions.held.get(position_id)
            if held is not None:
                yield held.position, self._shown(held.position)

    def _shown(self, position: Position) -> Position:
        """A position with its margin as it is now."""
        if self._trader is None or not self._margins.is_open_question(position):
            return position
        return self._margins.completed(
            position, self._open(), self.symbols, self._trader, self.assets
        )

    def _extra_assets(self) -> set[int]:
        """Assets besides those of quotes whose worth in the account's currency is needed."""
        usd = usd_asset(self.assets)
        return {usd} if usd is not None and self._margins.wants_dollars(self._open()) else set()

    def _if_new(self, deal: Deal | None) -> Deal | None:
        """A deal counts if it moved something, and once."""
        if deal is None or not deal.status.executed or not self._positions.deals.add(deal.deal_id):
            return None
        return deal

    def _balance_after(self, deal: Deal) -> list[BookEvent]:
        if deal.close is None:
            return []
        return self._take_balance(deal.close.balance, deal.close.balance_version, None)

    def _take_balance(
        self, balance: Decimal, version: int | None, flow: CashFlow | None
    ) -> list[BookEvent]:
        """Take a balance unless a newer version is known. An event without a version counts by its
        arrival, since a connection keeps the order; the newest version known stays."""
        old = self._balance
        if version is not None and version < self.balance_version:
            return []
        self._balance = (balance, old[1] if version is None and old is not None else version)
        self._renew_trader()
        if old is None or old[0] == balance:
            return []
        return [BalanceChanged(old[0], balance, flow)]

    def _renew_trader(self) -> None:
        """Have the trader show the newest balance; it is read far more often than that changes."""
        if self._trader is not None and self._balance is not None:
            balance, version = self._balance
            self._trader = replace(self._trader, balance=balance, balance_version=version)

    def _symbols_in_use(self) -> set[int]:
        positions = {held.position.symbol_id for held in self._positions.held.values()}
        return positions | {order.symbol_id for order in self._orders.resting.values()}

    def _touch_position(self, position_id: int) -> None:
        if self._touched is not None:
            self._touched.positions.add(position_id)

    def _require_snapshot(self) -> None:
        if not self._reconciled:
            raise _not_ready("the account's positions and orders")


def _not_ready(what: str) -> NotReady:
    return NotReady(f"not known yet: {what}", phase="synchronising")
