"""The MetaTrader accounts of a platform, each with its parts, and how a name finds one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fxpool.clock import Clock
from fxpool.errors import FxPoolError
from fxpool.platforms.directory import find_account
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.changes import MetaApiChanges
from fxpool.platforms.metaapi.new_orders import MetaApiOrders
from fxpool.platforms.metaapi.orders import not_supported
from fxpool.platforms.metaapi.past import MetaApiPast
from fxpool.platforms.metaapi.sending import Sender
from fxpool.platforms.metaapi.way import Way
from fxpool.platforms.words import explain


@dataclass(frozen=True, slots=True)
class Polling:
    """How often accounts and prices are asked for, in seconds, and how long an order whose answer
    was lost may still come to light."""

    poll_seconds: float = 5.0
    price_seconds: float = 5.0
    settle_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Served:
    """The parts of one account."""

    account: MetaApiAccount
    orders: MetaApiOrders
    changes: MetaApiChanges
    sender: Sender
    past: MetaApiPast

    @property
    def key(self) -> str:
        return self.account.key


class ServedAccounts(dict[str, Served]):
    """All configured accounts by key, disabled ones too."""

    def find(self, name: str) -> Served:
        """Return the account that a name means. Raises PlatformError: 404 or 409."""
        served = self.get(name)
        if served is None:
            served = self[find_account(name, (s.account.known_names for s in self.values()))]
        return served

    @asynccontextmanager
    async def reading(self, account: str) -> AsyncIterator[Served]:
        """Give the account to a read; its errors become callers' words."""
        served = self.find(account)
        try:
            if not served.account.config.enabled:
                raise not_supported(f"account {served.key} is disabled by configuration")
            yield served
        except FxPoolError as exc:
            raise explain(exc) from exc

    def enabled(self) -> list[Served]:
        """Return the accounts that are to be served."""
        return [served for served in self.values() if served.account.config.enabled]


class OnAccounts:
    """What a group of calls stands on."""

    def __init__(self, way: Way, *, pace: Polling, clock: Clock) -> None:
        self._accounts = ServedAccounts()
        self._way = way
        self._pace = pace
        self._clock = clock
