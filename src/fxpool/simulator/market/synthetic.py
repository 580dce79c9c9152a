"""A seeded market for all symbols of a catalogue. Pure: equal seeds give equal quotes.

Symbols that trade against the dollar, and indices, walk at random around where they began. The
crosses follow from their two dollar legs, so that no round trip through three of them gains.
Whole numbers only: a cross is a ratio of its legs, rounded once, outwards from its middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from fxpool.simulator.catalogue import Catalogue
from fxpool.simulator.engine.symbols import PRICE_SCALE, Symbol

_REACH = 50_000
"""A step is at most the price divided by this."""

_PULL = 1_000
"""Each step goes back towards the start by the distance divided by this."""


class Tick(NamedTuple):
    """A new quote of a symbol, in 1/100000 of a price unit."""

    symbol_id: int
    bid: int
    ask: int


class _Leg(NamedTuple):
    """A symbol that prices an asset in dollars; ``is_base`` where the asset is its base."""

    symbol_id: int
    is_base: bool


@dataclass(frozen=True, slots=True)
class _Cross:
    """A symbol that follows from two legs; its spread is two ticks at least (``_crossed``)."""

    symbol_id: int
    step: int
    spread: int
    base: _Leg
    quote: _Leg


class SyntheticMarket:
    """Middle prices of all symbols, moved one symbol at a time."""

    def __init__(self, catalogue: Catalogue, random: Random) -> None:
        self._random = random
        self._symbols = {symbol.symbol_id: symbol for symbol in catalogue.symbols}
        self._spreads = catalogue.spreads
        self._homes = {one: 2 * price for one, price in catalogue.start_prices.items()}
        self._doubled = dict(self._homes)
        """Twice the middle of each symbol that is no cross, in 1/100000."""
        legs = _dollar_legs(catalogue)
        self._crosses = {
            one.symbol_id: _cross(one, legs, catalogue.spreads[one.symbol_id])
            for one in catalogue.symbols
            if one.base_asset_id in legs and one.quote_asset_id in legs
        }
        self._walking = [one for one in self._symbols if one not in self._crosses]
        self._followers = self._find_followers()

    def quotes(self) -> list[Tick]:
        """Return a quote of every symbol."""
        return [
            self._crossed(self._crosses[one]) if one in self._crosses else self._quoted(one)
            for one in self._symbols
        ]

    def step(self) -> list[Tick]:
        """Move one symbol; return its quote and those of the crosses that follow from it."""
        if not self._walking:
            return []
        chance = self._random.random
        symbol_id = self._walking[int(chance() * len(self._walking))]
        doubled, step = self._doubled[symbol_id], 2 * self._symbols[symbol_id].price_step
        reach = max(1, doubled // (_REACH * step))
        move = step * (int(chance() * (2 * reach + 1)) - reach)
        pull = (self._homes[symbol_id] - doubled) // _PULL
        self._doubled[symbol_id] = max(2 * step, doubled + move + pull)
        return [self._quoted(symbol_id), *self._following(symbol_id)]

    def hold(self, symbol_id: int) -> None:
        """Stop moving a symbol by chance: its quotes come from elsewhere (``follow``)."""
        self._walking = [one for one in self._walking if one != symbol_id]
        self._crosses.pop(symbol_id, None)
        self._followers = self._find_followers()

    def follow(self, tick: Tick) -> list[Tick]:
        """Take a quote from elsewhere; return those of the crosses that follow from it."""
        self._doubled[tick.symbol_id] = tick.bid + tick.ask
        return self._following(tick.symbol_id)

    def _find_followers(self) -> dict[int, list[_Cross]]:
        followers: dict[int, list[_Cross]] = {}
        for cross in self._crosses.values():
            for leg in (cross.base, cross.quote):
                followers.setdefault(leg.symbol_id, []).append(cross)
        return followers

    def _following(self, symbol_id: int) -> list[Tick]:
        return [self._crossed(cross) for cross in self._followers.get(symbol_id, ())]

    def _quoted(self, symbol_id: int) -> Tick:
        """Return a quote around the middle."""
        step = self._symbols[symbol_id].price_step
        spread = self._spread_now(self._spreads[symbol_id], step)
        bid = (self._doubled[symbol_id] - spread) // (2 * step) * step
        return Tick(symbol_id, bid, bid + spread)

    def _crossed(self, cross: _Cross) -> Tick:
        """Return a quote of a cross: the exact ratio of its legs is never outside it.

        The bid is rounded down by less than a tick, so a spread of two ticks reaches over it.
        """
        over, under = self._in_dollars(cross.base)
        by_over, by_under = self._in_dollars(cross.quote)
        over, under = over * by_under, under * by_over
        spread = self._spread_now(cross.spread, cross.step)
        bid = (2 * PRICE_SCALE * over - spread * under) // (2 * under * cross.step) * cross.step
        return Tick(cross.symbol_id, bid, bid + spread)

    def _in_dollars(self, leg: _Leg) -> tuple[int, int]:
        """Return an asset's price in dollars as a ratio."""
        doubled = self._doubled[leg.symbol_id]
        return (doubled, 2 * PRICE_SCALE) if leg.is_base else (2 * PRICE_SCALE, doubled)

    def _spread_now(self, spread: int, step: int) -> int:
        """Return the spread: now and then it is a tick wider."""
        return spread + step if self._random.random() < 0.25 else spread


def _dollar_legs(catalogue: Catalogue) -> dict[int, _Leg]:
    usd = next(one.asset_id for one in catalogue.assets if one.name == "USD")
    legs: dict[int, _Leg] = {}
    for symbol in catalogue.symbols:
        if symbol.quote_asset_id == usd:
            legs.setdefault(symbol.base_asset_id, _Leg(symbol.symbol_id, is_base=True))
        elif symbol.base_asset_id == usd:
            legs.setdefault(symbol.quote_asset_id, _Leg(symbol.symbol_id, is_base=False))
    return legs


def _cross(symbol: Symbol, legs: dict[int, _Leg], spread: int) -> _Cross:
    step = symbol.price_step
    return _Cross(
        symbol.symbol_id,
        step,
        max(spread, 2 * step),
        legs[symbol.base_asset_id],
        legs[symbol.quote_asset_id],
    )
