"""The calls about the past, over another pool's HTTP API: a table of routes and no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import TypeVar

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
from fxpool.mapping.instants import iso
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.past import SortOrder
from fxpool.platforms.path_parts import path_part

T = TypeVar("T")


class RemotePast(ABC):
    """Implements ``platforms.past.PastReads`` with the ``_get`` of the platform it is part of."""

    @abstractmethod
    async def _get(self, path: str, shape: type[T], **query: str | None) -> T:
        """Return the answer of a read. Raises PlatformError."""

    async def metrics(self, account: str) -> AccountMetrics:
        return await self._get(_path(account, "metrics"), AccountMetrics)

    async def trades(
        self,
        account: str,
        *,
        days: int = 30,
        limit: int = 100,
        include_balance: bool = False,
        order: SortOrder = "desc",
    ) -> TradeHistory:
        return await self._get(
            _path(account, "trades"),
            TradeHistory,
            days=str(days),
            limit=str(limit),
            includeBalance="true" if include_balance else None,
            order=order,
        )

    async def daily_growth(self, account: str, *, days: int = 30) -> DailyGrowth:
        return await self._get(_path(account, "daily-growth"), DailyGrowth, days=str(days))

    async def symbol_stats(self, account: str, symbol: str) -> SymbolStats:
        return await self._get(_path(account, "symbol-stats", symbol), SymbolStats)

    async def risk_status(self, account: str) -> RiskStatus:
        return await self._get(_path(account, "risk-status"), RiskStatus)

    async def open_trades(self, account: str) -> OpenTrades:
        return await self._get(_path(account, "open-trades"), OpenTrades)

    async def report(
        self,
        account: str,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        days: int = 30,
        limit: int = 1000,
    ) -> AccountReport:
        query = {
            "format": "json",
            "from": None if begin is None else iso(begin),
            "to": None if end is None else iso(end),
            "days": str(days),
            "limit": str(limit),
        }
        return await self._get(_path(account, "report"), AccountReport, **query)

    async def bars(
        self,
        account: str,
        symbol: str,
        timeframe: str = "1h",
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> BarList:
        query = {
            "timeframe": timeframe,
            "from": None if begin is None else iso(begin),
            "to": None if end is None else iso(end),
        }
        return await self._get(_path(account, "bars", symbol), BarList, **query)

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
        query = {
            "type": kind,
            "from": None if begin is None else iso(begin),
            "to": None if end is None else iso(end),
            "limit": str(limit),
            "order": order,
        }
        return await self._get(_path(account, "ticks", symbol), TickList, **query)


def _path(account: str, *parts: str) -> str:
    return "/accounts/" + "/".join(path_part(part) for part in (account, *parts))
