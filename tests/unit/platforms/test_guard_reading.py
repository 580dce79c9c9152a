"""How an account stands to one limit: the states, what a latch does, and when to look again."""

from decimal import Decimal

import pytest

from fxpool.domain.accounts import AccountTotals
from fxpool.domain.guards import Footing, GuardAction, GuardKind, GuardRule, GuardState, LimitUnit
from fxpool.errors import NotReady
from fxpool.platforms.guard_reading import Reading, Seen, floor_of, read, row, unknown, worst
from fxpool.platforms.guard_store import Latch

RULE = GuardRule(GuardKind.DAILY_LOSS, Decimal(100), LimitUnit.MONEY, GuardAction.HALT)
"""Warns at a loss of 80.00 and trips at one of 100.00."""
PERCENT = GuardRule(
    GuardKind.DAILY_LOSS, Decimal(5), LimitUnit.PERCENT_OF_BALANCE, GuardAction.HALT
)
FOOTING = Footing(start=100_000, balance=100_000, anchor_ms=0)
LATCH = Latch("loss 100.00 of 100.00", "2026-01-05T10:00:00.000Z")


def at_loss(loss: int) -> Seen:
    """The account after a loss in cents, all of it of open positions."""
    return Seen(100_000 - loss, 100_000, 2, Decimal(-loss).scaleb(-2))


@pytest.mark.parametrize(
    ("loss", "state"),
    [
        (-500, GuardState.OK),
        (7_999, GuardState.OK),
        (8_000, GuardState.WARNING),
        (9_999, GuardState.WARNING),
        (10_000, GuardState.TRIPPED),
    ],
)
def test_a_reading_says_the_state_and_the_loss_since_the_footing(
    loss: int, state: GuardState
) -> None:
    reading = read(RULE, FOOTING, at_loss(loss), None)
    assert reading.state is state
    assert reading.reason == f"loss {Decimal(max(0, loss)).scaleb(-2):f} of 100.00"


def test_a_latched_limit_stays_tripped_whatever_the_equity_is() -> None:
    assert read(RULE, FOOTING, at_loss(0), LATCH).state is GuardState.TRIPPED
    assert unknown(RULE, "no quote", LATCH) == Reading(RULE, GuardState.TRIPPED, LATCH.reason)


def test_a_percentage_of_nothing_is_unknown_with_its_reason() -> None:
    reading = read(PERCENT, Footing(start=0, balance=0, anchor_ms=0), at_loss(0), None)
    assert reading.state is GuardState.UNKNOWN
    assert reading.reason == "the account has no capital to be a percentage of"


def test_unknown_is_graver_than_a_warning_and_is_what_no_reading_has() -> None:
    ok, warning = (read(RULE, FOOTING, at_loss(loss), None) for loss in (0, 8_000))
    tripped = read(RULE, FOOTING, at_loss(10_000), None)
    blind = unknown(RULE, "no quote", None)
    assert worst([]) is GuardState.UNKNOWN
    assert worst([ok]) is GuardState.OK
    assert worst([ok, warning]) is GuardState.WARNING
    assert worst([warning, blind]) is GuardState.UNKNOWN
    assert worst([blind, tripped]) is GuardState.TRIPPED


@pytest.mark.parametrize(("loss", "floor"), [(0, "-80.00"), (8_500, "-100.00")])
def test_the_floor_is_the_open_result_at_which_the_next_state_begins(loss: int, floor: str) -> None:
    seen = at_loss(loss)
    assert floor_of([read(RULE, FOOTING, seen, None)], seen) == Decimal(floor)


def test_nothing_can_begin_where_all_is_latched_or_unknown() -> None:
    seen = at_loss(0)
    readings = [read(RULE, FOOTING, seen, LATCH), unknown(RULE, "no quote", None)]
    assert floor_of(readings, seen) is None
    assert floor_of([read(RULE, FOOTING, seen, None)], None) is None


def test_a_row_shows_the_numbers_only_where_they_are_known() -> None:
    seen = at_loss(8_500)
    shown = row(read(RULE, FOOTING, seen, None), seen, None)
    assert (shown["state"], shown["loss"], shown["equity"]) == ("warning", 85.0, 915.0)
    assert (shown["countsFrom"], shown["limitMoney"]) == (1000.0, 100.0)
    blind = row(unknown(RULE, "no quote", LATCH), None, LATCH)
    assert (blind["state"], blind["trippedSince"]) == ("tripped", LATCH.since)
    numbers = ("countsFrom", "countsFromTime", "limitMoney", "loss", "equity")
    assert [name for name in numbers if name in blind and blind[name] is not None] == []  # type: ignore[literal-required] # names of its keys


def test_totals_with_an_unknown_result_are_not_read() -> None:
    nothing = Decimal(0)
    totals = AccountTotals(Decimal(1000), None, None, None, nothing, None, None, nothing, nothing)
    with pytest.raises(NotReady, match="the result of a position cannot be converted"):
        Seen.of(totals, 2)
