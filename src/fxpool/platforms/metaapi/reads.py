"""The reads of MetaTrader accounts: who they are and what they hold, as it was read last."""

from __future__ import annotations

from fxpool.account import Phase
from fxpool.mapping import formats, pool_formats
from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.served import OnAccounts


class AccountReads(OnAccounts):
    """The calls about accounts, positions and pending orders."""

    def key_of(self, account: str) -> str:
        """Return the key of the account that a name means. Raises PlatformError."""
        return self._accounts.find(account).key

    async def accounts(self) -> dict[str, pool_formats.AccountListing]:
        return {
            key: pool_formats.AccountListing(
                id=key,
                name=served.account.config.display_name,
                platform=served.account.config.platform,
                environment=served.account.environment,
                type=served.account.config.type,
                enabled=served.account.config.enabled,
                readOnly=served.account.config.read_only,
            )
            for key, served in self._accounts.items()
        }

    async def accounts_summary(self) -> dict[str, pool_formats.AccountSummary]:
        return {served.key: self._summary(served.account) for served in self._accounts.enabled()}

    def _summary(self, account: MetaApiAccount) -> pool_formats.AccountSummary:
        state, reading = account.state, account.reading
        is_live = state.phase is Phase.LIVE
        summary = pool_formats.AccountSummary(
            name=account.config.display_name,
            platform=account.config.platform,
            environment=account.environment,
            simulated=False,
            status="synchronized" if is_live else state.phase.value,
            connected=is_live,
        )
        if not is_live or reading is None:
            summary["error"] = state.reason or f"the account is {state.phase.value}"
            return summary
        information = reading.information
        return summary | pool_formats.AccountSummary(
            balance=float(information.balance),
            equity=float(information.equity),
            margin=float(information.margin),
            currency=information.currency,
            openPositions=len(reading.positions),
            lastActivity=iso(reading.as_of),
        )

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> formats.AccountInformation:
        async with self._accounts.reading(account) as served:
            return served.account.row(await served.account.current(), account)

    async def positions(self, account: str) -> formats.PositionList:
        async with self._accounts.reading(account) as served:
            reading = await served.account.proved()
            platform = reading.information.platform
            rows = [
                shapes.position_info(position, account=account, platform=platform)
                for position in reading.positions.values()
            ]
            return formats.PositionList(
                account_id=account,
                positions=rows,
                count=len(rows),
                synchronized=True,
                asOf=iso(reading.as_of),
            )

    async def orders(self, account: str) -> formats.OrderList:
        async with self._accounts.reading(account) as served:
            if not self._way.offers.orders:
                raise PlatformError(
                    501,
                    "NOT_SUPPORTED",
                    f"not supported: the {self._way.offers.name} way to "
                    "MetaTrader accounts does not tell pending orders",
                )
            reading = await served.account.current()
            platform = reading.information.platform
            rows = [
                shapes.order_info(order, account=account, platform=platform)
                for order in (reading.orders or {}).values()
            ]
            return formats.OrderList(
                account_id=account,
                orders=rows,
                count=len(rows),
                synchronized=True,
                asOf=iso(reading.as_of),
            )
