"""The JSON shapes of MetaApi's statistics (MetaStats), as our gateway answers them.

As in ``metaapi_formats`` a value that is not known is a missing key; all times are broker times,
and gains and percentages are in percent. Lists and fields of MetaStats that are not here are not
served (docs/metaapi.md).

Source: MetaApi documentation, models of the MetaStats API.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class MetaStatsDay(TypedDict):
    """One day on which something was closed, paid in or paid out."""

    date: str
    balance: float
    profit: float
    totalProfit: float
    lots: NotRequired[float]
    gains: NotRequired[float]
    totalGains: NotRequired[float]
    drawdownPercentage: NotRequired[float]
    drawdownProfit: float


class MetaStatsMetrics(TypedDict):
    """What all closed trades came to. The statistical ones are there from 30 trades up."""

    balance: float
    equity: float
    margin: float
    freeMargin: float
    deposits: float
    withdrawals: float
    profit: float
    trades: int
    wonTrades: int
    lostTrades: int
    longTrades: int
    shortTrades: int
    longWonTrades: int
    shortWonTrades: int
    highestBalance: float
    commissions: float
    interest: float
    dailyGrowth: list[MetaStatsDay]
    inclusive: NotRequired[bool]
    marginLevel: NotRequired[float]
    equityPercent: NotRequired[float]
    highestBalanceDate: NotRequired[str]
    absoluteGain: NotRequired[float]
    gain: NotRequired[float]
    dailyGain: NotRequired[float]
    monthlyGain: NotRequired[float]
    cagr: NotRequired[float]
    maxDrawdown: NotRequired[float]
    mar: NotRequired[float]
    wonTradesPercent: NotRequired[float]
    lostTradesPercent: NotRequired[float]
    longWonTradesPercent: NotRequired[float]
    shortWonTradesPercent: NotRequired[float]
    bestTrade: NotRequired[float]
    bestTradeDate: NotRequired[str]
    worstTrade: NotRequired[float]
    worstTradeDate: NotRequired[str]
    averageWin: NotRequired[float]
    averageLoss: NotRequired[float]
    expectancy: NotRequired[float]
    profitFactor: NotRequired[float]
    averageTradeLengthInMilliseconds: NotRequired[int]
    lots: NotRequired[float]
    sharpeRatio: NotRequired[float]
    sortinoRatio: NotRequired[float]
    standardDeviationProfit: NotRequired[float]
    kurtosisProfit: NotRequired[float]
    averageHoldingPeriodReturn: NotRequired[float]
    geometricHoldingPeriodReturn: NotRequired[float]
    zScore: NotRequired[float]
    probability: NotRequired[float]


class MetaStatsMetricsAnswer(TypedDict):
    """``metrics``."""

    metrics: MetaStatsMetrics


class MetaStatsTrade(TypedDict):
    """A position of which something was closed, all its parts together, or a cash operation: that
    one has no symbol and no prices. ``profit`` is net of swap and commission."""

    _id: str
    accountId: str
    type: str
    volume: float
    openTime: str
    closeTime: str
    profit: float
    success: str
    durationInMinutes: int
    positionId: NotRequired[str]
    symbol: NotRequired[str]
    openPrice: NotRequired[float]
    closePrice: NotRequired[float]
    gain: NotRequired[float]
    pips: NotRequired[float]
    comment: NotRequired[str]


class MetaStatsTradesAnswer(TypedDict):
    """``historical-trades``."""

    trades: list[MetaStatsTrade]


class MetaStatsOpenTrade(TypedDict):
    """An open position. ``profit`` is net of swap and commission."""

    _id: str
    accountId: str
    positionId: str
    type: str
    symbol: str
    volume: float
    openTime: str
    openPrice: float
    profit: float
    success: str
    durationInMinutes: int
    gain: NotRequired[float]
    comment: NotRequired[str]


class MetaStatsOpenTradesAnswer(TypedDict):
    """``open-trades``."""

    openTrades: list[MetaStatsOpenTrade]
