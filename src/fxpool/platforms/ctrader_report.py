"""The report of one cTrader account: what is asked of its past, and the report in callers' rows.

The computing is done in a thread, so that no quote waits for a long history.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from fxpool.clock import Clock
from fxpool.domain.equity import EquityBucket
from fxpool.domain.past import Span
from fxpool.history import HistoryKeeper, RecordedEquity
from fxpool.history.report import Report, report_of
from fxpool.mapping import metaapi
from fxpool.mapping.formats import AccountInformation
from fxpool.mapping.history_formats import TradeInfo
from fxpool.mapping.instants import ms_from_instant
from fxpool.mapping.report_formats import AccountReport, ReportAccount
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.history_rows import trade_row
from fxpool.platforms.past_symbols import PastSymbol, PastSymbols
from fxpool.platforms.report_answer import Known, answer_of, period_of
from fxpool.platforms.report_rows import cash_row

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
        """Return the report of ``report_answer.period_of``. Raises InvalidCall."""
        record = await self._keeper.ready(READY_SECONDS)
        self._recorded.sample()
        now = self._clock.at()
        span = period_of(begin, end, days=days, now=now)
        buckets = await self._buckets(span)
        opening = record.balance_before(span.begin)
        if opening is None:
            opening = self._account.live.book.trader.balance
        results = record.results_in(span.begin, span.end)
        report = await asyncio.to_thread(report_of, span, results, buckets, opening)
        symbols = await self._symbols.of(report.by_symbol)
        info = self._account.information(shown_id)
        known = Known(
            now=now,
            equity=info["equity"],
            buckets=buckets,
            symbols=symbols,
            digits={
                known.name: known.symbol.digits
                for known in symbols.values()
                if known.symbol is not None
            },
            closings=self._closings(report, symbols, limit),
            cash_row=cash_row,
            proven=record.leads_to(self._account.live.book.trader.balance),
        )
        return answer_of(self._about(shown_id, info), report, known)

    async def _buckets(self, span: Span) -> list[EquityBucket]:
        end_ms = ms_from_instant(span.end)
        buckets = await self._recorded.buckets(since_ms=ms_from_instant(span.begin))
        return [bucket for bucket in buckets if bucket.last_ms <= end_ms]

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
