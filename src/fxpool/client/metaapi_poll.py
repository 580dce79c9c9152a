"""Events of accounts behind a MetaApi pool, which pushes none: read in turns, told as differences.

An account is read from the first subscriber that asks for it until the client closes. What the
readings mean is ``platforms.metaapi``'s.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable

from fxpool.client.routes import DEFAULT_REGION, AccountRoute
from fxpool.clock import Clock
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import EventFilter, EventSubscription
from fxpool.platforms.halts import Halts
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.feed import MetaApiFeed
from fxpool.platforms.metaapi.pool import PoolWay
from fxpool.platforms.routing import OtherAccountConfig
from fxpool.store.event_log import LoggedPast


class PolledAccounts:
    """The accounts of one pool that somebody listens to."""

    def __init__(
        self,
        url: str,
        accounts: Callable[[], Iterable[AccountRoute]],
        *,
        clock: Clock,
        poll_seconds: float,
    ) -> None:
        self._regions: dict[str, str] = {}
        self._way = PoolWay(url, regions=self._regions, clock=clock)
        self._known, self._clock, self._poll_seconds = accounts, clock, poll_seconds
        self._hub = EventHub()
        self._hub.restore(LoggedPast(uuid.uuid4().hex))  # each life of the client is an epoch
        self._accounts: dict[str, MetaApiAccount] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End all reading."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._way.close()

    def subscribe(self, wanted: EventFilter, region: str) -> EventSubscription:
        """Return a stream, with snapshots of accounts that were read already."""
        if wanted.accounts is None:
            regions = {
                route.key: route.region or DEFAULT_REGION
                for route in self._known()
                if route.platform == "metaapi"
            }
        else:
            regions = dict.fromkeys(wanted.accounts, region)
        for key, where in regions.items():
            self._keep(key, where)
        snapshots = [
            account.feed.snapshot(account.reading)
            for key in regions
            if (account := self._accounts[key]).reading is not None
        ]
        return self._hub.subscribe(wanted, snapshots)

    def watch(self, symbol: str, account: str | None) -> None:
        """Ask for a symbol's price in turns, where the account is listened to."""
        for each in self._chosen(account):
            each.watched.setdefault(symbol, None)

    def unwatch(self, symbol: str, account: str | None) -> None:
        """End ``watch``."""
        for each in self._chosen(account):
            each.watched.pop(symbol, None)

    def _chosen(self, account: str | None) -> list[MetaApiAccount]:
        if account is None:
            return list(self._accounts.values())[:1]  # that pool's prices name no account
        return [each for key, each in self._accounts.items() if key == account]

    def _keep(self, key: str, region: str) -> None:
        if key in self._accounts:
            return
        self._regions[key] = region
        every = self._poll_seconds
        account = MetaApiAccount(
            OtherAccountConfig(key, region=region),
            self._way,
            MetaApiFeed(key, self._hub, every=every, clock=self._clock),
            Halts(),
            poll_seconds=every,
            price_seconds=every,
            clock=self._clock,
        )
        self._accounts[key] = account
        for work in (account.keep(), account.keep_prices()):
            self._tasks.add(asyncio.create_task(work, name=f"metaapi-poll-{key}"))
