"""When pairs are renewed: before their end, by their refusal only where that is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from fxpool.auth.schedule import RETRY_SECONDS, RenewalSchedule
from fxpool.auth.tokens import TokenPair, pair_given
from fxpool.errors import RequestNotSent, RequestTimedOut

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MONTH = pair_given("a", "r", 30 * 86_400.0, AT)
ENDLESS = TokenPair("a", "r")


def is_due(
    schedule: RenewalSchedule,
    pair: TokenPair,
    days: float,
    *,
    now: float = 0.0,
    is_refused: bool = False,
) -> bool:
    at = AT + timedelta(days=days)
    return schedule.is_due(pair, at=at, now=now, is_refused=is_refused)


def test_a_pair_is_due_three_to_four_days_before_its_end() -> None:
    schedule = RenewalSchedule(Random(1))
    assert not is_due(schedule, MONTH, 25.9)
    assert is_due(schedule, MONTH, 27.0)


def test_a_refusal_makes_only_a_pair_due_whose_end_is_not_known() -> None:
    schedule = RenewalSchedule(Random(1))
    assert not is_due(schedule, MONTH, 1.0, is_refused=True)
    assert not is_due(schedule, ENDLESS, 100.0)
    assert is_due(schedule, ENDLESS, 1.0, is_refused=True)


def test_failures_are_spaced_ever_wider_and_remembered_if_they_are_unclear() -> None:
    schedule = RenewalSchedule(Random(1))
    now = 0.0
    for longest in (*RETRY_SECONDS, RETRY_SECONDS[-1]):
        pause = schedule.failed(MONTH, RequestNotSent("away"), now)
        assert longest <= pause <= 1.5 * longest
        assert not is_due(schedule, MONTH, 29.0, now=now + pause - 0.01)
        now += pause
        assert is_due(schedule, MONTH, 29.0, now=now)
    assert not schedule.is_unclear(MONTH)
    schedule.failed(MONTH, RequestTimedOut("no answer"), now)
    assert schedule.is_unclear(MONTH)
