"""A pool elsewhere that serves configured accounts: no others, and those that are read-only never
trade, whatever that pool would do.
"""

from __future__ import annotations

from collections.abc import Sequence

from fxpool.clock import Clock
from fxpool.mapping.formats import CloseResults, TradeResult
from fxpool.platforms import closing
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.directory import AccountNames, find_account
from fxpool.platforms.remote import RemotePlatform
from fxpool.platforms.rights import no_rights
from fxpool.platforms.routing import OtherAccountConfig
from fxpool.platforms.words import refusal


class RemoteAccounts(RemotePlatform):
    """The accounts of one remote pool that our configuration names."""

    def __init__(
        self, base_url: str, accounts: Sequence[OtherAccountConfig], *, name: str, clock: Clock
    ) -> None:
        """Raises SettingsError if ``base_url`` is not an http or https address."""
        super().__init__(base_url, name=name, clock=clock)
        self._accounts = {config.key: config for config in accounts}
        self._names = [AccountNames(c.key, c.login, None, None) for c in accounts]

    def key_of(self, account: str) -> str:
        """Return the key of a configured account. Raises PlatformError."""
        return find_account(account, self._names)

    async def execute(self, account: str, request: TradeRequest) -> TradeResult:
        refused = self._refusal(account)
        return refusal(refused) if refused else await super().execute(account, request)

    async def modify_position(self, account: str, request: ProtectionRequest) -> TradeResult:
        refused = self._refusal(account)
        return refusal(refused) if refused else await super().modify_position(account, request)

    async def close_position(self, account: str, request: CloseRequest) -> TradeResult:
        refused = self._refusal(account)
        return refusal(refused) if refused else await super().close_position(account, request)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> CloseResults:
        refused = self._refusal(account)
        if refused is not None:
            return closing.refused(refused)
        return await super().close_positions(account, symbol=symbol, environment=environment)

    async def modify_order(self, account: str, change: OrderChange) -> TradeResult:
        refused = self._refusal(account)
        return refusal(refused) if refused else await super().modify_order(account, change)

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> TradeResult:
        refused = self._refusal(account)
        if refused is not None:
            return refusal(refused)
        return await super().cancel_order(
            account, order_id, environment=environment, allow_unsynchronized=allow_unsynchronized
        )

    def _refusal(self, account: str) -> PlatformError | None:
        """Return why an account may not trade, None if it may. Raises PlatformError for one that
        is not configured."""
        config = self._accounts[self.key_of(account)]
        if config.enabled and not config.read_only:
            return None
        why = "read-only account" if config.read_only else "disabled by configuration:"
        code = "READ_ONLY" if config.read_only else "ACCOUNT_DISABLED"
        return no_rights(code, f"{why} {config.key}")
