"""What is known to be refused before an order is sent: what the symbol allows, and when. Pure.

Each check returns or raises TradeRefused with the code that the broker would give. What the broker
did not say (hours, short selling) is not checked: it decides itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from fxpool.domain.accounts import AccountType
from fxpool.domain.market_hours import Market, MarketHours
from fxpool.domain.requests import REMOVE, OrderIntent, ProtectionLeg
from fxpool.domain.symbols import Symbol, TradingMode
from fxpool.domain.trades import Order, Position, Side
from fxpool.errors import TradeRefused

CLOCK_DOUBT: Final = timedelta(seconds=30)
"""How far our clock may be from the broker's: so near to an opening the broker is asked."""


def opened_volume_cents(
    intent: OrderIntent, positions: Iterable[Position], account_type: AccountType
) -> int:
    """Return how much of an order opens something: on netted accounts an order against the
    position closes first."""
    if account_type is not AccountType.NETTED:
        return intent.volume_cents
    against = sum(
        position.volume_cents
        for position in positions
        if position.symbol_id == intent.symbol_id and position.side is not intent.side
    )
    return max(0, intent.volume_cents - against)


def check_symbol(intent: OrderIntent, symbol: Symbol, at: datetime, *, opens: bool) -> None:
    """Refuse what the symbol does not allow now; ``opens`` is whether anything is opened."""
    if symbol.trading_mode is TradingMode.CLOSE_ONLY and opens:
        raise TradeRefused("TRADING_DISABLED", f"{symbol.name} can only be closed")
    if symbol.trading_mode in {
        TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION,
        TradingMode.DISABLED_WITH_PENDINGS_EXECUTION,
    }:
        raise TradeRefused("TRADING_DISABLED", f"trading of {symbol.name} is disabled")
    if symbol.short_selling is False and intent.side is Side.SELL and opens:
        raise TradeRefused("SHORT_SELLING_NOT_ALLOWED", f"{symbol.name} cannot be sold short")
    if not intent.type.rests and symbol.hours is not None:
        _check_hours(symbol.name, symbol.hours, at)


def check_tick(symbol: Symbol, intent: OrderIntent) -> None:
    """Refuse prices of a pending order that the symbol's digits cannot show; none is rounded."""
    if not intent.type.rests:
        return
    for what, code, price in (
        ("price", "TRADING_BAD_PRICES", intent.price),
        ("stop loss", "TRADING_BAD_STOPS", intent.stop_loss),
        ("take profit", "TRADING_BAD_STOPS", intent.take_profit),
    ):
        check_price(symbol, price, what, code)


def check_price(
    symbol: Symbol, price: Decimal | None, what: str = "price", code: str = "TRADING_BAD_PRICES"
) -> None:
    """Refuse a price that is off the symbol's tick."""
    if price is not None and symbol.round_price(price) != price:
        raise TradeRefused(
            code,
            f"invalid {what}: {price:f} of {symbol.name} is not a multiple of its tick "
            f"{symbol.tick_size:f}",
        )


def require_kept(order: Order, stop_loss: ProtectionLeg, take_profit: ProtectionLeg) -> None:
    """Refuse to take a leg from a resting order: the broker keeps what an amend leaves out, so the
    caller would hear of a success while the leg stays. Raises TradeRefused."""
    for name, leg, *present in (
        ("stop loss", stop_loss, order.stop_loss, order.relative_stop_loss),
        ("take profit", take_profit, order.take_profit, order.relative_take_profit),
    ):
        if leg is REMOVE and any(level is not None for level in present):
            raise TradeRefused(
                "TRADING_BAD_STOPS",
                f"the {name} of pending order {order.order_id} can be changed and not removed: "
                "cancel the order and place it anew without",
            )


def _check_hours(name: str, hours: MarketHours, at: datetime) -> None:
    market = hours.at(at)
    if market is Market.OPEN:
        return
    if Market.OPEN in {hours.at(at - CLOCK_DOUBT), hours.at(at + CLOCK_DOUBT)}:
        return
    if market is Market.HOLIDAY:
        raise TradeRefused("SYMBOL_HAS_HOLIDAY", f"{name} has a holiday")
    raise TradeRefused("MARKET_CLOSED", f"{name} does not trade at this time")
