"""The results of trades as numbers, in the order in which the trades ended. Pure.

It grows with each trade, so that a question about a long past converts nothing again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fxpool.history.ratios import Values
from fxpool.history.trades import Trade


class ResultSeries:
    """Results, returns, and which of them were wins."""

    def __init__(self) -> None:
        self._profits = array("d")
        self._returns = array("d")
        self._wins = bytearray()

    @classmethod
    def of(cls, trades: Iterable[Trade]) -> Self:
        """Return the series of trades."""
        series = cls()
        for trade in trades:
            series.add(trade)
        return series

    def add(self, trade: Trade) -> None:
        """Take the trade that ended last."""
        self._profits.append(float(trade.net_profit))
        self._wins.append(trade.net_profit > 0)
        if (rate := trade.return_) is not None:
            self._returns.append(rate)

    def with_more(self, trades: Iterable[Trade]) -> ResultSeries:
        """Return this series and further trades; this one stays."""
        longer = ResultSeries()
        longer._profits, longer._returns = self._profits[:], self._returns[:]
        longer._wins = self._wins[:]
        for trade in trades:
            longer.add(trade)
        return longer

    @property
    def profits(self) -> Values:
        """Net results in the account's currency."""
        return np.array(self._profits)

    @property
    def returns(self) -> Values:
        """Net results as fractions of the capital; empty if one trade had none."""
        is_whole = len(self._returns) == len(self._profits)
        return np.array(self._returns if is_whole else array("d"))

    @property
    def wins(self) -> NDArray[np.bool_]:
        return np.array(self._wins, dtype=np.bool_)
