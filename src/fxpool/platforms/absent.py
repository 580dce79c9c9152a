"""Accounts that are configured, on a platform that is not: shown with the reason, never served.

Such accounts are listed and explained; every question and every trade is refused with what to set.
They do not count for the health of the platforms that are on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fxpool.clock import Clock
from fxpool.mapping import pool_formats
from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError
from fxpool.platforms.directory import AccountNames
from fxpool.platforms.routing import OtherAccountConfig

PHASE: Final = "not_configured"


class AbsentAccounts:
    """The accounts of one platform that is off."""

    def __init__(
        self, name: str, accounts: Sequence[OtherAccountConfig], cure: str, *, clock: Clock
    ) -> None:
        """``cure`` says what to set."""
        self.name = name
        self._accounts = {config.key: config for config in accounts}
        self._cure = cure
        self._since: datetime = clock.at()

    @property
    def known_names(self) -> list[AccountNames]:
        return [AccountNames(c.key, c.login, None, None) for c in self._accounts.values()]

    def refusal(self, key: str) -> PlatformError:
        """Return why an account is not served; nothing was sent anywhere."""
        return PlatformError(
            503,
            "PLATFORM_NOT_CONFIGURED",
            f"account {key} is not served: {self._cure}",
            outcome="not_executed",
        )

    def listings(self) -> dict[str, pool_formats.AccountListing]:
        return {
            key: pool_formats.AccountListing(
                id=key,
                name=config.display_name,
                platform=config.platform,
                environment=config.environment,
                type=config.type,
                enabled=config.enabled,
                readOnly=config.read_only,
            )
            for key, config in self._accounts.items()
        }

    def summaries(self) -> dict[str, pool_formats.AccountSummary]:
        return {
            key: pool_formats.AccountSummary(
                name=config.display_name,
                platform=config.platform,
                environment=config.environment,
                simulated=False,
                status=PHASE,
                connected=False,
                error=self._cure,
            )
            for key, config in self._accounts.items()
            if config.enabled
        }

    def add_to(self, health: pool_formats.Health) -> None:
        """Show the accounts in a health answer without judging it."""
        for key, config in self._accounts.items():
            if config.enabled:
                health["accounts"][key] = PHASE
                health["details"][key] = pool_formats.AccountHealth(
                    phase=PHASE, reason=self._cure, since=iso(self._since)
                )
