"""What callers read of one polled account's past: metrics, trades, growth, risk, report and bars.

The figures are computed from all deals that MetaApi tells, by the formulas of all platforms; they
are read anew when the balance has changed. What a way does not tell is refused, never a zero.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from fxpool.clock import Clock
from fxpool.errors import InvalidCall
from fxpool.history.bars import timeframe as parse_timeframe
from fxpool.mapping.history_formats import (
    AccountMetrics,
    BarList,
    DailyGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TickList,
    TickType,
    TradeHistory,
)
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.ledger import Ledger, ledger_of
from fxpool.platforms.metaapi.orders import not_supported
from fxpool.platforms.metaapi.past_rows import all_lots, bar_row, cash_row, part_row
from fxpool.platforms.metaapi.report import report_of_deals
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
from fxpool.platforms.report_answer import period_of

BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before the first MetaTrader account."""

AHEAD: Final = timedelta(days=1)
"""How far a broker's clock may be ahead of ours."""

KEPT_SECONDS: Final = 60.0
"""How long a past is shown while the balance stays: a deal without a result may be new."""

DEFAULT_BARS: Final = timedelta(days=1)
MAX_BARS: Final = timedelta(days=366)
_TRADES: Final = frozenset({"DEAL_TYPE_BUY", "DEAL_TYPE_SELL"})


class MetaApiPast:
    """The past of one account. All raise kinds of FxPoolError."""

    def __init__(self, account: MetaApiAccount, *, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._kept: tuple[Decimal, float, Ledger] | None = None

    async def metrics(self, shown_id: str) -> AccountMetrics:
        """Return what all trades came to."""
        ledger = await self._ledger()
        reading = await self._account.current()
        ratios = ledger.record.ratios()
        return metrics_of(
            ledger.record,
            ratios,
            self._account.row(reading, shown_id),
            lots=all_lots(ledger.record.tally().volumes.values()),
            at=self._clock.at(),
            proven=ledger.is_whole,
        )

    async def trades(
        self, shown_id: str, *, days: int, limit: int, include_balance: bool, order: SortOrder
    ) -> TradeHistory:
        """Return the newest ``limit`` closed trades of the last days."""
        require_positive(days=days, limit=limit)
        ledger = await self._ledger()
        since = self._clock.at() - timedelta(days=days)
        parts = ledger.record.parts_since(since)
        rows = [(p.closed_at, part_row(p, ledger)) for p in parts[-limit:]]
        found = len(parts)
        if include_balance:
            cash = [
                deal
                for deal in ledger.deals.values()
                if deal.type not in _TRADES and deal.time >= since
            ]
            found += len(cash)
            rows += [(deal.time, cash_row(deal)) for deal in cash]
        return trades_of(shown_id, rows, found=found, days=days, limit=limit, order=order)

    async def daily_growth(self, shown_id: str, *, days: int) -> DailyGrowth:
        """Return the last days, today the last."""
        require_positive(days=days)
        ledger = await self._ledger()
        reading = await self._account.current()
        rows = days_of(
            ledger.record,
            self._clock.at(),
            days,
            lots_of=lambda day: all_lots(day.volumes.values()),
            balance=reading.information.balance,
        )
        return DailyGrowth(account_id=shown_id, growth=rows, count=len(rows), period_days=days)

    async def symbol_stats(self, shown_id: str, symbol: str) -> SymbolStats:
        """Return what trades on a symbol came to in the last 90 days. Raises SymbolNotFound."""
        await self._account.specification(symbol)
        ledger = await self._ledger()
        since = self._clock.at() - timedelta(days=STATS_DAYS)
        tally = ledger.record.tally_of(ledger.symbols.get(symbol, 0), since)
        return symbol_stats_of(shown_id, symbol, tally, all_lots(tally.volumes.values()))

    async def risk_status(self, shown_id: str) -> RiskStatus:
        """Return the distance to the day's start and to the peak."""
        ledger = await self._ledger()
        reading = await self._account.current()
        now = self._account.row(reading, shown_id)
        return risk_of(ledger.record, now, reading.information.equity, self._clock.at())

    async def report(
        self,
        shown_id: str,
        begin: datetime | None,
        end: datetime | None,
        *,
        days: int,
        limit: int,
    ) -> AccountReport:
        """Return what the account did in a period; as ``report_of_deals``."""
        require_positive(days=days, limit=limit)
        ledger = await self._ledger()
        reading = await self._account.current()
        now = self._clock.at()
        span = period_of(begin, end, days=days, now=now)
        return await report_of_deals(
            self._account, ledger, reading, span, shown_id=shown_id, limit=limit, now=now
        )

    async def open_trades(self, shown_id: str) -> OpenTrades:
        """Return the open positions."""
        reading = await self._account.current()
        rows = [
            shapes.position_info(p, account=shown_id, platform=reading.information.platform)
            for p in reading.positions.values()
        ]
        return OpenTrades(account_id=shown_id, open_trades=rows, count=len(rows))

    async def bars(
        self,
        shown_id: str,
        symbol: str,
        timeframe_name: str,
        begin: datetime | None,
        end: datetime | None,
    ) -> BarList:
        """Return the bars that open from ``begin`` up to, not including, ``end``."""
        wanted = parse_timeframe(timeframe_name).name
        await self._account.specification(symbol)
        end = end or self._clock.at()
        begin = begin or end - DEFAULT_BARS
        if begin >= end:
            raise InvalidCall("from is not before to")
        if end - begin > MAX_BARS and wanted not in {"1d", "1w", "1mn"}:
            raise InvalidCall(f"from and to are too far apart for {wanted}: ask for a year at most")
        candles = await self._account.way.candles(self._account.key, symbol, wanted, begin, end)
        rows = [bar_row(candle) for candle in candles]
        return BarList(
            account_id=shown_id, symbol=symbol, timeframe=wanted, bars=rows, count=len(rows)
        )

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
        """Refuse: MetaApi tells ticks of MetaTrader itself."""
        raise not_supported("ticks of the past on MetaTrader accounts")

    async def _ledger(self) -> Ledger:
        if not self._account.way.offers.history:
            raise not_supported("the past of accounts by this way to MetaTrader")
        reading = await self._account.current()
        balance, now = reading.information.balance, self._clock.now()
        if self._kept is not None:
            kept_balance, kept_at, ledger = self._kept
            if kept_balance == balance and now - kept_at < KEPT_SECONDS:
                return ledger
        ledger = await self._read(balance)
        if not ledger.is_whole:
            fresh = (await self._account.read()).information.balance
            if fresh != balance:  # the reading was older than the newest deal
                balance, ledger = fresh, await self._read(fresh)
        self._kept = (balance, now, ledger)
        return ledger

    async def _read(self, balance: Decimal) -> Ledger:
        """Read all deals, which led to this balance."""
        end = self._clock.at() + AHEAD
        deals = await self._account.way.deals(self._account.key, BEGINNING, end)
        # In a thread: a long past takes a while, and trades must not wait for it.
        return await asyncio.to_thread(ledger_of, deals, balance)
