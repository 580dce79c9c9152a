"""Order requests as commands of the engine. Pure; the engine says whether they make sense."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from google.protobuf.message import Message

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAmendOrderReq,
    ProtoOAAmendPositionSLTPReq,
    ProtoOACancelOrderReq,
    ProtoOAClosePositionReq,
    ProtoOANewOrderReq,
)
from fxpool.simulator.engine.checks import extra_digits
from fxpool.simulator.engine.commands import (
    AmendOrder,
    AmendProtection,
    CancelOrder,
    ClosePosition,
    PlaceOrder,
)
from fxpool.simulator.engine.model import OrderKind, Side, TimeInForce, TriggerMethod
from fxpool.simulator.engine.rules import ExtraDigits, Rules
from fxpool.simulator.engine.symbols import PRICE_SCALE, Symbol
from fxpool.simulator.refusal import invalid_request


def place_order(request: ProtoOANewOrderReq, symbol: Symbol | None, rules: Rules) -> PlaceOrder:
    """Return the command of a NewOrderReq. Raises Refusal for what makes no sense."""
    price = _Prices(request, symbol, rules)
    return PlaceOrder(
        symbol_id=request.symbolId,
        kind=OrderKind(request.orderType),
        side=Side(request.tradeSide),
        volume=request.volume,
        time_in_force=TimeInForce(request.timeInForce),
        limit_price=price("limitPrice"),
        stop_price=price("stopPrice"),
        stop_loss=price("stopLoss"),
        take_profit=price("takeProfit"),
        relative_stop_loss=_integer(request, "relativeStopLoss"),
        relative_take_profit=_integer(request, "relativeTakeProfit"),
        base_slippage_price=price("baseSlippagePrice"),
        slippage_points=_integer(request, "slippageInPoints"),
        expiration_ms=_integer(request, "expirationTimestamp"),
        label=request.label,
        comment=request.comment,
        client_order_id=request.clientOrderId,
        position_id=_integer(request, "positionId"),
        trailing=request.trailingStopLoss,
        guaranteed=request.guaranteedStopLoss,
        trigger=TriggerMethod(request.stopTriggerMethod),
    )


def cancel_order(request: ProtoOACancelOrderReq) -> CancelOrder:
    """Return the command of a CancelOrderReq."""
    return CancelOrder(order_id=request.orderId)


def amend_order(request: ProtoOAAmendOrderReq, symbol: Symbol | None, rules: Rules) -> AmendOrder:
    """Return the command of an AmendOrderReq. Raises Refusal for what makes no sense."""
    price = _Prices(request, symbol, rules)
    return AmendOrder(
        order_id=request.orderId,
        volume=_integer(request, "volume"),
        limit_price=price("limitPrice"),
        stop_price=price("stopPrice"),
        stop_loss=price("stopLoss"),
        take_profit=price("takeProfit"),
        relative_stop_loss=_integer(request, "relativeStopLoss"),
        relative_take_profit=_integer(request, "relativeTakeProfit"),
        slippage_points=_integer(request, "slippageInPoints"),
        expiration_ms=_integer(request, "expirationTimestamp"),
        trailing=_boolean(request, "trailingStopLoss"),
        guaranteed=_boolean(request, "guaranteedStopLoss"),
        trigger=_trigger(request, "stopTriggerMethod"),
    )


def amend_protection(
    request: ProtoOAAmendPositionSLTPReq, symbol: Symbol | None, rules: Rules
) -> AmendProtection:
    """Return the command of an AmendPositionSLTPReq. Raises Refusal for what makes no sense."""
    price = _Prices(request, symbol, rules)
    return AmendProtection(
        position_id=request.positionId,
        stop_loss=price("stopLoss"),
        take_profit=price("takeProfit"),
        trailing=_boolean(request, "trailingStopLoss"),
        guaranteed=_boolean(request, "guaranteedStopLoss"),
        trigger=_trigger(request, "stopLossTriggerMethod"),
    )


def close_position(request: ProtoOAClosePositionReq) -> ClosePosition:
    """Return the command of a ClosePositionReq."""
    return ClosePosition(position_id=request.positionId, volume=request.volume)


class _Prices:
    """Reads the doubles of a request as integers in 1/100000."""

    def __init__(self, request: Message, symbol: Symbol | None, rules: Rules) -> None:
        self._request = request
        self._symbol = symbol
        self._rules = rules

    def __call__(self, name: str) -> int | None:
        """Return a price, None if it is absent. Raises Refusal for too many decimals (SW-25).

        The shortest decimal that stands for the double is what its sender meant.
        """
        if not self._request.HasField(name):
            return None
        price = getattr(self._request, name)
        scaled = Decimal(repr(price)) * PRICE_SCALE
        if not scaled.is_finite():
            raise invalid_request(f"Field {name} is not a number")
        if self._rules.extra_digits is ExtraDigits.ROUNDED:
            step = 1 if self._symbol is None else self._symbol.price_step
            return int((scaled / step).to_integral_value(ROUND_HALF_UP)) * step
        if scaled != scaled.to_integral_value():
            raise extra_digits(
                price, 5 if self._symbol is None else self._symbol.digits, self._rules
            )
        return int(scaled)


def _integer(request: Message, name: str) -> int | None:
    return int(getattr(request, name)) if request.HasField(name) else None


def _boolean(request: Message, name: str) -> bool | None:
    return bool(getattr(request, name)) if request.HasField(name) else None


def _trigger(request: Message, name: str) -> TriggerMethod | None:
    return TriggerMethod(getattr(request, name)) if request.HasField(name) else None
