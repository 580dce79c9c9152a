"""The depth of a symbol's market: price levels around its quote, each with an id. Pure.

Made up: as many levels a tick apart as the symbol has. A level's size is the symbol's liquidity, or
grows with the distance from the quote where liquidity has no limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from fxpool.simulator.engine.model import Side
from fxpool.simulator.engine.symbols import Symbol


class Level(NamedTuple):
    """What one price level offers: ``side`` BUY are bids; price in 1/100000, size in 1/100 unit."""

    level_id: int
    side: Side
    price: int
    size: int


@dataclass(slots=True)
class DepthBook:
    """The levels of one symbol now."""

    symbol: Symbol
    _levels: dict[tuple[Side, int], Level] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def levels(self) -> list[Level]:
        """Return all levels."""
        return list(self._levels.values())

    def move(self, bid: int, ask: int) -> tuple[list[Level], list[int]]:
        """Put the levels around a quote; return those that are new or resized, and the ids gone."""
        before, changed = self._levels, []
        self._levels = {}
        for side, price, size in self._wanted(bid, ask):
            old = before.pop((side, price), None)
            level = Level(next(self._ids) if old is None else old.level_id, side, price, size)
            self._levels[side, price] = level
            if level != old:
                changed.append(level)
        return changed, [level.level_id for level in before.values()]

    def _wanted(self, bid: int, ask: int) -> Iterator[tuple[Side, int, int]]:
        symbol = self.symbol
        for index in range(symbol.depth_levels):
            away = index * symbol.price_step
            size = symbol.liquidity or symbol.lot_size * (index + 1)
            yield Side.BUY, bid - away, size
            yield Side.SELL, ask + away, size
