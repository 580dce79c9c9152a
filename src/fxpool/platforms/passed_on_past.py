"""The calls about the past and about records, passed on to the platform of the account."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime

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
from fxpool.mapping.metaapi_formats import MetaApiBook, MetaApiDeal, MetaApiMargin, MetaApiOrder
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.base import Platform
from fxpool.platforms.past import SortOrder
from fxpool.platforms.records import MarginQuestion, Wanted


class PassedOnPast(ABC):
    """Implements ``PastReads`` and ``RecordReads``; ``_of`` says which platform is to answer."""

    @abstractmethod
    def _of(self, account: str) -> Platform:
        """Return what answers reads of an account. Raises PlatformError."""

    # The past

    async def metrics(self, account: str) -> AccountMetrics:
        return await self._of(account).metrics(account)

    async def trades(
        self,
        account: str,
        *,
        days: int = 30,
        limit: int = 100,
        include_balance: bool = False,
        order: SortOrder = "desc",
    ) -> TradeHistory:
        return await self._of(account).trades(
            account, days=days, limit=limit, include_balance=include_balance, order=order
        )

    async def daily_growth(self, account: str, *, days: int = 30) -> DailyGrowth:
        return await self._of(account).daily_growth(account, days=days)

    async def symbol_stats(self, account: str, symbol: str) -> SymbolStats:
        return await self._of(account).symbol_stats(account, symbol)

    async def risk_status(self, account: str) -> RiskStatus:
        return await self._of(account).risk_status(account)

    async def report(
        self,
        account: str,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        days: int = 30,
        limit: int = 1000,
    ) -> AccountReport:
        return await self._of(account).report(account, begin=begin, end=end, days=days, limit=limit)

    async def open_trades(self, account: str) -> OpenTrades:
        return await self._of(account).open_trades(account)

    async def bars(
        self,
        account: str,
        symbol: str,
        timeframe: str = "1h",
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> BarList:
        return await self._of(account).bars(account, symbol, timeframe, begin=begin, end=end)

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
        read = self._of(account)
        return await read.ticks(
            account, symbol, kind=kind, begin=begin, end=end, limit=limit, order=order
        )

    # Records

    async def deals(self, account: str, wanted: Wanted) -> list[MetaApiDeal]:
        return await self._of(account).deals(account, wanted)

    async def past_orders(self, account: str, wanted: Wanted) -> list[MetaApiOrder]:
        return await self._of(account).past_orders(account, wanted)

    async def depth(self, account: str, symbol: str) -> MetaApiBook:
        return await self._of(account).depth(account, symbol)

    async def order_margin(self, account: str, question: MarginQuestion) -> MetaApiMargin:
        return await self._of(account).order_margin(account, question)
