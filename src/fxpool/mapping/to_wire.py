"""Domain values -> Open API order requests. Pure.

Prices go out as doubles rounded to the symbol's digits, since the broker refuses more. An amendment
replaces everything at the broker: a value that is left out is removed, so all present ones are sent
again. Source: Open API schema comments, and what live servers were seen to refuse.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Protocol

from fxpool.domain.money import PRICE_SCALE
from fxpool.domain.order_keys import MAX_CLIENT_ORDER_ID
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.requests import KEEP, REMOVE, OrderIntent, ProtectionLeg
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Order, OrderType, Position, Side, StopTrigger, TimeInForce
from fxpool.errors import InvalidOrder, NoQuote
from fxpool.mapping.instants import ms_from_instant
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto import model_pb2 as model

MAX_LABEL: Final = 100
MAX_COMMENT: Final = 512
"""Characters that the broker takes, as ``MAX_CLIENT_ORDER_ID``."""

_QUOTE_DIGITS: Final = 5
_MAX_DISTANCE: Final = 2**63 - 1


class _Priced(Protocol):
    """The requests that carry the price of a resting order."""

    limitPrice: float  # noqa: N815 (the wire's own name)
    stopPrice: float  # noqa: N815
    slippageInPoints: int  # noqa: N815


def new_order(
    account_id: int, intent: OrderIntent, symbol: Symbol, quote: LiveQuote | None
) -> wire.ProtoOANewOrderReq:
    """Return the request for an order.

    An order at the market may carry protection only as distances: absolute prices are measured
    from the side of ``quote`` at which it would fill, in whole ticks, so the caller corrects them
    after the fill. A price is not sent with a market order.

    Raises InvalidOrder (a missing price, impossible protection, a text that is too long) and
    NoQuote (``intent.needs_quote``, and there is none).
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
    if intent.type.rests:
        _set_price(request, intent.type, intent.price, intent.slippage_points, symbol)
        if intent.stop_loss is not None:
            request.stopLoss = _price(symbol, intent.stop_loss)
        if intent.take_profit is not None:
            request.takeProfit = _price(symbol, intent.take_profit)
    elif intent.type is OrderType.STOP_LOSS_TAKE_PROFIT:
        raise InvalidOrder(f"orders of type {intent.type.name} cannot be placed")
    else:
        if intent.type is OrderType.MARKET_RANGE:
            _set_range(request, intent, symbol, quote)
        if intent.stop_loss is not None or intent.take_profit is not None:
            _measure_protection(request, intent, symbol, quote)
    _set_distances(request, intent)
    if intent.trailing_stop_loss or intent.guaranteed_stop_loss:
        _set_stop_kind(request, intent)
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
    *,
    trailing: bool | None = None,
    guaranteed: bool | None = None,
) -> wire.ProtoOAAmendPositionSLTPReq:
    """Return the request that gives a position this protection; None keeps a flag as it is.

    Both legs, the trigger side and a guarantee are sent again. The trailing flag is sent only with
    a stop loss: without one the broker refuses it, and so does this for a flag that is asked for
    (InvalidOrder). A flag that was left out would be kept, so one that goes is sent as false.
    """
    stop = _leg(symbol, stop_loss, position.stop_loss)
    target = _leg(symbol, take_profit, position.take_profit)
    request = wire.ProtoOAAmendPositionSLTPReq(
        ctidTraderAccountId=account_id, positionId=position.position_id
    )
    if stop is None and (trailing or guaranteed):
        raise InvalidOrder("a trailing or guaranteed stop loss needs a stop loss")
    if stop is not None:
        request.stopLoss = stop
        if position.trailing_stop_loss or trailing is not None:
            request.trailingStopLoss = position.trailing_stop_loss if trailing is None else trailing
        if position.guaranteed_stop_loss or guaranteed is not None:
            request.guaranteedStopLoss = (
                position.guaranteed_stop_loss if guaranteed is None else guaranteed
            )
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
    trailing: bool | None = None,
    guaranteed: bool | None = None,
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
    # What is left out the broker keeps, so a flag that goes is sent as false.
    if order.trailing_stop_loss or trailing:
        request.trailingStopLoss = order.trailing_stop_loss if trailing is None else trailing
    if order.guaranteed_stop_loss or guaranteed:
        request.guaranteedStopLoss = (
            order.guaranteed_stop_loss if guaranteed is None else guaranteed
        )
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


def _set_range(
    request: wire.ProtoOANewOrderReq, intent: OrderIntent, symbol: Symbol, quote: LiveQuote | None
) -> None:
    if intent.slippage_points is None:
        raise InvalidOrder("a MARKET_RANGE order needs its slippage in points")
    base = _entry(intent, symbol, quote) if intent.base_price is None else intent.base_price
    request.baseSlippagePrice = _price(symbol, base)
    request.slippageInPoints = intent.slippage_points


def _set_distances(request: wire.ProtoOANewOrderReq, intent: OrderIntent) -> None:
    if intent.stop_loss_distance is not None:
        request.relativeStopLoss = _distance(intent.stop_loss_distance)
    if intent.take_profit_distance is not None:
        request.relativeTakeProfit = _distance(intent.take_profit_distance)


def _set_stop_kind(request: wire.ProtoOANewOrderReq, intent: OrderIntent) -> None:
    if not intent.has_stop_loss:
        raise InvalidOrder("a trailing or guaranteed stop loss needs a stop loss")
    if intent.trailing_stop_loss:
        request.trailingStopLoss = True
    if intent.guaranteed_stop_loss:
        request.guaranteedStopLoss = True


def _entry(intent: OrderIntent, symbol: Symbol, quote: LiveQuote | None) -> Decimal:
    """Return the price at which an order at the market would fill now."""
    price = None if quote is None else quote.entry_price(intent.side)
    if price is None:
        raise NoQuote(f"no price is known for {symbol.name}, so nothing can be measured from it")
    return price


def _measure_protection(
    request: wire.ProtoOANewOrderReq, intent: OrderIntent, symbol: Symbol, quote: LiveQuote | None
) -> None:
    is_buy = intent.side is Side.BUY
    entry = _entry(intent, symbol, quote)
    if intent.stop_loss is not None:
        _price(symbol, intent.stop_loss)  # what is rounded to nothing would protect from nothing
        below = entry - intent.stop_loss
        request.relativeStopLoss = _ticks(
            "stop loss", below if is_buy else -below, intent, entry, symbol
        )
    if intent.take_profit is not None:
        _price(symbol, intent.take_profit)
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
    return _within_wire(steps * step)


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
    rounded = symbol.round_price(price)
    if rounded <= 0:
        raise InvalidOrder(f"invalid stops: {price:f} is no price of {symbol.name}")
    return float(rounded)


def _trigger(trigger: StopTrigger) -> model.ProtoOAOrderTriggerMethod.ValueType:
    return model.ProtoOAOrderTriggerMethod.ValueType(trigger.value)


def _distance(distance: Decimal) -> int:
    return _within_wire(int(distance * PRICE_SCALE))


def _within_wire(distance: int) -> int:
    if distance > _MAX_DISTANCE:
        raise InvalidOrder(
            f"invalid stops: a level {distance / PRICE_SCALE:g} away is out of range"
        )
    return distance
