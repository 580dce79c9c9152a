"""UnifiedPoolClient: the calls of a trading program, whatever platform an account is on.

Puts the parts together; each group of calls is a file of its own. Knows platforms and callers'
words; knows neither HTTP nor the Open API.

Source: the unified client that programs on the older pools call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from fxpool.client.across import PoolCalls
from fxpool.client.issues import ConnectionIssues, LogNotifier, Notifier
from fxpool.client.past import PastReads
from fxpool.client.prices import PriceCalls
from fxpool.client.reconnects import ReconnectCalls, ReconnectionCallback
from fxpool.client.routes import FixedRoutes, Routes, nickname_from
from fxpool.client.streaming import StreamingCalls, StreamingConnection
from fxpool.client.streams import EventStream
from fxpool.client.trading import TradingCalls
from fxpool.clock import Clock, SystemClock
from fxpool.errors import SettingsError
from fxpool.platforms.base import Platform


class UnifiedPoolClient(
    StreamingCalls, ReconnectCalls, TradingCalls, PriceCalls, PastReads, PoolCalls
):
    """One client for all accounts; ``async with`` opens and closes its platforms.

    Reads raise PlatformError (``detail``, ``code``, ``status``, ``retryable``, ``outcome``) when
    the truth is not known; they never answer empty instead. Trades return a result whose
    ``outcome`` says whether an order may be live.

    ``account_id`` is any name of an account: its routing key, login or ctidTraderAccountId.
    ``region`` is where a MetaApi account lives: what the call says, else the routing file, else
    ``new-york``; other platforms ignore it. Every call has its camelCase name too. A client belongs
    to the event loop that first used it; programs without one use ``SyncPoolClient``.
    """

    def __init__(
        self,
        *platforms: Platform,
        accounts: Mapping[str, str] | None = None,
        routes: Routes | None = None,
        notifier: Notifier | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Serve ``platforms``, asked in this order where no account is named.

        ``accounts`` maps an account's name to a platform's name, and the first platform takes the
        rest; or ``routes`` know all accounts. ``notifier`` brings connection issues to people; they
        are logged without one. Raises SettingsError for a platform that is not there.
        """
        if not platforms:
            raise SettingsError("a client needs at least one platform")
        by_name = {platform.name: platform for platform in platforms}
        for account, name in (accounts or {}).items():
            if name not in by_name:
                raise SettingsError(f"account {account} names platform {name}, which is not given")
        clock = clock or SystemClock()
        self._notifier = notifier or LogNotifier()
        routes = routes or FixedRoutes(accounts or {}, platforms[0].name)
        issues = ConnectionIssues(
            self._notifier.tell, clock=clock, nickname_of=nickname_from(routes)
        )
        super().__init__(by_name, routes, issues, clock)
        self._streams: set[EventStream] = set()
        self._connections: dict[str, StreamingConnection] = {}
        self._callbacks: list[ReconnectionCallback] = []
        self._watching: set[asyncio.Task[None]] = set()

    @classmethod
    def connect(cls, url: str | None = None, *, api_key: str | None = None) -> Self:
        """Return a client of one running pool; nothing is sent before the first call.

        ``url`` defaults to CTRADER_POOL_API_URL, CTRADER_POOL_URL, then http://localhost:8088;
        ``api_key`` to CTRADER_POOL_API_KEY. Raises SettingsError for an address that is none.
        """
        from fxpool.platforms.remote import RemotePlatform  # noqa: PLC0415 (not needed in-process)
        from fxpool.settings import Settings  # noqa: PLC0415 (only where the environment counts)

        if url is None or api_key is None:
            settings = Settings.from_environment()
            url = url or settings.client_url
            api_key = api_key or settings.pool_api_key.get_secret_value()
        return cls(RemotePlatform(url, api_key=api_key or None))

    @classmethod
    def from_environment(cls, routing_config: Path | str | None = None) -> Self:
        """Return a client of all pools, each account by the routing file.

        The file is ``routing_config``, else CTRADER_ROUTING_CONFIG, config/routing-config.json or
        src/config/routing-config.json; the pools are at POOL_API_URL, CTRADER_POOL_API_URL and
        DXTRADE_POOL_API_URL. Raises SettingsError.
        """
        from fxpool.client.assembly import parts_from  # noqa: PLC0415 (loads the settings)

        parts = parts_from(routing_config)
        return cls(*parts.platforms, routes=parts.routes, notifier=parts.notifier)

    @classmethod
    def direct(cls, platform: Platform) -> Self:
        """Return a client of a platform in this process.

        ``async with`` opens and closes the platform; leave it out where another part owns it.
        """
        return cls(platform)

    async def __aenter__(self) -> Self:
        await self._notifier.open()
        for platform in self._platforms.values():
            await platform.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End this client's listeners and streams, and close its platforms."""
        await self._end_streaming()
        await self._end_callbacks()
        for stream in tuple(self._streams):
            await stream.close()
        for platform in self._platforms.values():
            await platform.close()
        await self._notifier.close()
