"""The reads of cTrader accounts of this process: who they are and what they hold.

Each passes on and no more.
"""

from __future__ import annotations

from fxpool.mapping import formats, pool_formats
from fxpool.platforms.ctrader_served import OnAccounts


class AccountReads(OnAccounts):
    """The calls about accounts, positions and pending orders."""

    def key_of(self, account: str) -> str:
        """Return the key of the account that a name means. Raises PlatformError."""
        return self._accounts.find(account).key

    async def accounts(self) -> dict[str, pool_formats.AccountListing]:
        return {key: served.account.listing() for key, served in self._accounts.items()}

    async def accounts_summary(self) -> dict[str, pool_formats.AccountSummary]:
        return {served.key: served.account.summary() for served in self._accounts.enabled()}

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> formats.AccountInformation:
        """Return an account's row; it tells the true environment, whatever the caller believes."""
        async with self._accounts.reading(account) as served:
            row = served.account.information(account)
            if (reading := served.past.reading) is not None:
                row["history"] = reading
            return row

    async def positions(self, account: str) -> formats.PositionList:
        async with self._accounts.reading(account) as served:
            return served.account.positions(account)

    async def orders(self, account: str) -> formats.OrderList:
        async with self._accounts.reading(account) as served:
            return served.account.orders(account)
