"""How an account stands to one of its loss limits, and what callers are shown of it. Pure.

What cannot be known is UNKNOWN with its reason, never OK; a latch makes TRIPPED of everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from fxpool.domain.accounts import AccountTotals
from fxpool.domain.guards import Footing, GuardRule, GuardState, Thresholds, thresholds_of
from fxpool.errors import NotReady
from fxpool.mapping.formats import GuardInfo
from fxpool.mapping.instants import iso_ms
from fxpool.platforms.guard_store import Latch

_GRAVEST_FIRST: Final = (
    GuardState.TRIPPED,
    GuardState.UNKNOWN,
    GuardState.WARNING,
    GuardState.OK,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The account at one moment, in its smallest money unit; ``floating`` is its open result in
    whole ones, which is how the book compares it."""

    equity: int
    balance: int
    digits: int
    floating: Decimal

    @classmethod
    def of(cls, totals: AccountTotals, digits: int) -> Self:
        """Return what totals come to. Raises NotReady where a result is missing."""
        if totals.equity is None or totals.gross is None:
            raise NotReady("the result of a position cannot be converted", phase="live")
        equity, balance = totals.equity.scaleb(digits), totals.balance.scaleb(digits)
        return cls(round(equity), round(balance), digits, totals.gross)

    def loss_from(self, footing: Footing) -> int:
        """Return the loss since a footing, 0 for a gain."""
        return max(0, footing.start - self.equity)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one rule stands; the numbers are None where they are not known."""

    rule: GuardRule
    state: GuardState
    reason: str
    footing: Footing | None = None
    thresholds: Thresholds | None = None

    @property
    def next_equity(self) -> int | None:
        """The equity at which the next graver state begins, None if none can begin."""
        if self.thresholds is None:
            return None
        nexts = {GuardState.OK: self.thresholds.warn, GuardState.WARNING: self.thresholds.trip}
        return nexts.get(self.state)


def read(rule: GuardRule, footing: Footing, seen: Seen, latch: Latch | None) -> Reading:
    """Return how an account stands to a rule that counts from ``footing``."""
    thresholds = thresholds_of(rule, footing, seen.digits)
    if latch is not None:
        return Reading(rule, GuardState.TRIPPED, latch.reason, footing, thresholds)
    if thresholds is None:
        return unknown(rule, "the account has no capital to be a percentage of", None)
    loss = money(seen.loss_from(footing), seen.digits)
    limit = money(thresholds.amount, seen.digits)
    state = thresholds.state_at(seen.equity)
    return Reading(rule, state, f"loss {loss} of {limit}", footing, thresholds)


def unknown(rule: GuardRule, reason: str, latch: Latch | None) -> Reading:
    """Return the reading of a rule that nobody can tell of; what is latched stays."""
    if latch is not None:
        return Reading(rule, GuardState.TRIPPED, latch.reason)
    return Reading(rule, GuardState.UNKNOWN, reason)


def worst(readings: Iterable[Reading]) -> GuardState:
    """Return the gravest state; UNKNOWN is graver than a warning, and what no reading has."""
    states = {reading.state for reading in readings}
    return next((state for state in _GRAVEST_FIRST if state in states), GuardState.UNKNOWN)


def floor_of(readings: Iterable[Reading], seen: Seen | None) -> Decimal | None:
    """Return the open result at which the next state begins, None if none can begin."""
    nexts = [reading.next_equity for reading in readings]
    known = [equity for equity in nexts if equity is not None]
    if seen is None or not known:
        return None
    return seen.floating + Decimal(max(known) - seen.equity).scaleb(-seen.digits)


def row(reading: Reading, seen: Seen | None, latch: Latch | None) -> GuardInfo:
    """Return a rule as callers see it."""
    rule, footing, thresholds = reading.rule, reading.footing, reading.thresholds
    info = GuardInfo(
        guard=rule.kind.value,
        state=reading.state.value,
        reason=reading.reason,
        action=rule.action.value,
        limit=float(rule.limit),
        unit=rule.unit.value,
        warnAtPercent=float(rule.warn_percent),
        trippedSince=None if latch is None else latch.since,
        countsFrom=None,
        countsFromTime=None,
        limitMoney=None,
        loss=None,
        equity=None,
    )
    if seen is None or footing is None:
        return info
    info["countsFrom"] = _number(footing.start, seen.digits)
    info["countsFromTime"] = iso_ms(footing.anchor_ms)
    info["limitMoney"] = None if thresholds is None else _number(thresholds.amount, seen.digits)
    info["loss"] = _number(seen.loss_from(footing), seen.digits)
    info["equity"] = _number(seen.equity, seen.digits)
    return info


def money(amount: int, digits: int) -> str:
    """Return an amount in whole units of money, with all its digits."""
    return f"{Decimal(amount).scaleb(-digits):f}"


def _number(amount: int, digits: int) -> float:
    return float(Decimal(amount).scaleb(-digits))
