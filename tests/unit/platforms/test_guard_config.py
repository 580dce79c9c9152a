"""Loss limits as an account's entry says them, and what is kept of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fxpool.domain.guards import GuardAction, GuardKind, LimitUnit
from fxpool.errors import SettingsError
from fxpool.platforms.config_entry import Entry
from fxpool.platforms.guard_config import GuardPlan, guard_plan
from fxpool.platforms.guard_store import Forgiven, GuardStore, Latch


def plan(guards: Any) -> GuardPlan | None:
    return guard_plan(Entry(Path("routing-config.json"), "accounts.alpha", {"guards": guards}))


def test_limits_are_read_with_their_day_and_their_action() -> None:
    found = plan(
        {
            "timeZone": "Europe/Prague",
            "dailyLoss": {"percent": Decimal("4.5"), "of": "balance", "action": "close"},
            "drawdown": {"money": 1000, "warnAt": 90, "action": "notify"},
        }
    )
    assert found is not None
    assert found.zone.key == "Europe/Prague"
    daily, drawdown = found.rules
    assert (daily.kind, daily.limit, daily.unit) == (
        GuardKind.DAILY_LOSS,
        Decimal("4.5"),
        LimitUnit.PERCENT_OF_BALANCE,
    )
    assert (daily.action, daily.warn_percent) == (GuardAction.CLOSE, 80)
    assert (drawdown.unit, drawdown.action, drawdown.warn_percent) == (
        LimitUnit.MONEY,
        GuardAction.NOTIFY,
        90,
    )


def test_an_entry_without_limits_has_none() -> None:
    assert guard_plan(Entry(Path("f"), "accounts.alpha", {})) is None


@pytest.mark.parametrize(
    ("guards", "says"),
    [
        ({}, "dailyLoss"),
        ({"dailyLos": {"percent": 5}}, "dailyLos is not known"),
        ({"dailyLoss": {"percent": 5}, "timeZone": "Mars/Base"}, "timeZone"),
        ({"dailyLoss": {}}, "percent"),
        ({"dailyLoss": {"percent": 5, "money": 5}}, "percent"),
        ({"dailyLoss": {"percent": 101}}, "percent"),
        ({"dailyLoss": {"money": 5, "of": "balance"}}, "of"),
        ({"dailyLoss": {"percent": 5, "of": "luck"}}, "of"),
        ({"dailyLoss": {"percent": 5, "action": "pray"}}, "action"),
        ({"dailyLoss": {"percent": 5, "warnAt": 120}}, "warnAt"),
        ({"dailyLoss": {"percent": 5, "warn": 70}}, "warn is not known"),
        ({"dailyLoss": 5}, "must be an object"),
    ],
)
def test_a_limit_that_makes_no_sense_stops_the_start_and_names_its_field(
    guards: Any, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        plan(guards)


def test_a_restart_remembers_latches(tmp_path: Path) -> None:
    path = tmp_path / "data" / "guards.json"
    store = GuardStore(path)
    memory = store.of("alpha")
    memory.latches["dailyLoss"] = Latch("loss 500 of 500", "2026-03-02T12:00:00.000Z")
    memory.forgiven["drawdown"] = Forgiven(5, 100)
    memory.day_ms, memory.day_balance = 7, 1_000_000
    store.save()
    assert GuardStore(path).of("alpha") == memory


@pytest.mark.parametrize("content", ["", "[]", '{"alpha": {}}', '{"alpha": {"latches": 1}}'])
def test_guards_that_cannot_be_read_stop_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "guards.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"guards\.json"):
        GuardStore(path)
