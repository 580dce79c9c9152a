"""The JSON shapes of an account's past: metrics, trades, growth, risk and bars.

As in ``formats``: ids are strings, volumes lots, times ISO 8601 UTC, money the account's currency.
Percentages are 0 to 100. None is JSON null and means that a value cannot be computed.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from fxpool.mapping.formats import GuardInfo, PositionInfo


class AccountMetrics(TypedDict):
    """What an account's trades came to since ``since``; formulas are in docs/statistics.md.

    ``proven`` says that the history leads without a break from the first entry to the balance that
    the broker tells now.
    """

    account_id: str
    currency: str
    balance: float
    equity: float
    margin: float
    freeMargin: float
    marginLevel: float | None
    trades: int
    wonTrades: int
    lostTrades: int
    winRate: float | None
    winRateFraction: float | None
    wonTradesPercent: float | None
    lostTradesPercent: float | None
    longTrades: int
    shortTrades: int
    longWonTrades: int
    shortWonTrades: int
    longWonTradesPercent: float | None
    shortWonTradesPercent: float | None
    profit: float
    loss: float
    grossProfit: float
    grossLoss: float
    charges: float
    profitFactor: float | None
    averageWin: float | None
    averageLoss: float | None
    averageTrade: float | None
    expectancy: float | None
    bestTrade: float | None
    bestTradeDate: str | None
    worstTrade: float | None
    worstTradeDate: str | None
    averageTradeLengthInMilliseconds: int | None
    lots: float | None
    highestBalance: float
    highestBalanceDate: str | None
    maxDrawdown: float
    maxDrawdownPercent: float | None
    sharpeRatio: float | None
    sortinoRatio: float | None
    calmarRatio: float | None
    mar: float | None
    recoveryFactor: float | None
    standardDeviationProfit: float | None
    kurtosisProfit: float | None
    averageHoldingPeriodReturn: float | None
    geometricHoldingPeriodReturn: float | None
    zScore: float | None
    probability: float | None
    deposits: float
    withdrawals: float
    gain: float | None
    absoluteGain: float | None
    dailyGain: float | None
    monthlyGain: float | None
    cagr: float | None
    totalCommission: float
    totalSwap: float
    since: str | None
    period_days: int
    inclusive: bool
    proven: bool


class TradeInfo(TypedDict):
    """What one deal closed, or with ``type`` DEAL_TYPE_BALANCE and its kin a cash operation.

    A cash operation has no symbol, volume or prices. ``type`` is the side of the position.
    ``reason`` is null while it is not known; ``volume`` and ``pips`` of a symbol that the broker
    does not list any more stay unknown.
    """

    id: str
    type: str
    profit: float
    swap: float
    commission: float
    netProfit: float
    time: str
    closeTime: str
    state: str
    comment: str
    clientId: str
    positionId: NotRequired[str]
    orderId: NotRequired[str]
    symbol: NotRequired[str]
    entryType: NotRequired[str]
    volume: NotRequired[float | None]
    executedVolume: NotRequired[float | None]
    openPrice: NotRequired[float]
    closePrice: NotRequired[float | None]
    price: NotRequired[float | None]
    openTime: NotRequired[str | None]
    pips: NotRequired[float | None]
    reason: NotRequired[str | None]


class TradeHistory(TypedDict):
    """Closed trades of the last ``period_days`` days; ``hasMore`` if ``limit`` cut some off."""

    account_id: str
    trades: list[TradeInfo]
    count: int
    period_days: int
    hasMore: bool
    order: str


class DayGrowth(TypedDict):
    """One UTC day. ``equity`` is that at its end, null where it was not recorded then."""

    date: str
    balance: float
    equity: float | None
    profit: float
    totalProfit: float
    gains: float | None
    totalGains: float | None
    lots: float | None
    trades: int
    deposits: float
    withdrawals: float
    drawdownPercentage: float | None
    drawdownProfit: float


class DailyGrowth(TypedDict):
    """Every day of a period, oldest first; the account's first day at the earliest."""

    account_id: str
    growth: list[DayGrowth]
    count: int
    period_days: int


class SymbolStats(TypedDict):
    """What trades on one symbol came to in the last ``period_days`` days."""

    account_id: str
    symbol: str
    trades: int
    wonTrades: int
    lostTrades: int
    winRate: float | None
    winRateFraction: float | None
    profit: float
    volume: float
    averageWin: float | None
    averageLoss: float | None
    profitFactor: float | None
    period_days: int


DrawdownSource = Literal["balance", "balance_and_equity"]
"""What a drawdown was seen on: closed trades only, or recorded equity too."""


class RiskStatus(TypedDict):
    """How far an account is below its peak and below the start of the UTC day.

    ``drawdownSource`` says whether recorded equity is in it, from ``equityRecordedSince`` on;
    ``dailyLossSource`` whether the day's start is the equity that was seen then, or the balance.
    ``guards`` are the account's loss limits: a tripped one is CRITICAL, an unknown one a WARNING.
    """

    account_id: str
    balance: float
    equity: float
    marginLevel: float | None
    open_positions: int
    daily_loss_percent: float
    max_daily_loss_percent: float | None
    current_drawdown_percent: float
    drawdown: float
    maxDrawdown: float
    risk_status: str
    riskLevel: str
    drawdownSource: NotRequired[DrawdownSource]
    dailyLossSource: NotRequired[Literal["balance", "equity"]]
    equityRecordedSince: NotRequired[str | None]
    guards: NotRequired[list[GuardInfo]]


class OpenTrades(TypedDict):
    """Open positions under the name that statistics use for them."""

    account_id: str
    open_trades: list[PositionInfo]
    count: int


class BarInfo(TypedDict):
    """A bar of bid prices; ``time`` is its opening in epoch milliseconds.

    ``repaired`` is there, and true, where the broker's high was below open or close.
    """

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: int
    repaired: NotRequired[bool]


class BarList(TypedDict):
    """Bars that open in a period, oldest first; a time without ticks has no bar."""

    account_id: str
    symbol: str
    timeframe: str
    bars: list[BarInfo]
    count: int


TickType = Literal["bid", "ask", "both"]


class TickInfo(TypedDict):
    """A change of one side of the price; ``time`` is in epoch milliseconds.

    It has ``bid`` or ``ask``, never both: the broker tells two series, and what the other side was
    at that moment is not made up.
    """

    time: int
    bid: NotRequired[float]
    ask: NotRequired[float]


class TickList(TypedDict):
    """Ticks of a period in the wanted order; ``hasMore`` says that ``limit`` left some out."""

    account_id: str
    symbol: str
    type: TickType
    ticks: list[TickInfo]
    count: int
    hasMore: bool
    order: str
