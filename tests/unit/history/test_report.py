"""Reports: sums that add up to the balance, falls that recorded equity makes deeper, curves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.equity import EquityBucket
from fxpool.domain.trades import CashFlow
from fxpool.history.falls import Falls, gaps_of, stretches_of
from fxpool.history.report import SLOTS, condensed
from fxpool.history.trades import ClosedPart
from harness.reports import SPAN, made, results
from harness.trader import START_MS

SECOND = 1000
MINUTE = 60_000


def bucket(at_ms: int, *equity: int, moved: int = 0) -> EquityBucket:
    found = EquityBucket.begun(equity[0], equity[0], at_ms, covered_ms=0, moved=moved, digits=2)
    for number, value in enumerate(equity[1:], start=1):
        found = found.with_sample(value, value, at_ms + number * SECOND, covered_ms=SECOND)
    return found


def test_every_split_adds_up_to_the_change_of_the_balance() -> None:
    found = results(400)
    report = made(found)
    profit = sum((r.net_profit for r in found if isinstance(r, ClosedPart)), Decimal(0))
    assert report.tally.profit == profit
    for split in (report.by_symbol, report.by_weekday, report.by_hour):
        assert sum(each.profit for each in split.values()) == profit
        assert sum(each.closings for each in split.values()) == len(report.parts)
    flows = sum((r.delta for r in found if isinstance(r, CashFlow)), Decimal(0))
    assert report.closing - report.opening == profit + flows
    assert sum(day.profit for day in report.curve.days) == profit


def test_without_recorded_equity_the_falls_are_those_of_the_balance() -> None:
    report = made(results(600))
    assert report.falls.largest == pytest.approx(report.curve.max_drawdown, abs=1e-12)
    assert report.falls.largest_money == report.curve.max_fall
    assert report.equity == []
    assert report.recorded == 0.0


def test_a_period_of_a_moment_in_which_nothing_was_recorded_is_a_gap() -> None:
    assert gaps_of([], 1000, 1001) == [(1000, 1001)]
    assert gaps_of([], 1000, 1000) == []


def test_recorded_equity_makes_a_fall_as_deep_as_it_was() -> None:
    at = START_MS + 86_400_000
    seen = [bucket(at, 100_000, 60_000, 100_000), bucket(at + MINUTE, 100_000)]
    falls = Falls([], seen, Decimal(1000), START_MS)
    assert falls.largest == pytest.approx(0.4)
    assert falls.largest_money == 400


def test_a_withdrawal_that_was_seen_is_no_fall() -> None:
    at = START_MS + 86_400_000
    seen = [bucket(at, 100_000), bucket(at + MINUTE, 40_000, 38_000, moved=-60_000)]
    falls = Falls([], seen, Decimal(1000), START_MS)
    assert falls.largest == pytest.approx(0.05)
    assert falls.largest_money == 20


def test_what_happened_in_a_recorded_stretch_is_told_by_the_equity_alone() -> None:
    found = results(300)
    assert made(found).falls.largest, "the balance fell"
    end_ms = int(SPAN.end.timestamp() * 1000)
    whole = bucket(START_MS, 100_000).with_sample(
        100_000, 100_000, end_ms, covered_ms=end_ms - START_MS
    )
    assert Falls(found, [whole], Decimal(1000), START_MS).largest == 0.0


def test_gaps_are_what_no_sample_covers() -> None:
    seen = [bucket(n * MINUTE, 1) for n in (0, 1, 2, 10, 11)]
    stretches = stretches_of(seen)
    assert stretches == [(0, 2 * MINUTE), (10 * MINUTE, 11 * MINUTE)]
    assert gaps_of(stretches, 0, 20 * MINUTE) == [
        (2 * MINUTE, 10 * MINUTE),
        (11 * MINUTE, 20 * MINUTE),
    ]
    assert gaps_of([], 0, 20 * MINUTE) == [(0, 20 * MINUTE)]


def test_a_condensed_curve_is_short_and_keeps_its_extremes_and_its_order() -> None:
    points = [(n, Decimal((n * 7919) % 10_007)) for n in range(50_000)]
    few = condensed(points, 0, 50_000)
    assert len(few) <= 3 * (SLOTS + 1)
    assert max(few, key=lambda p: p[1])[1] == max(value for _, value in points)
    assert min(few, key=lambda p: p[1])[1] == min(value for _, value in points)
    assert few[-1] == points[-1]
    assert few == sorted(few, key=lambda point: point[0])


def test_an_account_has_no_curve_before_its_first_deposit() -> None:
    found = results(50)
    assert made(found).balance[0][1] == found[0].balance, "the first point is not 0"
    assert made([]).balance == [
        (START_MS, Decimal(0)),
        (int(SPAN.end.timestamp() * 1000), Decimal(0)),
    ]
