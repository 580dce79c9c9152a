"""MetaApi's entities in the shapes that all platforms answer with. Pure.

Both come from MetaApi's formats, so this names, rounds nothing and adds what callers of a pool
read: the account's name, both opening times, the net profit.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from fxpool.errors import MappingError
from fxpool.mapping.formats import (
    AccountInformation,
    CloseInfo,
    DealInfo,
    OrderInfo,
    PositionInfo,
    PriceInfo,
)
from fxpool.mapping.instants import iso
from fxpool.mapping.numbers import number
from fxpool.platforms.metaapi.model import (
    Deal,
    Information,
    Order,
    Position,
    Price,
    text_id,
)

ZERO = Decimal(0)

_DEMO = {"ACCOUNT_TRADE_MODE_DEMO": "demo", "ACCOUNT_TRADE_MODE_CONTEST": "demo"}
_ACCOUNT_TYPES = {
    "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING": "HEDGED",
    "ACCOUNT_MARGIN_MODE_RETAIL_NETTING": "NETTED",
    "ACCOUNT_MARGIN_MODE_EXCHANGE": "NETTED",
}
_REASONS = {
    "DEAL_REASON_SL": "STOP_LOSS",
    "DEAL_REASON_TP": "TAKE_PROFIT",
    "DEAL_REASON_SO": "STOP_OUT",
    "DEAL_REASON_EXPERT": "EA_CLOSE",
    "DEAL_REASON_CLIENT": "MANUAL",
    "DEAL_REASON_MOBILE": "MANUAL",
    "DEAL_REASON_WEB": "MANUAL",
}
_COMMENT_MARKS = {"[sl": "STOP_LOSS", "[tp": "TAKE_PROFIT", "so:": "STOP_OUT"}


def environment_of(information: Information) -> str:
    """Return ``demo`` or ``live``, empty where the server does not say."""
    if not information.type:
        return ""
    return _DEMO.get(information.type, "live")


def account_information(
    shown_id: str,
    information: Information,
    positions: Collection[Position],
    *,
    environment: str,
    read_only: bool,
    halted: bool,
    as_of: datetime,
) -> AccountInformation:
    """Return an account's row. A margin level of an account without margin is null."""
    level = information.margin_level
    unrealised = information.equity - information.balance - information.credit
    swap = sum((position.swap for position in positions), ZERO)
    gross = sum((p.unrealized_profit or p.profit or ZERO for p in positions), ZERO)
    may_trade = information.trade_allowed and not information.investor_mode
    return AccountInformation(
        id=shown_id,
        platform=information.platform,
        environment=environment,
        simulated=False,
        ctidTraderAccountId="",
        login=str(information.login),
        name=information.name,
        broker=information.broker,
        server=information.server,
        currency=information.currency,
        balance=float(information.balance),
        equity=float(information.equity),
        margin=float(information.margin),
        freeMargin=float(information.free_margin),
        marginLevel=float(level) if level is not None and information.margin else None,
        leverage=float(information.leverage),
        openPositions=len(positions),
        grossProfit=float(gross),
        unrealizedProfit=float(unrealised),
        swap=float(swap),
        commission=float(unrealised - gross - swap),
        closingCommissionEstimate=None,
        credit=float(information.credit),
        marginMode=information.margin_mode,
        currencyDigits=information.currency_digits,
        tradeAllowed=may_trade and not read_only,
        investorMode=information.investor_mode,
        accessRights="FULL_ACCESS" if may_trade else "NO_TRADING",
        accountType=_ACCOUNT_TYPES.get(information.margin_mode, ""),
        brokerTime=iso(as_of),
        updateTime=iso(as_of),
        connected=True,
        synchronized=True,
        halted=halted,
    )


def position_info(position: Position, *, account: str, platform: str) -> PositionInfo:
    """Return a position's row; ``profit`` as MetaApi tells it, without swap and commission."""
    profit = position.profit
    opened = iso(position.time)
    return PositionInfo(
        id=str(position.id),
        account_id=account,
        platform=platform,
        symbol=position.symbol,
        type=position.type,
        volume=float(position.volume),
        openPrice=float(position.open_price),
        currentPrice=number(position.current_price),
        stopLoss=level(position.stop_loss),
        takeProfit=level(position.take_profit),
        profit=number(profit),
        unrealizedProfit=number(
            profit if position.unrealized_profit is None else position.unrealized_profit
        ),
        realizedProfit=number(position.realized_profit),
        netProfit=None if profit is None else float(profit + position.swap + position.commission),
        swap=float(position.swap),
        commission=float(position.commission),
        closingCommissionEstimate=None,
        usedMargin=None,
        magic=position.magic,
        clientId=position.client_id,
        comment=position.comment,
        time=opened,
        openTime=opened,
        updateTime=opened if position.update_time is None else iso(position.update_time),
        brokerTime=position.broker_time or opened,
        currentTickValue=number(position.current_tick_value),
        guaranteedStopLoss=False,
        trailingStopLoss=bool(position.trailing_stop_loss),
    )


def order_info(order: Order, *, account: str, platform: str) -> OrderInfo:
    """Return a pending order's row. Raises MappingError for one without a price."""
    if order.type == "ORDER_TYPE_CLOSE_BY":
        raise MappingError(f"order {order.id} closes positions against each other")
    if order.open_price is None:
        raise MappingError(f"order {order.id} is pending without a price")
    placed = iso(order.time)
    info = OrderInfo(
        id=str(order.id),
        account_id=account,
        platform=platform,
        type=order.type,
        state=order.state,
        symbol=order.symbol,
        magic=order.magic,
        openPrice=float(order.open_price),
        currentPrice=number(order.current_price),
        volume=float(order.volume),
        currentVolume=float(order.current_volume),
        stopLoss=level(order.stop_loss),
        takeProfit=level(order.take_profit),
        comment=order.comment,
        clientId=order.client_id,
        time=placed,
        openTime=placed,
        updateTime=placed,
        expirationTime=None if order.expiration_time is None else iso(order.expiration_time),
    )
    if order.position_id is not None:
        info["positionId"] = str(order.position_id)
    return info


def price_info(
    price: Price,
    *,
    digits: int,
    account: str,
    at: datetime,
    stale_after: float,
    every: float,
) -> PriceInfo:
    """Return a quote's row, with how often it is asked for; ``at`` is now."""
    age = max(0.0, (at - price.time).total_seconds())
    return PriceInfo(
        symbol=price.symbol,
        bid=float(price.bid),
        ask=float(price.ask),
        spread=round(float(price.ask - price.bid), digits),
        digits=digits,
        time=iso(price.time),
        brokerTime=price.broker_time or iso(price.time),
        account_id=account,
        ageMs=round(age * 1000),
        stale=age > stale_after,
        profitTickValue=number(price.profit_tick_value),
        lossTickValue=number(price.loss_tick_value),
        polledEverySeconds=every,
    )


def deal_info(deal: Deal, *, account: str, platform: str) -> DealInfo | None:
    """Return a trading deal's row, None for a cash operation."""
    if deal.type not in {"DEAL_TYPE_BUY", "DEAL_TYPE_SELL"}:
        return None
    return DealInfo(
        id=str(deal.id),
        account_id=account,
        platform=platform,
        type="DEAL_TYPE_BUY" if deal.type == "DEAL_TYPE_BUY" else "DEAL_TYPE_SELL",
        entryType="DEAL_ENTRY_OUT" if deal.closes else "DEAL_ENTRY_IN",
        symbol=deal.symbol,
        volume=float(deal.volume),
        price=number(deal.price),
        commission=float(deal.commission),
        accruedCommission=float(deal.commission),
        swap=float(deal.swap),
        profit=float(deal.profit),
        orderId=text_id(deal.order_id) or "",
        positionId=text_id(deal.position_id) or "",
        time=iso(deal.time),
        brokerTime=deal.broker_time or iso(deal.time),
    )


def close_info(deal: Deal) -> CloseInfo:
    """Return how a position closed."""
    return CloseInfo(
        reason=close_reason(deal),
        closePrice=number(deal.price),
        closeTime=iso(deal.time),
        profit=float(deal.net_profit),
        dealId=str(deal.id),
    )


def close_reason(deal: Deal) -> str:
    """Return why a deal closed, by its reason, else by the mark that brokers leave in comments."""
    if deal.reason in _REASONS:
        return _REASONS[deal.reason]
    comment = deal.comment.lower()
    return next((word for mark, word in _COMMENT_MARKS.items() if mark in comment), "OTHER")


def level(value: Decimal | None) -> float | None:
    """Return a protection price; MetaTrader's 0 means that there is none."""
    return float(value) if value else None
