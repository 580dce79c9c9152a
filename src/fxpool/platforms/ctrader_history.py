"""What callers read of one cTrader account's past: metrics, trades, growth, risk and bars.

Asks the account's history and book and puts the answers into rows; the figures come from
``fxpool.history``. What is not known raises: NotReady with the progress while the past is being
read, never a zero.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal

from fxpool.clock import Clock
from fxpool.domain.bars import Bar
from fxpool.domain.equity import EquityMarks
from fxpool.domain.past import Span
from fxpool.errors import InvalidCall, NotReady
from fxpool.history import AccountRecord, HistoryKeeper, RecordedEquity
from fxpool.history.bars import Timeframe, joined_bars, source_begin, timeframe
from fxpool.history.beside import ratios_beside
from fxpool.history.curve import Day
from fxpool.history.record import start_of_days
from fxpool.history.statistics import growth_of, share
from fxpool.history.windows import INSTANT, windows
from fxpool.mapping.history_formats import (
    AccountMetrics,
    BarList,
    DailyGrowth,
    DayGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TradeHistory,
    TradeInfo,
)
from fxpool.mapping.instants import iso, iso_ms, ms_from_instant
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_report import CTraderReport
from fxpool.platforms.history_rows import (
    RATIO_DIGITS,
    average,
    bar_row,
    cash_row,
    day_row,
    equity_by_day,
    number,
    percent,
    quiet_day_row,
    ratio,
    trade_row,
)
from fxpool.platforms.past_symbols import PastSymbols, lots_of

READY_SECONDS: Final = 10.0
"""How long a call waits for a past that is being read."""

STATS_DAYS: Final = 90
"""The period of symbol statistics."""

MAX_WINDOWS: Final = 60
"""How many requests one call for bars may cost; at the broker's pace that is 15 seconds."""

DEFAULT_BARS_WINDOW: Final = timedelta(days=1)

MEDIUM_RISK: Final = 0.05
HIGH_RISK: Final = 0.10
_GRADE_OF: Final = {"ok": 0, "unknown": 1, "warning": 1, "tripped": 2}
_GRADES: Final = (("OK", "low"), ("WARNING", "medium"), ("CRITICAL", "high"))


class CTraderHistory:
    """The past of one account, as callers read it. All raise NotReady, and what reading raises."""

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
        self._symbols = PastSymbols(account, keeper)
        self._reports = CTraderReport(account, keeper, recorded, clock=clock)

    async def keep(self) -> None:
        """Keep the past true until cancelled."""
        await self._keeper.run()

    async def metrics(self, shown_id: str) -> AccountMetrics:
        """Return what all trades came to."""
        record = await self._keeper.ready(READY_SECONDS)
        now = self._account.information(shown_id)
        ratios = await ratios_beside(record)
        tally, curve, at = record.tally(), record.curve, self._clock.at()
        growth = growth_of(curve, tally.profit + curve.charges, at)
        symbols = await self._symbols.of(tally.volumes)
        won, lost = share(tally.won, tally.trades), share(tally.lost, tally.trades)
        best, worst = tally.best, tally.worst
        length = tally.average_duration
        return AccountMetrics(
            account_id=shown_id,
            currency=now["currency"],
            balance=now["balance"],
            equity=now["equity"],
            margin=now["margin"],
            freeMargin=now["freeMargin"],
            marginLevel=now["marginLevel"],
            trades=tally.trades,
            wonTrades=tally.won,
            lostTrades=tally.lost,
            winRate=percent(won),
            winRateFraction=ratio(won),
            wonTradesPercent=percent(won),
            lostTradesPercent=percent(lost),
            longTrades=tally.long,
            shortTrades=tally.short,
            longWonTrades=tally.long_won,
            shortWonTrades=tally.short_won,
            longWonTradesPercent=percent(share(tally.long_won, tally.long)),
            shortWonTradesPercent=percent(share(tally.short_won, tally.short)),
            profit=float(tally.profit),
            loss=float(tally.gross_loss),
            grossProfit=float(tally.gross_profit),
            grossLoss=float(tally.gross_loss),
            charges=float(curve.charges),
            profitFactor=ratio(tally.profit_factor),
            averageWin=average(tally.average_win),
            averageLoss=average(tally.average_loss),
            averageTrade=average(tally.average_trade),
            expectancy=average(tally.average_trade),
            bestTrade=None if best is None else float(best.net_profit),
            bestTradeDate=None if best is None else iso(best.closed_at),
            worstTrade=None if worst is None else float(worst.net_profit),
            worstTradeDate=None if worst is None else iso(worst.closed_at),
            averageTradeLengthInMilliseconds=(
                None if length is None else length // timedelta(milliseconds=1)
            ),
            lots=number(lots_of(tally.volumes, symbols)),
            highestBalance=now["balance"] if curve.balance is None else float(curve.highest),
            highestBalanceDate=None if curve.highest_at is None else iso(curve.highest_at),
            maxDrawdown=float(curve.max_fall),
            maxDrawdownPercent=percent(growth.max_drawdown),
            sharpeRatio=ratio(ratios.sharpe),
            sortinoRatio=ratio(ratios.sortino),
            calmarRatio=ratio(growth.calmar),
            mar=ratio(growth.calmar),
            recoveryFactor=ratio(growth.recovery_factor),
            standardDeviationProfit=ratio(ratios.profit_deviation),
            kurtosisProfit=ratio(ratios.kurtosis),
            averageHoldingPeriodReturn=percent(ratios.mean_return, RATIO_DIGITS),
            geometricHoldingPeriodReturn=percent(ratios.geometric_return, RATIO_DIGITS),
            zScore=ratio(ratios.z_score),
            probability=ratio(ratios.confidence_percent),
            deposits=float(curve.deposits),
            withdrawals=float(curve.withdrawals),
            gain=percent(growth.gain),
            absoluteGain=percent(growth.absolute_gain),
            dailyGain=percent(growth.daily_gain, RATIO_DIGITS),
            monthlyGain=percent(growth.monthly_gain),
            cagr=percent(growth.cagr),
            totalCommission=float(tally.commission),
            totalSwap=float(tally.swap),
            since=None if curve.began_at is None else iso(curve.began_at),
            period_days=0 if curve.began_at is None else (at - curve.began_at).days,
            inclusive=False,
            proven=record.leads_to(self._account.live.book.trader.balance),
        )

    async def trades(
        self, shown_id: str, *, days: int, limit: int, include_balance: bool, order: str
    ) -> TradeHistory:
        """Return the newest ``limit`` closed trades of the last days, newest first unless
        ``order`` is ``asc``. Raises InvalidCall."""
        _require_positive(days=days, limit=limit)
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
        """Return the last days, today the last, with those on which nothing changed."""
        _require_positive(days=days)
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
        won = share(tally.won, tally.trades)
        return SymbolStats(
            account_id=shown_id,
            symbol=match.mt_name,
            trades=tally.trades,
            wonTrades=tally.won,
            lostTrades=tally.lost,
            winRate=percent(won),
            winRateFraction=ratio(won),
            profit=float(tally.profit),
            volume=float(lots_of(tally.volumes, symbols) or 0),
            averageWin=average(tally.average_win),
            averageLoss=average(tally.average_loss),
            profitFactor=ratio(tally.profit_factor),
            period_days=STATS_DAYS,
        )

    async def risk_status(self, shown_id: str) -> RiskStatus:
        """Return the distance to the day's start and to the peak. Raises NotReady while they
        cannot be computed: an account without capital has no risk in percent."""
        record = await self._keeper.ready(READY_SECONDS)
        now, equity = self._account.information(shown_id), self._account.equity
        if equity is None:
            raise NotReady("the account's equity is not known yet", phase="live")
        self._recorded.sample()
        marks = self._recorded.marks
        loss, loss_source = _loss_of_day(record, marks, equity, self._clock.at())
        drawdown = record.curve.drawdown_at(equity)
        if loss is None or drawdown is None:
            raise NotReady("the account has no capital to compute its risk from", phase="live")
        largest = max(record.curve.max_drawdown, drawdown)
        if marks is not None:
            drawdown = max(drawdown, marks.drawdown or 0.0)
            largest = max(largest, drawdown, marks.max_drawdown)
        worst = max(loss, drawdown)
        guard = self._account.guard
        limits = None if guard is None else guard.listing(shown_id)
        grade = (worst >= MEDIUM_RISK) + (worst >= HIGH_RISK)
        status, level = _GRADES[max(grade, 0 if limits is None else _GRADE_OF[limits["state"]])]
        return RiskStatus(
            account_id=shown_id,
            balance=now["balance"],
            equity=now["equity"],
            marginLevel=now["marginLevel"],
            open_positions=now["openPositions"],
            daily_loss_percent=round(loss * 100.0, 2),
            max_daily_loss_percent=number(None if guard is None else guard.daily_limit_percent),
            current_drawdown_percent=round(drawdown * 100.0, 2),
            drawdown=round(drawdown * 100.0, 2),
            maxDrawdown=round(largest * 100.0, 2),
            risk_status=status,
            riskLevel=level,
            drawdownSource="balance" if marks is None else "balance_and_equity",
            dailyLossSource=loss_source,
            equityRecordedSince=_recorded_since(marks),
            guards=[] if limits is None else limits["guards"],
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
        _require_positive(days=days, limit=limit)
        return await self._reports.make(shown_id, begin, end, days=days, limit=limit)

    def open_trades(self, shown_id: str) -> OpenTrades:
        """Return the open positions."""
        rows = self._account.positions(shown_id)["positions"]
        return OpenTrades(account_id=shown_id, open_trades=rows, count=len(rows))

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
        span = Span(begin or end - DEFAULT_BARS_WINDOW, end)
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
        requests = list(windows([whole], wanted.window))
        if len(requests) > MAX_WINDOWS:
            longest = wanted.window * MAX_WINDOWS
            raise InvalidCall(
                f"from {iso(span.begin)} to {iso(span.end)} is too long for {wanted.name} bars: "
                f"ask for at most {longest.days} days at once"
            )
        reads = self._keeper.reads()
        found = [
            bar for window in requests for bar in await reads.bars(symbol_id, wanted.source, window)
        ]
        if wanted.length is None:
            return found
        return [bar for bar in joined_bars(found, wanted.length) if bar.opened_at >= span.begin]

    async def _days(self, record: AccountRecord, days: int) -> list[DayGrowth]:
        at = self._clock.at()
        when, today = start_of_days(at, days).date(), at.date()
        known = record.curve.days
        volumes = {symbol_id for day in known if day.date >= when for symbol_id in day.volumes}
        symbols = await self._symbols.of(volumes)
        by_date = {day.date: day for day in known if day.date >= when}
        last = next((day for day in reversed(known) if day.date < when), None)
        equity = equity_by_day(await self._recorded.buckets(since_ms=_start_ms(when)), at)
        rows: list[DayGrowth] = []
        while when <= today:
            day = by_date.get(when)
            if day is not None:
                last = day
                rows.append(day_row(day, lots_of(day.volumes, symbols), equity.get(when)))
            elif last is not None:
                rows.append(quiet_day_row(when, last, equity.get(when)))
            when += timedelta(days=1)
        return rows or [self._only_day(at, equity.get(today))]

    def _only_day(self, at: datetime, equity: float | None) -> DayGrowth:
        """Return today for an account whose balance never changed."""
        balance = self._account.live.book.trader.balance
        only = Day(at.date(), balance, 1.0, balance, index=1.0)
        return quiet_day_row(at.date(), only, equity)


def _loss_of_day(
    record: AccountRecord, marks: EquityMarks | None, equity: Decimal, at: datetime
) -> tuple[float | None, Literal["balance", "equity"]]:
    """Return the loss since the start of the UTC day as a fraction, and what the start is of."""
    if marks is None or not marks.knows_day_start or not marks.is_of_day(ms_from_instant(at)):
        return record.loss_today(equity, at.date()), "balance"
    if marks.day_start <= 0:
        return None, "equity"
    return max(0.0, (marks.day_start - marks.last) / marks.day_start), "equity"


def _recorded_since(marks: EquityMarks | None) -> str | None:
    return None if marks is None or marks.began_ms is None else iso_ms(marks.began_ms)


def _start_ms(day: date) -> int:
    return ms_from_instant(datetime.combine(day, time(), UTC))


def _require_positive(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise InvalidCall(f"{name}: {count} is not 1 or more")
