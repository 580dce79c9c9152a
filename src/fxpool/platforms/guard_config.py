"""The loss limits of an account as its entry in routing-config.json says them.

"guards": {
  "timeZone": "Europe/Prague",
  "dailyLoss": {"percent": 5, "of": "balance", "action": "halt", "warnAt": 80},
  "drawdown": {"money": 1000, "action": "close"}
}
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fxpool.domain.guards import (
    DEFAULT_WARN_PERCENT,
    GuardAction,
    GuardKind,
    GuardRule,
    LimitUnit,
)
from fxpool.platforms.config_entry import Entry

_BASES: Final = {
    "": LimitUnit.PERCENT_OF_EQUITY,
    "equity": LimitUnit.PERCENT_OF_EQUITY,
    "balance": LimitUnit.PERCENT_OF_BALANCE,
}
_FIELDS: Final = frozenset({"percent", "money", "of", "action", "warnAt"})


@dataclass(frozen=True, slots=True)
class GuardPlan:
    """All limits of one account; their day begins at midnight in ``zone``."""

    rules: tuple[GuardRule, ...]
    zone: ZoneInfo


def guard_plan(account: Entry) -> GuardPlan | None:
    """Return the limits of an account's entry, None if it has none. Raises SettingsError."""
    guards = account.part("guards")
    if guards is None:
        return None
    guards.refuse_others({"timeZone", *(kind.value for kind in GuardKind)})
    rules = tuple(
        _rule(kind, limit) for kind in GuardKind if (limit := guards.part(kind.value)) is not None
    )
    if not rules:
        guards.refuse("dailyLoss", "and drawdown are missing: give at least one of them")
    return GuardPlan(rules, _zone(guards))


def _zone(guards: Entry) -> ZoneInfo:
    name = guards.text("timeZone") or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        guards.refuse("timeZone", f'is "{name}": use a name such as UTC or Europe/Prague')


def _rule(kind: GuardKind, limit: Entry) -> GuardRule:
    limit.refuse_others(_FIELDS)
    percent, money = limit.number("percent"), limit.number("money")
    if (percent is None) == (money is None):
        limit.refuse("percent", "or money must be given, one of them")
    if percent is not None and percent > Decimal(100):
        limit.refuse("percent", "must not be above 100")
    base = limit.text("of").lower()
    if base not in _BASES or (money is not None and base):
        limit.refuse("of", "must be balance or equity, and goes with percent")
    warn = limit.number("warnAt") or DEFAULT_WARN_PERCENT
    if warn > Decimal(100):
        limit.refuse("warnAt", "is a share of the limit in percent: 100 or less")
    word = limit.text("action").lower() or GuardAction.HALT.value
    try:
        action = GuardAction(word)
    except ValueError:
        limit.refuse("action", f'is "{word}": use notify, halt or close')
    if money is not None:
        return GuardRule(kind, money, LimitUnit.MONEY, action, warn)
    assert percent is not None  # noqa: S101 (one of the two is there)
    return GuardRule(kind, percent, _BASES[base], action, warn)
