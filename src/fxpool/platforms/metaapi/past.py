"""What callers read of one polled account's past: metrics, trades, growth, risk and bars.

The figures are computed from all deals that MetaApi tells, by the formulas of all platforms; they
are read anew when the balance has changed. What a way does not tell is refused, never a zero.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from fxpool.clock import Clock
from fxpool.errors import InvalidCall
from fxpool.history import ClosedPart
from fxpool.history.bars import timeframe as parse_timeframe
from fxpool.mapping.history_formats import (
    AccountMetrics,
    BarInfo,
    BarList,
    DailyGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TickList,
    TickType,
    TradeHistory,
    TradeInfo,
)
from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.base import PlatformError
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.ledger import Ledger, ledger_of, lots
from fxpool.platforms.metaapi.model import Candle, Deal
from fxpool.platforms.metaapi.orders import not_supported
from fxpool.platforms.past import SortOrder
from fxpool.platforms.past_answers import (
    STATS_DAYS,
    days_of,
    metrics_of,
    require_positive,
    risk_of,
    symbol_stats_of,
)

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
            lots=_all_lots(ledger.record.tally().volumes.values()),
            at=self._clock.at(),
            proven=ledger.is_whole,
        )

    async def trades(
        self, shown_id: str, *, days: int, limit: int, include_balance: bool, order: str
    ) -> TradeHistory:
        """Return the newest ``limit`` closed trades of the last days."""
        require_positive(days=days, limit=limit)
        ledger = await self._ledger()
        since = self._clock.at() - timedelta(days=days)
        parts = ledger.record.parts_since(since)
        rows = [(p.closed_at, _part_row(p, ledger)) for p in parts[-limit:]]
        found = len(parts)
        if include_balance:
            cash = [
                deal
                for deal in ledger.deals.values()
                if deal.type not in _TRADES and deal.time >= since
            ]
            found += len(cash)
            rows += [(deal.time, _cash_row(deal)) for deal in cash]
            rows.sort(key=lambda row: row[0])
        shown = [row for _, row in rows[-limit:]]
        if order == "desc":
            shown.reverse()
        return TradeHistory(
            account_id=shown_id,
            trades=shown,
            count=len(shown),
            period_days=days,
            hasMore=found > len(shown),
            order=order,
        )

    async def daily_growth(self, shown_id: str, *, days: int) -> DailyGrowth:
        """Return the last days, today the last."""
        require_positive(days=days)
        ledger = await self._ledger()
        reading = await self._account.current()
        rows = days_of(
            ledger.record,
            self._clock.at(),
            days,
            lots_of=lambda day: _all_lots(day.volumes.values()),
            balance=reading.information.balance,
        )
        return DailyGrowth(account_id=shown_id, growth=rows, count=len(rows), period_days=days)

    async def symbol_stats(self, shown_id: str, symbol: str) -> SymbolStats:
        """Return what trades on a symbol came to in the last 90 days. Raises SymbolNotFound."""
        await self._account.specification(symbol)
        ledger = await self._ledger()
        since = self._clock.at() - timedelta(days=STATS_DAYS)
        tally = ledger.record.tally_of(ledger.symbols.get(symbol, 0), since)
        return symbol_stats_of(shown_id, symbol, tally, _all_lots(tally.volumes.values()))

    async def risk_status(self, shown_id: str) -> RiskStatus:
        """Return the distance to the day's start and to the peak."""
        ledger = await self._ledger()
        reading = await self._account.current()
        now = self._account.row(reading, shown_id)
        return risk_of(ledger.record, now, reading.information.equity, self._clock.at())

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
        rows = [_bar_row(candle) for candle in candles]
        return BarList(
            account_id=shown_id, symbol=symbol, timeframe=wanted, bars=rows, count=len(rows)
        )

    async def _ledger(self) -> Ledger:
        if not self._account.way.offers.history:
            raise not_supported("the past of accounts by this way to MetaTrader")
        reading = await self._account.current()
        balance, now = reading.information.balance, self._clock.now()
        if self._kept is not None:
            kept_balance, kept_at, ledger = self._kept
            if kept_balance == balance and now - kept_at < KEPT_SECONDS:
                return ledger
        end = self._clock.at() + AHEAD
        deals = await self._account.way.deals(self._account.key, BEGINNING, end)
        ledger = ledger_of(deals, balance)
        self._kept = (balance, now, ledger)
        return ledger


class MetaApiPastCalls(ABC):
    """Implements ``platforms.past.PastReads``; ``_past`` finds the account that a name means."""

    @abstractmethod
    def _past(self, account: str) -> AbstractAsyncContextManager[MetaApiPast]:
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

    async def report(
        self,
        account: str,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        days: int = 30,
        limit: int = 1000,
    ) -> AccountReport:
        """Refuse: reports are made of what is recorded while an account is live, which polled
        accounts are not. Raises PlatformError."""
        raise PlatformError(
            501, "NOT_SUPPORTED", "not supported: reports of MetaTrader accounts; ask for metrics"
        )

    async def open_trades(self, account: str) -> OpenTrades:
        async with self._past(account) as past:
            return await past.open_trades(account)

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
        """Refuse: MetaApi tells ticks of MetaTrader itself. Raises PlatformError."""
        raise PlatformError(
            501, "NOT_SUPPORTED", "not supported: ticks of the past on MetaTrader accounts"
        )


def _part_row(part: ClosedPart, ledger: Ledger) -> TradeInfo:
    """Return what a deal closed. Comment and id are those of the deal that opened it."""
    deal = ledger.deals[part.deal_id]
    opening = ledger.openings.get(part.position_id, deal)
    closed_at, volume = iso(part.closed_at), float(lots(part.volume_cents))
    return TradeInfo(
        id=str(part.deal_id),
        positionId=str(part.position_id),
        orderId=str(part.order_id),
        symbol=deal.symbol,
        type="DEAL_TYPE_SELL" if deal.type == "DEAL_TYPE_BUY" else "DEAL_TYPE_BUY",
        entryType="DEAL_ENTRY_OUT",
        volume=volume,
        executedVolume=volume,
        openPrice=float(part.open_price),
        closePrice=shapes.number(part.close_price),
        price=shapes.number(part.close_price),
        openTime=None if part.opened_at is None else iso(part.opened_at),
        closeTime=closed_at,
        time=closed_at,
        profit=float(part.profit),
        swap=float(part.swap),
        commission=float(part.commission),
        netProfit=float(part.net_profit),
        pips=None,
        reason=shapes.close_reason(deal),
        comment=opening.comment,
        clientId=opening.client_id,
        state="CLOSED",
    )


def _cash_row(deal: Deal) -> TradeInfo:
    at = iso(deal.time)
    return TradeInfo(
        id=str(deal.id),
        type=deal.type,
        profit=float(deal.profit),
        swap=float(deal.swap),
        commission=float(deal.commission),
        netProfit=float(deal.net_profit),
        time=at,
        closeTime=at,
        comment=deal.comment,
        clientId=deal.client_id,
        state="CLOSED",
    )


def _bar_row(candle: Candle) -> BarInfo:
    return BarInfo(
        time=ms_from_instant(candle.time),
        open=float(candle.open),
        high=float(candle.high),
        low=float(candle.low),
        close=float(candle.close),
        volume=int(candle.tick_volume),
    )


def _all_lots(volumes: Iterable[int]) -> Decimal:
    return sum(map(lots, volumes), Decimal(0))
