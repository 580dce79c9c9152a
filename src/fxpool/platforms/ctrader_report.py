"""The report of one cTrader account: what is asked of its past, and the report in callers' rows.

The computing is done in a thread, so that no quote waits for a long history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fxpool.clock import Clock
from fxpool.domain.equity import EquityBucket
from fxpool.domain.past import Span
from fxpool.errors import InvalidCall
from fxpool.history import AccountRecord, HistoryKeeper, RecordedEquity
from fxpool.history.record import start_of_days
from fxpool.history.report import Report, report_of
from fxpool.mapping import metaapi
from fxpool.mapping.formats import AccountInformation
from fxpool.mapping.history_formats import TradeInfo
from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.mapping.report_formats import AccountReport, ReportAccount
from fxpool.platforms import report_rows as rows
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.history_rows import equity_by_day, trade_row
from fxpool.platforms.past_symbols import PastSymbol, PastSymbols

READY_SECONDS: Final = 10.0
"""How long a call waits for a past that is being read."""


class CTraderReport:
    """Makes reports of one account. Raises NotReady, and what reading raises."""

    def __init__(
        self,
        account: CTraderAccount,
        keeper: HistoryKeeper,
        recorded: RecordedEquity,
        *,
        clock: Clock,
    ) -> None:
        self._account = account
        self._keeper = keeper
        self._recorded = recorded
        self._clock = clock
        self._symbols = PastSymbols(account)

    async def make(
        self,
        shown_id: str,
        begin: datetime | None,
        end: datetime | None,
        *,
        days: int,
        limit: int,
    ) -> AccountReport:
        """Return the report from ``begin`` up to, not including, ``end``.

        Without an end it is now, without a begin the last ``days`` UTC days up to the end. Raises
        InvalidCall for a period that is empty or has not begun.
        """
        record = await self._keeper.ready(READY_SECONDS)
        self._recorded.sample()
        now = self._clock.at()
        until = now if end is None else min(end, now)
        span = Span(begin or start_of_days(until, days), until)
        if span.begin >= span.end:
            raise InvalidCall(f"from {iso(span.begin)} is not before to {iso(span.end)}")
        buckets = await self._buckets(span)
        opening = record.balance_before(span.begin)
        if opening is None:
            opening = self._account.live.book.trader.balance
        results = record.results_in(span.begin, span.end)
        report = await asyncio.to_thread(report_of, span, results, buckets, opening)
        return await self._in_rows(shown_id, report, record, buckets, now=now, limit=limit)

    async def _buckets(self, span: Span) -> list[EquityBucket]:
        end_ms = ms_from_instant(span.end)
        buckets = await self._recorded.buckets(since_ms=ms_from_instant(span.begin))
        return [bucket for bucket in buckets if bucket.last_ms <= end_ms]

    async def _in_rows(
        self,
        shown_id: str,
        report: Report,
        record: AccountRecord,
        buckets: Sequence[EquityBucket],
        *,
        now: datetime,
        limit: int,
    ) -> AccountReport:
        symbols = await self._symbols.of(report.by_symbol)
        info = self._account.information(shown_id)
        proven = record.leads_to(self._account.live.book.trader.balance)
        closings = self._closings(report, symbols, limit)
        ends_now = report.span.end == now
        return AccountReport(
            account=self._about(shown_id, info),
            generatedAt=iso(now),
            periodBegin=iso(report.span.begin),
            periodEnd=iso(report.span.end),
            summary=rows.summary_of(report, symbols, info["equity"] if ends_now else None),
            balanceCurve=rows.money_points(report.balance),
            equityCurve=rows.money_points(report.equity),
            drawdownCurve=rows.drawdown_points(report.drawdown),
            equityRecording=rows.recording_of(report),
            days=rows.day_results(report.curve.days, equity_by_day(buckets, now)),
            months=rows.month_results(report.curve.days),
            bySymbol=rows.symbol_results(report, symbols),
            byWeekday=rows.weekday_results(report, symbols),
            byHour=rows.hour_results(report, symbols),
            cashFlows=rows.cash_rows(report.flows),
            cashFlowCount=len(report.flows),
            closings=closings,
            symbolDigits={
                known.name: known.symbol.digits
                for known in symbols.values()
                if known.symbol is not None
            },
            proven=proven,
            notes=rows.notes_of(report, proven=proven, shown=len(closings), now=now),
        )

    def _closings(
        self, report: Report, symbols: dict[int, PastSymbol], limit: int
    ) -> list[TradeInfo]:
        """Return the newest closings, the newest first."""
        return [
            trade_row(
                part,
                symbols[part.symbol_id],
                self._keeper.reason(part),
                self._keeper.opening_order(part),
            )
            for part in report.parts[: -limit - 1 : -1]
        ]

    def _about(self, shown_id: str, info: AccountInformation) -> ReportAccount:
        account = self._account
        trader = account.live.book.trader
        return ReportAccount(
            account_id=shown_id,
            name=account.config.display_name,
            platform=metaapi.PLATFORM,
            broker=info["broker"],
            login=info["login"],
            currency=info["currency"],
            moneyDigits=trader.money_digits,
            environment=account.config.environment.value,
            simulated=account.is_simulated,
            readOnly=account.is_read_only,
        )
