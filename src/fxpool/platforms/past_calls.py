"""The calls about the past, on accounts of this process: each finds the account and passes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

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
from fxpool.platforms.past import SortOrder


class AccountPast(Protocol):
    """The past of one account, as ``platforms.past.PastReads`` tells it of several.

    ``shown_id`` is the name that the caller used. All raise kinds of FxPoolError.
    """

    async def metrics(self, shown_id: str) -> AccountMetrics: ...

    async def trades(
        self, shown_id: str, *, days: int, limit: int, include_balance: bool, order: SortOrder
    ) -> TradeHistory: ...

    async def daily_growth(self, shown_id: str, *, days: int) -> DailyGrowth: ...

    async def symbol_stats(self, shown_id: str, symbol: str) -> SymbolStats: ...

    async def risk_status(self, shown_id: str) -> RiskStatus: ...

    async def open_trades(self, shown_id: str) -> OpenTrades: ...

    async def report(
        self,
        shown_id: str,
        begin: datetime | None,
        end: datetime | None,
        *,
        days: int,
        limit: int,
    ) -> AccountReport: ...

    async def bars(
        self,
        shown_id: str,
        symbol: str,
        timeframe_name: str,
        begin: datetime | None,
        end: datetime | None,
    ) -> BarList: ...

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
    ) -> TickList: ...


class PastCalls(ABC):
    """Implements ``platforms.past.PastReads``; ``_past`` finds the account that a name means."""

    @abstractmethod
    def _past(self, account: str) -> AbstractAsyncContextManager[AccountPast]:
        """Give the past of an account; errors inside become callers' words."""

    async def metrics(self, account: str) -> AccountMetrics:
        async with self._past(account) as past:
            return await past.metrics(account)

    async def trades(
        self,
        account: str,
        *,
        days: int = 30,
        limit: int = 100,
        include_balance: bool = False,
        order: SortOrder = "desc",
    ) -> TradeHistory:
        async with self._past(account) as past:
            return await past.trades(
                account, days=days, limit=limit, include_balance=include_balance, order=order
            )

    async def daily_growth(self, account: str, *, days: int = 30) -> DailyGrowth:
        async with self._past(account) as past:
            return await past.daily_growth(account, days=days)

    async def symbol_stats(self, account: str, symbol: str) -> SymbolStats:
        async with self._past(account) as past:
            return await past.symbol_stats(account, symbol)

    async def risk_status(self, account: str) -> RiskStatus:
        async with self._past(account) as past:
            return await past.risk_status(account)

    async def open_trades(self, account: str) -> OpenTrades:
        async with self._past(account) as past:
            return await past.open_trades(account)

    async def report(
        self,
        account: str,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        days: int = 30,
        limit: int = 1000,
    ) -> AccountReport:
        async with self._past(account) as past:
            return await past.report(account, begin, end, days=days, limit=limit)

    async def bars(
        self,
        account: str,
        symbol: str,
        timeframe: str = "1h",
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> BarList:
        async with self._past(account) as past:
            return await past.bars(account, symbol, timeframe, begin, end)

    async def ticks(
        self,
        account: str,
        symbol: str,
        *,
        kind: TickType = "both",
        begin: datetime | None = None,
        end: datetime | None = None,
        limit: int = 1000,
        order: SortOrder = "desc",
    ) -> TickList:
        async with self._past(account) as past:
            return await past.ticks(account, symbol, kind, begin, end, limit=limit, order=order)
