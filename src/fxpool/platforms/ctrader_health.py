"""What the pool says of its own health and numbers. Pure.

Source: what callers of the older pools send and read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from fxpool.account import AccountState, Phase
from fxpool.account.profit_check import ProfitCheck, ProfitDifference
from fxpool.mapping import pool_formats
from fxpool.mapping.instants import iso
from fxpool.pool import Environment, LinkStats, PoolStats

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
) -> dict[str, pool_formats.AccountHealth]:
    """Return phase, reason and since when, per account; ``halted`` is why, by account, and
    ``differing`` are results that the broker computes otherwise, ``reading`` is how far the reading
    of a past is that goes on."""
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


def link_checks(stats: PoolStats, environments: Iterable[Environment]) -> dict[str, str]:
    """Return per environment in use whether all, some or none of its links are up, and why not."""
    checks = {}
    for environment in environments:
        links = [link for link in stats.links if link.environment is environment]
        checks[f"ctrader.{environment.value}"] = _link_word(links)
    return checks


def _link_word(links: Sequence[LinkStats]) -> str:
    if not links:
        return "not opened: no account asks for it"  # why not is in the accounts' own reasons
    down = [link for link in links if not link.is_connected]
    if not down:
        return "up"
    word = "reconnecting" if len(down) == len(links) else "partly up"
    why = next((link.last_error for link in down if link.last_error), None)
    return word if why is None else f"{word}: {why}"


def part_checks(failures: Mapping[str, str | None]) -> dict[str, str]:
    """Return ``up``, or why not, for each part of the pool; None says that it works."""
    return {
        part: "up" if failure is None else f"down: {failure}" for part, failure in failures.items()
    }


def counters(stats: PoolStats, trades_executed: int) -> dict[str, int]:
    """Return the numbers that callers add up."""
    return {
        "connectionsCreated": stats.sessions_created,
        "connectionsReused": stats.reused,
        "tradesExecuted": trades_executed,
        "errors": stats.errors,
        "activeConnections": sum(link.is_connected for link in stats.links),
    }


def pool_stats(
    stats: PoolStats,
    *,
    trades_executed: int,
    accounts: int,
    synchronized: int,
    subscriptions: int,
    uptime_seconds: float,
    feeds_resubscribed: int,
    feeds_revived: int,
    tickets_unknown: int,
    tickets_lost: int,
    guards_tripped: int,
    guards_unknown: int,
    profits: Sequence[ProfitCheck],
    exits_unjournaled: int,
    alerts: dict[str, int],
) -> pool_formats.PoolStats:
    """Return ``GET /pool/stats``."""
    used = stats.sessions_created + stats.reused
    return pool_formats.PoolStats(
        connectionsCreated=stats.sessions_created,
        connectionsReused=stats.reused,
        tradesExecuted=trades_executed,
        errors=stats.errors,
        activeConnections=sum(link.is_connected for link in stats.links),
        reuse_ratio=round(stats.reused / used, 4) if used else 0.0,
        accounts={"total": accounts, "synchronized": synchronized},
        links=[
            pool_formats.LinkStats(
                environment=link.environment.value,
                connected=link.is_connected,
                reconnects=link.reconnects,
                accounts=link.accounts,
                since=iso(link.since),
                lastError=link.last_error,
            )
            for link in stats.links
        ],
        requestsInFlight=stats.in_flight,
        subscriptions=subscriptions,
        uptimeSeconds=round(uptime_seconds, 3),
        feedsResubscribed=feeds_resubscribed,
        feedsRevived=feeds_revived,
        ticketsUnknown=tickets_unknown,
        ticketsLost=tickets_lost,
        guardsTripped=guards_tripped,
        guardsUnknown=guards_unknown,
        profitChecks=sum(check.checks for check in profits),
        profitChecksFailed=sum(check.failed for check in profits),
        profitDifferences=sum(len(check.differs) for check in profits),
        exitsUnjournaled=exits_unjournaled,
        alerts=alerts,
    )
