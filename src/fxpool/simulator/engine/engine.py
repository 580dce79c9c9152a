"""The broker's engine: quotes and commands in, executions out. Pure.

No clock, socket, log or chance in here: equal inputs give equal executions, ids included.
"""

from __future__ import annotations

from collections.abc import Sequence

from fxpool.simulator.engine.book import Book, Floor
from fxpool.simulator.engine.desk import Desk
from fxpool.simulator.engine.ids import Ids
from fxpool.simulator.engine.model import AccountSpec, Command, Execution, Order
from fxpool.simulator.engine.rates import Quote, Rates
from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.engine.symbols import Asset, Symbol

Told = list[tuple[int, Execution]]
"""Executions with the account that each is about, oldest first."""


class Engine:
    """All accounts of a broker on one market.

    Attributes:
        symbols, assets: by id.
        rates: the latest quotes.
        books: the accounts, by ``ctidTraderAccountId``.
    """

    def __init__(
        self, assets: Sequence[Asset], symbols: Sequence[Symbol], rules: Rules | None = None
    ) -> None:
        self.assets = {asset.asset_id: asset for asset in assets}
        self.symbols = {symbol.symbol_id: symbol for symbol in symbols}
        self.rates = Rates(self.symbols, self.assets)
        self.books: dict[int, Book] = {}
        self._desks: dict[int, Desk] = {}
        self._ids = Ids()
        self._rules = rules or Rules()
        self._watched: dict[int, dict[int, int]] = {}

    def open_account(self, spec: AccountSpec, at_ms: int) -> None:
        """Open an account and book its first deposit."""
        floor = Floor(self.symbols, self.rates, self._ids, self._rules, self._watch, self._unwatch)
        desk = self._desks[spec.account_id] = Desk(spec, floor)
        self.books[spec.account_id] = desk.book
        if spec.balance:
            desk.deposit(spec.balance, at_ms, "initial deposit")

    def submit(self, account_id: int, command: Command, at_ms: int) -> list[Execution]:
        """Carry out a command. Raises Refusal, and then nothing has changed."""
        return self._desks[account_id].submit(command, at_ms)

    def deposit(self, account_id: int, delta: int, at_ms: int, note: str = "") -> Execution:
        """Book a deposit, or a withdrawal if negative, in 1/100 of the deposit asset."""
        return self._desks[account_id].deposit(delta, at_ms, note)

    def on_tick(self, symbol_id: int, bid: int, ask: int, at_ms: int) -> Told:
        """Take a new quote and fill the waiting orders that it meets, oldest first."""
        self.rates.set(symbol_id, bid, ask)
        watched = self._watched.get(symbol_id)
        if not watched:
            return []
        quote, told = Quote(bid, ask), []
        for order_id, account_id in list(watched.items()):
            if order_id in watched:  # an earlier fill of this tick may have ended it
                desk = self._desks[account_id]
                told += [(account_id, one) for one in desk.on_quote(order_id, quote, at_ms)]
        return told

    def on_time(self, at_ms: int) -> Told:
        """Let the orders expire whose time has come."""
        return [
            (account_id, execution)
            for account_id, desk in self._desks.items()
            for execution in desk.expire(at_ms)
        ]

    def _watch(self, account_id: int, order: Order) -> None:
        self._watched.setdefault(order.symbol_id, {})[order.order_id] = account_id

    def _unwatch(self, order: Order) -> None:
        del self._watched[order.symbol_id][order.order_id]
