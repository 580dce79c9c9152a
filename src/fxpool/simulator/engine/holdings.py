"""What an account holds of each symbol and side, with totals that are kept and not added up. Pure.

Thousands of positions cost no more than one where only totals are asked: margin and accrued costs
follow every change, and the profit of a side is added up again only when its price has moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from fxpool.simulator.engine.margin import usd_value
from fxpool.simulator.engine.model import Position, Side
from fxpool.simulator.engine.money import in_money


class Prices(NamedTuple):
    """What values a side: its closing price, and quote to deposit for gains and for losses."""

    market: int
    gain_rate: Fraction
    loss_rate: Fraction


class _Entry(NamedTuple):
    """A position in numbers; ``cost`` is price integers times volume integers."""

    sign: int
    volume: int
    cost: int

    def gross(self, prices: Prices) -> int:
        points = self.sign * (prices.market * self.volume - self.cost)
        return in_money(points, prices.gain_rate if points >= 0 else prices.loss_rate)


@dataclass(slots=True)
class Holding:
    """One account's open positions of one symbol and side.

    Attributes:
        volume, margin: of all of them together.
        usd: what they were worth in dollars at their opening.
    """

    volume: int = 0
    margin: int = 0
    usd: Fraction = Fraction()
    _entries: dict[int, _Entry] = field(default_factory=dict)
    _positions: dict[int, Position] = field(default_factory=dict)
    _gross: int = 0
    _prices: Prices | None = None

    def __len__(self) -> int:
        return len(self._positions)

    def __iter__(self) -> Iterator[Position]:
        """Iterate over the positions, oldest first."""
        return iter(list(self._positions.values()))

    def put(self, position: Position) -> None:
        """Add a position, or replace it in its place by what it is now."""
        old = self._positions.get(position.position_id)
        if old is not None:
            self._count(old, self._entries[old.position_id], -1)
        entry = _Entry(
            position.side.sign,
            position.volume,
            sum(lot.volume * lot.price for lot in position.lots),
        )
        self._entries[position.position_id] = entry
        self._positions[position.position_id] = position
        self._count(position, entry, 1)

    def remove(self, position_id: int) -> None:
        """Take a position out, if it is here."""
        position = self._positions.pop(position_id, None)
        if position is not None:
            self._count(position, self._entries.pop(position_id), -1)

    def gross(self, prices: Prices) -> int:
        """Return the profit of all positions, each rounded by itself."""
        if prices != self._prices:
            self._prices = prices
            self._gross = sum(entry.gross(prices) for entry in self._entries.values())
        return self._gross

    def gross_of(self, position: Position, prices: Prices) -> int:
        """Return the profit of one of the positions."""
        return self._entries[position.position_id].gross(prices)

    def _count(self, position: Position, entry: _Entry, factor: int) -> None:
        self.volume += factor * entry.volume
        self.margin += factor * position.used_margin
        self.usd += factor * usd_value(position.lots)
        if self._prices is not None:
            self._gross += factor * entry.gross(self._prices)


class Holdings:
    """All of an account, by symbol and side.

    Attributes:
        accrued: swap and commission of all open positions, not realised yet.
    """

    def __init__(self) -> None:
        self.accrued = 0
        self._sides: dict[int, dict[Side, Holding]] = {}
        self._positions: dict[int, Position] = {}

    def of(self, symbol_id: int, side: Side) -> Holding:
        """Return what is held of a symbol and side."""
        sides = self._sides.get(symbol_id)
        if sides is None:
            sides = self._sides[symbol_id] = {one: Holding() for one in Side}
        return sides[side]

    def symbol_ids(self) -> list[int]:
        """Return the symbols that were ever held."""
        return list(self._sides)

    def put(self, position: Position) -> None:
        """Note a position as it is now. One with volume is open."""
        old = self._positions.get(position.position_id)
        if old is not None:
            self.accrued -= old.swap + old.commission
            if old.side is not position.side:
                self.of(old.symbol_id, old.side).remove(old.position_id)
        self.accrued += position.swap + position.commission
        self._positions[position.position_id] = position
        self.of(position.symbol_id, position.side).put(position)

    def remove(self, position: Position) -> None:
        """Forget a position, if it is held."""
        old = self._positions.pop(position.position_id, None)
        if old is not None:
            self.accrued -= old.swap + old.commission
            self.of(old.symbol_id, old.side).remove(old.position_id)
