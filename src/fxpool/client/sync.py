"""SyncPoolClient: the same calls without ``await``, for notebooks and scripts.

An event loop of its own runs in a thread beside, so it works where a loop is running already (as in
Jupyter), and pushes go on between calls.
"""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

from fxpool.client.streams import EventStream, PriceEvent
from fxpool.client.unified import UnifiedPoolClient
from fxpool.platforms.events import Event

P = ParamSpec("P")
T = TypeVar("T")


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fxpool-client", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns, run in the thread; Ctrl-C cancels it."""
        future: concurrent.futures.Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _waiting(
    call: Callable[Concatenate[UnifiedPoolClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[SyncPoolClient, P], T]:
    """Return a call that waits for its answer."""

    @wraps(call)
    def wait(self: SyncPoolClient, *args: P.args, **kwargs: P.kwargs) -> T:
        self._require_open()
        return self._thread.result(call(self._client, *args, **kwargs))

    return cast("Callable[Concatenate[SyncPoolClient, P], T]", wait)


def _at_once(
    call: Callable[Concatenate[UnifiedPoolClient, P], T],
) -> Callable[Concatenate[SyncPoolClient, P], T]:
    """Return a call that asks nobody, made in the loop's thread like all others."""

    @wraps(call)
    def made(self: SyncPoolClient, *args: P.args, **kwargs: P.kwargs) -> T:
        async def work() -> T:
            return call(self._client, *args, **kwargs)

        self._require_open()
        return self._thread.result(work())

    return cast("Callable[Concatenate[SyncPoolClient, P], T]", made)


class SyncPoolClient:
    """``UnifiedPoolClient`` without ``await``: the same names, arguments, answers and errors.

    Use ``with``, or ``close`` at the end. Callbacks and listeners are called in the client's own
    thread.
    """

    def __init__(self, make: Callable[[], UnifiedPoolClient]) -> None:
        """``make`` makes the client, in the thread that it will live in."""
        self._thread = _LoopThread()
        try:
            self._client = self._thread.result(_opened(make))
        except BaseException:
            self._thread.stop()
            raise

    @classmethod
    def connect(cls, url: str | None = None, *, api_key: str | None = None) -> Self:
        """Return a client of one running pool, as ``UnifiedPoolClient.connect`` does."""
        return cls(lambda: UnifiedPoolClient.connect(url, api_key=api_key))

    @classmethod
    def from_environment(cls, routing_config: Path | str | None = None) -> Self:
        """Return a client of all pools, as ``UnifiedPoolClient.from_environment`` does."""
        return cls(lambda: UnifiedPoolClient.from_environment(routing_config))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End streams, close connections and end the thread. Does nothing twice."""
        if self._thread.is_running:
            self._thread.result(self._client.close())
            self._thread.stop()

    def _require_open(self) -> None:
        if not self._thread.is_running:
            raise RuntimeError("this client is closed; make a new one")

    # Events

    def events(
        self,
        *,
        accounts: Iterable[str] | None = None,
        symbols: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Iterator[Event]:
        """Yield events as they happen, snapshots first; the filter is that of the other client."""
        self._require_open()

        async def begin() -> EventStream:
            stream = self._client.events(accounts=accounts, symbols=symbols, types=types)
            return await stream.__aenter__()

        stream = self._thread.result(begin())
        try:
            while (event := self._thread.result(_next(stream))) is not None:
                yield event
        finally:
            if self._thread.is_running:
                self._thread.result(stream.close())

    def prices(self, *symbols: str, account: str | None = None) -> Iterator[PriceEvent]:
        """Subscribe to symbols and yield their quotes as they come."""
        self._require_open()
        prices = self._client.prices(*symbols, account=account)
        try:
            while (price := self._thread.result(_next(prices))) is not None:
                yield price
        finally:
            if self._thread.is_running:
                self._thread.result(prices.aclose())

    # Accounts

    get_account_config = _waiting(UnifiedPoolClient.get_account_config)
    get_pool_for_account = _waiting(UnifiedPoolClient.get_pool_for_account)

    # Reads

    get_account_info = _waiting(UnifiedPoolClient.get_account_info)
    get_positions = _waiting(UnifiedPoolClient.get_positions)
    get_pending_orders = _waiting(UnifiedPoolClient.get_pending_orders)
    has_open_position = _waiting(UnifiedPoolClient.has_open_position)
    get_position_by_symbol = _waiting(UnifiedPoolClient.get_position_by_symbol)
    get_available_symbols = _waiting(UnifiedPoolClient.get_available_symbols)
    get_symbol_specification = _waiting(UnifiedPoolClient.get_symbol_specification)
    get_symbol_mapping = _waiting(UnifiedPoolClient.get_symbol_mapping)
    get_guards = _waiting(UnifiedPoolClient.get_guards)

    # The past

    get_account_metrics = _waiting(UnifiedPoolClient.get_account_metrics)
    get_trade_history = _waiting(UnifiedPoolClient.get_trade_history)
    get_daily_growth = _waiting(UnifiedPoolClient.get_daily_growth)
    get_symbol_stats = _waiting(UnifiedPoolClient.get_symbol_stats)
    get_risk_status = _waiting(UnifiedPoolClient.get_risk_status)
    get_open_trades = _waiting(UnifiedPoolClient.get_open_trades)
    get_report = _waiting(UnifiedPoolClient.get_report)
    get_historical_data = _waiting(UnifiedPoolClient.get_historical_data)
    get_historical_ticks = _waiting(UnifiedPoolClient.get_historical_ticks)
    get_recent_history = _waiting(UnifiedPoolClient.get_recent_history)

    # Trading

    execute_trade = _waiting(UnifiedPoolClient.execute_trade)
    place_limit_order = _waiting(UnifiedPoolClient.place_limit_order)
    place_stop_order = _waiting(UnifiedPoolClient.place_stop_order)
    modify_position = _waiting(UnifiedPoolClient.modify_position)
    close_position = _waiting(UnifiedPoolClient.close_position)
    close_all_positions = _waiting(UnifiedPoolClient.close_all_positions)
    cancel_order = _waiting(UnifiedPoolClient.cancel_order)
    halt = _waiting(UnifiedPoolClient.halt)
    resume = _waiting(UnifiedPoolClient.resume)
    reset_guards = _waiting(UnifiedPoolClient.reset_guards)

    # Prices

    subscribe_to_symbol = _waiting(UnifiedPoolClient.subscribe_to_symbol)
    unsubscribe_from_symbol = _waiting(UnifiedPoolClient.unsubscribe_from_symbol)
    get_price = _waiting(UnifiedPoolClient.get_price)
    get_all_prices = _waiting(UnifiedPoolClient.get_all_prices)
    get_mid_price = _waiting(UnifiedPoolClient.get_mid_price)
    wait_for_price = _waiting(UnifiedPoolClient.wait_for_price)
    initialize_streaming = _waiting(UnifiedPoolClient.initialize_streaming)

    # All platforms

    get_accounts_summary = _waiting(UnifiedPoolClient.get_accounts_summary)
    get_pool_stats = _waiting(UnifiedPoolClient.get_pool_stats)
    health_check = _waiting(UnifiedPoolClient.health_check)

    # Reconnects

    register_reconnection_callback = _waiting(UnifiedPoolClient.register_reconnection_callback)

    # Connection issues

    record_success = _at_once(UnifiedPoolClient.record_success)
    record_failure = _at_once(UnifiedPoolClient.record_failure)
    should_suppress_alert = _at_once(UnifiedPoolClient.should_suppress_alert)
    send_connection_issue_alert = _at_once(UnifiedPoolClient.send_connection_issue_alert)
    get_circuit_breaker_status = _at_once(UnifiedPoolClient.get_circuit_breaker_status)
    get_account_nickname = _at_once(UnifiedPoolClient.get_account_nickname)

    # Listeners

    def add_synchronization_listener(self, account_id: str, listener: object) -> None:
        """Call a listener's methods for an account's events. Raises PlatformError."""

        async def add() -> None:
            connection = await self._client.get_streaming_connection(account_id)
            connection.add_synchronization_listener(listener)

        self._require_open()
        self._thread.result(add())

    def remove_synchronization_listener(self, account_id: str, listener: object) -> None:
        """Call a listener no more."""

        async def remove() -> None:
            connection = await self._client.get_streaming_connection(account_id)
            connection.remove_synchronization_listener(listener)

        self._require_open()
        self._thread.result(remove())

    # The same calls under the names of the older clients

    getAccountConfig = get_account_config
    getPoolForAccount = get_pool_for_account
    getAccountInfo = get_account_info
    getPositions = get_positions
    getPendingOrders = get_pending_orders
    hasOpenPosition = has_open_position
    getPositionBySymbol = get_position_by_symbol
    getAvailableSymbols = get_available_symbols
    getSymbolSpecification = get_symbol_specification
    getSymbolMapping = get_symbol_mapping
    getGuards = get_guards
    getAccountMetrics = get_account_metrics
    getTradeHistory = get_trade_history
    getDailyGrowth = get_daily_growth
    getSymbolStats = get_symbol_stats
    getRiskStatus = get_risk_status
    getOpenTrades = get_open_trades
    getReport = get_report
    getHistoricalData = get_historical_data
    getHistoricalTicks = get_historical_ticks
    getRecentHistory = get_recent_history
    executeTrade = execute_trade
    placeLimitOrder = place_limit_order
    placeStopOrder = place_stop_order
    modifyPosition = modify_position
    closePosition = close_position
    closeAllPositions = close_all_positions
    cancelOrder = cancel_order
    resetGuards = reset_guards
    subscribeToSymbol = subscribe_to_symbol
    unsubscribeFromSymbol = unsubscribe_from_symbol
    getPrice = get_price
    getAllPrices = get_all_prices
    getMidPrice = get_mid_price
    waitForPrice = wait_for_price
    initializeStreaming = initialize_streaming
    getAccountsSummary = get_accounts_summary
    getPoolStats = get_pool_stats
    healthCheck = health_check
    registerReconnectionCallback = register_reconnection_callback
    recordSuccess = record_success
    recordFailure = record_failure
    shouldSuppressAlert = should_suppress_alert
    sendConnectionIssueAlert = send_connection_issue_alert
    getCircuitBreakerStatus = get_circuit_breaker_status
    getAccountNickname = get_account_nickname
    addSynchronizationListener = add_synchronization_listener
    removeSynchronizationListener = remove_synchronization_listener


async def _next(items: AsyncIterator[T]) -> T | None:
    """Return what comes next, None at the end."""
    return await anext(items, None)


async def _opened(make: Callable[[], UnifiedPoolClient]) -> UnifiedPoolClient:
    return await make().__aenter__()
