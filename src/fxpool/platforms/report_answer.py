"""The report of one account, on every platform: which period is asked for, and the answer. Pure.

A platform gives what it knows; what has no source on it is absent, and the notes say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fxpool.domain.equity import EquityBucket
from fxpool.domain.past import Span
from fxpool.domain.trades import CashFlow
from fxpool.errors import InvalidCall
from fxpool.history.record import start_of_days
from fxpool.history.report import Report
from fxpool.mapping.history_formats import TradeInfo
from fxpool.mapping.instants import iso
from fxpool.mapping.report_formats import AccountReport, CashRow, ReportAccount
from fxpool.platforms import report_rows as rows
from fxpool.platforms.history_rows import equity_by_day
from fxpool.platforms.traded_symbols import TradedSymbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a platform knows beside the report's figures.

    Attributes:
        now: when the report is made.
        equity: the account's, now.
        buckets: the equity that was recorded in the period; empty where none was.
        symbols: those of the record, by its ids; ``digits`` of their prices, by name.
        closings: rows of the closings that are listed, the newest first.
        cash_row: makes the row of a cash flow.
        proven: whether the records lead without a break to the balance that the broker tells.
        notes: what else callers must be told.
    """

    now: datetime
    equity: float | None
    symbols: Mapping[int, TradedSymbol]
    digits: Mapping[str, int]
    closings: Sequence[TradeInfo]
    cash_row: Callable[[CashFlow], CashRow]
    proven: bool
    buckets: Sequence[EquityBucket] = ()
    notes: Sequence[str] = ()


def period_of(begin: datetime | None, end: datetime | None, *, days: int, now: datetime) -> Span:
    """Return the period from ``begin`` up to, not including, ``end``.

    Without an end it is now, without a begin the last ``days`` UTC days up to the end. Raises
    InvalidCall for a period that is empty or has not begun.
    """
    until = now if end is None else min(end, now)
    span = Span(begin or start_of_days(until, days), until)
    if span.begin >= span.end:
        raise InvalidCall(f"from {iso(span.begin)} is not before to {iso(span.end)}")
    return span


def answer_of(account: ReportAccount, report: Report, known: Known) -> AccountReport:
    """Return a report as callers read it."""
    ends_now = report.span.end == known.now
    notes = rows.notes_of(report, proven=known.proven, shown=len(known.closings), now=known.now)
    return AccountReport(
        account=account,
        generatedAt=iso(known.now),
        periodBegin=iso(report.span.begin),
        periodEnd=iso(report.span.end),
        summary=rows.summary_of(report, known.symbols, known.equity if ends_now else None),
        balanceCurve=rows.money_points(report.balance),
        equityCurve=rows.money_points(report.equity),
        drawdownCurve=rows.drawdown_points(report.drawdown),
        equityRecording=rows.recording_of(report),
        days=rows.day_results(report.curve.days, equity_by_day(known.buckets, known.now)),
        months=rows.month_results(report.curve.days),
        bySymbol=rows.symbol_results(report, known.symbols),
        byWeekday=rows.weekday_results(report, known.symbols),
        byHour=rows.hour_results(report, known.symbols),
        cashFlows=[known.cash_row(flow) for flow in rows.newest_flows(report.flows)],
        cashFlowCount=len(report.flows),
        closings=list(known.closings),
        symbolDigits=dict(known.digits),
        proven=known.proven,
        notes=[*notes, *known.notes],
    )
