"""The balance over time: growth, falls from the peak, and the same by UTC day. Pure.

Money is Decimal and exact. Growth is time-weighted: an index that starts at 1 and is multiplied by
``balance after / balance before`` at each result, so that deposits and withdrawals do not count as
gain or loss. It is a float, since it is a ratio; it is None from the moment on at which there was a
result without a capital.

Formulas: docs/statistics.md.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Day:
    """One UTC day on which the balance changed.

    Attributes:
        opening, balance: the balance at the day's start and at its end.
        profit: of trades and charges; ``deposits`` and ``withdrawals`` are positive both.
        total_profit: the profit of all days up to this one.
        opening_index, index: the growth index at the day's start and at its end.
        fall, max_fall: the fall from the running peak at the day's end, and the largest that was
            seen during the day, in money.
        drawdown: the same at the day's end as a fraction of the growth index's peak.
        trades: trades that ended on this day. ``volumes``: closed volume in cents by symbol.
    """

    date: date
    opening: Decimal
    opening_index: float | None
    balance: Decimal = ZERO
    profit: Decimal = ZERO
    total_profit: Decimal = ZERO
    deposits: Decimal = ZERO
    withdrawals: Decimal = ZERO
    index: float | None = None
    fall: Decimal = ZERO
    max_fall: Decimal = ZERO
    drawdown: float | None = None
    trades: int = 0
    volumes: Counter[int] = field(default_factory=Counter)

    @property
    def gain(self) -> float | None:
        """The day's growth as a fraction, None where it cannot be computed."""
        if self.index is None or not self.opening_index:
            return None
        return self.index / self.opening_index - 1.0


class BalanceCurve:
    """Takes all changes of a balance, in order of time.

    Attributes:
        began_at: when the first change was, None before it.
        initial: the balance before the first change: 0 where the history is whole.
        balance: after the last change, None before the first one.
        deposits, withdrawals: sums, positive both. ``charges``: the signed sum of cash operations
            that are neither.
        highest, highest_at: the largest balance and when it was reached first.
        max_fall: the largest fall from a peak in money; deposits and withdrawals move the peak.
        index: the growth index, None where it cannot be computed; ``max_drawdown`` is its largest
            fall as a fraction of its peak.
        breaks: how often a change did not begin at the balance that the one before it ended with.
        days: the days with changes, oldest first.
    """

    def __init__(self) -> None:
        self.began_at: datetime | None = None
        self.initial = ZERO
        self.balance: Decimal | None = None
        self.deposits = ZERO
        self.withdrawals = ZERO
        self.charges = ZERO
        self.highest = ZERO
        self.highest_at: datetime | None = None
        self.max_fall = ZERO
        self.index: float | None = 1.0
        self.max_drawdown = 0.0
        self.breaks = 0
        self.days: list[Day] = []
        self._profit = ZERO
        self._peak = ZERO
        self._index_peak = 1.0

    def transfer(self, at: datetime, amount: Decimal, balance: Decimal) -> None:
        """Take a deposit, or a withdrawal where ``amount`` is negative."""
        day = self._begin(at, amount, balance)
        if amount >= 0:
            self.deposits += amount
            day.deposits += amount
        else:
            self.withdrawals -= amount
            day.withdrawals -= amount
        self._peak += amount
        self._end(day, at, balance)

    def charge(self, at: datetime, amount: Decimal, balance: Decimal) -> None:
        """Take a fee, a rebate or another result without a trade."""
        self.charges += amount
        self.result(at, amount, balance)

    def result(self, at: datetime, amount: Decimal, balance: Decimal) -> Day:
        """Take a result of trading; return its day."""
        day = self._begin(at, amount, balance)
        self._profit += amount
        day.profit += amount
        self._grow(balance - amount, balance)
        self._end(day, at, balance)
        return day

    def lose_growth(self) -> None:
        """Say that growth is not known from here on."""
        self.index = None
        if self.days:
            self.days[-1].index = self.days[-1].drawdown = None

    def day(self, day: date) -> Day | None:
        """Return a day, None if nothing changed on it."""
        place = bisect_left(self.days, day, key=lambda each: each.date)
        found = self.days[place] if place < len(self.days) else None
        return found if found is not None and found.date == day else None

    def drawdown_at(self, equity: Decimal) -> float | None:
        """Return how far the account would be below its peak as a fraction, were it closed at
        ``equity``; None where growth cannot be computed."""
        if self.index is None:
            return None
        if self.balance is None or self.balance <= 0:
            return self._fall_of(self.index)
        now = self.index * max(0.0, float(equity / self.balance))
        return self._fall_of(now)

    def _begin(self, at: datetime, amount: Decimal, balance: Decimal) -> Day:
        before = balance - amount
        if self.balance is None:
            self.began_at, self.initial, self._peak = at, before, before
        elif self.balance != before:
            self.breaks += 1
        when = at.astimezone(UTC).date()
        if not self.days or self.days[-1].date != when:
            self.days.append(Day(when, before, self.index))
        return self.days[-1]

    def _end(self, day: Day, at: datetime, balance: Decimal) -> None:
        self.balance = balance
        if self.highest_at is None or balance > self.highest:
            self.highest, self.highest_at = balance, at
        self._peak = max(self._peak, balance)
        fall = self._peak - balance
        self.max_fall = max(self.max_fall, fall)
        day.balance, day.index, day.total_profit = balance, self.index, self._profit
        day.fall, day.max_fall = fall, max(day.max_fall, fall)
        day.drawdown = None if self.index is None else self._fall_of(self.index)

    def _grow(self, before: Decimal, after: Decimal) -> None:
        if self.index is None or self.index == 0.0:
            return
        if before <= 0:
            self.index = None
            return
        self.index *= max(0.0, float(after / before))
        self._index_peak = max(self._index_peak, self.index)
        self.max_drawdown = max(self.max_drawdown, self._fall_of(self.index))

    def _fall_of(self, index: float) -> float:
        return max(0.0, 1.0 - index / self._index_peak)
