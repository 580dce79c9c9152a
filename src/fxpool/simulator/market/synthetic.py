"""A seeded market for all symbols of a catalogue. Pure: equal seeds give equal quotes.

Symbols that trade against the dollar, and indices, walk at random around where they began. The
crosses follow from their two dollar legs, so that no round trip through three of them gains.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import NamedTuple

from fxpool.simulator.catalogue import Catalogue
from fxpool.simulator.engine.symbols import PRICE_SCALE, Symbol


class Tick(NamedTuple):
    """A new quote of a symbol, in 1/100000 of a price unit."""

    symbol_id: int
    bid: int
    ask: int


class SyntheticMarket:
    """Middle prices of all symbols, moved one symbol at a time."""

    def __init__(self, catalogue: Catalogue, random: Random) -> None:
        self._catalogue = catalogue
        self._random = random
        self._symbols = {symbol.symbol_id: symbol for symbol in catalogue.symbols}
        self._middles = {one: Fraction(at) for one, at in catalogue.start_prices.items()}
        self._usd_legs = self._find_usd_legs()
        self._crosses = [one for one in catalogue.symbols if self._is_cross(one)]
        cross_ids = {one.symbol_id for one in self._crosses}
        self._walking = [one for one in self._symbols if one not in cross_ids]
        for cross in self._crosses:
            self._middles[cross.symbol_id] = self._cross_middle(cross)

    def quotes(self) -> list[Tick]:
        """Return a quote of every symbol."""
        return [self._quoted(symbol) for symbol in self._symbols.values()]

    def step(self) -> list[Tick]:
        """Move one symbol; return its quote and those of the crosses that follow from it."""
        if not self._walking:
            return []
        symbol = self._symbols[self._random.choice(self._walking)]
        middle = self._middles[symbol.symbol_id]
        reach = max(1, int(middle) // (50_000 * symbol.price_step))
        home = self._catalogue.start_prices[symbol.symbol_id]
        pull = Fraction(int(home - middle), 1_000)
        move = symbol.price_step * self._random.randint(-reach, reach)
        self._middles[symbol.symbol_id] = Fraction(int(middle + move + pull))
        return [self._quoted(symbol), *self._following(symbol)]

    def hold(self, symbol_id: int) -> None:
        """Stop moving a symbol by chance: its quotes come from elsewhere (``follow``)."""
        self._walking = [one for one in self._walking if one != symbol_id]
        self._crosses = [one for one in self._crosses if one.symbol_id != symbol_id]

    def follow(self, tick: Tick) -> list[Tick]:
        """Take a quote from elsewhere; return those of the crosses that follow from it."""
        self._middles[tick.symbol_id] = Fraction(tick.bid + tick.ask, 2)
        return self._following(self._symbols[tick.symbol_id])

    def _find_usd_legs(self) -> dict[int, tuple[int, bool]]:
        """Map each asset to a symbol that prices it in dollars, and whether it is the base."""
        usd = next(one.asset_id for one in self._catalogue.assets if one.name == "USD")
        legs: dict[int, tuple[int, bool]] = {}
        for symbol in self._catalogue.symbols:
            if symbol.quote_asset_id == usd:
                legs[symbol.base_asset_id] = (symbol.symbol_id, True)
            elif symbol.base_asset_id == usd:
                legs[symbol.quote_asset_id] = (symbol.symbol_id, False)
        return legs

    def _is_cross(self, symbol: Symbol) -> bool:
        return symbol.base_asset_id in self._usd_legs and symbol.quote_asset_id in self._usd_legs

    def _in_usd(self, asset_id: int) -> Fraction:
        symbol_id, is_base = self._usd_legs[asset_id]
        price = self._middles[symbol_id] / PRICE_SCALE
        return price if is_base else 1 / price

    def _cross_middle(self, cross: Symbol) -> Fraction:
        value = self._in_usd(cross.base_asset_id) / self._in_usd(cross.quote_asset_id)
        return value * PRICE_SCALE

    def _following(self, leg: Symbol) -> list[Tick]:
        ticks = []
        for cross in self._crosses:
            legs = (self._usd_legs[cross.base_asset_id], self._usd_legs[cross.quote_asset_id])
            if leg.symbol_id in (legs[0][0], legs[1][0]):
                self._middles[cross.symbol_id] = self._cross_middle(cross)
                ticks.append(self._quoted(cross))
        return ticks

    def _quoted(self, symbol: Symbol) -> Tick:
        """Return a quote around the middle: its spread now and then a tick wider."""
        step = symbol.price_step
        spread = self._catalogue.spreads[symbol.symbol_id] + self._random.choice((0, 0, 0, step))
        bid = int(self._middles[symbol.symbol_id] - Fraction(spread, 2)) // step * step
        return Tick(symbol.symbol_id, bid, bid + spread)
