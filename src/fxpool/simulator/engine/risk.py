"""Whether an account can still carry its positions: margin calls and stop-out. Pure.

The margin level is equity over margin. Below a threshold the client is called, at most once in ten
minutes for each; below the stop-out level positions are closed until it is reached again (SW-45).
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from fxpool.simulator.engine.accounts import StopOutStrategy
from fxpool.simulator.engine.band import Band
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.fills import Fills
from fxpool.simulator.engine.liquidity import Fill
from fxpool.simulator.engine.model import Order, OrderKind, Position, Side
from fxpool.simulator.engine.money import PRICE_VOLUME_PER_CENT
from fxpool.simulator.engine.notices import Cause, MarginCallReached, Notice
from fxpool.simulator.engine.orders import closing_order
from fxpool.simulator.engine.rules import StopOutOrder

QUIET_MS = 10 * 60 * 1000
"""How long a threshold is silent after it has called."""

_WIDEST = 10
"""A band ends at the latest one tenth of the price away."""


class Risk:
    """Watches the margin level of one account."""

    def __init__(self, book: Book, fills: Fills) -> None:
        self._book = book
        self._worth = book.worth
        self._fills = fills
        self._called_ms: dict[int, int] = {}

    def check(self, at_ms: int) -> list[Notice]:
        """Call for margin and close positions, as the present quotes demand."""
        self._called_ms = {
            kind: called for kind, called in self._called_ms.items() if at_ms - called < QUIET_MS
        }
        if not self._book.positions or not self._worth.margin_total():
            return []
        is_out = self._is_below(Decimal(self._book.spec.stop_out_percent))
        told: list[Notice] = []
        if self._book.floor.rules.stop_out_tells_margin_call or not is_out:
            told += self._call(at_ms)
        if is_out:
            told += self._stop_out(at_ms)
        return told

    def next_call_ms(self) -> int | None:
        """Return when a threshold that is silent now may call again, None if none is."""
        return min((at_ms + QUIET_MS for at_ms in self._called_ms.values()), default=None)

    def bands(self, at_ms: int) -> dict[int, Band]:
        """Return, for each symbol that moves the account's equity, the quotes that are harmless.

        While all of them stay inside, no threshold is reached: each symbol is given its part of
        half the equity above the next one, so that even all of them together cannot use it up.
        """
        reach = self._reach()
        room = max(0, self._room(at_ms))
        rates, bands = self._book.floor.rates, {}
        for symbol_id, value in reach.items():
            quote = rates.quote(symbol_id)
            share = quote.bid * room // (2 * len(reach) * max(1, value))
            width = min(share, quote.bid // _WIDEST)
            bands[symbol_id] = Band(quote.bid - width, quote.ask + width)
        return bands

    def _is_below(self, percent: Decimal) -> bool:
        return self._worth.equity() * 100 < percent * self._worth.margin_total()

    def _call(self, at_ms: int) -> list[Notice]:
        told: list[Notice] = []
        for kind, call in self._book.margin_calls.items():
            if kind not in self._called_ms and self._is_below(call.threshold):
                self._called_ms[kind] = at_ms
                told.append(MarginCallReached(call))
        return told

    def _room(self, at_ms: int) -> int:
        """Return how much equity can be lost before anything happens."""
        waiting = [
            call.threshold
            for kind, call in self._book.margin_calls.items()
            if at_ms - self._called_ms.get(kind, at_ms - QUIET_MS) >= QUIET_MS
        ]
        percent = max([*waiting, Decimal(self._book.spec.stop_out_percent)])
        needed = percent * self._worth.margin_total() / 100
        return int((self._worth.equity() - needed).to_integral_value(ROUND_FLOOR))

    def _reach(self) -> dict[int, int]:
        """Return what each symbol prices, in money: positions of it, and profits it converts."""
        book, reach = self._book, dict[int, int]()
        for symbol_id in book.holdings.symbol_ids():
            symbol = book.floor.symbols[symbol_id]
            for side in Side:
                holding = book.holdings.of(symbol_id, side)
                if not holding:
                    continue
                prices = self._worth.prices(symbol_id, side)
                points = holding.volume * prices.market
                value = int(points * max(prices.gain_rate, prices.loss_rate))
                reach[symbol_id] = reach.get(symbol_id, 0) + value // PRICE_VOLUME_PER_CENT + 1
                ends = (symbol.quote_asset_id, book.spec.deposit_asset_id)
                for leg in book.floor.rates.chain(*ends) or ():
                    at_stake = abs(holding.gross(prices))
                    reach[leg.symbol_id] = reach.get(leg.symbol_id, 0) + at_stake + 1
        return reach

    # -- stop-out --------------------------------------------------------------------------

    def _stop_out(self, at_ms: int) -> list[Notice]:
        told: list[Notice] = []
        level = Decimal(self._book.spec.stop_out_percent)
        while self._is_below(level) and (position := self._next(at_ms)) is not None:
            quote = self._book.floor.rates.quote(position.symbol_id)
            volume = self._volume(position)
            fill = Fill(volume, quote.price_for(position.side.opposite))
            order = self._order(position, volume, at_ms)
            self._book.history.put(order)
            told += self._fills.fill(order, (fill,), at_ms, Cause.BROKER)
        return told

    def _next(self, at_ms: int) -> Position | None:
        """Return the position that goes first, out of those whose market is open."""
        symbols = self._book.floor.symbols
        candidates = [
            position
            for position in self._book.positions.values()
            if symbols[position.symbol_id].is_open(at_ms)
        ]
        if self._book.spec.stop_out_strategy is StopOutStrategy.MOST_LOSING_FIRST:
            return min(candidates, key=lambda one: self._worth.unrealised(one)[1], default=None)
        return max(candidates, key=lambda one: one.used_margin, default=None)

    def _volume(self, position: Position) -> int:
        """Return how much to close: all of it, or as little as brings the level back."""
        symbol = self._book.floor.symbols[position.symbol_id]
        if self._book.spec.fair_stop_out or not position.used_margin:
            return position.volume
        equity, percent = self._worth.equity(), self._book.spec.stop_out_percent
        excess = self._worth.margin_total() - max(0, equity) * 100 // percent
        needed = -(-position.volume * excess // position.used_margin)
        step = symbol.step_volume
        volume = max(symbol.min_volume, -(-needed // step) * step)
        is_all = volume >= position.volume or position.volume - volume < symbol.min_volume
        return position.volume if is_all else volume

    def _order(self, position: Position, volume: int, at_ms: int) -> Order:
        rules = self._book.floor.rules
        as_protection = rules.stop_out_order is StopOutOrder.STOP_LOSS_TAKE_PROFIT
        return closing_order(
            position,
            OrderKind.PROTECTION if as_protection else OrderKind.MARKET,
            volume,
            self._book.floor.ids,
            is_named=rules.names_own_orders,
            at_ms=at_ms,
            is_stop_out=True,
        )
