"""A record of the past -> the answers that callers read, on every platform. Pure.

Money is exact until here; what cannot be computed is null, never 0. Formulas: docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from fxpool.domain.equity import EquityMarks
from fxpool.errors import InvalidCall, NotReady
from fxpool.history import AccountRecord
from fxpool.history.curve import Day
from fxpool.history.record import start_of_days
from fxpool.history.statistics import Ratios, Tally, growth_of, share
from fxpool.mapping.formats import AccountInformation, GuardList
from fxpool.mapping.history_formats import (
    AccountMetrics,
    DayGrowth,
    RiskStatus,
    SymbolStats,
    TradeHistory,
    TradeInfo,
)
from fxpool.mapping.instants import iso, iso_ms, ms_from_instant
from fxpool.mapping.numbers import number
from fxpool.platforms.history_rows import (
    RATIO_DIGITS,
    average,
    day_row,
    percent,
    quiet_day_row,
    ratio,
)
from fxpool.platforms.past import SortOrder

STATS_DAYS: Final = 90
"""The period of symbol statistics."""

MEDIUM_RISK: Final = 0.05
HIGH_RISK: Final = 0.10
"""Shares of the equity, lost since the start of the day or since the peak."""

_GRADE_OF: Final = {"ok": 0, "unknown": 1, "warning": 1, "tripped": 2}
_GRADES: Final = (("OK", "low"), ("WARNING", "medium"), ("CRITICAL", "high"))


def metrics_of(
    record: AccountRecord,
    ratios: Ratios,
    now: AccountInformation,
    *,
    lots: Decimal | None,
    at: datetime,
    proven: bool,
) -> AccountMetrics:
    """Return what all trades came to; ``lots`` is their volume, None where a symbol's is unknown.

    ``proven`` says that the history leads without a break to the balance of now.
    """
    tally, curve = record.tally(), record.curve
    growth = growth_of(curve, tally.profit + curve.charges, at)
    won, lost = share(tally.won, tally.trades), share(tally.lost, tally.trades)
    best, worst = tally.best, tally.worst
    length = tally.average_duration
    return AccountMetrics(
        account_id=now["id"],
        currency=now["currency"],
        balance=now["balance"],
        equity=now["equity"],
        margin=now["margin"],
        freeMargin=now["freeMargin"],
        marginLevel=now["marginLevel"],
        trades=tally.trades,
        wonTrades=tally.won,
        lostTrades=tally.lost,
        winRate=percent(won),
        winRateFraction=ratio(won),
        wonTradesPercent=percent(won),
        lostTradesPercent=percent(lost),
        longTrades=tally.long,
        shortTrades=tally.short,
        longWonTrades=tally.long_won,
        shortWonTrades=tally.short_won,
        longWonTradesPercent=percent(share(tally.long_won, tally.long)),
        shortWonTradesPercent=percent(share(tally.short_won, tally.short)),
        profit=float(tally.profit),
        loss=float(tally.gross_loss),
        grossProfit=float(tally.gross_profit),
        grossLoss=float(tally.gross_loss),
        charges=float(curve.charges),
        profitFactor=ratio(tally.profit_factor),
        averageWin=average(tally.average_win),
        averageLoss=average(tally.average_loss),
        averageTrade=average(tally.average_trade),
        expectancy=average(tally.average_trade),
        bestTrade=None if best is None else float(best.net_profit),
        bestTradeDate=None if best is None else iso(best.closed_at),
        worstTrade=None if worst is None else float(worst.net_profit),
        worstTradeDate=None if worst is None else iso(worst.closed_at),
        averageTradeLengthInMilliseconds=(
            None if length is None else length // timedelta(milliseconds=1)
        ),
        lots=number(lots),
        highestBalance=now["balance"] if curve.balance is None else float(curve.highest),
        highestBalanceDate=None if curve.highest_at is None else iso(curve.highest_at),
        maxDrawdown=float(curve.max_fall),
        maxDrawdownPercent=percent(growth.max_drawdown),
        sharpeRatio=ratio(ratios.sharpe),
        sortinoRatio=ratio(ratios.sortino),
        calmarRatio=ratio(growth.calmar),
        mar=ratio(growth.calmar),
        recoveryFactor=ratio(growth.recovery_factor),
        standardDeviationProfit=ratio(ratios.profit_deviation),
        kurtosisProfit=ratio(ratios.kurtosis),
        averageHoldingPeriodReturn=percent(ratios.mean_return, RATIO_DIGITS),
        geometricHoldingPeriodReturn=percent(ratios.geometric_return, RATIO_DIGITS),
        zScore=ratio(ratios.z_score),
        probability=ratio(ratios.confidence_percent),
        deposits=float(curve.deposits),
        withdrawals=float(curve.withdrawals),
        gain=percent(growth.gain),
        absoluteGain=percent(growth.absolute_gain),
        dailyGain=percent(growth.daily_gain, RATIO_DIGITS),
        monthlyGain=percent(growth.monthly_gain),
        cagr=percent(growth.cagr),
        totalCommission=float(tally.commission),
        totalSwap=float(tally.swap),
        since=None if curve.began_at is None else iso(curve.began_at),
        period_days=0 if curve.began_at is None else (at - curve.began_at).days,
        inclusive=False,
        proven=proven,
    )


def symbol_stats_of(shown_id: str, symbol: str, tally: Tally, lots: Decimal) -> SymbolStats:
    """Return what the trades on one symbol came to."""
    won = share(tally.won, tally.trades)
    return SymbolStats(
        account_id=shown_id,
        symbol=symbol,
        trades=tally.trades,
        wonTrades=tally.won,
        lostTrades=tally.lost,
        winRate=percent(won),
        winRateFraction=ratio(won),
        profit=float(tally.profit),
        volume=float(lots),
        averageWin=average(tally.average_win),
        averageLoss=average(tally.average_loss),
        profitFactor=ratio(tally.profit_factor),
        period_days=STATS_DAYS,
    )


def risk_of(
    record: AccountRecord,
    now: AccountInformation,
    equity: Decimal,
    at: datetime,
    marks: EquityMarks | None = None,
    *,
    limits: GuardList | None = None,
    daily_limit: Decimal | None = None,
) -> RiskStatus:
    """Return the distance to the day's start and to the peak; ``marks`` where equity is recorded,
    ``limits`` where the account has some, with the percentage that a day may lose.

    Raises NotReady while they cannot be computed: an account without capital has no risk in
    percent.
    """
    loss, loss_source = _loss_of_day(record, marks, equity, at)
    drawdown = record.curve.drawdown_at(equity)
    if loss is None or drawdown is None:
        raise NotReady("the account has no capital to compute its risk from", phase="live")
    largest = max(record.curve.max_drawdown, drawdown)
    if marks is not None:
        drawdown = max(drawdown, marks.drawdown or 0.0)
        largest = max(largest, drawdown, marks.max_drawdown)
    worst = max(loss, drawdown)
    grade = (worst >= MEDIUM_RISK) + (worst >= HIGH_RISK)
    status, level = _GRADES[max(grade, 0 if limits is None else _GRADE_OF[limits["state"]])]
    return RiskStatus(
        account_id=now["id"],
        balance=now["balance"],
        equity=now["equity"],
        marginLevel=now["marginLevel"],
        open_positions=now["openPositions"],
        daily_loss_percent=round(loss * 100.0, 2),
        max_daily_loss_percent=number(daily_limit),
        current_drawdown_percent=round(drawdown * 100.0, 2),
        drawdown=round(drawdown * 100.0, 2),
        maxDrawdown=round(largest * 100.0, 2),
        risk_status=status,
        riskLevel=level,
        drawdownSource="balance" if marks is None else "balance_and_equity",
        dailyLossSource=loss_source,
        equityRecordedSince=_recorded_since(marks),
        guards=[] if limits is None else limits["guards"],
    )


def _loss_of_day(
    record: AccountRecord, marks: EquityMarks | None, equity: Decimal, at: datetime
) -> tuple[float | None, Literal["balance", "equity"]]:
    """Return the loss since the start of the UTC day as a fraction, and what the start is of."""
    if marks is None or not marks.knows_day_start or not marks.is_of_day(ms_from_instant(at)):
        return record.loss_today(equity, at.date()), "balance"
    if marks.day_start <= 0:
        return None, "equity"
    return max(0.0, (marks.day_start - marks.last) / marks.day_start), "equity"


def _recorded_since(marks: EquityMarks | None) -> str | None:
    return None if marks is None or marks.began_ms is None else iso_ms(marks.began_ms)


def trades_of(
    shown_id: str,
    rows: Sequence[tuple[datetime, TradeInfo]],
    *,
    found: int,
    days: int,
    limit: int,
    order: SortOrder,
) -> TradeHistory:
    """Return the newest ``limit`` of rows with their times; ``found`` is how many there are in the
    period. Rows of one time keep their order."""
    by_time = sorted(rows, key=lambda row: row[0])
    shown = [row for _, row in by_time[-limit:]]
    if order == "desc":
        shown.reverse()
    return TradeHistory(
        account_id=shown_id,
        trades=shown,
        count=len(shown),
        period_days=days,
        hasMore=found > len(shown),
        order=order,
    )


def days_of(
    record: AccountRecord,
    at: datetime,
    days: int,
    *,
    lots_of: Callable[[Day], Decimal | None],
    balance: Decimal,
    equity: Mapping[date, float] | None = None,
) -> list[DayGrowth]:
    """Return the last days, today the last, with those on which nothing changed; today alone, with
    the present ``balance``, for an account whose balance never changed. ``equity`` is what was
    recorded, by day."""
    recorded = equity or {}
    when, today = start_of_days(at, days).date(), at.date()
    known = record.curve.days
    by_date = {day.date: day for day in known if day.date >= when}
    last = next((day for day in reversed(known) if day.date < when), None)
    rows: list[DayGrowth] = []
    while when <= today:
        day = by_date.get(when)
        if day is not None:
            last = day
            rows.append(day_row(day, lots_of(day), recorded.get(when)))
        elif last is not None:
            rows.append(quiet_day_row(when, last, recorded.get(when)))
        when += timedelta(days=1)
    only = Day(at.date(), balance, 1.0, balance, index=1.0)
    return rows or [quiet_day_row(at.date(), only, recorded.get(today))]


def require_positive(**counts: int) -> None:
    """Raise InvalidCall for a count below 1."""
    for name, count in counts.items():
        if count < 1:
            raise InvalidCall(f"{name}: {count} is not 1 or more")
