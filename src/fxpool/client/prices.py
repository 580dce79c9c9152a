"""The client's prices and events; part of ``UnifiedPoolClient``."""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable
from decimal import Decimal
from typing import cast

from fxpool.client.reads import NOT_FOUND, AccountReads
from fxpool.client.streams import EventStream, PriceEvent
from fxpool.mapping.formats import PriceInfo
from fxpool.platforms.base import PlatformError
from fxpool.platforms.events import EventFilter

log = logging.getLogger(__name__)


class PriceCalls(AccountReads):
    """Prices, asked for and pushed. Without an account all platforms are asked, in their order."""

    _streams: set[EventStream]

    async def subscribe_to_symbol(self, symbol: str, account_id: str | None = None) -> bool:
        """Have a symbol quoted on one account, or on all; whether it is on at least one.

        Raises PlatformError if no platform could be asked.
        """
        asked = await self._ask(
            account_id, lambda platform: platform.subscribe_symbol(symbol, account_id)
        )
        return any(result["success"] for result in asked)

    async def unsubscribe_from_symbol(self, symbol: str, account_id: str | None = None) -> bool:
        """End ``subscribe_to_symbol``; what positions need stays quoted. Raises PlatformError."""
        asked = await self._ask(
            account_id, lambda platform: platform.unsubscribe_symbol(symbol, account_id)
        )
        return any(result["success"] for result in asked)

    async def get_price(self, symbol: str, account_id: str | None = None) -> PriceInfo | None:
        """Return the newest quote, or None while there is none; look at ``stale`` before trading.

        Without an account the first platform that has one answers. Raises PlatformError if none
        could be asked.
        """
        failures = []
        platforms = self._for(account_id)
        for platform in platforms:
            try:
                return await platform.price(symbol, account_id)
            except PlatformError as error:
                if error.status != NOT_FOUND:
                    failures.append(error)
        if len(failures) == len(platforms):
            raise failures[0]
        return None

    async def get_all_prices(self) -> dict[str, PriceInfo]:
        """Return every known quote by symbol; a later platform wins.

        Raises PlatformError only if no platform answered.
        """
        merged: dict[str, PriceInfo] = {}
        for prices in await self._ask(None, lambda platform: platform.prices()):
            merged.update(prices)
        return merged

    async def get_mid_price(self, symbol: str) -> float | None:
        """Return the middle of bid and ask, or None while there is no quote."""
        price = await self.get_price(symbol)
        if price is None:
            return None
        return float((Decimal(str(price["bid"])) + Decimal(str(price["ask"]))) / 2)

    async def wait_for_price(self, symbol: str, timeout_ms: int = 10_000) -> PriceInfo | None:
        """Subscribe and wait for a quote that is not stale; None if the time runs out.

        Raises PlatformError if the symbol is quoted nowhere.
        """
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                name = await self._name_of(symbol, None)
                async with self.events(symbols=[name], types=["price"]) as stream:
                    await self._have_quoted(symbol, None)
                    price = await self.get_price(symbol)
                    while price is None or price["stale"]:
                        await anext(stream)
                        price = await self.get_price(symbol)
                    return price
        except TimeoutError:
            return None

    async def prices(
        self, *symbols: str, account: str | None = None
    ) -> AsyncGenerator[PriceEvent, None]:
        """Subscribe to symbols and yield their quotes as they come.

        A reader that is behind gets only the newest of each. Raises PlatformError if a symbol is
        quoted nowhere.
        """
        accounts = None if account is None else [account]
        names = [await self._name_of(symbol, account) for symbol in symbols]
        async with self.events(accounts=accounts, symbols=names, types=["price"]) as stream:
            for symbol in symbols:
                await self._have_quoted(symbol, account)
            async for event in stream:
                if event.type == "price":
                    yield cast("PriceEvent", event.body)

    async def _have_quoted(self, symbol: str, account: str | None) -> None:
        if not await self.subscribe_to_symbol(symbol, account):
            raise PlatformError(NOT_FOUND, "NOT_QUOTED", f"no account quotes {symbol}")

    def events(
        self,
        *,
        accounts: Iterable[str] | None = None,
        symbols: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> EventStream:
        """Return a stream of events, snapshots first.

        What is not given, or empty, is not filtered. ``symbols`` are the names that positions
        carry. With ``types``, snapshots come only if they are among them. Without ``accounts`` a
        platform that cannot be reached is left out, as long as there is another one.
        """
        wanted = EventFilter(_chosen(accounts), _chosen(symbols), _chosen(types))
        if wanted.accounts is None:
            subscriptions = [each.subscribe(wanted) for each in self._platforms.values()]
        else:
            by_platform: dict[str, set[str]] = {}
            for account in wanted.accounts:
                by_platform.setdefault(self._of(account).name, set()).add(account)
            subscriptions = [
                self._platforms[name].subscribe(
                    EventFilter(frozenset(served), wanted.symbols, wanted.types)
                )
                for name, served in by_platform.items()
            ]
        stream = EventStream(
            subscriptions, self._streams.discard, needs_all=wanted.accounts is not None
        )
        self._streams.add(stream)
        return stream

    async def initialize_streaming(self, account_id: str, region: str | None = None) -> bool:
        """Whether the account is authorised and its positions are loaded; False on any failure."""
        try:
            state = await self._read(
                account_id, lambda on: on.initialize_streaming(account_id), region
            )
        except PlatformError as error:
            log.warning("streaming of %s is not ready: %s", account_id, error.detail)
            return False
        return state["success"]

    # The same calls under the names of the older clients

    subscribeToSymbol = subscribe_to_symbol
    unsubscribeFromSymbol = unsubscribe_from_symbol
    getPrice = get_price
    getAllPrices = get_all_prices
    getMidPrice = get_mid_price
    waitForPrice = wait_for_price
    initializeStreaming = initialize_streaming


def _chosen(names: Iterable[str] | None) -> frozenset[str] | None:
    return frozenset(names or ()) or None
