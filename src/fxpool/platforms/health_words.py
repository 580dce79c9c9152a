"""What a platform says of its health and of its accounts'. Pure.

Source: what callers of the older pools send and read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from fxpool.account import AccountState, Phase
from fxpool.account.profit_check import ProfitDifference
from fxpool.account.unreadable import UnreadableOrder
from fxpool.mapping import pool_formats
from fxpool.mapping.instants import iso

STARTING_SECONDS: Final = 60.0
"""How long the first synchronisation may take before it counts as failed."""

_ON_THE_WAY: Final = frozenset({Phase.CONFIGURED, Phase.AUTHORISING, Phase.SYNCHRONISING})


def status_word(
    states: Iterable[AccountState],
    *,
    ever_live: bool,
    uptime_seconds: float,
    is_impaired: bool = False,
) -> str:
    """Return ``healthy``, ``degraded``, ``unhealthy`` or ``starting`` for the enabled accounts.

    ``ever_live`` says that every account that is on its way now was live before, ``is_impaired``
    that a part of the pool which all accounts need does not work.
    """
    phases = [state.phase for state in states]
    live = phases.count(Phase.LIVE)
    if live == len(phases):
        return "degraded" if is_impaired else "healthy"
    is_first = not ever_live and uptime_seconds < STARTING_SECONDS
    if is_first and any(phase in _ON_THE_WAY for phase in phases):
        return "starting"
    return "degraded" if live else "unhealthy"


def account_words(states: Mapping[str, AccountState]) -> dict[str, str]:
    """Return one word per account: ``synchronized`` or its phase."""
    return {
        key: "synchronized" if state.phase is Phase.LIVE else state.phase.value
        for key, state in states.items()
    }


def account_details(
    states: Mapping[str, AccountState],
    halted: Mapping[str, str],
    differing: Mapping[str, Iterable[ProfitDifference]],
    reading: Mapping[str, str] = MappingProxyType({}),
    unreadable: Mapping[str, Iterable[UnreadableOrder]] = MappingProxyType({}),
) -> dict[str, pool_formats.AccountHealth]:
    """Return phase, reason and since when, per account; ``halted`` is why, by account, and
    ``differing`` are results that the broker computes otherwise, ``reading`` is how far the reading
    of a past is that goes on, ``unreadable`` are pending orders that make no sense to us."""
    details = {
        key: pool_formats.AccountHealth(
            phase=state.phase.value, reason=state.reason, since=iso(state.since)
        )
        for key, state in states.items()
    }
    for key, reason in halted.items():
        details[key]["halted"] = reason
    for key, found in differing.items():
        if rows := [_difference(one) for one in found]:
            details[key]["profitDifferences"] = rows
    for key, orders in unreadable.items():
        if told := {str(order.order_id): order.why for order in orders}:
            details[key]["unreadableOrders"] = told
    for key, progress in reading.items():
        details[key]["history"] = progress
    return details


def _difference(one: ProfitDifference) -> pool_formats.ProfitDifferenceInfo:
    return pool_formats.ProfitDifferenceInfo(
        positionId=str(one.position_id),
        ours=float(one.ours),
        broker=float(one.theirs),
        ourCosts=float(one.costs),
        brokerCosts=float(one.theirs_costs),
    )


def part_checks(failures: Mapping[str, str | None]) -> dict[str, str]:
    """Return ``up``, or why not, for each part of the pool; None says that it works."""
    return {
        part: "up" if failure is None else f"down: {failure}" for part, failure in failures.items()
    }
