"""Order requests as commands of the engine. Pure.

What the simulator does not do yet is refused by name, never taken and ignored: an order with a
trailing stop that does not trail would teach a client the wrong thing.
"""

from __future__ import annotations

from decimal import Decimal

from google.protobuf.message import Message

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAmendOrderReq,
    ProtoOAAmendPositionSLTPReq,
    ProtoOACancelOrderReq,
    ProtoOAClosePositionReq,
    ProtoOANewOrderReq,
)
from fxpool.openapi.proto.model_pb2 import TRADE
from fxpool.simulator.engine.model import (
    AmendOrder,
    AmendProtection,
    CancelOrder,
    ClosePosition,
    OrderKind,
    PlaceOrder,
    Side,
    TimeInForce,
)
from fxpool.simulator.engine.symbols import PRICE_SCALE
from fxpool.simulator.refusal import invalid_request


def place_order(request: ProtoOANewOrderReq) -> PlaceOrder:
    """Return the command of a NewOrderReq. Raises Refusal for what makes no sense."""
    _refuse_unserved(request, request.stopTriggerMethod)
    return PlaceOrder(
        symbol_id=request.symbolId,
        kind=OrderKind(request.orderType),
        side=Side(request.tradeSide),
        volume=request.volume,
        time_in_force=TimeInForce(request.timeInForce),
        limit_price=_price(request, "limitPrice"),
        stop_price=_price(request, "stopPrice"),
        stop_loss=_price(request, "stopLoss"),
        take_profit=_price(request, "takeProfit"),
        relative_stop_loss=_integer(request, "relativeStopLoss"),
        relative_take_profit=_integer(request, "relativeTakeProfit"),
        base_slippage_price=_price(request, "baseSlippagePrice"),
        slippage_points=_integer(request, "slippageInPoints"),
        expiration_ms=_integer(request, "expirationTimestamp"),
        label=request.label,
        comment=request.comment,
        client_order_id=request.clientOrderId,
        position_id=_integer(request, "positionId"),
    )


def cancel_order(request: ProtoOACancelOrderReq) -> CancelOrder:
    """Return the command of a CancelOrderReq."""
    return CancelOrder(order_id=request.orderId)


def amend_order(request: ProtoOAAmendOrderReq) -> AmendOrder:
    """Return the command of an AmendOrderReq. Raises Refusal for what makes no sense."""
    _refuse_unserved(request, request.stopTriggerMethod)
    return AmendOrder(
        order_id=request.orderId,
        volume=_integer(request, "volume"),
        limit_price=_price(request, "limitPrice"),
        stop_price=_price(request, "stopPrice"),
        stop_loss=_price(request, "stopLoss"),
        take_profit=_price(request, "takeProfit"),
        relative_stop_loss=_integer(request, "relativeStopLoss"),
        relative_take_profit=_integer(request, "relativeTakeProfit"),
        slippage_points=_integer(request, "slippageInPoints"),
        expiration_ms=_integer(request, "expirationTimestamp"),
    )


def amend_protection(request: ProtoOAAmendPositionSLTPReq) -> AmendProtection:
    """Return the command of an AmendPositionSLTPReq. Raises Refusal for what makes no sense."""
    _refuse_unserved(request, request.stopLossTriggerMethod)
    if request.HasField("trailingStopLoss") and not request.HasField("stopLoss"):
        raise invalid_request("Can't set Trailing Stop Loss parameter without specified Stop Loss")
    return AmendProtection(
        position_id=request.positionId,
        stop_loss=_price(request, "stopLoss"),
        take_profit=_price(request, "takeProfit"),
    )


def close_position(request: ProtoOAClosePositionReq) -> ClosePosition:
    """Return the command of a ClosePositionReq."""
    return ClosePosition(position_id=request.positionId, volume=request.volume)


def _refuse_unserved(
    request: ProtoOANewOrderReq | ProtoOAAmendOrderReq | ProtoOAAmendPositionSLTPReq,
    trigger_method: int,
) -> None:
    if request.trailingStopLoss:
        raise invalid_request("The simulator does not serve trailing stops yet")
    if request.guaranteedStopLoss:
        raise invalid_request("Guaranteed Stop Loss is not allowed for this symbol")
    if trigger_method != TRADE:
        raise invalid_request("The simulator serves the trigger method TRADE only")


def _price(request: Message, name: str) -> int | None:
    """Return a double of the request in 1/100000, None if it is absent.

    The shortest decimal that stands for the double is what its sender meant.
    """
    if not request.HasField(name):
        return None
    scaled = Decimal(repr(getattr(request, name))) * PRICE_SCALE
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise invalid_request(f"Field {name} has more digits than any symbol allows")
    return int(scaled)


def _integer(request: Message, name: str) -> int | None:
    return int(getattr(request, name)) if request.HasField(name) else None
