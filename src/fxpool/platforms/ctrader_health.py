"""What the pool of cTrader links says of their health and of its numbers. Pure.

Source: what callers of the older pools send and read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fxpool.account.profit_check import ProfitCheck
from fxpool.mapping import pool_formats
from fxpool.mapping.instants import iso
from fxpool.pool import Environment, LinkStats, PoolStats


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
    orders_unreadable: int,
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
        ordersUnreadable=orders_unreadable,
        alerts=alerts,
    )
