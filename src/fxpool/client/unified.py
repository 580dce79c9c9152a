"""UnifiedPoolClient: the calls of a trading program, whatever platform an account is on.

Knows platforms and callers' words; knows neither HTTP nor the Open API.

Source: the unified client that programs on the older pools call.
"""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Self, TypeVar, Unpack, cast

from fxpool.client.past import PastClient
from fxpool.client.streams import EventStream, PriceEvent
from fxpool.client.trade_data import Number, TradeFields, exact, trade_request
from fxpool.domain.trades import OrderType
from fxpool.errors import SettingsError
from fxpool.mapping.formats import (
    AccountInformation,
    AccountSummary,
    CloseResults,
    GuardList,
    OrderInfo,
    PositionInfo,
    PriceInfo,
    SymbolMapping,
    TradeResult,
)
from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.platforms.base import CloseRequest, Platform, PlatformError, ProtectionRequest
from fxpool.platforms.events import EventFilter
from fxpool.platforms.words import refusal

log = logging.getLogger(__name__)

T = TypeVar("T")

COMBINED_STATS: Final = (
    "connectionsCreated",
    "connectionsReused",
    "tradesExecuted",
    "errors",
    "activeConnections",
)
NOT_FOUND: Final = 404


class UnifiedPoolClient(PastClient):
    """One client for all accounts; ``async with`` opens and closes its platforms.

    Reads raise PlatformError when the truth is not known; they never answer empty instead. Trades
    return a result whose ``outcome`` says whether an order may be live: ``executed``,
    ``not_executed``, or ``unknown`` (look at positions and orders, do not send again).

    ``account_id`` is any name of an account: its routing key, login or ctidTraderAccountId.
    ``region`` is where a MetaApi account lives; cTrader accounts ignore it. Every call has its
    camelCase name too.
    """

    def __init__(self, *platforms: Platform, accounts: Mapping[str, str] | None = None) -> None:
        """Serve ``platforms``; the first takes every account that ``accounts`` does not name.

        ``accounts`` maps an account's name to a platform's name.
        Raises SettingsError for a platform that is not there.
        """
        self._platforms = {platform.name: platform for platform in platforms}
        self._accounts = dict(accounts or {})
        self._streams: set[EventStream] = set()
        if not self._platforms:
            raise SettingsError("a client needs at least one platform")
        for account, name in self._accounts.items():
            if name not in self._platforms:
                raise SettingsError(f"account {account} names platform {name}, which is not given")

    @classmethod
    def connect(cls, url: str | None = None, *, api_key: str | None = None) -> Self:
        """Return a client of a running pool; nothing is sent before the first call.

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
    def direct(cls, platform: Platform) -> Self:
        """Return a client of a platform in this process.

        ``async with`` opens and closes the platform; leave it out where another part owns it.
        """
        return cls(platform)

    async def __aenter__(self) -> Self:
        for platform in self._platforms.values():
            await platform.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End this client's streams and close its platforms."""
        for stream in tuple(self._streams):
            await stream.close()
        for platform in self._platforms.values():
            await platform.close()

    # Reads by account

    async def get_account_info(
        self, account_id: str, region: str | None = None
    ) -> AccountInformation:
        """Return balance, equity, margin and state of an account, in its currency."""
        return await self._of(account_id).account_information(account_id)

    async def get_positions(self, account_id: str, region: str | None = None) -> list[PositionInfo]:
        """Return all open positions."""
        return (await self._of(account_id).positions(account_id))["positions"]

    async def get_pending_orders(
        self, account_id: str, region: str | None = None
    ) -> list[OrderInfo]:
        """Return all pending orders; those that protect a position are not among them."""
        return (await self._of(account_id).orders(account_id))["orders"]

    async def has_open_position(
        self, account_id: str, symbol: str, region: str | None = None
    ) -> bool:
        """Whether a position is open on a symbol."""
        return await self.get_position_by_symbol(account_id, symbol, region) is not None

    async def get_position_by_symbol(
        self, account_id: str, symbol: str, region: str | None = None
    ) -> PositionInfo | None:
        """Return the first open position on a symbol, or None."""
        positions = {
            each["symbol"]: each for each in reversed(await self.get_positions(account_id))
        }
        if symbol in positions or not positions:
            return positions.get(symbol)
        return positions.get(await self._name_of(symbol, account_id))

    async def get_available_symbols(self, account_id: str) -> list[str]:
        """Return the MetaTrader names of what the account can trade."""
        return (await self._of(account_id).symbols(account_id))["symbols"]

    async def get_symbol_specification(self, account_id: str, symbol: str) -> SymbolSpecification:
        """Return all that may be traded of a symbol on an account, and what it costs."""
        return await self._of(account_id).symbol_specification(account_id, symbol)

    # Trades

    async def execute_trade(
        self,
        account_id: str,
        region: str | None = None,
        trade_data: Mapping[str, Any] | None = None,
        **fields: Unpack[TradeFields],
    ) -> TradeResult:
        """Place an order, from a trade object (any spelling, other fields ignored) or keywords.

        Never raises for what became of the order: every failure is ``success: False`` with
        ``error``, ``code`` and ``outcome``.
        """
        return await self._place(account_id, trade_data, fields)

    async def place_limit_order(
        self,
        account_id: str,
        region: str | None = None,
        order_data: Mapping[str, Any] | None = None,
        **fields: Unpack[TradeFields],
    ) -> TradeResult:
        """Place a limit order: ``side`` or ``action`` BUY or SELL, and its price. As a trade."""
        return await self._place(account_id, order_data, fields, OrderType.LIMIT)

    async def place_stop_order(
        self,
        account_id: str,
        region: str | None = None,
        order_data: Mapping[str, Any] | None = None,
        **fields: Unpack[TradeFields],
    ) -> TradeResult:
        """Place a stop order: ``side`` or ``action`` BUY or SELL, and its price. As a trade."""
        return await self._place(account_id, order_data, fields, OrderType.STOP)

    async def modify_position(
        self,
        account_id: str,
        region: str | None = None,
        position_id: str | int | None = None,
        stop_loss: Number | None = None,
        take_profit: Number | None = None,
    ) -> bool:
        """Set a position's protection: None keeps a side as it is, 0 removes it.

        Returns False if it was refused. Raises PlatformError if the pool cannot be reached, and
        with outcome ``unknown`` if what became of it is not known.
        """
        request = ProtectionRequest(
            position_id=_id("position_id", position_id),
            stop_loss=None if stop_loss is None else exact(stop_loss, "stop_loss"),
            take_profit=None if take_profit is None else exact(take_profit, "take_profit"),
        )
        return _is_done(await self._of(account_id).modify_position(account_id, request))

    async def close_position(
        self,
        account_id: str,
        region: str | None = None,
        position_id: str | int | None = None,
        volume: Number | None = None,
        *,
        allow_unsynchronized: bool = False,
    ) -> TradeResult:
        """Close a position, or ``volume`` lots of it; ``profit`` is what this close realised.

        ``allow_unsynchronized`` sends it though positions and orders are not read again yet.
        Never raises for what became of it: every failure carries ``error``.
        """
        identity = _id("position_id", position_id)
        try:
            lots = None if volume is None else exact(volume, "volume")
            request = CloseRequest(
                position_id=identity, volume=lots, allow_unsynchronized=allow_unsynchronized
            )
            return await self._of(account_id).close_position(account_id, request)
        except PlatformError as error:
            return refusal(error)

    async def close_all_positions(
        self, account_id: str, region: str | None = None, symbol: str | None = None
    ) -> CloseResults:
        """Close all open positions, or those of a symbol, each with its own result.

        Raises PlatformError if the pool cannot be reached; to ask again closes what is left.
        """
        return await self._of(account_id).close_positions(account_id, symbol=symbol)

    async def halt(self, account_id: str | None = None, reason: str = "") -> None:
        """Stop an account, or everything, from opening; closing stays allowed.

        Raises PlatformError if it did not take effect, or would not outlive a restart.
        """
        for platform in self._for(account_id):
            await platform.halt(account_id, reason=reason)

    async def resume(self, account_id: str | None = None) -> None:
        """End ``halt``; without an account every halt ends. Raises PlatformError."""
        for platform in self._for(account_id):
            await platform.resume(account_id)

    async def get_guards(self, account_id: str) -> GuardList:
        """Return how an account stands to its loss limits. Raises PlatformError."""
        return await self._of(account_id).guards(account_id)

    async def reset_guards(self, account_id: str, by: str = "") -> GuardList:
        """End the latches of an account's loss limits. Raises PlatformError."""
        return await self._of(account_id).reset_guards(account_id, by=by)

    async def cancel_order(
        self,
        account_id: str,
        region: str | None = None,
        order_id: str | int | None = None,
        *,
        allow_unsynchronized: bool = False,
    ) -> bool:
        """Cancel a pending order. Returns False or raises as ``modify_position`` does;
        ``allow_unsynchronized`` as in ``close_position``."""
        identity = _id("order_id", order_id)
        cancelling = self._of(account_id).cancel_order(
            account_id, identity, allow_unsynchronized=allow_unsynchronized
        )
        return _is_done(await cancelling)

    async def _place(
        self,
        account_id: str,
        data: Mapping[str, Any] | None,
        fields: TradeFields,
        kind: OrderType | None = None,
    ) -> TradeResult:
        if data is not None and fields:
            raise TypeError("give the trade as an object or as keywords, not as both")
        try:
            request = trade_request(fields if data is None else data, kind)
            return await self._of(account_id).execute(account_id, request)
        except PlatformError as error:
            return refusal(error)

    # Prices

    async def subscribe_to_symbol(self, symbol: str, account_id: str | None = None) -> bool:
        """Have a symbol quoted on one account, or on all; whether it is on at least one.

        Raises PlatformError if no platform could be asked.
        """
        asked = await self._ask(
            account_id, lambda platform: platform.subscribe_symbol(symbol, account_id)
        )
        return any(result["success"] for result in asked)

    async def get_price(self, symbol: str, account_id: str | None = None) -> PriceInfo | None:
        """Return the newest quote, or None while there is none; look at ``stale`` before trading.

        Raises PlatformError if it is not known because a platform could not be asked.
        """
        failure: PlatformError | None = None
        for platform in self._for(account_id):
            try:
                return await platform.price(symbol, account_id)
            except PlatformError as error:
                if error.status != NOT_FOUND:
                    failure = failure or error
        if failure is not None:
            raise failure
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

    # Events

    def events(
        self,
        *,
        accounts: Iterable[str] | None = None,
        symbols: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> EventStream:
        """Return a stream of events, snapshots first.

        What is not given, or empty, is not filtered. ``symbols`` are the names that positions
        carry. With ``types``, snapshots come only if they are among them.
        """
        wanted = EventFilter(_chosen(accounts), _chosen(symbols), _chosen(types))
        platforms = {
            platform.name: platform
            for account in wanted.accounts or [None]
            for platform in self._for(account)
        }
        subscriptions = [platform.subscribe(wanted) for platform in platforms.values()]
        stream = EventStream(subscriptions, self._streams.discard)
        self._streams.add(stream)
        return stream

    async def initialize_streaming(self, account_id: str, region: str | None = None) -> bool:
        """Whether the account is authorised and its positions are loaded; False on any failure."""
        try:
            return (await self._of(account_id).initialize_streaming(account_id))["success"]
        except PlatformError as error:
            log.warning("streaming of %s is not ready: %s", account_id, error.detail)
            return False

    # Across platforms

    async def get_symbol_mapping(self, mt5_symbol: str) -> SymbolMapping | None:
        """Return how brokers call a symbol and what may be traded of it; None if unknown."""
        return await self._mapping(mt5_symbol, None)

    async def get_accounts_summary(self) -> dict[str, AccountSummary]:
        """Return one row per configured account; one in error has no balance."""
        merged: dict[str, AccountSummary] = {}
        for platform in self._platforms.values():
            merged.update(await platform.accounts_summary())
        return merged

    async def get_pool_stats(self) -> dict[str, Any]:
        """Return each platform's counters and their sums under ``combined``.

        A platform that cannot be asked is ``{}`` and named in ``unreachable``.
        """
        stats: dict[str, Any] = {}
        unreachable = []
        for name, platform in self._platforms.items():
            try:
                stats[name] = await platform.pool_stats()
            except PlatformError:
                stats[name] = {}
                unreachable.append(name)
        sums = {key: sum(each.get(key, 0) for each in stats.values()) for key in COMBINED_STATS}
        return {**stats, "combined": sums, "unreachable": unreachable}

    async def health_check(self) -> dict[str, Any]:
        """Return each platform's health; ``status`` is ``healthy`` if at least one is."""
        health: dict[str, Any] = {}
        for name, platform in self._platforms.items():
            try:
                health[name] = await platform.health()
            except PlatformError as error:
                health[name] = {"status": "error", "error": error.detail}
        is_healthy = any(each["status"] == "healthy" for each in health.values())
        return {**health, "status": "healthy" if is_healthy else "unhealthy"}

    # Which symbol, which platform

    async def _name_of(self, symbol: str, account_id: str | None) -> str:
        """Return the one name under which positions, prices and events tell of a symbol."""
        mapping = await self._mapping(symbol, account_id)
        return symbol if mapping is None else mapping["mt5Symbol"]

    async def _mapping(self, symbol: str, account_id: str | None) -> SymbolMapping | None:
        for platform in self._for(account_id):
            try:
                return await platform.symbol_mapping(symbol, account_id)
            except PlatformError as error:
                if error.status != NOT_FOUND:
                    raise
        return None

    def _of(self, account_id: str) -> Platform:
        """Return the platform of an account: the one configured for it, else the first."""
        name = self._accounts.get(account_id)
        return next(iter(self._platforms.values())) if name is None else self._platforms[name]

    def _for(self, account_id: str | None) -> list[Platform]:
        return list(self._platforms.values()) if account_id is None else [self._of(account_id)]

    async def _ask(
        self, account_id: str | None, question: Callable[[Platform], Awaitable[T]]
    ) -> list[T]:
        """Return the answers of the platforms that gave one; raise a failure if none did."""
        answers, failures = [], []
        for platform in self._for(account_id):
            try:
                answers.append(await question(platform))
            except PlatformError as error:
                failures.append(error)
        if not answers:
            raise failures[0]
        return answers

    # The same calls under the names of the older clients

    getAccountInfo = get_account_info
    getPositions = get_positions
    getPendingOrders = get_pending_orders
    hasOpenPosition = has_open_position
    getPositionBySymbol = get_position_by_symbol
    getAvailableSymbols = get_available_symbols
    getSymbolSpecification = get_symbol_specification
    executeTrade = execute_trade
    placeLimitOrder = place_limit_order
    placeStopOrder = place_stop_order
    modifyPosition = modify_position
    closePosition = close_position
    closeAllPositions = close_all_positions
    getGuards = get_guards
    resetGuards = reset_guards
    cancelOrder = cancel_order
    subscribeToSymbol = subscribe_to_symbol
    getPrice = get_price
    getAllPrices = get_all_prices
    getMidPrice = get_mid_price
    waitForPrice = wait_for_price
    initializeStreaming = initialize_streaming
    getSymbolMapping = get_symbol_mapping
    getAccountsSummary = get_accounts_summary
    getPoolStats = get_pool_stats
    healthCheck = health_check


def _chosen(names: Iterable[str] | None) -> frozenset[str] | None:
    return frozenset(names or ()) or None


def _id(name: str, value: str | int | None) -> str:
    """Return an id as text. A missing one is a slip in the call, found before anything is sent."""
    if value is None:
        raise TypeError(f"{name} is missing; the order is (account_id, region, {name})")
    return str(value)


def _is_done(result: TradeResult) -> bool:
    """Whether a change took effect. Raises PlatformError if that is not known."""
    if result["success"]:
        return True
    if result["outcome"] == "unknown":
        raise PlatformError(
            504,
            result["code"],
            result["error"],
            retryable=result["retryable"],
            outcome="unknown",
        )
    log.warning("refused: %s (%s)", result["error"], result["code"])
    return False
