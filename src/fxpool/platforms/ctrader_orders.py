"""A caller's order as what is asked of an account: symbol, volume and levels in exact values.

Everything that a caller may leave to us is settled here, from the account's book and quotes: a
volume in units or by risk, protection in points, pips or money. Nothing is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from fxpool.account import Account
from fxpool.domain.protection import Level, Units, distance_of, volume_for_risk
from fxpool.domain.requests import OrderIntent
from fxpool.domain.symbols import Symbol, TickValues
from fxpool.domain.trades import OrderType, Side
from fxpool.errors import InvalidOrder, InvalidVolume, NoQuote
from fxpool.mapping.actions import Action, parse_action
from fxpool.mapping.order_words import VolumeUnits, slippage_of_stop_limit
from fxpool.platforms.base import OrderChange, ProtectionRequest, TradeRequest
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.pool.channel import Priority

CONVERSION_SECONDS: Final = 5.0
"""How long the quotes are waited for that say what a tick is worth."""

_PERCENT: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class _Draft:
    """An order whose symbol is known."""

    request: TradeRequest
    action: Action
    symbol: Symbol
    multiplier: Decimal

    @property
    def side(self) -> Side:
        return self.action.side


async def order_intent(
    account: CTraderAccount, request: TradeRequest, client_order_id: str
) -> tuple[OrderIntent, Symbol]:
    """Return the order that a caller asks for, and its symbol.

    Raises SymbolNotFound, InvalidOrder, InvalidVolume, NoQuote, NotReady, TradeRefused for what the
    platform cannot express, and what reading raises.
    """
    action = parse_action(request.action)
    _check_form(request, action.type)
    live = account.live
    live.require_way(allow_unsynchronized=request.allow_unsynchronized)
    match = account.names.resolve(request.symbol)
    symbol = await live.symbol(match.symbol.symbol_id, Priority.TRADE)
    draft = _Draft(request, action, symbol, match.multiplier)
    relative = _relative(request)
    is_money = bool(relative) and any(units.is_money for _, _, units in relative)
    needs_ticks = is_money or request.risk_percent is not None
    ticks = await _tick_values(live, symbol) if needs_ticks else None
    volume_cents = await _volume_cents(account, draft, ticks)
    is_ranged = action.type is OrderType.MARKET and request.slippage_points is not None
    distances: dict[Level, Decimal] = {}
    for level, amount, units in relative:
        distances[level] = distance_of(
            level,
            amount,
            units,
            symbol,
            volume_cents=volume_cents,
            ticks=ticks,
            balance=live.book.trader.balance,
        )
        _check_above_zero(live, draft, level, distances[level])
    intent = OrderIntent(
        symbol_id=symbol.symbol_id,
        side=action.side,
        type=OrderType.MARKET_RANGE if is_ranged else action.type,
        volume_cents=volume_cents,
        client_order_id=client_order_id,
        price=request.open_price,
        stop_loss=_absolute(request.stop_loss, request.stop_loss_units),
        take_profit=_absolute(request.take_profit, request.take_profit_units),
        stop_loss_distance=distances.get(Level.STOP_LOSS),
        take_profit_distance=distances.get(Level.TAKE_PROFIT),
        trailing_stop_loss=request.trailing_stop_loss,
        guaranteed_stop_loss=request.guaranteed_stop_loss,
        time_in_force=request.time_in_force,
        expires_at=request.expiration,
        slippage_points=_slippage(draft),
        base_price=request.base_price if is_ranged else None,
        label=request.client_id,
        comment=request.comment,
    )
    return intent, symbol


@dataclass(frozen=True, slots=True)
class Entry:
    """What protection is measured from: an open position, or a pending order as it is to be."""

    symbol: Symbol
    side: Side
    price: Decimal
    volume_cents: int


async def protection_levels(
    account: CTraderAccount, entry: Entry, request: ProtectionRequest | OrderChange
) -> tuple[Decimal | None, Decimal | None]:
    """Return the absolute levels that a caller asks for: None and 0 as they came.

    A relative one is measured from the entry. Raises NoQuote, InvalidOrder and what reading raises.
    """
    live, symbol = account.live, entry.symbol
    relative = _relative(request)
    is_money = any(units.is_money for _, _, units in relative)
    ticks = await _tick_values(live, symbol) if is_money else None
    levels = {Level.STOP_LOSS: request.stop_loss, Level.TAKE_PROFIT: request.take_profit}
    for level, amount, units in relative:
        distance = distance_of(
            level,
            amount,
            units,
            symbol,
            volume_cents=entry.volume_cents,
            ticks=ticks,
            balance=live.book.trader.balance,
        )
        price = level.price(entry.price, entry.side, distance)
        levels[level] = symbol.round_price(price)
    return levels[Level.STOP_LOSS], levels[Level.TAKE_PROFIT]


# Volume


def changed_volume_cents(
    account: CTraderAccount, symbol: Symbol, change: OrderChange
) -> int | None:
    """Return the new wire volume of a pending order, None to keep it. Raises InvalidVolume."""
    if change.volume is None:
        return None
    multiplier = account.names.multiplier(symbol.symbol_id)
    if change.volume_units is VolumeUnits.UNITS:
        volume = symbol.volume_cents_of_units(change.volume)
        check_own_limit(account, symbol.lots(volume) / multiplier)
        return volume
    check_own_limit(account, change.volume)
    return symbol.volume_cents(change.volume * multiplier)


async def _volume_cents(account: CTraderAccount, draft: _Draft, ticks: TickValues | None) -> int:
    request, symbol = draft.request, draft.symbol
    if request.risk_percent is not None:
        volume = await _risked_volume(account.live, draft, request.risk_percent, ticks)
    elif request.volume is None:
        raise InvalidVolume("invalid volume: an order needs a volume, or riskPercent and a stop")
    elif request.volume_units is VolumeUnits.UNITS:
        volume = symbol.volume_cents_of_units(request.volume)
    else:
        check_own_limit(account, request.volume)
        return symbol.volume_cents(request.volume * draft.multiplier)
    check_own_limit(account, symbol.lots(volume) / draft.multiplier)
    return volume


async def _risked_volume(
    live: Account, draft: _Draft, risk_percent: Decimal, ticks: TickValues | None
) -> int:
    request, symbol = draft.request, draft.symbol
    if request.volume is not None:
        raise InvalidVolume("invalid volume: send a volume or riskPercent, not both")
    if request.stop_loss is None:
        raise InvalidVolume("invalid volume: riskPercent needs a stop loss to measure the risk by")
    if request.stop_loss_units.is_money:
        raise InvalidVolume(
            "invalid volume: riskPercent needs a stop loss in prices, points or pips: one in money"
            " depends on the volume"
        )
    live.require_live()
    equity = live.book.totals().equity
    if equity is None:
        raise NoQuote("the equity is not known, so a percentage of it is not either")
    distance = await _stop_distance(live, draft, request.stop_loss)
    return volume_for_risk(symbol, equity * risk_percent / _PERCENT, distance, ticks)


async def _stop_distance(live: Account, draft: _Draft, stop_loss: Decimal) -> Decimal:
    """Return how far the stop loss is from where the order would open."""
    request, symbol = draft.request, draft.symbol
    if request.stop_loss_units is not Units.PRICE:
        return distance_of(Level.STOP_LOSS, stop_loss, request.stop_loss_units, symbol)
    entry = request.open_price
    if entry is None:
        entry = (await live.quote(symbol.symbol_id, Priority.TRADE)).entry_price(draft.side)
    if entry is None:
        raise NoQuote(f"no price is known for {symbol.name}, so no risk can be measured")
    distance = entry - stop_loss if draft.side is Side.BUY else stop_loss - entry
    if distance <= 0:
        raise InvalidOrder(
            f"invalid stops: the stop loss of a {draft.side.name} of {symbol.name} must be on the "
            f"other side of its entry, {entry.normalize():f}"
        )
    return distance


async def _tick_values(live: Account, symbol: Symbol) -> TickValues:
    """Return what a tick is worth, once its quotes are there. Raises NoQuote without."""
    await live.quote(symbol.symbol_id, Priority.TRADE)
    await live.waits.until(
        lambda: live.book.tick_values(symbol.symbol_id) is not None, CONVERSION_SECONDS
    )
    live.require_live()
    ticks = live.book.tick_values(symbol.symbol_id)
    if ticks is None:
        raise NoQuote(f"what a tick of {symbol.name} is worth is not known yet")
    return ticks


def check_own_limit(account: CTraderAccount, lots: Decimal) -> None:
    """Raise InvalidVolume for more lots (as callers count them) than the configuration allows."""
    limit = account.config.max_lots
    if limit is not None and lots > limit:
        raise InvalidVolume(
            f"invalid volume: {lots:f} lots, the configuration of account {account.key} allows "
            f"{limit:f}"
        )


# Prices


def _slippage(draft: _Draft) -> int | None:
    request = draft.request
    if draft.action.type is not OrderType.STOP_LIMIT or request.stop_limit_price is None:
        return request.slippage_points
    if request.slippage_points is not None:
        raise InvalidOrder("a stop-limit order has slippagePoints or stopLimitPrice, not both")
    if request.open_price is None:
        raise InvalidOrder("a STOP_LIMIT order needs a price above 0")
    return slippage_of_stop_limit(
        draft.side, request.open_price, request.stop_limit_price, draft.symbol
    )


def _check_above_zero(live: Account, draft: _Draft, level: Level, distance: Decimal) -> None:
    """Refuse a level that no price can reach: it would be told as set, and protect from nothing."""
    entry, quote = draft.request.open_price, live.book.quotes.get(draft.symbol.symbol_id)
    if entry is None and quote is not None:
        entry = quote.entry_price(draft.side)
    if entry is not None and level.price(entry, draft.side, distance) <= 0:
        raise InvalidOrder(
            f"invalid stops: the {level.value} of a {draft.side.name} of {draft.symbol.name} would "
            f"lie {distance.normalize():f} from its entry, {entry.normalize():f}: below zero"
        )


def _check_form(request: TradeRequest, kind: OrderType) -> None:
    """Refuse what this type of order has no place for: it would be lost without a word."""
    if request.slippage_points is not None and kind not in {
        OrderType.MARKET,
        OrderType.STOP_LIMIT,
    }:
        raise InvalidOrder("slippagePoints are for market and stop-limit orders only")
    if request.stop_limit_price is not None and kind is not OrderType.STOP_LIMIT:
        raise InvalidOrder("stopLimitPrice is for stop-limit orders only")
    if request.base_price is not None and (
        kind is not OrderType.MARKET or request.slippage_points is None
    ):
        raise InvalidOrder("basePrice is for market orders with slippagePoints only")


def _absolute(amount: Decimal | None, units: Units) -> Decimal | None:
    return (amount or None) if units is Units.PRICE else None


def _relative(
    request: TradeRequest | ProtectionRequest | OrderChange,
) -> list[tuple[Level, Decimal, Units]]:
    """Return the levels that are not absolute prices; 0 and None ask for none."""
    if not (request.stop_loss or request.take_profit):
        return []
    given = (
        (Level.STOP_LOSS, request.stop_loss, request.stop_loss_units),
        (Level.TAKE_PROFIT, request.take_profit, request.take_profit_units),
    )
    return [
        (level, amount, units)
        for level, amount, units in given
        if amount and units is not Units.PRICE
    ]
