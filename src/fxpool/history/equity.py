"""One account's equity as it is seen: samples in, minute buckets and marks out. Never waits.

A sample is taken once a second by ``EquityKeeper`` and at every change of the book, so the path of
a quote is not touched; what lasted shorter than a second between two samples is not seen. While the
account is not live, or a quote that it needs is not there, nothing is taken: that is a gap.

A change of the balance that no deal and no charge explains is a *move*: a deposit or withdrawal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Final

from fxpool.account import Account, Phase
from fxpool.account.events import BalanceChanged, BookEvent, DealAdded
from fxpool.domain.equity import EquityBucket, EquityMarks
from fxpool.domain.trades import CashFlow
from fxpool.mapping.instants import ms_from_instant

LONGEST_STEP: Final = 5.0
"""Seconds; two samples with more between them do not cover the time between them."""

MOST_PENDING: Final = 1440
"""Buckets that wait for a database that is down: a day; then the oldest are given up."""


class EquityRecorder:
    """What is seen of one account's equity.

    Attributes:
        account: whose.
        marks: of UTC days; true from ``restore`` on. ``zoned``: of the days of another time zone.
        is_restored: whether what was kept before is known, so that samples are taken.
        given_up: buckets that were lost because the database was down for too long.
    """

    def __init__(self, account: Account, zone: tzinfo = UTC) -> None:
        self.account = account
        self.marks = EquityMarks()
        self.zoned = EquityMarks(zone)
        self.is_restored = False
        self.given_up = 0
        self._bucket: EquityBucket | None = None
        self._pending: dict[int, EquityBucket] = {}
        self._balance: Decimal | None = None  # at the last sample, and results since
        self._sampled_at: float | None = None
        self._version = 0  # of the balance at the last sample
        self._flows: set[int] = set()  # those that count since the last sample, by history id
        self._gap = 0  # the newest one
        self._explained = 0  # the gaps up to this one

    def restore(self, buckets: Sequence[EquityBucket], moved: Decimal) -> None:
        """Take what was kept, oldest first, and what was moved since its last sample."""
        for bucket in buckets:
            self.marks.take_bucket(bucket)
            self.zoned.take_bucket(bucket)
        if buckets:
            self._bucket = buckets[-1]
            self._balance = self.account.book.trader.balance - moved
        self._explained = self._gap
        self.is_restored = True

    @property
    def gap(self) -> int:
        """The number of the newest time in which events may have been missed."""
        return self._gap

    @property
    def last_ms(self) -> int | None:
        """When the last sample was taken; None before the first one."""
        return None if self._bucket is None else self._bucket.last_ms

    @property
    def is_explained(self) -> bool:
        """Whether results explain the balance after a gap; what does not may be a transfer, or a
        fee that no event told: only the cash flow tells them apart (``explain``)."""
        if self._explained == self._gap or self._balance is None:
            return True
        is_live = self.account.state.phase is Phase.LIVE
        return not is_live or self.account.book.trader.balance == self._balance

    def lost(self) -> None:
        """Say that events may be missed from now on."""
        self._gap += 1

    def explain(self, flows: Iterable[CashFlow], gap: int) -> None:
        """Take the cash flow of the time up to the end of ``gap``: what of it is no transfer is a
        result. Flows from before the last sample, and those heard since, count already."""
        since = self.last_ms or 0
        for flow in flows:
            is_new = ms_from_instant(flow.at) > since
            if flow.balance_version is not None and self._version:
                is_new = flow.balance_version > self._version
            if is_new and self._balance is not None:
                self._take_flow(flow)
        self._explained = gap

    def _take_flow(self, flow: CashFlow) -> None:
        if self._balance is None or flow.is_transfer or flow.history_id in self._flows:
            return
        self._flows.add(flow.history_id)
        self._balance += flow.delta

    def hear(self, events: Iterable[BookEvent]) -> None:
        """Note which changes of the balance are results."""
        if self._balance is None:
            return
        for event in events:
            match event:
                case DealAdded(deal) if deal.close is not None:
                    self._balance += deal.close.net_profit
                case BalanceChanged(cash_flow=flow) if flow:
                    self._take_flow(flow)
                case _:
                    pass

    def sample(self, at_ms: int, now: float) -> None:
        """Take a sample if there is something true to take; times of the wall and the monotonic
        clock."""
        if not self.is_restored or self.account.state.phase is not Phase.LIVE:
            return
        if not self.is_explained:
            return
        book = self.account.book
        if not all(self.account.is_quoted(symbol_id) for symbol_id in book.quotes_wanted()):
            return
        known = book.totals()
        if known.equity is None or (self._bucket is not None and at_ms < self._bucket.last_ms):
            return
        digits = book.trader.money_digits
        moved = Decimal(0) if self._balance is None else known.balance - self._balance
        self._balance = known.balance
        self._version = book.balance_version
        self._flows.clear()
        self._explained = self._gap
        self._take(
            _units(known.equity, digits),
            _units(known.balance, digits),
            at_ms,
            moved=_units(moved, digits),
            covered_ms=self._covered_ms(now),
            digits=digits,
        )

    def take_pending(self) -> list[EquityBucket]:
        """Return the buckets that are not kept yet, and forget that they are not."""
        pending, self._pending = list(self._pending.values()), {}
        return pending

    def put_back(self, buckets: Iterable[EquityBucket]) -> None:
        """Have buckets kept later, since they could not be kept now."""
        self._pending = {bucket.begin_ms: bucket for bucket in buckets} | self._pending
        for begin_ms in sorted(self._pending)[:-MOST_PENDING]:
            del self._pending[begin_ms]
            self.given_up += 1

    def with_pending(self, kept: Iterable[EquityBucket], since_ms: int) -> list[EquityBucket]:
        """Return kept buckets and those that are not kept yet, oldest first."""
        newer = {b.begin_ms: b for b in self._pending.values() if b.begin_ms >= since_ms}
        return sorted(
            ({bucket.begin_ms: bucket for bucket in kept} | newer).values(),
            key=lambda bucket: bucket.begin_ms,
        )

    def _take(
        self, equity: int, balance: int, at_ms: int, *, moved: int, covered_ms: int, digits: int
    ) -> None:
        last = self._bucket
        self.marks.count_in(digits)
        self.zoned.count_in(digits)
        if moved:
            self.marks.move(moved)
            self.zoned.move(moved)
        self.marks.take(equity, at_ms)
        self.zoned.take(equity, at_ms)
        if last is not None and not moved and at_ms < last.slot_end_ms and digits == last.digits:
            bucket = last.with_sample(equity, balance, at_ms, covered_ms=covered_ms)
        else:
            at_ms = at_ms if last is None else max(at_ms, last.begin_ms + 1)
            bucket = EquityBucket.begun(
                equity, balance, at_ms, covered_ms=covered_ms, moved=moved, digits=digits
            )
        self._bucket = self._pending[bucket.begin_ms] = bucket

    def _covered_ms(self, now: float) -> int:
        before, self._sampled_at = self._sampled_at, now
        step = LONGEST_STEP if before is None else now - before
        return round(step * 1000) if step < LONGEST_STEP else 0


def _units(amount: Decimal, digits: int) -> int:
    """Return an amount in the smallest unit of money; swaps and fees may have more digits."""
    return round(amount.scaleb(digits))
