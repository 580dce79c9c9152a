"""Domain values -> the JSON shapes that callers read (``formats``). Pure.

Exact numbers become JSON numbers here and nowhere else. Money is exact in the account's digits
already; prices of quotes are rounded to the symbol's digits; a position's entry is an average and
keeps its decimals. Lots are what callers count in: broker lots divided by the symbol's multiplier.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, cast

from fxpool.domain.accounts import AccessRights, AccountTotals, AccountType, Trader
from fxpool.domain.money import PRICE_SCALE
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbols import Symbol, TickValues
from fxpool.domain.trades import CloseReason, Deal, Order, OrderStatus, OrderType, Position, Side
from fxpool.errors import MappingError, NoQuote, NotReady
from fxpool.mapping.formats import (
    AccountInformation,
    CloseInfo,
    DealInfo,
    Direction,
    OrderInfo,
    OrderTypeName,
    PositionInfo,
    PriceInfo,
    ToldOrder,
)
from fxpool.mapping.instants import iso, iso_ms
from fxpool.mapping.numbers import number

PLATFORM: Final = "ctrader"

_ONE: Final = Decimal(1)
_PERCENT_DIGITS: Final = 2

_DIRECTIONS: Final[dict[Side, Direction]] = {
    Side.BUY: "POSITION_TYPE_BUY",
    Side.SELL: "POSITION_TYPE_SELL",
}

_ORDER_TYPES: Final[dict[tuple[Side, OrderType], OrderTypeName]] = {
    (Side.BUY, OrderType.MARKET): "ORDER_TYPE_BUY",
    (Side.SELL, OrderType.MARKET): "ORDER_TYPE_SELL",
    (Side.BUY, OrderType.MARKET_RANGE): "ORDER_TYPE_BUY",
    (Side.SELL, OrderType.MARKET_RANGE): "ORDER_TYPE_SELL",
    (Side.BUY, OrderType.LIMIT): "ORDER_TYPE_BUY_LIMIT",
    (Side.SELL, OrderType.LIMIT): "ORDER_TYPE_SELL_LIMIT",
    (Side.BUY, OrderType.STOP): "ORDER_TYPE_BUY_STOP",
    (Side.SELL, OrderType.STOP): "ORDER_TYPE_SELL_STOP",
    (Side.BUY, OrderType.STOP_LIMIT): "ORDER_TYPE_BUY_STOP_LIMIT",
    (Side.SELL, OrderType.STOP_LIMIT): "ORDER_TYPE_SELL_STOP_LIMIT",
}

_MARGIN_MODES: Final = {
    AccountType.HEDGED: "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING",
    AccountType.NETTED: "ACCOUNT_MARGIN_MODE_RETAIL_NETTING",
    AccountType.SPREAD_BETTING: "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING",
}

_ORDER_STATES: Final = {
    OrderStatus.ACCEPTED: "ORDER_STATE_PLACED",
    OrderStatus.FILLED: "ORDER_STATE_FILLED",
    OrderStatus.REJECTED: "ORDER_STATE_REJECTED",
    OrderStatus.EXPIRED: "ORDER_STATE_EXPIRED",
    OrderStatus.CANCELLED: "ORDER_STATE_CANCELED",
}


def account_information(
    *,
    shown_id: str,
    name: str,
    environment: str,
    simulated: bool,
    broker: str,
    login: str,
    currency: str,
    trader: Trader,
    totals: AccountTotals,
    open_positions: int,
    investor_mode: bool,
    halted: bool,
    at: datetime,
    connected: bool = True,
    synchronized: bool = True,
) -> AccountInformation:
    """Return an account's row. ``shown_id`` echoes the name that the caller used.

    ``investor_mode`` says that the token may only look, ``halted`` that nothing may be opened.
    Raises NotReady while equity or margin
    are unknown: an account without a known equity has no row.
    """
    equity, margin, free = totals.equity, totals.margin, totals.free_margin
    if (
        equity is None
        or margin is None
        or free is None
        or totals.net is None
        or totals.gross is None
    ):
        what = "margin of a position" if totals.net is not None else "quote of a position"
        raise NotReady(f"the account's equity is not known yet: a {what} is missing", phase="live")
    may_trade = trader.access_rights in {AccessRights.FULL_ACCESS, AccessRights.CLOSE_ONLY}
    return AccountInformation(
        id=shown_id,
        platform=PLATFORM,
        environment=environment,
        simulated=simulated,
        ctidTraderAccountId=str(trader.account_id),
        login=login,
        name=name,
        broker=broker,
        server=environment,
        currency=currency,
        balance=float(totals.balance),
        equity=float(equity),
        margin=float(margin),
        freeMargin=float(free),
        marginLevel=_percent(totals.margin_level),
        leverage=number(trader.leverage),
        credit=float(trader.bonus),
        marginMode=_MARGIN_MODES[trader.account_type],
        currencyDigits=trader.money_digits,
        openPositions=open_positions,
        grossProfit=float(totals.gross),
        unrealizedProfit=float(totals.net),
        swap=float(totals.swap),
        commission=float(totals.commission),
        closingCommissionEstimate=float(totals.commission),
        tradeAllowed=may_trade and not investor_mode,
        investorMode=investor_mode,
        halted=halted,
        accessRights=trader.access_rights.name,
        accountType=trader.account_type.name,
        brokerTime=iso(at),
        updateTime=iso(at),
        connected=connected,
        synchronized=synchronized,
    )


def position_info(
    position: Position,
    symbol: Symbol,
    *,
    account: str,
    symbol_name: str,
    quote: LiveQuote | None,
    gross: Decimal | None,
    realised: Decimal | None,
    ticks: TickValues | None,
    multiplier: Decimal = _ONE,
) -> PositionInfo:
    """Return an open position's row. ``gross`` and ``realised`` are None where they are unknown.

    Raises MappingError for a position without an opening time, which callers cannot do without.
    """
    profit = None if gross is None or realised is None else gross + realised
    net = None if profit is None else profit + position.swap + position.commission
    opened = _required_time(position.opened_at, f"position {position.position_id}")
    return PositionInfo(
        id=str(position.position_id),
        account_id=account,
        platform=PLATFORM,
        symbol=symbol_name,
        type=_DIRECTIONS[position.side],
        volume=lots(position.volume_cents, symbol, multiplier),
        openPrice=float(position.price),
        currentPrice=exit_price(position.side, quote, symbol),
        stopLoss=number(position.stop_loss),
        takeProfit=number(position.take_profit),
        profit=number(profit),
        unrealizedProfit=number(gross),
        realizedProfit=number(realised),
        netProfit=number(net),
        swap=float(position.swap),
        commission=float(position.commission),
        closingCommissionEstimate=float(position.commission),
        usedMargin=number(position.used_margin),
        magic=magic(position.label),
        clientId=position.label,
        comment=position.comment,
        time=opened,
        openTime=opened,
        updateTime=opened if position.updated_at is None else iso(position.updated_at),
        brokerTime=opened,
        currentTickValue=_current_tick_value(gross, ticks, multiplier),
        guaranteedStopLoss=position.guaranteed_stop_loss,
        trailingStopLoss=position.trailing_stop_loss,
    )


def order_levels(order: Order) -> tuple[Decimal | None, Decimal | None]:
    """Return an order's stop loss and take profit; distances lie around its own price."""
    sign, price = (1 if order.side is Side.BUY else -1), order.price
    return (
        _absolute(order.stop_loss, price, order.relative_stop_loss, -sign),
        _absolute(order.take_profit, price, order.relative_take_profit, sign),
    )


def told_order(
    order: Order,
    symbol: Symbol,
    *,
    account: str,
    symbol_name: str,
    quote: LiveQuote | None,
    multiplier: Decimal = _ONE,
) -> ToldOrder:
    """Return the row of an order, pending or not. Relative protection is shown as prices around the
    order's own; at the market it has neither. Raises MappingError for an order without a time."""
    price = order.price
    placed = _required_time(order.opened_at, f"order {order.order_id}")
    stop_loss, take_profit = order_levels(order)
    sign = 1 if order.side is Side.BUY else -1
    remaining = order.volume_cents - order.executed_volume_cents
    info = ToldOrder(
        id=str(order.order_id),
        account_id=account,
        platform=PLATFORM,
        type=order_type(order.side, order.type),
        state=order_state(order),
        symbol=symbol_name,
        magic=magic(order.label),
        currentPrice=exit_price(order.side.opposite, quote, symbol),
        volume=lots(order.volume_cents, symbol, multiplier),
        currentVolume=lots(remaining, symbol, multiplier),
        stopLoss=number(stop_loss),
        takeProfit=number(take_profit),
        comment=order.comment,
        clientId=order.label,
        time=placed,
        openTime=placed,
        updateTime=placed if order.updated_at is None else iso(order.updated_at),
        expirationTime=None if order.expires_at is None else iso(order.expires_at),
    )
    if price is not None:
        info["openPrice"] = float(price)
        if order.type is OrderType.STOP_LIMIT and order.slippage_points is not None:
            info["stopLimitPrice"] = float(price + sign * order.slippage_points * symbol.tick_size)
    if order.position_id is not None:
        info["positionId"] = str(order.position_id)
    return info


def order_info(told: ToldOrder) -> OrderInfo:
    """Return the row of a pending order. Raises MappingError for an order without a price."""
    if "openPrice" not in told:
        raise MappingError(f"order {told['id']} is pending without a price")
    return cast("OrderInfo", told)


def price_info(
    quote: LiveQuote,
    symbol: Symbol,
    *,
    account: str,
    symbol_name: str,
    ticks: TickValues | None,
    now: float,
    at: datetime,
    stale: bool,
    multiplier: Decimal = _ONE,
) -> PriceInfo:
    """Return a quote's row; ``now`` and ``at`` are the present, monotonic and on the wall.

    Raises NoQuote while a side is unknown.
    """
    bid, ask = quote.bid, quote.ask
    if bid is None or ask is None:
        raise NoQuote(f"no price is known for {symbol_name}")
    age = now - quote.received_at
    time = (
        iso(at - timedelta(seconds=age))
        if quote.timestamp_ms is None
        else iso_ms(quote.timestamp_ms)
    )
    return PriceInfo(
        symbol=symbol_name,
        bid=price_number(bid, symbol.digits),
        ask=price_number(ask, symbol.digits),
        spread=price_number(ask - bid, symbol.digits),
        digits=symbol.digits,
        time=time,
        brokerTime=time,
        account_id=account,
        ageMs=round(age * 1000),
        stale=stale,
        profitTickValue=None if ticks is None else float(ticks.profit * multiplier),
        lossTickValue=None if ticks is None else float(ticks.loss * multiplier),
    )


def deal_info(
    deal: Deal, symbol: Symbol, *, account: str, symbol_name: str, multiplier: Decimal = _ONE
) -> DealInfo:
    """Return a deal's row."""
    close = deal.close
    time = iso(deal.executed_at)
    return DealInfo(
        id=str(deal.deal_id),
        account_id=account,
        platform=PLATFORM,
        type="DEAL_TYPE_BUY" if deal.side is Side.BUY else "DEAL_TYPE_SELL",
        entryType="DEAL_ENTRY_IN" if close is None else "DEAL_ENTRY_OUT",
        symbol=symbol_name,
        volume=lots(deal.filled_volume_cents, symbol, multiplier),
        price=number(deal.price),
        commission=0.0 if close is None else float(close.commission + close.conversion_fee),
        accruedCommission=float(deal.commission),
        swap=0.0 if close is None else float(close.swap),
        profit=0.0 if close is None else float(close.gross_profit),
        orderId=str(deal.order_id),
        positionId=str(deal.position_id),
        time=time,
        brokerTime=time,
    )


def close_info(deal: Deal, reason: CloseReason) -> CloseInfo:
    """Return how a position closed."""
    return CloseInfo(
        reason=reason.value,
        closePrice=number(deal.price),
        closeTime=iso(deal.executed_at),
        profit=None if deal.close is None else float(deal.close.net_profit),
        dealId=str(deal.deal_id),
    )


def direction(side: Side) -> Direction:
    """Return MetaApi's word for a position's side."""
    return _DIRECTIONS[side]


def order_type(side: Side, type: OrderType) -> OrderTypeName:  # noqa: A002 (the domain's own word)
    """Return MetaApi's word for an order's side and type; a protection order has none."""
    try:
        return _ORDER_TYPES[side, type]
    except KeyError:
        raise MappingError(f"MetaApi has no word for a {type.name} order") from None


def order_state(order: Order) -> str:
    """Return MetaApi's word for an order's state."""
    if order.status is OrderStatus.ACCEPTED and order.executed_volume_cents > 0:
        return "ORDER_STATE_PARTIAL"
    return _ORDER_STATES[order.status]


def magic(label: str) -> int:
    """Return the number that a label is, 0 if it is none; cTrader has no magic numbers."""
    return int(label) if label.isascii() and label.isdigit() else 0


def lots(volume_cents: int, symbol: Symbol, multiplier: Decimal = _ONE) -> float:
    """Return a wire volume in the lots that callers count."""
    return float(symbol.lots(volume_cents) / multiplier)


def price_number(value: int, digits: int) -> float:
    """Return a quote's integer in 1/100000 as a JSON number with the symbol's digits."""
    return round(value / PRICE_SCALE, digits)


def exit_price(side: Side, quote: LiveQuote | None, symbol: Symbol) -> float | None:
    """Return the price at which this side closes now: bid for a buy, ask for a sell."""
    if quote is None:
        return None
    value = quote.bid if side is Side.BUY else quote.ask
    return None if value is None else price_number(value, symbol.digits)


def _absolute(
    level: Decimal | None, price: Decimal | None, distance: Decimal | None, sign: int
) -> Decimal | None:
    if level is not None or distance is None or price is None:
        return level
    return price + sign * distance


def _current_tick_value(
    gross: Decimal | None, ticks: TickValues | None, multiplier: Decimal
) -> float | None:
    if gross is None or ticks is None:
        return None
    return float((ticks.profit if gross >= 0 else ticks.loss) * multiplier)


def _required_time(at: datetime | None, what: str) -> str:
    if at is None:
        raise MappingError(f"{what} has no opening time")
    return iso(at)


def _percent(value: Decimal | None) -> float | None:
    return None if value is None else float(round(value, _PERCENT_DIGITS))
