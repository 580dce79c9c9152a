"""What a command says of itself, before the broker takes it. Pure: each check returns or refuses.

Whether the account, the symbol and the hour allow it is asked in ``permits``.
"""

from __future__ import annotations

from fractions import Fraction

from fxpool.simulator.engine.commands import AmendProtection, PlaceOrder
from fxpool.simulator.engine.matching import stop_quote
from fxpool.simulator.engine.model import (
    Levels,
    Order,
    OrderKind,
    Position,
    Side,
    TimeInForce,
    TriggerMethod,
)
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.rules import ExtraDigits, Rules, StopLimitForm, WrongSideStops
from fxpool.simulator.engine.symbols import PRICE_SCALE, DistanceUnit, Symbol
from fxpool.simulator.refusal import Carrier, Refusal, invalid_request

MAX_LABEL, MAX_COMMENT, MAX_CLIENT_ORDER_ID = 100, 512, 50

_MARKET_KINDS = frozenset({OrderKind.MARKET, OrderKind.MARKET_RANGE})
_REQUIRED_PRICES = {
    OrderKind.LIMIT: ("limit_price",),
    OrderKind.STOP: ("stop_price",),
    OrderKind.STOP_LIMIT: ("stop_price",),
    OrderKind.MARKET_RANGE: ("base_slippage_price", "slippage_points"),
}
_WIRE_NAMES = {
    "limit_price": "limitPrice",
    "stop_price": "stopPrice",
    "slippage_points": "slippageInPoints",
    "base_slippage_price": "baseSlippagePrice",
}


def check_new_order(command: PlaceOrder, symbol: Symbol, rules: Rules, at_ms: int) -> None:
    """Check what can be said about a new order without looking at the market."""
    if command.kind is OrderKind.PROTECTION:
        raise invalid_request("Orders of type STOP_LOSS_TAKE_PROFIT are created by the server only")
    at_open = command.time_in_force is TimeInForce.MARKET_ON_OPEN
    if at_open and command.kind is not OrderKind.MARKET:
        raise invalid_request("MARKET_ON_OPEN is allowed only for order types: [MARKET]")
    _check_texts(command)
    _check_required_prices(command, rules)
    _check_absolute_levels(command, rules)
    check_prices(
        symbol,
        rules,
        command.limit_price,
        command.stop_price,
        command.stop_loss,
        command.take_profit,
        command.base_slippage_price,
    )
    check_distances(symbol, command.relative_stop_loss, command.relative_take_profit)
    has_stop_loss = command.stop_loss is not None or command.relative_stop_loss is not None
    check_stop_behaviour(symbol, command.trailing, command.guaranteed, has_stop_loss=has_stop_loss)
    if command.time_in_force is TimeInForce.GOOD_TILL_DATE:
        check_expiration(command.expiration_ms, at_ms)


def _check_absolute_levels(command: PlaceOrder, rules: Rules) -> None:
    """Orders at the market take distances only, market-range orders perhaps prices (SW-34)."""
    if command.stop_loss is None and command.take_profit is None:
        return
    may = command.kind is OrderKind.MARKET_RANGE and rules.market_range_takes_levels
    if command.kind in _MARKET_KINDS and not may:
        raise invalid_request(
            "SL/TP in absolute values are allowed only for order types: [LIMIT, STOP, STOP_LIMIT]"
        )


def check_stop_behaviour(
    symbol: Symbol, trailing: bool, guaranteed: bool, *, has_stop_loss: bool
) -> None:
    """A stop that trails or is guaranteed exists, and its symbol allows it."""
    if trailing and not has_stop_loss:
        raise invalid_request("Can't set Trailing Stop Loss parameter without specified Stop Loss")
    if guaranteed and not symbol.allows_guaranteed_stops:
        raise invalid_request("Guaranteed Stop Loss is not allowed for this symbol")
    if guaranteed and not has_stop_loss:
        raise invalid_request(
            "Can't set Guaranteed Stop Loss parameter without specified Stop Loss"
        )


def _check_texts(command: PlaceOrder) -> None:
    for name, text, limit in (
        ("label", command.label, MAX_LABEL),
        ("comment", command.comment, MAX_COMMENT),
        ("clientOrderId", command.client_order_id, MAX_CLIENT_ORDER_ID),
    ):
        if len(text) > limit:
            raise invalid_request(f"Field {name} is longer than {limit} characters")


def _check_required_prices(command: PlaceOrder, rules: Rules) -> None:
    names = _REQUIRED_PRICES.get(command.kind, ())
    if command.kind is OrderKind.STOP_LIMIT:
        names = (*names, *_stop_limit_prices(command, rules))
    missing = [_WIRE_NAMES[name] for name in names if getattr(command, name) is None]
    if missing:
        raise invalid_request(
            f"Order of type {command.kind.name} misses required fields: {', '.join(missing)}"
        )


def _stop_limit_prices(command: PlaceOrder, rules: Rules) -> tuple[str, ...]:
    """Return what a stop-limit order has to give beside its stop (SW-35)."""
    match rules.stop_limit_form:
        case StopLimitForm.SLIPPAGE:
            return ("slippage_points",)
        case StopLimitForm.LIMIT_PRICE:
            return ("limit_price",)
        case StopLimitForm.BOTH:
            return ("slippage_points",) if command.limit_price is None else ()


def check_expiration(expiration_ms: int | None, at_ms: int) -> None:
    """A good-till-date order needs an end in the future."""
    if expiration_ms is None or expiration_ms <= at_ms:
        raise Refusal("TRADING_BAD_EXPIRATION_DATE", "Expiration date should be in the future")


def check_volume(volume: int, symbol: Symbol, code: str = "TRADING_BAD_VOLUME") -> None:
    """A volume lies between minimum and maximum, on the step. ``code`` is how it is refused."""
    if volume < symbol.min_volume:
        raise Refusal(
            code,
            f"Order volume = {volume / 100:.2f} is smaller than minimum allowed volume = "
            f"{symbol.min_volume / 100:.2f}.",
        )
    if volume > symbol.max_volume:
        raise Refusal(
            code,
            f"Order volume = {volume / 100:.2f} is bigger than maximum allowed volume = "
            f"{symbol.max_volume / 100:.2f}.",
        )
    if volume % symbol.step_volume:
        raise Refusal(
            code,
            f"Order volume = {volume / 100:.2f} is not a multiple of stepVolume = "
            f"{symbol.step_volume / 100:.2f}.",
        )


def check_prices(symbol: Symbol, rules: Rules, *prices: int | None) -> None:
    """Prices are positive and have no more decimals than the symbol shows (SW-25)."""
    for price in prices:
        if price is None:
            continue
        if price <= 0:
            raise Refusal("TRADING_BAD_PRICES", "Prices should be positive")
        if price % symbol.price_step:
            raise extra_digits(price / PRICE_SCALE, symbol.digits, rules)


def extra_digits(price: float, digits: int, rules: Rules) -> Refusal:
    """Return the refusal of a price with too many decimals (SW-25)."""
    is_bad_price = rules.extra_digits is ExtraDigits.BAD_PRICES
    return Refusal(
        "TRADING_BAD_PRICES" if is_bad_price else "INVALID_REQUEST",
        f"Order price = {price} has more digits than symbol allows. Allowed {digits} digits",
        carrier=Carrier.ORDER_ERROR if is_bad_price else Carrier.ERROR_RES,
    )


def check_distances(symbol: Symbol, *distances: int | None) -> None:
    """Relative levels are positive multiples of the tick."""
    for distance in distances:
        if distance is not None and (distance <= 0 or distance % symbol.price_step):
            raise invalid_request(
                f"Relative SL/TP should be a positive multiple of {symbol.price_step}"
            )


def check_stop_side(order: Order, quote: Quote) -> None:
    """A stop order that has not been reached waits on the far side of the market."""
    if order.kind not in (OrderKind.STOP, OrderKind.STOP_LIMIT) or order.stop_price is None:
        return
    market = stop_quote(order, quote)
    if order.is_triggered or order.side.sign * (order.stop_price - market) > 0:
        return
    word, relation = ("ASK", ">") if order.side is Side.BUY else ("BID", "<")
    raise Refusal(
        "TRADING_BAD_STOPS",
        f"Stop price for {order.side.name} order should be {relation} current {word} price, "
        f"current: {market / PRICE_SCALE}",
    )


def distances_of(
    side: Side, entry: int, stop_loss: int | None, take_profit: int | None
) -> tuple[int | None, int | None]:
    """Return absolute levels of a pending order as distances from its price (SW-36)."""
    stop_distance = None if stop_loss is None else side.sign * (entry - stop_loss)
    profit_distance = None if take_profit is None else side.sign * (take_profit - entry)
    for name, distance in (("SL", stop_distance), ("TP", profit_distance)):
        if distance is not None and distance <= 0:
            raise Refusal(
                "TRADING_BAD_STOPS", f"{name} for {side.name} order is on the wrong side of it"
            )
    return stop_distance, profit_distance


def check_closeness(
    symbol: Symbol,
    price: int,
    stop_distance: int | None,
    profit_distance: int | None,
    *,
    is_guaranteed: bool,
) -> None:
    """Levels keep the distance from the market that their symbol demands."""
    needed = symbol.gsl_distance if is_guaranteed else symbol.sl_distance
    for name, distance, least in (
        ("SL", stop_distance, needed),
        ("TP", profit_distance, symbol.tp_distance),
    ):
        if distance is None or distance >= _in_price(least, symbol, price):
            continue
        raise Refusal(
            "PROTECTION_IS_TOO_CLOSE_TO_MARKET",
            f"{name} is too close to the market: {distance / PRICE_SCALE}, allowed distance: "
            f"{float(_in_price(least, symbol, price)) / PRICE_SCALE}",
        )


def _in_price(distance: int, symbol: Symbol, price: int) -> Fraction:
    if symbol.distance_unit is DistanceUnit.POINTS:
        return Fraction(distance * symbol.price_step)
    return Fraction(price * distance, 10_000)


def new_levels(command: AmendProtection, position: Position, symbol: Symbol) -> Levels:
    """Return what an amendment makes of a position's protection; behaviours not given stay.

    Raises Refusal where they contradict each other or make a guaranteed stop worse.
    """
    old, has_stop_loss = position.levels, command.stop_loss is not None
    trailing = old.is_trailing if command.trailing is None else command.trailing
    guaranteed = old.is_guaranteed if command.guaranteed is None else command.guaranteed
    if old.is_guaranteed:
        _check_no_worse(command.stop_loss if guaranteed else None, position)
    if command.trailing is not None and not has_stop_loss:
        raise invalid_request("Can't set Trailing Stop Loss parameter without specified Stop Loss")
    check_stop_behaviour(symbol, trailing, guaranteed, has_stop_loss=has_stop_loss)
    trigger = old.trigger if command.trigger is None else command.trigger
    return Levels(
        stop_loss=command.stop_loss,
        take_profit=command.take_profit,
        is_trailing=trailing,
        is_guaranteed=guaranteed,
        trigger=trigger if has_stop_loss else TriggerMethod.TRADE,
    )


def _check_no_worse(stop_loss: int | None, position: Position) -> None:
    """A guaranteed stop stays, and never moves away from the market."""
    held = position.levels.stop_loss or 0
    if stop_loss is not None and position.side.sign * (stop_loss - held) >= 0:
        return
    raise Refusal(
        "WORSE_GSL_NOT_ALLOWED",
        "A guaranteed stop loss can neither be removed nor moved away from the market",
        position_id=position.position_id,
    )


def check_protection(
    levels: Levels, position: Position, symbol: Symbol, quote: Quote, rules: Rules
) -> None:
    """Levels lie on their side of the market and away from it; a bad pair is refused whole."""
    if rules.wrong_side_stops is WrongSideStops.ACCEPTED:
        return
    side, market = position.side, quote.price_for(position.side.opposite)
    is_opposite = levels.trigger.is_opposite
    stop_market = quote.price_for(side) if is_opposite else market
    stop_distance = profit_distance = None
    if levels.stop_loss is not None:
        stop_distance = side.sign * (stop_market - levels.stop_loss)
        if stop_distance < 0:
            raise _wrong_side("SL", levels.stop_loss, stop_market, position, rules)
    if levels.take_profit is not None:
        profit_distance = side.sign * (levels.take_profit - market)
        if profit_distance < 0:
            raise _wrong_side("TP", levels.take_profit, market, position, rules)
    check_closeness(
        symbol, market, stop_distance, profit_distance, is_guaranteed=levels.is_guaranteed
    )


def _wrong_side(name: str, level: int, market: int, position: Position, rules: Rules) -> Refusal:
    is_invalid = rules.wrong_side_stops is WrongSideStops.INVALID_REQUEST
    is_buy = position.side is Side.BUY
    word, relation = "BID" if is_buy else "ASK", ">=" if (name == "TP") is is_buy else "<="
    return Refusal(
        "INVALID_REQUEST" if is_invalid else "TRADING_BAD_STOPS",
        f"New {name} for {position.side.name} position should be {relation} current {word} price. "
        f"current {word}: {market / PRICE_SCALE}, {name}: {level / PRICE_SCALE}",
        carrier=Carrier.ERROR_RES if is_invalid else Carrier.ORDER_ERROR,
        position_id=position.position_id,
    )
