"""Ratios of a series of returns. Pure; floats, since ratios are not money.

Each takes the whole series and sums it exactly (``math.fsum``), so that a result does not depend
on how it was gathered. None means that the ratio cannot be computed: too few values, or nothing to
divide by. Formulas: docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise


def mean(values: Sequence[float]) -> float | None:
    """Return the arithmetic mean, None of nothing."""
    return math.fsum(values) / len(values) if values else None


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (n - 1), None of fewer than two values."""
    if len(values) < 2:
        return None
    centre = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - centre) ** 2 for v in values) / (len(values) - 1))


def sharpe(returns: Sequence[float]) -> float | None:
    """Return mean over standard deviation, risk-free rate 0, per trade and not annualised."""
    return _over(mean(returns), deviation(returns))


def sortino(returns: Sequence[float]) -> float | None:
    """Return the mean over the root of the mean square of the losses; gains count as 0 there."""
    if len(returns) < 2:
        return None
    downside = math.sqrt(math.fsum(min(0.0, r) ** 2 for r in returns) / len(returns))
    return _over(mean(returns), downside)


def excess_kurtosis(values: Sequence[float]) -> float | None:
    """Return the fourth standardised moment less 3, None without any spread."""
    if len(values) < 2:
        return None
    centre = math.fsum(values) / len(values)
    second = math.fsum((v - centre) ** 2 for v in values) / len(values)
    fourth = math.fsum((v - centre) ** 4 for v in values) / len(values)
    ratio = _over(fourth, second**2)
    return None if ratio is None else ratio - 3.0


def geometric_mean(factors: Sequence[float]) -> float | None:
    """Return the n-th root of the product; None of nothing or where a factor is not positive."""
    if not factors or min(factors) <= 0.0:
        return None
    return math.exp(math.fsum(map(math.log, factors)) / len(factors))


def z_score(wins: Iterable[bool]) -> float | None:
    """Return how far the number of runs of wins and losses is from chance, in deviations."""
    outcomes = list(wins)
    count = len(outcomes)
    won = sum(outcomes)
    product = 2.0 * won * (count - won)
    if count < 2 or product == 0.0 or product <= count:
        return None
    runs = 1 + sum(a != b for a, b in pairwise(outcomes))
    spread = math.sqrt(product * (product - count) / (count - 1))
    return (count * (runs - 0.5) - product) / spread


def confidence_percent(z: float | None) -> float | None:
    """Return the two-sided confidence of a z-score in percent."""
    return None if z is None else math.erf(abs(z) / math.sqrt(2.0)) * 100.0


def _over(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None
