"""The client's calls about all platforms together; part of ``UnifiedPoolClient``."""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

from typing import Any, Final

from fxpool.client.calls import PlatformCalls
from fxpool.mapping.pool_formats import AccountSummary

COMBINED_STATS: Final = (
    "connectionsCreated",
    "connectionsReused",
    "tradesExecuted",
    "errors",
    "activeConnections",
)


class PoolCalls(PlatformCalls):
    """One platform that cannot be asked does not silence the others, and is named."""

    async def get_accounts_summary(self) -> dict[str, AccountSummary]:
        """Return one row per configured account; one in error has no balance.

        Raises PlatformError only if no platform answered.
        """
        answers, failures = await self._ask_each(
            list(self._platforms.values()), lambda platform: platform.accounts_summary()
        )
        if not answers:
            raise next(iter(failures.values()))
        merged: dict[str, AccountSummary] = {}
        for route in self._routes.all():
            if route.platform in failures:
                merged[route.key] = AccountSummary(
                    name=route.nickname or route.key,
                    platform=route.platform,
                    status="unreachable",
                    connected=False,
                    error=failures[route.platform].detail,
                )
        for rows in answers.values():
            merged.update(rows)
        return merged

    async def get_pool_stats(self) -> dict[str, Any]:
        """Return each platform's counters and their sums under ``combined``.

        A platform that cannot be asked is ``{}`` and named in ``unreachable``.
        """
        answers, failures = await self._ask_each(
            list(self._platforms.values()), lambda platform: platform.pool_stats()
        )
        stats: dict[str, Any] = {name: answers.get(name, {}) for name in self._platforms}
        sums = {key: sum(each.get(key, 0) for each in stats.values()) for key in COMBINED_STATS}
        return {**stats, "combined": sums, "unreachable": list(failures)}

    async def health_check(self) -> dict[str, Any]:
        """Return each platform's health; ``status`` is ``healthy`` if at least one is."""
        answers, failures = await self._ask_each(
            list(self._platforms.values()), lambda platform: platform.health()
        )
        health: dict[str, Any] = {
            name: answers[name]
            if name in answers
            else {"status": "error", "error": failures[name].detail}
            for name in self._platforms
        }
        is_healthy = any(each["status"] == "healthy" for each in health.values())
        return {**health, "status": "healthy" if is_healthy else "unhealthy"}

    # The same calls under the names of the older clients

    getAccountsSummary = get_accounts_summary
    getPoolStats = get_pool_stats
    healthCheck = health_check
