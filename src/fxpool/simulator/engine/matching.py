"""When a waiting order trades, and at what price at worst. Pure.

A buy trades at the ask, a sell at the bid. Every kind fills at the market, not at its own price: a
limit can only gain by that, and a stop pays for the gap that it jumped, unless it is guaranteed.
"""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator.engine.band import HIGHEST, NEVER, Band
from fxpool.simulator.engine.model import Order, OrderKind
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.symbols import Symbol


def stop_quote(order: Order, quote: Quote) -> int:
    """Return the price that an order's stop is compared with."""
    return quote.price_for(order.side.opposite if order.trigger.is_opposite else order.side)


def after_quote(order: Order, quote: Quote) -> Order:
    """Return an order as a quote leaves it: hits in a row counted, triggered when enough."""
    if order.stop_price is None or order.is_triggered:
        return order
    if not _stop_met(order, quote):
        return replace(order, stop_hits=0) if order.stop_hits else order
    hits = order.stop_hits + 1
    return replace(order, stop_hits=hits, is_triggered=hits >= order.trigger.needed_hits)


def wants_to_trade(order: Order, quote: Quote) -> bool:
    """Whether a waiting order trades now, as far as its own prices go."""
    match order.kind:
        case OrderKind.LIMIT:
            return _limit_met(order, quote)
        case OrderKind.STOP:
            return order.is_triggered
        case OrderKind.STOP_LIMIT:
            return order.is_triggered and _limit_met(order, quote)
        case OrderKind.PROTECTION:
            return order.is_triggered or _limit_met(order, quote)
        case OrderKind.MARKET | OrderKind.MARKET_RANGE:
            return True


def quiet_band(order: Order, quote: Quote) -> Band:
    """Return quotes around the present one that leave a waiting order as it is.

    An order that the present quote already moves has none: it waits for volume, for a second
    quote, or for its market to open.
    """
    if order.stop_hits or wants_to_trade(order, quote) or _stop_met(order, quote):
        return NEVER
    marks = [mark for mark in (order.stop_price, order.limit_price) if mark is not None]
    if order.trail_distance is not None and order.stop_price is not None:
        marks.append(order.stop_price - order.side.sign * order.trail_distance)
    if any(quote.bid <= mark <= quote.ask for mark in marks):
        return NEVER
    below = [mark for mark in marks if mark < quote.bid]
    above = [mark for mark in marks if mark > quote.ask]
    return Band(max(below, default=0) + 1, min(above, default=HIGHEST) - 1)


def _stop_met(order: Order, quote: Quote) -> bool:
    if order.stop_price is None:
        return False
    return order.side.sign * (stop_quote(order, quote) - order.stop_price) >= 0


def _limit_met(order: Order, quote: Quote) -> bool:
    if order.limit_price is None:
        return False
    return order.side.sign * (order.limit_price - quote.price_for(order.side)) >= 0


def worst_price(order: Order, symbol: Symbol) -> int | None:
    """Return the worst price that an order may fill at, None for any."""
    match order.kind:
        case OrderKind.LIMIT | OrderKind.STOP_LIMIT:
            return order.limit_price
        case OrderKind.MARKET_RANGE:
            slippage = (order.slippage_points or 0) * symbol.price_step
            return (order.base_slippage_price or 0) + order.side.sign * slippage
        case OrderKind.MARKET | OrderKind.STOP | OrderKind.PROTECTION:
            return None


def protective_price(order: Order, quote: Quote) -> int:
    """Return what a protective order fills at: a guaranteed stop at no worse than its level."""
    market = quote.price_for(order.side)
    if not (order.is_guaranteed and order.is_triggered) or order.stop_price is None:
        return market
    return min(market, order.stop_price, key=lambda price: order.side.sign * price)
