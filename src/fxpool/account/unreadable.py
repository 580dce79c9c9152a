"""An order of the broker's list that this build cannot read, and what can be told of it. Pure.

Knows nothing of tickets: whose it may be is ``evidence``'s to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fxpool.domain.trades import OrderStatus, Side
from fxpool.mapping.wire_fields import optional_bool, optional_enum, optional_instant, optional_int
from fxpool.openapi.proto.model_pb2 import ProtoOAOrder, ProtoOATradeData


@dataclass(frozen=True, slots=True)
class UnreadableOrder:
    """What an unreadable order tells of itself; None, or an empty text, for what it does not.

    Attributes:
        why: what in it cannot be read.
    """

    order_id: int | None
    position_id: int | None
    symbol_id: int | None
    side: Side | None
    client_order_id: str
    label: str
    is_closing: bool | None
    opened_at: datetime | None
    why: str
    status: OrderStatus | None = None

    @classmethod
    def of(cls, order: ProtoOAOrder, why: str) -> UnreadableOrder:
        """Return what an order tells of itself. Never raises."""
        trade = order.tradeData
        return cls(
            order_id=optional_int(order, "orderId"),
            position_id=optional_int(order, "positionId"),
            symbol_id=optional_int(trade, "symbolId"),
            side=optional_enum(trade, "tradeSide", Side),
            client_order_id=order.clientOrderId,
            label=trade.label,
            is_closing=optional_bool(order, "closingOrder"),
            opened_at=_opened_at(trade),
            why=why,
            status=optional_enum(order, "orderStatus", OrderStatus),
        )


def _opened_at(trade: ProtoOATradeData) -> datetime | None:
    try:
        return optional_instant(trade, "openTimestamp")
    except OverflowError:
        return None
