"""Where a loss limit warns and trips."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.guards import (
    Footing,
    GuardAction,
    GuardKind,
    GuardRule,
    GuardState,
    LimitUnit,
    thresholds_of,
)

FOOTING = Footing(start=1_020_000, balance=1_000_000, anchor_ms=0)  # 10,200.00 and 10,000.00


def rule(limit: str, unit: LimitUnit, **more: object) -> GuardRule:
    return GuardRule(GuardKind.DAILY_LOSS, Decimal(limit), unit, GuardAction.HALT, **more)  # type: ignore[arg-type] # keywords of a test


@pytest.mark.parametrize(
    ("limit", "unit", "trip", "warn"),
    [
        ("500", LimitUnit.MONEY, 970_000, 980_000),
        ("5", LimitUnit.PERCENT_OF_BALANCE, 970_000, 980_000),
        ("5", LimitUnit.PERCENT_OF_EQUITY, 969_000, 979_200),
    ],
)
def test_a_limit_is_money_or_a_percentage_of_what_it_says(
    limit: str, unit: LimitUnit, trip: int, warn: int
) -> None:
    found = thresholds_of(rule(limit, unit), FOOTING, 2)
    assert found is not None
    assert (found.trip, found.warn) == (trip, warn)


def test_a_loss_as_large_as_the_limit_has_reached_it() -> None:
    found = thresholds_of(rule("500", LimitUnit.MONEY), FOOTING, 2)
    assert found is not None
    assert found.state_at(980_001) is GuardState.OK
    assert found.state_at(980_000) is GuardState.WARNING
    assert found.state_at(970_001) is GuardState.WARNING
    assert found.state_at(970_000) is GuardState.TRIPPED


def test_a_fraction_of_a_cent_is_rounded_to_the_safe_side() -> None:
    found = thresholds_of(rule("0.333", LimitUnit.PERCENT_OF_BALANCE), Footing(999, 999, 0), 2)
    assert found is not None
    assert found.trip == 999 - 3


def test_a_percentage_of_nothing_is_no_limit() -> None:
    assert thresholds_of(rule("5", LimitUnit.PERCENT_OF_EQUITY), Footing(0, 0, 0), 2) is None
