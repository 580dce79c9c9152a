"""What callers read of one cTrader account's past: metrics, trades, growth, risk and bars.

Asks the account's history and book and puts the answers into rows; the figures come from
``fxpool.history``. What is not known raises: NotReady with the progress while the past is being
read, never a zero.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from fxpool.clock import Clock
from fxpool.domain.bars import Bar
from fxpool.domain.past import Span
from fxpool.errors import InvalidCall, NotReady
from fxpool.history import AccountRecord, HistoryKeeper, RecordedEquity
from fxpool.history.bar_cache import BarCache, Series, closed_before
from fxpool.history.bars import Timeframe, joined_bars, source_begin, timeframe
from fxpool.history.naming import kept_name
from fxpool.history.record import start_of_days
from fxpool.history.tick_cache import TickCache
from fxpool.history.windows import INSTANT, missing, windows
from fxpool.mapping.history_formats import (
    AccountMetrics,
    BarList,
    DailyGrowth,
    DayGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TickList,
    TickType,
    TradeHistory,
    TradeInfo,
)
from fxpool.mapping.instants import iso, ms_from_instant, whole_ms
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_report import CTraderReport
from fxpool.platforms.ctrader_ticks import CTraderTicks
from fxpool.platforms.history_rows import (
    bar_row,
    cash_row,
    equity_by_day,
    trade_row,
)
from fxpool.platforms.past import SortOrder
from fxpool.platforms.past_answers import (
    STATS_DAYS,
    days_of,
    metrics_of,
    require_positive,
    risk_of,
    symbol_stats_of,
    trades_of,
)
from fxpool.platforms.past_symbols import PastSymbols
from fxpool.platforms.traded_symbols import lots_of

READY_SECONDS: Final = 10.0
"""How long a call waits for a past that is being read."""

MAX_WINDOWS: Final = 60
"""How many requests one call for bars may cost; at the broker's pace that is 15 seconds."""

DEFAULT_BARS_WINDOW: Final = timedelta(days=1)


class CTraderHistory:
    """The past of one account, as callers read it. All raise NotReady, and what reading raises."""

    def __init__(
        self,
        account: CTraderAccount,
        keeper: HistoryKeeper,
        recorded: RecordedEquity,
        *,
        bar_cache: BarCache,
        tick_cache: TickCache,
        clock: Clock,
    ) -> None:
        """The caches are shared by all accounts."""
        self._account = account
        self._keeper = keeper
        self._recorded = recorded
        self._bar_cache = bar_cache
        self._clock = clock
        self._symbols = PastSymbols(account)
        self._ticks = CTraderTicks(account, keeper, tick_cache, clock=clock)
        self._reports = CTraderReport(account, keeper, recorded, clock=clock)

    async def keep(self) -> None:
        """Keep the past true until cancelled."""
        await self._keeper.run()

    @property
    def reading(self) -> str | None:
        """How far the reading of the past is; None before it is asked for, and once it is read."""
        return self._keeper.reading

    async def metrics(self, shown_id: str) -> AccountMetrics:
        """Return what all trades came to."""
        record = await self._keeper.ready(READY_SECONDS)
        volumes = record.tally().volumes
        ratios = record.ratios()
        return metrics_of(
            record,
            ratios,
            self._account.information(shown_id),
            lots=lots_of(volumes, await self._symbols.of(volumes)),
            at=self._clock.at(),
            proven=record.leads_to(self._account.live.book.trader.balance),
        )

    async def trades(
        self, shown_id: str, *, days: int, limit: int, include_balance: bool, order: SortOrder
    ) -> TradeHistory:
        """Return the newest ``limit`` closed trades of the last days, newest first unless
        ``order`` is ``asc``. Raises InvalidCall."""
        require_positive(days=days, limit=limit)
        record = await self._keeper.ready(READY_SECONDS)
        since = self._clock.at() - timedelta(days=days)
        parts = record.parts_since(since)
        symbols = await self._symbols.of({part.symbol_id for part in parts[-limit:]})
        rows: list[tuple[datetime, TradeInfo]] = [
            (
                part.closed_at,
                trade_row(
                    part,
                    symbols[part.symbol_id],
                    self._keeper.reason(part),
                    self._keeper.opening_order(part),
                ),
            )
            for part in parts[-limit:]
        ]
        found = len(parts)
        if include_balance:
            flows = record.flows_since(since)
            found += len(flows)
            rows += [(flow.at, cash_row(flow)) for flow in flows[-limit:]]
        return trades_of(shown_id, rows, found=found, days=days, limit=limit, order=order)

    async def daily_growth(self, shown_id: str, *, days: int) -> DailyGrowth:
        """Return the last days, today the last, with those on which nothing changed."""
        require_positive(days=days)
        record = await self._keeper.ready(READY_SECONDS)
        rows = await self._days(record, days)
        return DailyGrowth(account_id=shown_id, growth=rows, count=len(rows), period_days=days)

    async def symbol_stats(self, shown_id: str, symbol: str) -> SymbolStats:
        """Return what trades on a symbol came to in the last 90 days. Raises SymbolNotFound."""
        match = self._account.names.resolve(symbol)
        record = await self._keeper.ready(READY_SECONDS)
        symbol_id = match.symbol.symbol_id
        tally = record.tally_of(symbol_id, self._clock.at() - timedelta(days=STATS_DAYS))
        symbols = await self._symbols.of([symbol_id])
        lots = lots_of(tally.volumes, symbols) or Decimal(0)
        return symbol_stats_of(shown_id, match.mt_name, tally, lots)

    async def risk_status(self, shown_id: str) -> RiskStatus:
        """Return the distance to the day's start and to the peak. Raises NotReady while they
        cannot be computed: an account without capital has no risk in percent."""
        record = await self._keeper.ready(READY_SECONDS)
        equity = self._account.equity
        if equity is None:
            raise NotReady("the account's equity is not known yet", phase="live")
        self._recorded.sample()
        now, marks = self._account.information(shown_id), self._recorded.marks
        guard = self._account.guard
        return risk_of(
            record,
            now,
            equity,
            self._clock.at(),
            marks,
            limits=None if guard is None else guard.listing(shown_id),
            daily_limit=None if guard is None else guard.daily_limit_percent,
        )

    async def report(
        self,
        shown_id: str,
        begin: datetime | None,
        end: datetime | None,
        *,
        days: int,
        limit: int,
    ) -> AccountReport:
        """Return what the account did in a period; as ``CTraderReport.make``."""
        require_positive(days=days, limit=limit)
        return await self._reports.make(shown_id, begin, end, days=days, limit=limit)

    async def open_trades(self, shown_id: str) -> OpenTrades:
        """Return the open positions."""
        rows = self._account.positions(shown_id)["positions"]
        return OpenTrades(account_id=shown_id, open_trades=rows, count=len(rows))

    async def ticks(
        self,
        shown_id: str,
        symbol: str,
        kind: TickType,
        begin: datetime | None,
        end: datetime | None,
        *,
        limit: int,
        order: SortOrder,
    ) -> TickList:
        """Return the newest or the oldest ticks of a period; as ``CTraderTicks.listing``."""
        return await self._ticks.listing(
            shown_id, symbol, kind, begin, end, limit=limit, order=order
        )

    async def bars(
        self,
        shown_id: str,
        symbol: str,
        timeframe_name: str,
        begin: datetime | None,
        end: datetime | None,
    ) -> BarList:
        """Return the bars that open from ``begin`` up to, not including, ``end``.

        Without an end it is now, without a begin a day before the end. Raises SymbolNotFound, and
        InvalidCall for a period that is empty or would take too many requests.
        """
        wanted = timeframe(timeframe_name)
        match = self._account.names.resolve(symbol)
        end = end or self._clock.at() + INSTANT
        span = Span(whole_ms(begin or end - DEFAULT_BARS_WINDOW), whole_ms(end))
        if span.begin >= span.end:
            raise InvalidCall("from is not before to")
        digits = (await self._account.live.symbol(match.symbol.symbol_id)).digits
        rows = [
            bar_row(bar, digits) for bar in await self._bars(match.symbol.symbol_id, wanted, span)
        ]
        return BarList(
            account_id=shown_id,
            symbol=match.mt_name,
            timeframe=wanted.name,
            bars=rows,
            count=len(rows),
        )

    # Parts

    async def _bars(self, symbol_id: int, wanted: Timeframe, span: Span) -> list[Bar]:
        whole = Span(source_begin(wanted, span.begin), span.end)
        if len(list(windows([whole], wanted.window))) > MAX_WINDOWS:
            longest = wanted.window * MAX_WINDOWS
            raise InvalidCall(
                f"from {iso(span.begin)} to {iso(span.end)} is too long for {wanted.name} bars: "
                f"ask for at most {longest.days} days at once"
            )
        found = await self._source_bars(symbol_id, wanted, whole)
        if wanted.length is None:
            return found
        return [bar for bar in joined_bars(found, wanted.length) if bar.opened_at >= span.begin]

    async def _source_bars(self, symbol_id: int, wanted: Timeframe, span: Span) -> list[Bar]:
        """Return the broker's bars, having read those that are not known as closed."""
        reads = self._keeper.reads()
        series = Series(kept_name(self._account.live), symbol_id, wanted.source)
        known, kept = self._bar_cache.kept(series, span)
        found = {bar.opened_at: bar for bar in kept}
        for window in windows(missing(known, span), wanted.window):
            settled = min(window.end, closed_before(wanted.source, self._clock.at()))
            bars = await reads.bars(symbol_id, wanted.source, window)
            self._bar_cache.keep(series, Span(window.begin, settled), bars)
            found |= {bar.opened_at: bar for bar in bars}
        return [bar for _, bar in sorted(found.items())]

    async def _days(self, record: AccountRecord, days: int) -> list[DayGrowth]:
        at = self._clock.at()
        when = start_of_days(at, days)
        known = [day for day in record.curve.days if day.date >= when.date()]
        symbols = await self._symbols.of({symbol_id for day in known for symbol_id in day.volumes})
        buckets = await self._recorded.buckets(since_ms=ms_from_instant(when))
        return days_of(
            record,
            at,
            days,
            lots_of=lambda day: lots_of(day.volumes, symbols),
            balance=self._account.live.book.trader.balance,
            equity=equity_by_day(buckets, at),
        )
