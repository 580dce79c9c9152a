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
    """An order as a caller wants it; prices are absolute.

    Attributes:
        client_order_id: our key at the broker, at most 50 characters.
        price: the limit or stop price; None on market orders.
        slippage_points: how far past its trigger a stop-limit order may fill, in points.
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
