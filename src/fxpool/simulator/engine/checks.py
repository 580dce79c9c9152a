"""What the broker looks at before it takes an order. Pure: each check returns or raises Refusal."""

from __future__ import annotations

from fxpool.simulator.engine.model import (
    AmendProtection,
    Order,
    OrderKind,
    PlaceOrder,
    Position,
    Side,
    TimeInForce,
)
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.refusal import Refusal, invalid_request

MAX_LABEL, MAX_COMMENT, MAX_CLIENT_ORDER_ID = 100, 512, 50

_MARKET_KINDS = frozenset({OrderKind.MARKET, OrderKind.MARKET_RANGE})
_REQUIRED_PRICES = {
    OrderKind.LIMIT: ("limit_price",),
    OrderKind.STOP: ("stop_price",),
    OrderKind.STOP_LIMIT: ("stop_price", "slippage_points"),
    OrderKind.MARKET_RANGE: ("base_slippage_price", "slippage_points"),
}
_WIRE_NAMES = {
    "limit_price": "limitPrice",
    "stop_price": "stopPrice",
    "slippage_points": "slippageInPoints",
    "base_slippage_price": "baseSlippagePrice",
}


def check_new_order(command: PlaceOrder, symbol: Symbol, at_ms: int) -> None:
    """Check what can be said about a new order without looking at the market."""
    if command.kind is OrderKind.PROTECTION:
        raise invalid_request("Orders of type STOP_LOSS_TAKE_PROFIT are created by the server only")
    if command.time_in_force is TimeInForce.MARKET_ON_OPEN:
        raise invalid_request("The simulator does not serve MARKET_ON_OPEN yet")
    _check_texts(command)
    _check_required_prices(command)
    if command.kind in _MARKET_KINDS and (
        command.stop_loss is not None or command.take_profit is not None
    ):
        raise invalid_request(
            "SL/TP in absolute values are allowed only for order types: [LIMIT, STOP, STOP_LIMIT]"
        )
    check_volume(command.volume, symbol)
    check_prices(
        symbol,
        command.limit_price,
        command.stop_price,
        command.stop_loss,
        command.take_profit,
        command.base_slippage_price,
    )
    check_distances(symbol, command.relative_stop_loss, command.relative_take_profit)
    if command.time_in_force is TimeInForce.GOOD_TILL_DATE:
        check_expiration(command.expiration_ms, at_ms)


def _check_texts(command: PlaceOrder) -> None:
    for name, text, limit in (
        ("label", command.label, MAX_LABEL),
        ("comment", command.comment, MAX_COMMENT),
        ("clientOrderId", command.client_order_id, MAX_CLIENT_ORDER_ID),
    ):
        if len(text) > limit:
            raise invalid_request(f"Field {name} is longer than {limit} characters")


def _check_required_prices(command: PlaceOrder) -> None:
    missing = [
        _WIRE_NAMES[name]
        for name in _REQUIRED_PRICES.get(command.kind, ())
        if getattr(command, name) is None
    ]
    if missing:
        raise invalid_request(
            f"Order of type {command.kind.name} misses required fields: {', '.join(missing)}"
        )


def check_expiration(expiration_ms: int | None, at_ms: int) -> None:
    """A good-till-date order needs an end in the future."""
    if expiration_ms is None or expiration_ms <= at_ms:
        raise Refusal("TRADING_BAD_EXPIRATION_DATE", "Expiration date should be in the future")


def check_volume(volume: int, symbol: Symbol) -> None:
    """A volume lies between minimum and maximum, on the step."""
    if volume < symbol.min_volume:
        raise Refusal(
            "TRADING_BAD_VOLUME",
            f"Order volume = {volume / 100:.2f} is smaller than minimum allowed volume = "
            f"{symbol.min_volume / 100:.2f}.",
        )
    if volume > symbol.max_volume:
        raise Refusal(
            "TRADING_BAD_VOLUME",
            f"Order volume = {volume / 100:.2f} is bigger than maximum allowed volume = "
            f"{symbol.max_volume / 100:.2f}.",
        )
    if volume % symbol.step_volume:
        raise Refusal(
            "TRADING_BAD_VOLUME",
            f"Order volume = {volume / 100:.2f} is not a multiple of stepVolume = "
            f"{symbol.step_volume / 100:.2f}.",
        )


def check_prices(symbol: Symbol, *prices: int | None) -> None:
    """Prices are positive and have no more decimals than the symbol shows (SW-25)."""
    for price in prices:
        if price is None:
            continue
        if price <= 0:
            raise Refusal("TRADING_BAD_PRICES", "Prices should be positive")
        if price % symbol.price_step:
            raise invalid_request(
                f"Order price = {price / 100_000} has more digits than symbol allows. "
                f"Allowed {symbol.digits} digits"
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
    if order.is_triggered:
        return
    market = quote.price_for(order.side)
    if order.side is Side.BUY and order.stop_price <= market:
        raise Refusal(
            "TRADING_BAD_STOPS",
            f"Stop price for BUY order should be > current ASK price, current: {market / 100_000}",
        )
    if order.side is Side.SELL and order.stop_price >= market:
        raise Refusal(
            "TRADING_BAD_STOPS",
            f"Stop price for SELL order should be < current BID price, current: {market / 100_000}",
        )


def distances_of(
    side: Side, entry: int, stop_loss: int | None, take_profit: int | None
) -> tuple[int | None, int | None]:
    """Return absolute levels of a pending order as distances from its price (SW-36)."""
    sign = 1 if side is Side.BUY else -1
    stop_distance = None if stop_loss is None else sign * (entry - stop_loss)
    profit_distance = None if take_profit is None else sign * (take_profit - entry)
    for name, distance in (("SL", stop_distance), ("TP", profit_distance)):
        if distance is not None and distance <= 0:
            raise Refusal(
                "TRADING_BAD_STOPS", f"{name} for {side.name} order is on the wrong side of it"
            )
    return stop_distance, profit_distance


def check_protection(
    command: AmendProtection, position: Position, quote: Quote, rules: Rules
) -> None:
    """Levels lie on their side of the market; an invalid pair is refused as a whole."""
    if not rules.refuses_wrong_side:
        return
    buy = position.side is Side.BUY
    market, word = (quote.bid, "BID") if buy else (quote.ask, "ASK")
    for name, level, wants_above in (
        ("SL", command.stop_loss, not buy),
        ("TP", command.take_profit, buy),
    ):
        if level is None or level == market or (level > market) is wants_above:
            continue
        raise Refusal(
            "TRADING_BAD_STOPS",
            f"New {name} for {position.side.name} position should be "
            f"{'>=' if wants_above else '<='} current {word} price. "
            f"current {word}: {market / 100_000}, {name}: {level / 100_000}",
            carrier=rules.bad_stops_carrier,
            position_id=position.position_id,
        )
