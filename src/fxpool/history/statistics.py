"""What an account's trades came to: counts, sums and rates. Pure.

A ``Tally`` adds up trades exactly; ``metrics_of`` joins it with the balance curve. What cannot be
computed is None, never 0. Formulas: docs/statistics.md.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from fxpool.domain.trades import Side
from fxpool.history import ratios
from fxpool.history.curve import ZERO, BalanceCurve
from fxpool.history.series import ResultSeries
from fxpool.history.trades import Trade

MONTH_DAYS: Final = 30.4
YEAR_DAYS: Final = 365.0


@dataclass(slots=True)
class Tally:
    """Sums over trades. A trade without profit or loss counts as neither won nor lost.

    Attributes:
        gross_profit, gross_loss: what won trades brought and lost ones cost, positive both.
        best, worst: by net result; None without trades.
        volumes: closed volume in cents by symbol.
        duration, timed: the time that trades were open, and how many of them are in it.
    """

    trades: int = 0
    won: int = 0
    lost: int = 0
    long: int = 0
    long_won: int = 0
    short_won: int = 0
    gross_profit: Decimal = ZERO
    gross_loss: Decimal = ZERO
    commission: Decimal = ZERO
    swap: Decimal = ZERO
    best: Trade | None = None
    worst: Trade | None = None
    volumes: Counter[int] = field(default_factory=Counter)
    duration: timedelta = timedelta()
    timed: int = 0

    def add(self, trade: Trade) -> None:
        """Count a trade."""
        net, is_long = trade.net_profit, trade.side is Side.BUY
        self.trades += 1
        self.long += is_long
        if net > 0:
            self.won += 1
            self.long_won += is_long
            self.short_won += not is_long
            self.gross_profit += net
        elif net < 0:
            self.lost += 1
            self.gross_loss -= net
        self.commission += trade.commission
        self.swap += trade.swap
        if self.best is None or net > self.best.net_profit:
            self.best = trade
        if self.worst is None or net < self.worst.net_profit:
            self.worst = trade
        self.volumes[trade.symbol_id] += trade.volume_cents
        if trade.duration is not None:
            self.duration += trade.duration
            self.timed += 1

    def with_more(self, trades: Iterable[Trade]) -> Tally:
        """Return this tally and further trades; this one stays."""
        tally = copy.copy(self)
        tally.volumes = Counter(self.volumes)
        for trade in trades:
            tally.add(trade)
        return tally

    @property
    def short(self) -> int:
        return self.trades - self.long

    @property
    def profit(self) -> Decimal:
        """The net result of all trades."""
        return self.gross_profit - self.gross_loss

    @property
    def average_win(self) -> Decimal | None:
        return self.gross_profit / self.won if self.won else None

    @property
    def average_loss(self) -> Decimal | None:
        """Negative."""
        return -self.gross_loss / self.lost if self.lost else None

    @property
    def average_trade(self) -> Decimal | None:
        return self.profit / self.trades if self.trades else None

    @property
    def profit_factor(self) -> Decimal | None:
        return self.gross_profit / self.gross_loss if self.gross_loss else None

    @property
    def average_duration(self) -> timedelta | None:
        return self.duration / self.timed if self.timed else None


def share(part: int, whole: int) -> float | None:
    """Return a fraction, None of nothing."""
    return part / whole if whole else None


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ratios of the trades' returns and results, in the order in which the trades ended."""

    sharpe: float | None
    sortino: float | None
    kurtosis: float | None
    mean_return: float | None
    geometric_return: float | None
    profit_deviation: float | None
    z_score: float | None
    confidence_percent: float | None


def ratios_of(series: ResultSeries) -> Ratios:
    """Return the ratios of trades; those of returns are None if one trade had no capital."""
    profits, returns = series.profits, series.returns
    z = ratios.z_score(series.wins)
    return Ratios(
        sharpe=ratios.sharpe(returns),
        sortino=ratios.sortino(returns),
        kurtosis=ratios.excess_kurtosis(profits),
        mean_return=ratios.mean(returns),
        geometric_return=ratios.geometric_mean_return(returns),
        profit_deviation=ratios.deviation(profits),
        z_score=z,
        confidence_percent=ratios.confidence_percent(z),
    )


@dataclass(frozen=True, slots=True)
class Growth:
    """Rates of growth as fractions; None where they cannot be computed."""

    gain: float | None
    absolute_gain: float | None
    daily_gain: float | None
    monthly_gain: float | None
    cagr: float | None
    max_drawdown: float | None
    calmar: float | None
    recovery_factor: float | None


def growth_of(curve: BalanceCurve, profit: Decimal, at: datetime) -> Growth:
    """Return the rates at an instant; ``profit`` is that of trades and charges."""
    gain = None if curve.index is None or curve.began_at is None else curve.index - 1.0
    days = 0.0 if curve.began_at is None else (at - curve.began_at) / timedelta(days=1)
    daily = _compound(gain, days, 1.0)
    cagr = _compound(gain, days, YEAR_DAYS)
    drawdown = None if curve.index is None else curve.max_drawdown
    capital = curve.deposits + curve.initial
    return Growth(
        gain=gain,
        absolute_gain=float(profit / capital) if capital > 0 else None,
        daily_gain=daily,
        monthly_gain=_compound(gain, days, MONTH_DAYS),
        cagr=cagr,
        max_drawdown=drawdown,
        calmar=cagr / drawdown if cagr is not None and drawdown else None,
        recovery_factor=float(profit / curve.max_fall) if curve.max_fall else None,
    )


def _compound(gain: float | None, days: float, period: float) -> float | None:
    """Return a gain over ``days`` as a gain over ``period`` days; a younger account keeps it."""
    if gain is None or days <= period:
        return gain
    return float((1.0 + gain) ** (period / days)) - 1.0
