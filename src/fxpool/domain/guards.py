"""Loss limits of an account: what they count from, and how far an equity is from them. Pure.

Amounts are integers in the account's smallest money unit. A limit is reached when the loss is as
large as its amount; rounding is to the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import Enum
from typing import Final

DEFAULT_WARN_PERCENT: Final = Decimal(80)


class GuardKind(Enum):
    """What is limited."""

    DAILY_LOSS = "dailyLoss"
    """The loss since the start of the day."""
    DRAWDOWN = "drawdown"
    """The fall from the highest equity that was recorded."""


class GuardAction(Enum):
    """What happens when a limit is reached."""

    NOTIFY = "notify"
    HALT = "halt"
    """Nothing may be opened."""
    CLOSE = "close"
    """The same, all positions are closed and all pending orders cancelled."""

    @property
    def halts(self) -> bool:
        return self is not GuardAction.NOTIFY


class LimitUnit(Enum):
    """What a limit's number is."""

    MONEY = "money"
    PERCENT_OF_BALANCE = "percent of balance"
    """Of the balance at the start of the day."""
    PERCENT_OF_EQUITY = "percent of equity"
    """Of the equity that the loss counts from."""

    @property
    def is_percent(self) -> bool:
        return self is not LimitUnit.MONEY


class GuardState(Enum):
    """How an account stands to a limit. UNKNOWN is not OK: it says that nobody is watching."""

    OK = "ok"
    WARNING = "warning"
    TRIPPED = "tripped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GuardRule:
    """One limit. ``warn_percent`` of its amount is where the warning begins."""

    kind: GuardKind
    limit: Decimal
    unit: LimitUnit
    action: GuardAction
    warn_percent: Decimal = DEFAULT_WARN_PERCENT


@dataclass(frozen=True, slots=True)
class Footing:
    """What losses count from.

    Attributes:
        start: the equity at which the loss is 0.
        balance: at the start of the day.
        anchor_ms: the day's start or the peak's time: another one is another footing.
    """

    start: int
    balance: int
    anchor_ms: int


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The equities at which a rule warns and trips: that equity or less does."""

    warn: int
    trip: int
    amount: int

    def state_at(self, equity: int) -> GuardState:
        """Return how an equity stands to them."""
        if equity <= self.trip:
            return GuardState.TRIPPED
        return GuardState.WARNING if equity <= self.warn else GuardState.OK


def thresholds_of(rule: GuardRule, footing: Footing, money_digits: int) -> Thresholds | None:
    """Return where a rule warns and trips; None where it is percent of nothing."""
    match rule.unit:
        case LimitUnit.MONEY:
            amount = rule.limit.scaleb(money_digits)
        case LimitUnit.PERCENT_OF_BALANCE:
            amount = rule.limit * footing.balance / 100
        case LimitUnit.PERCENT_OF_EQUITY:
            amount = rule.limit * footing.start / 100
    if amount <= 0:
        return None
    return Thresholds(
        warn=footing.start - _floor(amount * rule.warn_percent / 100),
        trip=footing.start - _floor(amount),
        amount=_floor(amount),
    )


def _floor(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_FLOOR))
