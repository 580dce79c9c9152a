"""What the open positions of an account add up to: swap, commission and margin. Pure.

Each change is counted when it comes, so that reading the sums costs as much with one position as
with thousands: every order reads them before it leaves. Money has far fewer digits than a Decimal
keeps, so adding and subtracting is exact, and the sums never drift. Knows neither quotes nor which
margins are in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from fxpool.domain.accounts import MarginMode
from fxpool.domain.trades import Position, Side

_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class _SymbolMargin:
    """The known margins of a symbol's positions by side, and how many positions each side has."""

    bought: Decimal = _ZERO
    sold: Decimal = _ZERO
    buys: int = 0
    sells: int = 0

    def count(self, side: Side, change: int) -> None:
        if side is Side.BUY:
            self.buys += change
        else:
            self.sells += change

    def add(self, side: Side, margin: Decimal) -> None:
        if side is Side.BUY:
            self.bought += margin
        else:
            self.sold += margin

    def combined(self, mode: MarginMode) -> Decimal:
        """Return what the sides need together."""
        if mode is MarginMode.SUM:
            return self.bought + self.sold
        if mode is MarginMode.MAX:
            return max(self.bought, self.sold)
        return abs(self.bought - self.sold)


class PositionSums:
    """The sums over the positions that were added and not taken out again.

    Attributes:
        swap, commission: of all positions so far.
        without_margin: the ids of positions whose margin the broker did not say.
    """

    def __init__(self) -> None:
        self.swap = self.commission = _ZERO
        self.without_margin: set[int] = set()
        self._mode = MarginMode.SUM
        self._symbols: dict[int, _SymbolMargin] = {}
        self._margin = _ZERO

    def set_margin_mode(self, mode: MarginMode) -> None:
        """Say how the margins of a symbol's two sides are counted together."""
        if mode is not self._mode:
            self._mode = mode
            self._margin = sum((each.combined(mode) for each in self._symbols.values()), _ZERO)

    def add(self, position: Position) -> None:
        """Count a position."""
        self.swap += position.swap
        self.commission += position.commission
        symbol = self._symbols.setdefault(position.symbol_id, _SymbolMargin())
        symbol.count(position.side, 1)
        if position.used_margin is None:
            self.without_margin.add(position.position_id)
        else:
            self._move_margin(symbol, position.side, position.used_margin)

    def take_out(self, position: Position) -> None:
        """Count a position no longer; it is given in the state in which it was added."""
        self.swap -= position.swap
        self.commission -= position.commission
        symbol = self._symbols[position.symbol_id]
        symbol.count(position.side, -1)
        if position.used_margin is None:
            self.without_margin.discard(position.position_id)
        else:
            self._move_margin(symbol, position.side, -position.used_margin)
        if not (symbol.buys or symbol.sells):
            del self._symbols[position.symbol_id]

    def has(self, symbol_id: int, side: Side) -> bool:
        """Whether a symbol has a position of this side."""
        symbol = self._symbols.get(symbol_id)
        if symbol is None:
            return False
        return bool(symbol.buys if side is Side.BUY else symbol.sells)

    def used_margin(self, corrected: Iterable[tuple[Position, Position]] = ()) -> Decimal | None:
        """Return the account's margin; None if that of one of its positions is not known.

        ``corrected`` are positions as they were added, each with the state whose margin counts.
        All of ``without_margin`` must be among them.
        """
        margin = self._margin
        symbols: dict[int, _SymbolMargin] = {}
        for added, present in corrected:
            if present.used_margin is None:
                return None
            symbol = symbols.get(added.symbol_id)
            if symbol is None:
                symbol = symbols[added.symbol_id] = replace(self._symbols[added.symbol_id])
            before = symbol.combined(self._mode)
            symbol.add(added.side, present.used_margin - (added.used_margin or _ZERO))
            margin += symbol.combined(self._mode) - before
        return margin

    def _move_margin(self, symbol: _SymbolMargin, side: Side, margin: Decimal) -> None:
        before = symbol.combined(self._mode)
        symbol.add(side, margin)
        self._margin += symbol.combined(self._mode) - before
