"""The broker's engine: quotes and commands in, notices out. Pure.

No clock, socket or log in here, and chance only from a generator that is passed in: equal inputs
give equal notices, ids included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from heapq import heappop, heappush
from random import Random

from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.engine.band import NEVER, Band
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.charges import charges_between
from fxpool.simulator.engine.commands import Command
from fxpool.simulator.engine.desk import Desk
from fxpool.simulator.engine.floor import Floor
from fxpool.simulator.engine.ids import Ids
from fxpool.simulator.engine.liquidity import Liquidity
from fxpool.simulator.engine.margin import tiers_of
from fxpool.simulator.engine.matching import quiet_band
from fxpool.simulator.engine.model import (
    CashKind,
    ExecutionKind,
    MarginCall,
    Order,
    TimeInForce,
)
from fxpool.simulator.engine.notices import (
    Cause,
    Execution,
    Notice,
)
from fxpool.simulator.engine.rates import Quote, Rates
from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.engine.symbols import Asset, DynamicLeverage, Symbol
from fxpool.simulator.engine.taken import Taken

Told = list[tuple[int, Notice]]
"""Notices with the account that each is about, oldest first."""


class Engine:
    """All accounts of a broker on one market.

    Attributes:
        symbols, assets: by id.
        rates: the latest quotes.
        books: the accounts, by ``ctidTraderAccountId``.
    """

    def __init__(
        self,
        assets: Sequence[Asset],
        symbols: Sequence[Symbol],
        rules: Rules | None = None,
        *,
        leverages: Sequence[DynamicLeverage] = (),
        chance: Random | None = None,
    ) -> None:
        self._rules = rules = rules or Rules()
        self.assets = {asset.asset_id: asset for asset in assets}
        self.symbols = {symbol.symbol_id: symbol for symbol in symbols}
        self.rates = Rates(self.symbols, self.assets, rules.conversion_side)
        self.books: dict[int, Book] = {}
        self._desks: dict[int, Desk] = {}
        self._floor = Floor(
            self.symbols,
            self.rates,
            Ids(),
            rules,
            {one.leverage_id: tiers_of(one, rules.tier_leverage_unit) for one in leverages},
            Liquidity(),
            Taken(),
            self._watch,
            self._unwatch,
        )
        self._chance = chance or Random(0)
        self._watched: dict[int, dict[int, tuple[int, Band]]] = {}
        self._expirations: list[tuple[int, int, int]] = []
        self._bands: dict[int, dict[int, Band]] = {}
        self._charged_ms: int | None = None

    # -- accounts and commands -------------------------------------------------------------

    def open_account(self, spec: AccountSpec, at_ms: int) -> None:
        """Open an account and book its first deposit."""
        desk = self._desks[spec.account_id] = Desk(spec, self._floor)
        self.books[spec.account_id] = desk.book
        if self._charged_ms is None:
            self._charged_ms = at_ms
        if spec.balance:
            self.deposit(spec.account_id, spec.balance, at_ms, "initial deposit")

    def amend_account(self, spec: AccountSpec, at_ms: int) -> list[Notice]:
        """Change what an account is: its rights, its leverage, how it is stopped out.

        Its margins stay as they are until their positions change.
        """
        self.books[spec.account_id].spec = spec
        return self._settled(spec.account_id, [], at_ms)

    def submit(self, account_id: int, command: Command, at_ms: int) -> list[Notice]:
        """Carry out a command. Raises Refusal, and then nothing has changed."""
        return self._settled(account_id, self._desks[account_id].submit(command, at_ms), at_ms)

    def deposit(self, account_id: int, delta: int, at_ms: int, note: str = "") -> list[Notice]:
        """Book a deposit, or a withdrawal if negative, in 1/100 of the deposit asset."""
        book = self.books[account_id]
        kind = CashKind.DEPOSIT if delta >= 0 else CashKind.WITHDRAWAL
        equity = book.worth.equity()
        entry = book.ledger.book_cash(kind, delta, at_ms, equity_before=equity, note=note)
        told = Execution(ExecutionKind.DEPOSIT_WITHDRAW, cash=entry, cause=Cause.BROKER)
        return self._settled(account_id, [told], at_ms)

    def give_bonus(self, account_id: int, delta: int, at_ms: int, note: str = "") -> list[Notice]:
        """Give a bonus, or take it if negative, in 1/100 of the deposit asset."""
        entry = self.books[account_id].ledger.book_bonus(delta, at_ms, note)
        told = Execution(ExecutionKind.BONUS_DEPOSIT_WITHDRAW, bonus=entry, cause=Cause.BROKER)
        return self._settled(account_id, [told], at_ms)

    def set_margin_call(
        self, account_id: int, kind: int, threshold: Decimal, at_ms: int
    ) -> tuple[MarginCall, list[Notice]]:
        """Move a threshold of an account. Raises Refusal for one that it does not have."""
        call = self.books[account_id].set_margin_call(kind, threshold, at_ms)
        return call, self._settled(account_id, [], at_ms)

    # -- market and clock ------------------------------------------------------------------

    def on_tick(self, symbol_id: int, bid: int, ask: int, at_ms: int) -> Told:
        """Take a new quote.

        It fills the waiting orders that it meets, oldest first, and then calls or stops out the
        accounts that it may have brought to a threshold.
        """
        self.rates.set(symbol_id, bid, ask)
        self._floor.liquidity.renew(symbol_id)
        touched: dict[int, list[Notice]] = {}
        if self.symbols[symbol_id].fills_waiting_orders(at_ms):
            self._meet_orders(symbol_id, Quote(bid, ask), at_ms, touched)
        for account_id, (low, high) in self._bands.get(symbol_id, {}).items():
            if bid < low or ask > high:
                touched.setdefault(account_id, [])
        return [
            (account_id, one)
            for account_id, notices in touched.items()
            for one in self._settled(account_id, notices, at_ms)
        ]

    def _meet_orders(
        self, symbol_id: int, quote: Quote, at_ms: int, touched: dict[int, list[Notice]]
    ) -> None:
        watched = self._watched.get(symbol_id, {})
        due = [
            (order_id, account_id)
            for order_id, (account_id, (low, high)) in watched.items()
            if quote.bid < low or quote.ask > high
        ]
        for order_id, account_id in due:
            if order_id not in watched:  # an earlier fill of this tick has ended it
                continue
            notices = self._desks[account_id].waiting.on_quote(order_id, quote, at_ms)
            if notices:
                touched.setdefault(account_id, []).extend(notices)
            order = self.books[account_id].orders.get(order_id)
            if order is not None:
                watched[order_id] = (account_id, quiet_band(order, quote))

    def fill_taken(self, at_ms: int) -> Told:
        """Fill the orders whose delay is over, at the present quotes."""
        told: Told = []
        for order_id, account_id in self._floor.taken.due(at_ms):
            notices = self._desks[account_id].market_orders.complete(order_id, at_ms)
            told += [(account_id, one) for one in self._settled(account_id, notices, at_ms)]
        return told

    def is_taken(self, order_id: int) -> bool:
        """Whether an order is between its acceptance and its fill."""
        return order_id in self._floor.taken

    def on_time(self, at_ms: int) -> Told:
        """Fill what was taken, let orders expire, charge for nights, and repeat margin calls."""
        told = self.fill_taken(at_ms)
        for account_id, notices in self._due(at_ms):
            told += [(account_id, one) for one in self._settled(account_id, notices, at_ms)]
        return told

    def _due(self, at_ms: int) -> Iterable[tuple[int, list[Notice]]]:
        while self._expirations and self._expirations[0][0] <= at_ms:
            _, order_id, account_id = heappop(self._expirations)
            yield account_id, self._desks[account_id].waiting.expire(order_id, at_ms)
        for charge_ms, symbol in self._charges(at_ms):
            for account_id, desk in self._desks.items():
                notices = desk.charges.charge(symbol, charge_ms)
                if notices:
                    yield account_id, notices
        for account_id, desk in self._desks.items():
            call_ms = desk.risk.next_call_ms()
            if call_ms is not None and call_ms <= at_ms:
                yield account_id, []

    def _charges(self, at_ms: int) -> list[tuple[int, Symbol]]:
        """Return the charges since the last look, oldest first."""
        since = self._charged_ms
        if since is None or at_ms <= since:  # a clock that was put back charges no night twice
            return []
        self._charged_ms = at_ms
        due = [
            (charge_ms, symbol)
            for symbol in self.symbols.values()
            for charge_ms in charges_between(symbol, since, at_ms)
        ]
        return sorted(due, key=lambda one: one[0])

    # -- inside ----------------------------------------------------------------------------

    def _settled(self, account_id: int, notices: list[Notice], at_ms: int) -> list[Notice]:
        """Add what follows from a change of an account, and note what it has to be woken for."""
        desk = self._desks[account_id]
        notices = desk.settle(notices, at_ms)
        bands = desk.risk.bands(at_ms)
        for symbol_id, by_account in self._bands.items():
            if symbol_id not in bands:
                by_account.pop(account_id, None)
        for symbol_id, band in bands.items():
            self._bands.setdefault(symbol_id, {})[account_id] = band
        return [one for one in notices if not self._is_lost(one)]

    def _is_lost(self, notice: Notice) -> bool:
        """Whether the client never hears an execution (SW-46)."""
        chance = self._rules.lost_execution_chance
        return bool(chance) and isinstance(notice, Execution) and self._chance.random() < chance

    def _watch(self, account_id: int, order: Order) -> None:
        quote = self.rates.get(order.symbol_id)
        band = NEVER if quote is None else quiet_band(order, quote)
        self._watched.setdefault(order.symbol_id, {})[order.order_id] = (account_id, band)
        if order.expiration_ms is not None and order.time_in_force is TimeInForce.GOOD_TILL_DATE:
            heappush(self._expirations, (order.expiration_ms, order.order_id, account_id))

    def _unwatch(self, order: Order) -> None:
        del self._watched[order.symbol_id][order.order_id]
