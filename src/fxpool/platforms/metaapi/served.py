"""The MetaTrader accounts of a platform, each with its parts, and how a name finds one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fxpool.account import Phase
from fxpool.clock import Clock
from fxpool.errors import FxPoolError
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.changes import MetaApiChanges
from fxpool.platforms.metaapi.new_orders import MetaApiOrders
from fxpool.platforms.metaapi.orders import not_supported
from fxpool.platforms.metaapi.past import MetaApiPast
from fxpool.platforms.metaapi.sending import Sender
from fxpool.platforms.metaapi.way import Way
from fxpool.platforms.served import AccountsByName, OnServed
from fxpool.platforms.words import explain


@dataclass(frozen=True, slots=True)
class Polling:
    """How often accounts and prices are asked for, in seconds, how long an order whose answer was
    lost may still come to light, and the pause between the readings that must miss it then."""

    poll_seconds: float = 5.0
    price_seconds: float = 5.0
    settle_seconds: float = 60.0
    confirm_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Served:
    """The parts of one account."""

    account: MetaApiAccount
    orders: MetaApiOrders
    trades: MetaApiChanges
    sender: Sender
    past: MetaApiPast

    @property
    def key(self) -> str:
        return self.account.key

    def snapshot(self) -> Event | None:
        """Return the newest reading as one event; None where the account is not live."""
        reading = self.account.reading
        is_live = self.account.state.phase is Phase.LIVE
        return self.account.feed.snapshot(reading) if is_live and reading is not None else None

    def gap(self, start: ResumeFrom) -> Event:
        """Return the event that says that changes since ``start`` cannot be told one by one."""
        return self.account.feed.gap(start)


class ServedAccounts(AccountsByName[Served]):
    """All configured accounts by key, disabled ones too."""

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


class OnAccounts(OnServed[Served]):
    """What a group of calls on MetaTrader accounts stands on."""

    _accounts: ServedAccounts

    def __init__(self, way: Way, *, pace: Polling, clock: Clock) -> None:
        super().__init__(ServedAccounts())
        self._way = way
        self._pace = pace
        self._clock = clock
