"""When a waiting order trades, and at what price. Pure.

A buy trades at the ask, a sell at the bid. Every kind fills at the market, not at its own price: a
limit can only gain by that, and a stop pays for the gap that it jumped.
"""

from __future__ import annotations

from fxpool.simulator.engine.model import Order, OrderKind, Side
from fxpool.simulator.engine.rates import Quote


def fill_price(order: Order, quote: Quote) -> int | None:
    """Return the price at which ``order`` fills now, or None while it goes on waiting.

    A stop-limit order answers for its limit only once its stop was reached (``reaches_stop``).
    """
    market = quote.price_for(order.side)
    if order.kind is OrderKind.STOP_LIMIT:
        met = order.is_triggered and _limit_met(order, market)
    else:
        met = _limit_met(order, market) or _stop_met(order, market)
    return market if met else None


def reaches_stop(order: Order, quote: Quote) -> bool:
    """Whether this quote turns a stop-limit order into a waiting limit order."""
    waits = order.kind is OrderKind.STOP_LIMIT and not order.is_triggered
    return waits and _stop_met(order, quote.price_for(order.side))


def _limit_met(order: Order, market: int) -> bool:
    if order.limit_price is None:
        return False
    gain = order.limit_price - market if order.side is Side.BUY else market - order.limit_price
    return gain >= 0


def _stop_met(order: Order, market: int) -> bool:
    if order.stop_price is None:
        return False
    passed = market - order.stop_price if order.side is Side.BUY else order.stop_price - market
    return passed >= 0
