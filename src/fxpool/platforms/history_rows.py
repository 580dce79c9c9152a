"""Closed trades, days and bars -> the rows that callers read. Pure.

Money is exact until here; percentages and ratios are rounded to the digits below.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from fxpool.domain.bars import Bar
from fxpool.domain.cash import CashOperation
from fxpool.domain.equity import ON_TIME_MS, EquityBucket, day_around
from fxpool.domain.money import PRICE_SCALE
from fxpool.domain.ticks import QuoteSide, Tick
from fxpool.domain.trades import CashFlow, CloseReason, Order, Side
from fxpool.history.curve import Day
from fxpool.history.trades import ClosedPart
from fxpool.mapping.history_formats import BarInfo, DayGrowth, TickInfo, TradeInfo
from fxpool.mapping.instants import instant_from_ms, iso, ms_from_instant
from fxpool.mapping.numbers import number
from fxpool.platforms.past_symbols import PastSymbol

CASH_ID_OFFSET: Final = 8_000_000_000_000_000
"""Added to the id of a cash operation, which may be that of a deal: below 2**53 for JavaScript."""

PERCENT_DIGITS: Final = 2
RATIO_DIGITS: Final = 4
AVERAGE_DIGITS: Final = 2
"""Of averages of money; sums are exact already."""

_COMMISSION: Final = "DEAL_TYPE_COMMISSION"
_CASH_TYPES: Final = {
    CashOperation.DEPOSIT_STRATEGY_COMMISSION_INNER: _COMMISSION,
    CashOperation.WITHDRAW_STRATEGY_COMMISSION_INNER: _COMMISSION,
    CashOperation.DEPOSIT_IB_COMMISSIONS: _COMMISSION,
    CashOperation.WITHDRAW_IB_SHARED_PERCENTAGE: _COMMISSION,
    CashOperation.DEPOSIT_IB_SHARED_PERCENTAGE_FROM_SUB_IB: _COMMISSION,
    CashOperation.DEPOSIT_IB_SHARED_PERCENTAGE_FROM_BROKER: _COMMISSION,
    CashOperation.WITHDRAW_IB_SHARED_PERCENTAGE_TO_BROKER: _COMMISSION,
    CashOperation.DEPOSIT_STRATEGY_COMMISSION_OUTER: _COMMISSION,
    CashOperation.WITHDRAW_STRATEGY_COMMISSION_OUTER: _COMMISSION,
    CashOperation.DEPOSIT_MANAGEMENT_FEE: _COMMISSION,
    CashOperation.WITHDRAW_MANAGEMENT_FEE: _COMMISSION,
    CashOperation.DEPOSIT_PERFORMANCE_FEE: _COMMISSION,
    CashOperation.WITHDRAW_COPY_FEE: _COMMISSION,
    CashOperation.UNKNOWN: "DEAL_TYPE_CORRECTION",
    CashOperation.DEPOSIT_REBATE: "DEAL_TYPE_CORRECTION",
    CashOperation.WITHDRAW_REBATE: "DEAL_TYPE_CORRECTION",
    CashOperation.DEPOSIT_NEGATIVE_BALANCE_PROTECTION: "DEAL_TYPE_CORRECTION",
    CashOperation.DEPOSIT_DIVIDENDS: "DEAL_DIVIDEND",
    CashOperation.WITHDRAW_DIVIDENDS: "DEAL_DIVIDEND",
    CashOperation.WITHDRAW_ROLLOVER: "DEAL_TYPE_INTEREST",
    CashOperation.DEPOSIT_SWAP: "DEAL_TYPE_INTEREST",
    CashOperation.WITHDRAW_SWAP: "DEAL_TYPE_INTEREST",
    CashOperation.DEPOSIT_NONWITHDRAWABLE_BONUS: "DEAL_TYPE_BONUS",
    CashOperation.WITHDRAW_NONWITHDRAWABLE_BONUS: "DEAL_TYPE_BONUS",
    CashOperation.WITHDRAW_GSL_CHARGE: "DEAL_TYPE_CHARGE",
    CashOperation.WITHDRAW_INACTIVITY_FEE: "DEAL_TYPE_CHARGE",
    CashOperation.WITHDRAW_BONUS_COMPENSATION: "DEAL_TYPE_CHARGE",
}
"""MetaApi's words; what is not here moves capital and is a DEAL_TYPE_BALANCE."""


def trade_row(
    part: ClosedPart, known: PastSymbol, reason: CloseReason | None, opening: Order | None
) -> TradeInfo:
    """Return what a deal closed. The comment is that of the order that opened it."""
    lots = number(known.lots(part.volume_cents))
    closed_at = iso(part.closed_at)
    pip = None if known.symbol is None else known.symbol.pip_size
    pips = None if pip is None else part.pips(pip)
    return TradeInfo(
        id=str(part.deal_id),
        positionId=str(part.position_id),
        orderId=str(part.order_id),
        symbol=known.name,
        type="DEAL_TYPE_BUY" if part.side is Side.BUY else "DEAL_TYPE_SELL",
        entryType="DEAL_ENTRY_OUT",
        volume=lots,
        executedVolume=lots,
        openPrice=float(part.open_price),
        closePrice=number(part.close_price),
        price=number(part.close_price),
        openTime=None if part.opened_at is None else iso(part.opened_at),
        closeTime=closed_at,
        time=closed_at,
        profit=float(part.profit),
        swap=float(part.swap),
        commission=float(part.commission),
        netProfit=float(part.net_profit),
        pips=None if pips is None else float(round(pips, 1)),
        reason=None if reason is None else reason.value,
        comment="" if opening is None else opening.comment,
        clientId="" if opening is None else opening.label,
        state="CLOSED",
    )


def cash_id(flow: CashFlow) -> int:
    """Return an id for a cash operation that is no deal's."""
    return CASH_ID_OFFSET + flow.history_id


def cash_type(flow: CashFlow) -> str:
    """Return MetaApi's word for what a cash operation is."""
    return _CASH_TYPES.get(flow.operation, "DEAL_TYPE_BALANCE")


def cash_row(flow: CashFlow) -> TradeInfo:
    """Return a cash operation as a row among trades."""
    at = iso(flow.at)
    return TradeInfo(
        id=str(cash_id(flow)),
        type=cash_type(flow),
        profit=float(flow.delta),
        swap=0.0,
        commission=0.0,
        netProfit=float(flow.delta),
        time=at,
        closeTime=at,
        comment=flow.operation.name,
        clientId="",
        state="CLOSED",
    )


def day_row(day: Day, lots: Decimal | None, equity: float | None) -> DayGrowth:
    """Return a day on which the balance changed; ``equity`` is that at its end."""
    return DayGrowth(
        date=day.date.isoformat(),
        balance=float(day.balance),
        equity=equity,
        profit=float(day.profit),
        totalProfit=float(day.total_profit),
        gains=percent(day.gain),
        totalGains=None if day.index is None else percent(day.index - 1.0),
        lots=number(lots),
        trades=day.trades,
        deposits=float(day.deposits),
        withdrawals=float(day.withdrawals),
        drawdownPercentage=percent(day.drawdown),
        drawdownProfit=float(day.max_fall),
    )


def equity_by_day(buckets: Iterable[EquityBucket], at: datetime) -> dict[date, float]:
    """Return the equity at the end of UTC days, today up to ``at``, where it was recorded then."""
    last = {instant_from_ms(bucket.last_ms).date(): bucket for bucket in buckets}
    found: dict[date, float] = {}
    for day, bucket in last.items():
        _, end_ms = day_around(bucket.last_ms, UTC)
        if min(end_ms, ms_from_instant(at)) - bucket.last_ms <= ON_TIME_MS:
            found[day] = bucket.closing / 10**bucket.digits
    return found


def quiet_day_row(when: date, before: Day, equity: float | None) -> DayGrowth:
    """Return a day on which nothing changed, after the last one on which something did."""
    return DayGrowth(
        date=when.isoformat(),
        balance=float(before.balance),
        equity=equity,
        profit=0.0,
        totalProfit=float(before.total_profit),
        gains=None if before.index is None else 0.0,
        totalGains=None if before.index is None else percent(before.index - 1.0),
        lots=0.0,
        trades=0,
        deposits=0.0,
        withdrawals=0.0,
        drawdownPercentage=percent(before.drawdown),
        drawdownProfit=float(before.fall),
    )


def bar_row(bar: Bar, digits: int) -> BarInfo:
    """Return a bar with the symbol's digits."""
    row = BarInfo(
        time=ms_from_instant(bar.opened_at),
        open=round(bar.open / PRICE_SCALE, digits),
        high=round(bar.high / PRICE_SCALE, digits),
        low=round(bar.low / PRICE_SCALE, digits),
        close=round(bar.close / PRICE_SCALE, digits),
        volume=bar.volume,
    )
    if bar.is_repaired:
        row["repaired"] = True
    return row


def tick_row(tick: Tick, digits: int) -> TickInfo:
    """Return a change of one side, with the symbol's digits."""
    price = round(tick.price / PRICE_SCALE, digits)
    if tick.side is QuoteSide.BID:
        return TickInfo(time=tick.timestamp_ms, bid=price)
    return TickInfo(time=tick.timestamp_ms, ask=price)


def average(value: Decimal | None) -> float | None:
    """Return an average of money."""
    return None if value is None else float(round(value, AVERAGE_DIGITS))


def percent(fraction: float | None, digits: int = PERCENT_DIGITS) -> float | None:
    """Return a fraction in percent, rounded."""
    return None if fraction is None else round(fraction * 100.0, digits)


def ratio(value: float | Decimal | None) -> float | None:
    """Return a ratio, rounded."""
    return None if value is None else round(float(value), RATIO_DIGITS)
