"""The calls about an account's past, as every platform offers them; part of ``base.Platform``."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

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

SortOrder = Literal["desc", "asc"]

MAX_TICKS: Final = 10_000
"""The most ticks of one answer."""

MAX_TICKS_SPAN: Final = timedelta(days=366)
"""The longest period in which one call looks for ticks."""


class PastReads(Protocol):
    """What trades came to. All raise PlatformError while the past is not known: never a zero."""

    async def metrics(self, account: str) -> AccountMetrics:
        """Return sums, rates and ratios over all trades."""
        ...

    async def trades(
        self,
        account: str,
        *,
        days: int = 30,
        limit: int = 100,
        include_balance: bool = False,
        order: SortOrder = "desc",
    ) -> TradeHistory:
        """Return the newest ``limit`` closed trades of the last days."""
        ...

    async def daily_growth(self, account: str, *, days: int = 30) -> DailyGrowth:
        """Return the last UTC days, oldest first."""
        ...

    async def symbol_stats(self, account: str, symbol: str) -> SymbolStats: ...

    async def risk_status(self, account: str) -> RiskStatus: ...

    async def open_trades(self, account: str) -> OpenTrades: ...

    async def report(
        self,
        account: str,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        days: int = 30,
        limit: int = 1000,
    ) -> AccountReport:
        """Return what an account did from ``begin`` up to ``end`` (now), or in the last UTC days,
        with the newest ``limit`` closings."""
        ...

    async def bars(
        self,
        account: str,
        symbol: str,
        timeframe: str = "1h",
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> BarList:
        """Return the bars that open from ``begin`` up to, not including, ``end``."""
        ...

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
        """Return the newest ``limit`` ticks from ``begin`` (a day before) up to, not including,
        ``end`` (now), newest first; with ``order`` ``asc`` the oldest ones, oldest first."""
        ...
