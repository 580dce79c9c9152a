"""Trades from deals: which deal closed what, opened when, at which price and cost. Pure.

A position is opened by one or more deals (its lots) and closed by one or more. Lots are closed
first in, first out, as the broker does it. A *part* is what one deal closed; a *trade* is a
position with all its parts so far, so that closing in one deal or in three makes the same trade.

Money is the account's, exact. Costs are signed: a charge is negative. Balances change only by
closing deals and by cash flow, and a closing deal carries the opening's share of the commission,
therefore the parts' results are exactly what the trades did to the balance.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from fxpool.domain.trades import CashFlow, Deal, Side


@dataclass(frozen=True, slots=True)
class ClosedPart:
    """What one closing deal closed.

    Attributes:
        side: of the position; the deal was on the other one.
        open_price: the broker's entry price of this part, not rounded.
        close_price: None where the broker left the price of the deal out.
        opened_at: when the oldest lot of it was opened; None if no deal in the history did.
        opening_order_id: the order that opened that lot.
        profit: without costs. ``commission`` holds both sides and the conversion fee.
        balance: the account's, after the deal.
    """

    deal_id: int
    order_id: int
    position_id: int
    symbol_id: int
    side: Side
    volume_cents: int
    open_price: Decimal
    close_price: Decimal | None
    opened_at: datetime | None
    closed_at: datetime
    opening_order_id: int | None
    profit: Decimal
    swap: Decimal
    commission: Decimal
    balance: Decimal

    @property
    def net_profit(self) -> Decimal:
        """What the balance changed by."""
        return self.profit + self.swap + self.commission

    def pips(self, pip_size: Decimal) -> Decimal | None:
        """Return the distance it gained (negative: lost) in pips, None without a closing price."""
        if self.close_price is None:
            return None
        moved = self.close_price - self.open_price
        return (moved if self.side is Side.BUY else -moved) / pip_size


Result = ClosedPart | CashFlow
"""What changed a balance."""


def result_at(result: Result) -> datetime:
    """Return when a balance changed."""
    return result.at if isinstance(result, CashFlow) else result.closed_at


@dataclass(frozen=True, slots=True)
class Trade:
    """A position of which something was closed, as the sum of its parts.

    Attributes:
        capital: the balance before its first part closed.
        parts: how many deals closed it.
        closed_at: when the last of them did.
    """

    position_id: int
    symbol_id: int
    side: Side
    volume_cents: int
    opened_at: datetime | None
    closed_at: datetime
    net_profit: Decimal
    swap: Decimal
    commission: Decimal
    capital: Decimal
    parts: int

    @property
    def return_(self) -> float | None:
        """Its result as a fraction of the capital; None where there was none."""
        return float(self.net_profit / self.capital) if self.capital > 0 else None

    @property
    def duration(self) -> timedelta | None:
        """How long it was open, None where the opening is not known."""
        return None if self.opened_at is None else self.closed_at - self.opened_at


def trade_after(trade: Trade | None, part: ClosedPart) -> Trade:
    """Return a trade after one more of its parts was closed."""
    if trade is None:
        return Trade(
            position_id=part.position_id,
            symbol_id=part.symbol_id,
            side=part.side,
            volume_cents=part.volume_cents,
            opened_at=part.opened_at,
            closed_at=part.closed_at,
            net_profit=part.net_profit,
            swap=part.swap,
            commission=part.commission,
            capital=part.balance - part.net_profit,
            parts=1,
        )
    return replace(
        trade,
        volume_cents=trade.volume_cents + part.volume_cents,
        closed_at=part.closed_at,
        net_profit=trade.net_profit + part.net_profit,
        swap=trade.swap + part.swap,
        commission=trade.commission + part.commission,
        parts=trade.parts + 1,
    )


@dataclass(slots=True)
class _Lot:
    volume_cents: int
    opened_at: datetime
    order_id: int


class OpenLots:
    """The lots of open positions, as deals come in order of time."""

    def __init__(self) -> None:
        self._lots: dict[int, deque[_Lot]] = {}

    def is_open(self, position_id: int) -> bool:
        """Whether something of a position is left."""
        return position_id in self._lots

    def take(self, deal: Deal) -> ClosedPart | None:
        """Take a deal that was executed; return what it closed, None if it only opened."""
        close = deal.close
        if close is None:
            self._open(deal, deal.filled_volume_cents)
            return None
        volume = close.closed_volume_cents
        if volume is None:
            volume = deal.filled_volume_cents
        oldest = self._close(deal.position_id, volume)
        if deal.filled_volume_cents > volume:  # a netted position that turned round
            self._open(deal, deal.filled_volume_cents - volume)
        return ClosedPart(
            deal_id=deal.deal_id,
            order_id=deal.order_id,
            position_id=deal.position_id,
            symbol_id=deal.symbol_id,
            side=deal.side.opposite,
            volume_cents=volume,
            open_price=close.entry_price,
            close_price=deal.price,
            opened_at=None if oldest is None else oldest.opened_at,
            closed_at=deal.executed_at,
            opening_order_id=None if oldest is None else oldest.order_id,
            profit=close.gross_profit,
            swap=close.swap,
            commission=close.commission + close.conversion_fee,
            balance=close.balance,
        )

    def _open(self, deal: Deal, volume_cents: int) -> None:
        lot = _Lot(volume_cents, deal.executed_at, deal.order_id)
        self._lots.setdefault(deal.position_id, deque()).append(lot)

    def _close(self, position_id: int, volume_cents: int) -> _Lot | None:
        """Take a volume from the oldest lots; return the first of them, None if there is none."""
        lots = self._lots.get(position_id)
        if not lots:
            return None
        oldest, left = lots[0], volume_cents
        while lots and left > 0:
            taken = min(left, lots[0].volume_cents)
            lots[0].volume_cents -= taken
            left -= taken
            if lots[0].volume_cents == 0:
                lots.popleft()
        if not lots:
            del self._lots[position_id]
        return oldest
