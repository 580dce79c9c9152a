"""The client's calls about an account's past; part of ``UnifiedPoolClient``."""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

from fxpool.client.calls import PlatformCalls, Regional
from fxpool.mapping.history_formats import (
    AccountMetrics,
    BarInfo,
    DailyGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TickInfo,
    TickType,
    TradeHistory,
    TradeInfo,
)
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.past import SortOrder

RECENT_LIMIT: Final = 5000
"""The most trades that pools list at once."""


class PastReads(PlatformCalls):
    """All raise PlatformError while the past is not known: never a zero."""

    async def get_account_metrics(self, account_id: str) -> AccountMetrics:
        """Return sums, rates and ratios over all trades; what cannot be computed is None."""
        return await self._read(account_id, lambda on: on.metrics(account_id))

    async def get_trade_history(
        self, account_id: str, days: int = 30, limit: int = 100
    ) -> TradeHistory:
        """Return the newest ``limit`` closed trades of the last days, newest first."""
        return await self._read(
            account_id, lambda on: on.trades(account_id, days=days, limit=limit)
        )

    async def get_daily_growth(self, account_id: str, days: int = 30) -> DailyGrowth:
        """Return the last UTC days, oldest first, with the balance at each day's end."""
        return await self._read(account_id, lambda on: on.daily_growth(account_id, days=days))

    async def get_symbol_stats(self, account_id: str, symbol: str) -> SymbolStats | None:
        """Return what trades on a symbol came to; None if there were none."""
        stats = await self._read(account_id, lambda on: on.symbol_stats(account_id, symbol))
        return stats if stats["trades"] else None

    async def get_risk_status(self, account_id: str) -> RiskStatus:
        """Return the day's loss and the fall from the peak, in percent."""
        return await self._read(account_id, lambda on: on.risk_status(account_id))

    async def get_open_trades(self, account_id: str) -> OpenTrades:
        """Return the open positions."""
        return await self._read(account_id, lambda on: on.open_trades(account_id))

    async def get_report(
        self,
        account_id: str,
        days: int = 30,
        limit: int = 1000,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> AccountReport:
        """Return what an account did from ``begin`` up to ``end`` (now), or in the last UTC days,
        with the newest ``limit`` closings."""
        return await self._read(
            account_id,
            lambda on: on.report(account_id, begin=begin, end=end, days=days, limit=limit),
        )

    async def get_historical_data(
        self,
        account_id: str,
        symbol: str,
        timeframe: str = "1h",
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> list[BarInfo]:
        """Return the bars that open from ``begin`` up to, not including, ``end`` (now)."""
        answer = await self._read(
            account_id, lambda on: on.bars(account_id, symbol, timeframe, begin=begin, end=end)
        )
        return answer["bars"]

    async def get_historical_ticks(
        self,
        account_id: str,
        symbol: str,
        begin: datetime | None = None,
        end: datetime | None = None,
        *,
        kind: TickType = "both",
        limit: int = 1000,
        order: SortOrder = "desc",
    ) -> list[TickInfo]:
        """Return the newest ``limit`` ticks from ``begin`` (a day before) up to ``end`` (now),
        newest first; with ``order`` ``asc`` the oldest ones, oldest first. Each has the side that
        changed."""
        answer = await self._read(
            account_id,
            lambda on: on.ticks(
                account_id, symbol, kind=kind, begin=begin, end=end, limit=limit, order=order
            ),
        )
        return answer["ticks"]

    async def get_recent_history(
        self,
        account_id: str,
        region: str | None = None,
        hours: float = 24,
        symbol: str | None = None,
    ) -> list[TradeInfo]:
        """Return the trades that closed in the last hours, newest first, of a symbol or of all.

        Empty for an account behind a MetaApi pool, which retired the call.
        """
        if isinstance(self._of(account_id, region), Regional):
            return []
        days = math.ceil(hours / 24) + 1  # whole days, so that the first hours are among them
        history = await self.get_trade_history(account_id, days, RECENT_LIMIT)
        since = self._clock.at() - timedelta(hours=hours)
        return [
            trade
            for trade in history["trades"]
            if symbol in {None, trade["symbol"]}
            and datetime.fromisoformat(trade["closeTime"]) >= since
        ]

    # The same calls under the names of the older clients

    getAccountMetrics = get_account_metrics
    getTradeHistory = get_trade_history
    getDailyGrowth = get_daily_growth
    getSymbolStats = get_symbol_stats
    getRiskStatus = get_risk_status
    getOpenTrades = get_open_trades
    getRecentHistory = get_recent_history
    getReport = get_report
    getHistoricalData = get_historical_data
    getHistoricalTicks = get_historical_ticks
