"""Ratios of a series of returns. Pure; floats, since ratios are not money.

``numpy`` does the arithmetic. None means that the ratio cannot be computed: too few values, or
nothing to divide by. Formulas: docs/statistics.md.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]


def mean(values: Values) -> float | None:
    """Return the arithmetic mean, None of nothing."""
    return float(values.mean()) if values.size else None


def deviation(values: Values) -> float | None:
    """Return the sample standard deviation (n - 1), None of fewer than two values."""
    if values.size < 2:
        return None
    return 0.0 if _is_flat(values) else float(values.std(ddof=1))


def sharpe(returns: Values) -> float | None:
    """Return mean over standard deviation, risk-free rate 0, per trade and not annualised."""
    return _over(mean(returns), deviation(returns))


def sortino(returns: Values) -> float | None:
    """Return the mean over the root of the mean square of the losses; gains count as 0 there."""
    if returns.size < 2:
        return None
    downside = math.sqrt(float(np.square(np.minimum(returns, 0.0)).mean()))
    return _over(mean(returns), downside)


def excess_kurtosis(values: Values) -> float | None:
    """Return the fourth standardised moment less 3, None without any spread."""
    if values.size < 2 or _is_flat(values):
        return None
    squares = np.square(values - values.mean())
    ratio = _over(float(np.square(squares).mean()), float(squares.mean()) ** 2)
    return None if ratio is None else ratio - 3.0


def geometric_mean_return(returns: Values) -> float | None:
    """Return the rate that compounds to the same; None of nothing or where all was lost once."""
    if not returns.size or float(returns.min()) <= -1.0:
        return None
    return math.expm1(float(np.log1p(returns).mean()))


def z_score(wins: NDArray[np.bool_]) -> float | None:
    """Return how far the number of runs of wins and losses is from chance, in deviations."""
    count, won = wins.size, int(np.count_nonzero(wins))
    product = 2.0 * won * (count - won)
    if count < 2 or product == 0.0 or product <= count:
        return None
    runs = 1 + int(np.count_nonzero(wins[1:] != wins[:-1]))
    spread = math.sqrt(product * (product - count) / (count - 1))
    return (count * (runs - 0.5) - product) / spread


def confidence_percent(z: float | None) -> float | None:
    """Return the two-sided confidence of a z-score in percent."""
    return None if z is None else math.erf(abs(z) / math.sqrt(2.0)) * 100.0


def _is_flat(values: Values) -> bool:
    """Whether all values are equal: the rounding of their mean is no spread."""
    return float(values.min()) == float(values.max())


def _over(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None
