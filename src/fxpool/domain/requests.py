"""What a caller asks of an account, in exact domain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final

from fxpool.domain.trades import OrderType, Side, TimeInForce


class Leg(Enum):
    """What to do with a protection price that no number was given for."""

    KEEP = "keep"
    REMOVE = "remove"


KEEP: Final = Leg.KEEP
REMOVE: Final = Leg.REMOVE

ProtectionLeg = Decimal | Leg
"""An absolute price, or KEEP, or REMOVE."""


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """An order as a caller wants it.

    Attributes:
        client_order_id: our key at the broker, at most 50 characters.
        price: the limit or stop price; None on market orders.
        stop_loss, take_profit: absolute prices.
        stop_loss_distance, take_profit_distance: in place of a price: how far from the fill, in
            price units.
        slippage_points: how far past its trigger a stop-limit order may fill, and past
            ``base_price`` a market-range order, in points.
        base_price: what a market-range order's slippage is measured from; None for the quote at
            which it would fill now.
    """

    symbol_id: int
    side: Side
    type: OrderType
    volume_cents: int
    client_order_id: str
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expires_at: datetime | None = None
    label: str = ""
    comment: str = ""
    slippage_points: int | None = None
    base_price: Decimal | None = None
    stop_loss_distance: Decimal | None = None
    take_profit_distance: Decimal | None = None
    trailing_stop_loss: bool = False
    guaranteed_stop_loss: bool = False

    @property
    def has_stop_loss(self) -> bool:
        return self.stop_loss is not None or self.stop_loss_distance is not None

    @property
    def has_take_profit(self) -> bool:
        return self.take_profit is not None or self.take_profit_distance is not None

    @property
    def is_protected(self) -> bool:
        """Whether a stop loss or a take profit is asked for."""
        return self.has_stop_loss or self.has_take_profit

    @property
    def needs_quote(self) -> bool:
        """Whether the request cannot be made without knowing the market's price."""
        if self.type is OrderType.MARKET_RANGE and self.base_price is None:
            return True
        has_prices = self.stop_loss is not None or self.take_profit is not None
        return not self.type.rests and has_prices
