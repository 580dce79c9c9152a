"""Equity over time: what is kept of it, and the marks that limits and drawdowns count from. Pure.

Amounts are integers in the account's smallest money unit, ``10 ** -digits``; times are epoch
milliseconds UTC. A *move* is what changed the balance and was no result of trading: a deposit or a
withdrawal. Knows no book, no database and no clock.

Formulas: docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import groupby
from typing import Final

from fxpool.domain.money import round_ratio_half_up

MINUTE_MS: Final = 60_000
QUARTER_MS: Final = 15 * MINUTE_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

THINNING: Final = ((2 * DAY_MS, QUARTER_MS), (90 * DAY_MS, HOUR_MS))
"""From which age on buckets are joined, and how long the joined ones are."""

GAP_MS: Final = 90_000
"""A longer time without a sample is a gap: nothing is known of it, and nothing is filled in."""

ON_TIME_MS: Final = 120_000
"""How far from a day's start the equity may have been seen that stands for it."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EquityBucket:
    """What was seen of an account's equity in one slot of time, its extremes included.

    Attributes:
        begin_ms: when it begins: the slot's start, or the move that cut the slot.
        length_ms: of the slot.
        first_ms, last_ms: the first and the last sample in it.
        opening, highest, lowest, closing: the equity that was seen.
        highest_ms, lowest_ms: when the extremes were seen.
        balance: at the last sample.
        covered_ms: for how long it was looked at; less than the slot where there is a gap.
        moved: what came (negative: went) by a deposit or withdrawal just before the first sample.
        digits: of all its amounts.
    """

    begin_ms: int
    length_ms: int
    first_ms: int
    last_ms: int
    opening: int
    highest: int
    highest_ms: int
    lowest: int
    lowest_ms: int
    closing: int
    balance: int
    covered_ms: int
    moved: int
    digits: int

    @classmethod
    def begun(
        cls, equity: int, balance: int, at_ms: int, *, covered_ms: int, moved: int, digits: int
    ) -> EquityBucket:
        """Return the minute's bucket with its first sample; after a move it begins there."""
        return cls(
            begin_ms=at_ms if moved else at_ms - at_ms % MINUTE_MS,
            length_ms=MINUTE_MS,
            first_ms=at_ms,
            last_ms=at_ms,
            opening=equity,
            highest=equity,
            highest_ms=at_ms,
            lowest=equity,
            lowest_ms=at_ms,
            closing=equity,
            balance=balance,
            covered_ms=covered_ms,
            moved=moved,
            digits=digits,
        )

    @property
    def slot_end_ms(self) -> int:
        """When the slot that it is in ends."""
        return self.begin_ms - self.begin_ms % self.length_ms + self.length_ms

    def with_sample(
        self, equity: int, balance: int, at_ms: int, *, covered_ms: int
    ) -> EquityBucket:
        """Return it after one more sample, ``covered_ms`` after the one before."""
        is_high, is_low = equity > self.highest, equity < self.lowest
        return replace(
            self,
            last_ms=at_ms,
            highest=equity if is_high else self.highest,
            highest_ms=at_ms if is_high else self.highest_ms,
            lowest=equity if is_low else self.lowest,
            lowest_ms=at_ms if is_low else self.lowest_ms,
            closing=equity,
            balance=balance,
            covered_ms=self.covered_ms + covered_ms,
        )

    def joined(self, later: EquityBucket) -> EquityBucket:
        """Return this bucket and the next one as one; no move lies between them."""
        is_high, is_low = later.highest > self.highest, later.lowest < self.lowest
        return replace(
            self,
            last_ms=later.last_ms,
            highest=later.highest if is_high else self.highest,
            highest_ms=later.highest_ms if is_high else self.highest_ms,
            lowest=later.lowest if is_low else self.lowest,
            lowest_ms=later.lowest_ms if is_low else self.lowest_ms,
            closing=later.closing,
            balance=later.balance,
            covered_ms=self.covered_ms + later.covered_ms,
        )

    def samples(self) -> Iterator[tuple[int, int]]:
        """Yield what is left of its samples, (time, equity), oldest first."""
        yield self.first_ms, self.opening
        yield from sorted([(self.highest_ms, self.highest), (self.lowest_ms, self.lowest)])
        yield self.last_ms, self.closing


def rescaled(amount: int, by: int) -> int:
    """Return an amount with so many more digits (fewer where ``by`` is negative)."""
    return amount * 10**by if by >= 0 else round_ratio_half_up(amount, 10**-by)


def thinned(buckets: Iterable[EquityBucket], length_ms: int) -> list[EquityBucket]:
    """Return buckets, oldest first, joined to slots of a length; extremes and moves survive."""
    found: list[EquityBucket] = []
    for slot_ms, slot in groupby(buckets, lambda bucket: bucket.begin_ms // length_ms * length_ms):
        is_first = True
        for bucket in slot:
            if is_first or bucket.moved or bucket.digits != found[-1].digits:
                begin_ms = slot_ms if is_first and not bucket.moved else bucket.begin_ms
                found.append(replace(bucket, begin_ms=begin_ms, length_ms=length_ms))
            else:
                found[-1] = found[-1].joined(bucket)
            is_first = False
    return found


class EquityMarks:
    """The equity that limits and drawdowns are measured from, kept up sample by sample.

    ``take`` costs two comparisons, so it may be called at every tick.

    Attributes:
        digits: of all amounts, None before ``count_in``.
        began_ms: the first sample, None before it; what was before is not known.
        last, last_ms: the newest sample.
        peak, peak_ms: the highest equity. A move changes it in the proportion in which it changed
            the equity, so that a fall in percent stays what it was.
        trough: the lowest equity since the peak, scaled likewise.
        max_drawdown: the largest fall from a peak as a fraction of it.
        day_start, day_start_ms: the equity that stands for the start of the day, moves of the day
            added: the last one before it, or the first one seen in the day.
        day_begin_ms: when the day of the newest sample began in the time zone.
    """

    def __init__(self, zone: tzinfo = UTC) -> None:
        self.digits: int | None = None
        self.began_ms: int | None = None
        self.last = self.last_ms = 0
        self.peak = self.peak_ms = 0
        self.trough = 0
        self.max_drawdown = 0.0
        self.day_start = self.day_start_ms = 0
        self.day_begin_ms = 0
        self._day_end_ms = 0
        self._zone = zone

    def count_in(self, digits: int) -> None:
        """Say how many digits the amounts from now on have; those that are known follow."""
        if self.digits is not None and digits != self.digits:
            by = digits - self.digits
            self.last, self.peak = rescaled(self.last, by), rescaled(self.peak, by)
            self.trough = rescaled(self.trough, by)
            self.day_start = rescaled(self.day_start, by)
        self.digits = digits

    def take(self, equity: int, at_ms: int) -> None:
        """Take a sample, not older than the one before."""
        if at_ms >= self._day_end_ms:
            self._begin_day(equity, at_ms)
        if equity > self.peak or self.began_ms is None:
            self.peak, self.peak_ms, self.trough = equity, at_ms, equity
            if self.began_ms is None:
                self.began_ms = at_ms
        elif equity < self.trough:
            self.trough = equity
            if self.peak > 0:
                self.max_drawdown = max(self.max_drawdown, (self.peak - equity) / self.peak)
        self.last, self.last_ms = equity, at_ms

    def move(self, amount: int) -> None:
        """Take a deposit, or a withdrawal where ``amount`` is negative; call it before the first
        sample that holds it."""
        if self.began_ms is None:
            return
        before, after = self.last, self.last + amount
        if before > 0 and after > 0:
            self.peak = self.peak * after // before
            self.trough = self.trough * after // before
        else:  # there is no proportion to or from nothing: the peak begins anew
            self.peak, self.peak_ms, self.trough = after, self.last_ms, after
        self.day_start += amount
        self.last = after

    def take_bucket(self, bucket: EquityBucket) -> None:
        """Take what was recorded, oldest first."""
        self.count_in(bucket.digits)
        if bucket.moved:
            self.move(bucket.moved)
        for at_ms, equity in bucket.samples():
            self.take(equity, at_ms)

    @property
    def drawdown(self) -> float | None:
        """How far the newest sample is below the peak as a fraction; None without a peak above
        nothing."""
        if self.began_ms is None or self.peak <= 0:
            return None
        return (self.peak - self.last) / self.peak

    @property
    def knows_day_start(self) -> bool:
        """Whether ``day_start`` was seen close enough to the day's start to stand for it."""
        return abs(self.day_start_ms - self.day_begin_ms) <= ON_TIME_MS

    def is_of_day(self, at_ms: int) -> bool:
        """Whether an instant is in the day that ``day_start`` is about."""
        return self.day_begin_ms <= at_ms < self._day_end_ms

    def _begin_day(self, equity: int, at_ms: int) -> None:
        self.day_begin_ms, self._day_end_ms = day_around(at_ms, self._zone)
        is_fresh = self.began_ms is not None and self.day_begin_ms - self.last_ms <= ON_TIME_MS
        if is_fresh:
            self.day_start, self.day_start_ms = self.last, self.last_ms
        else:
            self.day_start, self.day_start_ms = equity, at_ms


def day_around(at_ms: int, zone: tzinfo) -> tuple[int, int]:
    """Return when the day that holds an instant begins and ends in a time zone; a day on which
    clocks change has 23 or 25 hours."""
    local = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    following = midnight + timedelta(days=1)  # on the wall clock
    return _ms(midnight), _ms(following)


def _ms(at: datetime) -> int:
    return (at.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
