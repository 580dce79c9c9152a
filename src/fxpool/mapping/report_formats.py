"""The JSON shape of an account's report. Formulas: docs/statistics.md."""

from __future__ import annotations

from typing import TypedDict

from fxpool.mapping.history_formats import DrawdownSource, TradeInfo


class ReportAccount(TypedDict):
    """Whose report it is. ``moneyDigits`` is how many decimals its money has."""

    account_id: str
    name: str
    platform: str
    broker: str
    login: str
    currency: str
    moneyDigits: int
    environment: str
    simulated: bool
    readOnly: bool


class ReportSummary(TypedDict):
    """What the period came to. ``equity`` is the account's now, if the period ends now.

    ``closings`` are closing deals, ``trades`` the positions that they belong to.
    """

    openingBalance: float
    closingBalance: float
    equity: float | None
    profit: float
    charges: float
    deposits: float
    withdrawals: float
    commission: float
    swap: float
    closings: int
    trades: int
    wonTrades: int
    lostTrades: int
    winRate: float | None
    grossProfit: float
    grossLoss: float
    profitFactor: float | None
    expectancy: float | None
    averageWin: float | None
    averageLoss: float | None
    bestTrade: float | None
    worstTrade: float | None
    averageTradeLengthInMilliseconds: int | None
    lots: float | None
    gain: float | None
    sharpeRatio: float | None
    sortinoRatio: float | None
    recoveryFactor: float | None
    maxDrawdown: float
    maxDrawdownPercent: float | None
    drawdownSource: DrawdownSource


class MoneyPoint(TypedDict):
    """A point of a curve of money."""

    time: str
    value: float


class DrawdownPoint(TypedDict):
    """How far below the peak, in percent of it."""

    time: str
    percent: float


class Stretch(TypedDict):
    """From when to when."""

    begin: str
    end: str


class EquityRecording(TypedDict):
    """How much of the period equity was recorded in; ``gaps`` are the longest, oldest first."""

    percent: float
    gapCount: int
    gaps: list[Stretch]


class DayResult(TypedDict):
    """A UTC day on which the balance changed; ``equity`` at its end, null if not recorded."""

    date: str
    profit: float
    closings: int
    gain: float | None
    balance: float
    equity: float | None


class MonthResult(TypedDict):
    """A UTC month on which the balance changed, as YYYY-MM."""

    month: str
    profit: float
    closings: int
    gain: float | None


class SplitResult(TypedDict):
    """What the closings of one symbol, weekday or UTC hour came to."""

    name: str
    closings: int
    won: int
    lost: int
    profit: float
    lots: float | None


class CashRow(TypedDict):
    """A deposit, withdrawal or charge, with the broker's word for it."""

    id: str
    time: str
    amount: float
    balance: float
    operation: str
    isTransfer: bool


class AccountReport(TypedDict):
    """What an account did in a period; ``to`` is not in it.

    Curves are condensed, extremes stay. ``closings`` holds the newest first and is cut off where
    ``summary.closings`` is more; ``notes`` says in words what is not known or left out.
    """

    account: ReportAccount
    generatedAt: str
    periodBegin: str
    periodEnd: str
    summary: ReportSummary
    balanceCurve: list[MoneyPoint]
    equityCurve: list[MoneyPoint]
    drawdownCurve: list[DrawdownPoint]
    equityRecording: EquityRecording
    days: list[DayResult]
    months: list[MonthResult]
    bySymbol: list[SplitResult]
    byWeekday: list[SplitResult]
    byHour: list[SplitResult]
    cashFlows: list[CashRow]
    cashFlowCount: int
    closings: list[TradeInfo]
    symbolDigits: dict[str, int]
    proven: bool
    notes: list[str]
