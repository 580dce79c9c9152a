"""Domain values -> Open API order requests. Pure.

Prices go out as doubles rounded to the symbol's digits, since the broker refuses more. An amendment
replaces everything at the broker: a value that is left out is removed, so all present ones are sent
again. Source: Open API schema comments, and what live servers were seen to refuse.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Protocol

from fxpool.domain.money import PRICE_SCALE, price_from_wire
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.requests import KEEP, REMOVE, OrderIntent, ProtectionLeg
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Order, OrderType, Position, Side, StopTrigger, TimeInForce
from fxpool.errors import InvalidOrder, NoQuote
from fxpool.mapping.instants import ms_from_instant
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto import model_pb2 as model

MAX_CLIENT_ORDER_ID: Final = 50
MAX_LABEL: Final = 100
MAX_COMMENT: Final = 512
_QUOTE_DIGITS: Final = 5


class _Priced(Protocol):
    """The requests that carry the price of a resting order."""

    limitPrice: float  # noqa: N815 (the wire's own name)
    stopPrice: float  # noqa: N815
    slippageInPoints: int  # noqa: N815


def new_order(
    account_id: int, intent: OrderIntent, symbol: Symbol, quote: LiveQuote | None
) -> wire.ProtoOANewOrderReq:
    """Return the request for an order.

    A market order may carry protection only as distances: they are measured from the side of
    ``quote`` at which it would fill, in whole ticks, so the caller corrects them after the fill.
    A price is not sent with a market order.

    Raises InvalidOrder (a missing price, impossible protection, a text that is too long) and
    NoQuote (protection on a market order without a quote).
    """
    _check_texts(intent)
    request = wire.ProtoOANewOrderReq(
        ctidTraderAccountId=account_id,
        symbolId=intent.symbol_id,
        orderType=model.ProtoOAOrderType.ValueType(intent.type.value),
        tradeSide=model.ProtoOATradeSide.ValueType(intent.side.value),
        volume=intent.volume_cents,
        clientOrderId=intent.client_order_id,
    )
    if intent.label:
        request.label = intent.label
    if intent.comment:
        request.comment = intent.comment
    _set_validity(request, intent)
    if intent.type is OrderType.MARKET:
        _set_relative_protection(request, intent, symbol, quote)
    elif intent.type.rests:
        _set_price(request, intent.type, intent.price, intent.slippage_points, symbol)
        if intent.stop_loss is not None:
            request.stopLoss = _price(symbol, intent.stop_loss)
        if intent.take_profit is not None:
            request.takeProfit = _price(symbol, intent.take_profit)
    else:
        raise InvalidOrder(f"orders of type {intent.type.name} cannot be placed")
    return request


def close_position(
    account_id: int, position_id: int, volume_cents: int
) -> wire.ProtoOAClosePositionReq:
    """Return the request to close ``volume_cents`` of a position."""
    return wire.ProtoOAClosePositionReq(
        ctidTraderAccountId=account_id, positionId=position_id, volume=volume_cents
    )


def amend_position(
    account_id: int,
    position: Position,
    symbol: Symbol,
    stop_loss: ProtectionLeg,
    take_profit: ProtectionLeg,
) -> wire.ProtoOAAmendPositionSLTPReq:
    """Return the request that gives a position this protection.

    Both legs, the trigger side and a guarantee are sent again. The trailing flag is sent only with
    a stop loss: without one the broker refuses it.
    """
    stop = _leg(symbol, stop_loss, position.stop_loss)
    target = _leg(symbol, take_profit, position.take_profit)
    request = wire.ProtoOAAmendPositionSLTPReq(
        ctidTraderAccountId=account_id, positionId=position.position_id
    )
    if stop is not None:
        request.stopLoss = stop
        if position.trailing_stop_loss:
            request.trailingStopLoss = True
        if position.guaranteed_stop_loss:
            request.guaranteedStopLoss = True
        if position.stop_trigger is not None:
            request.stopLossTriggerMethod = _trigger(position.stop_trigger)
    if target is not None:
        request.takeProfit = target
    return request


def amend_order(
    account_id: int,
    order: Order,
    symbol: Symbol,
    *,
    price: Decimal | None = None,
    volume_cents: int | None = None,
    stop_loss: ProtectionLeg = KEEP,
    take_profit: ProtectionLeg = KEEP,
    expires_at: datetime | None = None,
) -> wire.ProtoOAAmendOrderReq:
    """Return the request that changes a pending order; None and KEEP leave a value as it is.

    Raises InvalidOrder for an order that does not rest.
    """
    if not order.type.rests:
        raise InvalidOrder(f"order {order.order_id} is no pending order, so it cannot be amended")
    request = wire.ProtoOAAmendOrderReq(
        ctidTraderAccountId=account_id,
        orderId=order.order_id,
        volume=order.volume_cents if volume_cents is None else volume_cents,
    )
    limit_or_stop = order.price if price is None else price
    _set_price(request, order.type, limit_or_stop, order.slippage_points, symbol)
    _keep_order_protection(request, order, symbol, stop_loss, take_profit)
    expiry = order.expires_at if expires_at is None else expires_at
    if expiry is not None:
        request.expirationTimestamp = ms_from_instant(expiry)
    if order.trailing_stop_loss:
        request.trailingStopLoss = True
    if order.guaranteed_stop_loss:
        request.guaranteedStopLoss = True
    if order.stop_trigger is not None and order.type is not OrderType.LIMIT:
        request.stopTriggerMethod = _trigger(order.stop_trigger)
    return request


def cancel_order(account_id: int, order_id: int) -> wire.ProtoOACancelOrderReq:
    """Return the request to cancel a pending order."""
    return wire.ProtoOACancelOrderReq(ctidTraderAccountId=account_id, orderId=order_id)


def _check_texts(intent: OrderIntent) -> None:
    if not intent.client_order_id:
        raise InvalidOrder("an order needs a client order id: it is how a lost answer is found")
    for name, text, limit in (
        ("client order id", intent.client_order_id, MAX_CLIENT_ORDER_ID),
        ("label", intent.label, MAX_LABEL),
        ("comment", intent.comment, MAX_COMMENT),
    ):
        if len(text) > limit:
            raise InvalidOrder(f"the {name} has {len(text)} characters, {limit} are allowed")


def _set_validity(request: wire.ProtoOANewOrderReq, intent: OrderIntent) -> None:
    validity = intent.time_in_force
    if intent.expires_at is not None:
        if validity not in {None, TimeInForce.GOOD_TILL_DATE}:
            raise InvalidOrder("an order with an expiration is good till that date, nothing else")
        validity = TimeInForce.GOOD_TILL_DATE
        request.expirationTimestamp = ms_from_instant(intent.expires_at)
    elif validity is TimeInForce.GOOD_TILL_DATE:
        raise InvalidOrder("an order good till a date needs an expiration")
    if validity is not None:
        request.timeInForce = model.ProtoOATimeInForce.ValueType(validity.value)


def _set_price(
    request: _Priced,
    type: OrderType,  # noqa: A002 (the domain's own word)
    price: Decimal | None,
    slippage_points: int | None,
    symbol: Symbol,
) -> None:
    if price is None or price <= 0:
        raise InvalidOrder(f"a {type.name} order needs a price above 0")
    if type is OrderType.LIMIT:
        request.limitPrice = _price(symbol, price)
        return
    request.stopPrice = _price(symbol, price)
    if type is OrderType.STOP_LIMIT:
        if slippage_points is None:
            raise InvalidOrder("a STOP_LIMIT order needs its slippage in points")
        request.slippageInPoints = slippage_points


def _set_relative_protection(
    request: wire.ProtoOANewOrderReq, intent: OrderIntent, symbol: Symbol, quote: LiveQuote | None
) -> None:
    if intent.stop_loss is None and intent.take_profit is None:
        return
    is_buy = intent.side is Side.BUY
    side = None if quote is None else quote.ask if is_buy else quote.bid
    if side is None:
        raise NoQuote(f"no price is known for {symbol.name}, so protection cannot be measured")
    entry = price_from_wire(side)
    if intent.stop_loss is not None:
        below = entry - intent.stop_loss
        request.relativeStopLoss = _ticks(
            "stop loss", below if is_buy else -below, intent, entry, symbol
        )
    if intent.take_profit is not None:
        above = intent.take_profit - entry
        request.relativeTakeProfit = _ticks(
            "take profit", above if is_buy else -above, intent, entry, symbol
        )


def _ticks(leg: str, distance: Decimal, intent: OrderIntent, entry: Decimal, symbol: Symbol) -> int:
    """Return a distance in 1/100000, rounded to the multiple that the symbol's digits allow."""
    step: int = 10 ** max(0, _QUOTE_DIGITS - symbol.digits)
    steps = int((distance * PRICE_SCALE / step).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    if steps <= 0:
        raise InvalidOrder(
            f"invalid stops: the {leg} of a {intent.side.name} of {symbol.name} must be "
            f"on the other side of the market, which is at {entry.normalize():f}"
        )
    return steps * step


def _keep_order_protection(
    request: wire.ProtoOAAmendOrderReq,
    order: Order,
    symbol: Symbol,
    stop_loss: ProtectionLeg,
    take_profit: ProtectionLeg,
) -> None:
    """The broker shows absolute levels of a resting order as distances; such a leg goes back as
    it came."""
    stop = _leg(symbol, stop_loss, order.stop_loss)
    if stop is not None:
        request.stopLoss = stop
    elif stop_loss is KEEP and order.relative_stop_loss is not None:
        request.relativeStopLoss = _distance(order.relative_stop_loss)
    target = _leg(symbol, take_profit, order.take_profit)
    if target is not None:
        request.takeProfit = target
    elif take_profit is KEEP and order.relative_take_profit is not None:
        request.relativeTakeProfit = _distance(order.relative_take_profit)


def _leg(symbol: Symbol, wanted: ProtectionLeg, present: Decimal | None) -> float | None:
    if wanted is REMOVE:
        return None
    price = wanted if isinstance(wanted, Decimal) else present
    return None if price is None else _price(symbol, price)


def _price(symbol: Symbol, price: Decimal) -> float:
    return float(symbol.round_price(price))


def _trigger(trigger: StopTrigger) -> model.ProtoOAOrderTriggerMethod.ValueType:
    return model.ProtoOAOrderTriggerMethod.ValueType(trigger.value)


def _distance(distance: Decimal) -> int:
    return int(distance * PRICE_SCALE)
