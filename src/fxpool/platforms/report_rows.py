"""A report -> what callers read. Pure; money is exact until here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final

from fxpool.domain.cash import CashOperation
from fxpool.domain.equity import MINUTE_MS
from fxpool.domain.trades import CashFlow
from fxpool.history.curve import Day
from fxpool.history.report import Report, Split
from fxpool.history.statistics import share
from fxpool.mapping.instants import iso, iso_ms
from fxpool.mapping.numbers import number
from fxpool.mapping.report_formats import (
    CashRow,
    DayResult,
    DrawdownPoint,
    EquityRecording,
    MoneyPoint,
    MonthResult,
    ReportSummary,
    SplitResult,
    Stretch,
)
from fxpool.platforms.history_rows import average, cash_id, percent, ratio
from fxpool.platforms.traded_symbols import TradedSymbol, lots_of

MOST_GAPS: Final = 50
MOST_CASH_ROWS: Final = 500
"""How many gaps of the record and cash flows a report lists."""

WEEKDAYS: Final = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)

Symbols = Mapping[int, TradedSymbol]


def summary_of(report: Report, symbols: Symbols, equity: float | None) -> ReportSummary:
    """Return what a period came to; ``equity`` is that of now."""
    tally, curve, falls = report.tally, report.curve, report.falls
    length = tally.average_duration
    best, worst = tally.best, tally.worst
    return ReportSummary(
        openingBalance=float(report.opening),
        closingBalance=float(report.closing),
        equity=equity,
        profit=float(tally.profit),
        charges=float(curve.charges),
        deposits=float(curve.deposits),
        withdrawals=float(curve.withdrawals),
        commission=float(tally.commission),
        swap=float(tally.swap),
        closings=len(report.parts),
        trades=tally.trades,
        wonTrades=tally.won,
        lostTrades=tally.lost,
        winRate=percent(share(tally.won, tally.trades)),
        grossProfit=float(tally.gross_profit),
        grossLoss=float(tally.gross_loss),
        profitFactor=ratio(tally.profit_factor),
        expectancy=average(tally.average_trade),
        averageWin=average(tally.average_win),
        averageLoss=average(tally.average_loss),
        bestTrade=None if best is None else float(best.net_profit),
        worstTrade=None if worst is None else float(worst.net_profit),
        averageTradeLengthInMilliseconds=(
            None if length is None else length // timedelta(milliseconds=1)
        ),
        lots=number(lots_of(tally.volumes, symbols)),
        gain=percent(report.growth.gain),
        sharpeRatio=ratio(report.ratios.sharpe),
        sortinoRatio=ratio(report.ratios.sortino),
        recoveryFactor=(
            ratio((tally.profit + curve.charges) / falls.largest_money)
            if falls.largest_money
            else None
        ),
        maxDrawdown=float(falls.largest_money),
        maxDrawdownPercent=percent(falls.largest),
        drawdownSource="balance_and_equity" if report.equity else "balance",
    )


def money_points(points: Iterable[tuple[int, Decimal]]) -> list[MoneyPoint]:
    """Return a curve of money."""
    return [MoneyPoint(time=iso_ms(at_ms), value=float(value)) for at_ms, value in points]


def drawdown_points(points: Iterable[tuple[int, float]]) -> list[DrawdownPoint]:
    """Return the curve of falls from the peak, in percent."""
    return [
        DrawdownPoint(time=iso_ms(at_ms), percent=round(fall * 100.0, 3)) for at_ms, fall in points
    ]


def recording_of(report: Report) -> EquityRecording:
    """Return how much of the period equity was recorded in."""
    longest = sorted(report.gaps, key=lambda gap: gap[0] - gap[1])[:MOST_GAPS]
    return EquityRecording(
        percent=round(report.recorded * 100.0, 2),
        gapCount=len(report.gaps),
        gaps=[Stretch(begin=iso_ms(a), end=iso_ms(b)) for a, b in sorted(longest)],
    )


def day_results(days: Iterable[Day], equity: Mapping[date, float]) -> list[DayResult]:
    """Return the days on which the balance changed."""
    return [
        DayResult(
            date=day.date.isoformat(),
            profit=float(day.profit),
            closings=day.trades,
            gain=percent(day.gain),
            balance=float(day.balance),
            equity=equity.get(day.date),
        )
        for day in days
    ]


def month_results(days: Iterable[Day]) -> list[MonthResult]:
    """Return the months on which the balance changed."""
    found: list[MonthResult] = []
    for month, group in groupby(days, key=lambda day: day.date.isoformat()[:7]):
        of_month = list(group)
        first, last = of_month[0], of_month[-1]
        gain = None
        if last.index is not None and first.opening_index:
            gain = last.index / first.opening_index - 1.0
        profit = sum((day.profit for day in of_month), Decimal(0))
        closings = sum(day.trades for day in of_month)
        found.append(
            MonthResult(month=month, profit=float(profit), closings=closings, gain=percent(gain))
        )
    return found


def symbol_results(report: Report, symbols: Symbols) -> list[SplitResult]:
    """Return the results by symbol, the largest profit first."""
    rows = [_split(symbols[i].name, split, symbols) for i, split in report.by_symbol.items()]
    return sorted(rows, key=lambda row: -row["profit"])


def weekday_results(report: Report, symbols: Symbols) -> list[SplitResult]:
    """Return the results by weekday, all seven."""
    return [
        _split(name, report.by_weekday.get(number, Split()), symbols)
        for number, name in enumerate(WEEKDAYS)
    ]


def hour_results(report: Report, symbols: Symbols) -> list[SplitResult]:
    """Return the results by UTC hour, all of them."""
    return [_split(f"{hour:02d}", report.by_hour.get(hour, Split()), symbols) for hour in range(24)]


def newest_flows(flows: Sequence[CashFlow]) -> Sequence[CashFlow]:
    """Return the cash flow that is listed: the newest first, at most MOST_CASH_ROWS."""
    return flows[: -MOST_CASH_ROWS - 1 : -1]


def cash_row(flow: CashFlow) -> CashRow:
    """Return a cash flow of a cTrader account."""
    return CashRow(
        id=str(cash_id(flow)),
        time=iso(flow.at),
        amount=float(flow.delta),
        balance=float(flow.balance),
        operation=flow.operation.name,
        isTransfer=flow.is_transfer,
    )


def notes_of(report: Report, *, proven: bool, shown: int, now: datetime) -> list[str]:
    """Return in words what is not known and what was left out."""
    notes: list[str] = []
    if not report.parts:
        notes.append("No trade was closed in this period.")
    if not proven:
        notes.append(
            "The records do not lead without a break to the balance that the broker tells: figures "
            "of this period may miss something."
        )
    if not report.equity:
        notes.append(
            "Equity was not recorded in this period: drawdown is that of the balance, and what "
            "open positions lost in between is not in it."
        )
    elif report.gaps:
        seen = f"{report.recorded:.2%}" if report.recorded >= 0.0001 else "less than 0.01%"
        gaps = "1 gap" if len(report.gaps) == 1 else f"{len(report.gaps)} gaps"
        notes.append(
            f"Equity was recorded in {seen} of the period. In {gaps} nothing is known of it; "
            "there, drawdown is that of the balance."
        )
    if shown < len(report.parts):
        notes.append(
            f"The list shows the newest {shown} of {len(report.parts)} closings; all figures are "
            "of all of them."
        )
    if len(report.flows) > MOST_CASH_ROWS:
        notes.append(f"The newest {MOST_CASH_ROWS} of {len(report.flows)} cash flows are listed.")
    unknown = sum(flow.operation is CashOperation.UNKNOWN for flow in report.flows)
    if unknown:
        notes.append(
            f"Cash operations of a kind that this version does not know: {unknown}. What came "
            "counts as a transfer, what went as a charge; rates of growth are not computed."
        )
    elif report.curve.index is None:
        notes.append("There were results without a capital: rates of growth cannot be computed.")
    if (now - report.span.end).total_seconds() * 1000 > MINUTE_MS:
        notes.append(f"The period ended before now ({iso(now.astimezone(UTC))}).")
    return notes


def _split(name: str, split: Split, symbols: Symbols) -> SplitResult:
    return SplitResult(
        name=name,
        closings=split.closings,
        won=split.won,
        lost=split.lost,
        profit=float(split.profit),
        lots=number(lots_of(split.volumes, symbols)),
    )
