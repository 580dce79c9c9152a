"""What a changed routing file means for the accounts that are served."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from fxpool.platforms.account_changes import changes
from fxpool.platforms.config_entry import Entry
from fxpool.platforms.guard_config import guard_plan
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment

ALPHA = AccountConfig("alpha", Environment.DEMO, login="1")
BETA = AccountConfig("beta", Environment.DEMO, login="2")
SERVED = {"alpha": ALPHA, "beta": BETA}
LIMITS = {"guards": {"dailyLoss": {"money": 500, "action": "halt"}}}


def guarded(account: AccountConfig) -> AccountConfig:
    return replace(account, guards=guard_plan(Entry(Path("f"), "accounts.a", LIMITS)))


def test_the_same_accounts_change_nothing() -> None:
    found = changes(SERVED, [BETA, ALPHA])
    assert (found.taken, found.begun, found.ended, found.refused) == ((), (), (), ())


def test_bounds_and_names_are_taken_up_while_an_account_is_served() -> None:
    other = replace(ALPHA, read_only=True, max_lots=Decimal(1), name="A", symbols=("EURUSD",))
    found = changes(SERVED, [other, BETA])
    assert (found.taken, found.begun, found.ended, found.refused) == ((other,), (), (), ())


def test_accounts_come_and_go_and_are_switched_off() -> None:
    off = replace(ALPHA, enabled=False)
    new = AccountConfig("gamma", Environment.LIVE)
    found = changes(SERVED, [off, new])
    assert (found.taken, found.begun, found.ended) == ((), (off, new), ("beta",))


@pytest.mark.parametrize(
    "other",
    [
        replace(ALPHA, environment=Environment.LIVE),
        replace(ALPHA, login="3"),
        replace(ALPHA, vault_path="x"),
        guarded(ALPHA),
    ],
)
def test_who_an_account_is_and_its_loss_limits_need_a_restart(other: AccountConfig) -> None:
    found = changes(SERVED, [other, BETA])
    assert (found.taken, found.begun, found.ended) == ((), (), ())
    (said,) = found.refused
    assert "alpha" in said


def test_an_account_with_loss_limits_is_neither_switched_off_nor_dropped_meanwhile() -> None:
    watched = guarded(ALPHA)
    off = changes({"alpha": watched}, [replace(watched, enabled=False)])
    gone = changes({"alpha": watched}, [])
    for found in (off, gone):
        assert (found.taken, found.begun, found.ended, len(found.refused)) == ((), (), (), 1)
    bounded = replace(watched, read_only=True)
    assert changes({"alpha": watched}, [bounded]).taken == (bounded,)
