"""StreamingHandler: prices, positions and executions of chosen accounts, kept as they are pushed.

Programs of the older pools ask it instead of polling, and hear of its events with ``on``.

Source: the streaming handler of the older pools.
"""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Self, TypedDict

from fxpool.client.following import end, follow, told_safely
from fxpool.client.unified import UnifiedPoolClient
from fxpool.clock import Clock, SystemClock
from fxpool.mapping.formats import PositionInfo
from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError
from fxpool.platforms.events import Event

MAX_EXECUTIONS: Final = 1000
ALL: Final = "*"

_POSITIONS: Final = frozenset(
    {
        "positionOpened",
        "positionModified",
        "positionUpdate",
        "positionUpdated",
        "positionPartiallyClosed",
    }
)

Handler = Callable[[dict[str, Any]], object]


class HandlerStats(TypedDict):
    """What a handler has to do, in numbers; ``totalExecutionEvents`` counts all, not the kept."""

    isRunning: bool
    subscribedSymbols: int
    monitoredAccounts: int
    cachedPrices: int
    totalExecutionEvents: int


class StreamingHandler:
    """What is pushed of the monitored accounts, as it was told last.

    ``on(type, function)`` calls a function with each event's body: those of the accounts, and the
    handler's own ``started``, ``stopped``, ``subscribed``, ``unsubscribed``, ``accountMonitoring``
    and ``accountMonitoringStopped``; ``*`` means all. Use ``async with``, or ``start``, ``stop``.
    """

    def __init__(self, client: UnifiedPoolClient, *, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock or SystemClock()
        self._handlers: dict[str, list[Handler]] = {}
        self._symbols: set[tuple[str, str | None]] = set()
        self._accounts: dict[str, asyncio.Task[None]] = {}
        self._prices: dict[str, dict[str, Any]] = {}
        self._positions: dict[str, dict[str, PositionInfo]] = {}
        self._cut: set[str] = set()  # accounts whose stream is cut, so that changes may be missing
        self._executions: deque[dict[str, Any]] = deque(maxlen=MAX_EXECUTIONS)
        self._total = 0
        self._is_running = False

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    # Life

    async def start(self) -> None:
        """Begin. Does nothing twice."""
        if not self._is_running:
            self._is_running = True
            await self._emit("started", {})

    async def stop(self) -> None:
        """Monitor nothing any more and forget what was told. Does nothing twice."""
        if not self._is_running:
            return
        self._is_running = False
        tasks = set(self._accounts.values())
        self._accounts.clear()
        await end(tasks)
        self._positions.clear()
        self._prices.clear()
        self._symbols.clear()
        await self._emit("stopped", {})

    def on(self, type: str, function: Handler) -> None:  # noqa: A002 (the wire's own word)
        """Call a function with the body of each event of a type. What it raises is logged."""
        self._handlers.setdefault(type, []).append(function)

    def off(self, type: str, function: Handler) -> None:  # noqa: A002 (the wire's own word)
        """End ``on``."""
        functions = self._handlers.get(type, [])
        if function in functions:
            functions.remove(function)

    # What to follow

    async def subscribe_to_symbol(self, symbol: str, account_id: str | None = None) -> bool:
        """Have a symbol quoted; its prices come with the accounts that are monitored.

        Raises PlatformError.
        """
        self._require_running()
        done = await self._client.subscribe_to_symbol(symbol, account_id)
        if done:
            self._symbols.add((symbol, account_id))
            await self._emit("subscribed", {"symbol": symbol, "accountId": account_id})
        return done

    async def unsubscribe_from_symbol(self, symbol: str, account_id: str | None = None) -> bool:
        """End ``subscribe_to_symbol``. Raises PlatformError."""
        self._require_running()
        done = await self._client.unsubscribe_from_symbol(symbol, account_id)
        self._symbols.discard((symbol, account_id))
        await self._emit("unsubscribed", {"symbol": symbol, "accountId": account_id})
        return done

    async def monitor_account(self, account_id: str, symbols: Iterable[str] = ()) -> None:
        """Follow an account, and have symbols quoted on it. Raises PlatformError."""
        self._require_running()
        if account_id not in self._accounts:
            work = follow(
                partial(self._client.events, accounts=[account_id]),
                partial(self._take, account_id),
                partial(self._lost, account_id),
                clock=self._clock,
            )
            task = asyncio.create_task(work, name=f"monitor-{account_id}")
            self._accounts[account_id] = task
        chosen = list(symbols)
        for symbol in chosen:
            await self.subscribe_to_symbol(symbol, account_id)
        await self._emit("accountMonitoring", {"accountId": account_id, "symbols": chosen})

    async def stop_monitoring_account(self, account_id: str) -> None:
        """Follow an account no more, and forget its positions."""
        task = self._accounts.pop(account_id, None)
        if task is None:
            return
        await end({task})
        self._positions.pop(account_id, None)
        await self._emit("accountMonitoringStopped", {"accountId": account_id})

    # What was told

    def get_current_price(self, symbol: str) -> dict[str, Any] | None:
        """Return the newest price that was pushed, None if there was none."""
        return self._prices.get(symbol)

    def get_all_prices(self) -> dict[str, dict[str, Any]]:
        """Return the newest price of each symbol that was pushed."""
        return dict(self._prices)

    def get_positions(self, account_id: str) -> list[PositionInfo]:
        """Return the account's positions as they were pushed.

        Raises PlatformError while they are not known: the account is not monitored, its link is
        down, or nothing has come yet.
        """
        positions = self._positions.get(account_id)
        if positions is None or account_id in self._cut:
            cure = "" if account_id in self._accounts else "; call monitor_account first"
            text = f"network: the positions of {account_id} are not known{cure}"
            raise PlatformError(503, "NOT_READY", text, retryable=True)
        return list(positions.values())

    def get_recent_execution_events(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the newest executions, the newest last; the last 1000 are kept."""
        return list(self._executions)[-limit:] if limit > 0 else []

    async def process_execution_event(self, event: Mapping[str, Any]) -> None:
        """Keep an execution and tell of it; a program may bring in those of other sources."""
        body = dict(event)
        self._executions.append(body)
        self._total += 1
        await self._emit("executionEvent", body)

    def get_stats(self) -> HandlerStats:
        """Return what the handler has to do, in numbers."""
        return HandlerStats(
            isRunning=self._is_running,
            subscribedSymbols=len(self._symbols),
            monitoredAccounts=len(self._accounts),
            cachedPrices=len(self._prices),
            totalExecutionEvents=self._total,
        )

    # Events

    async def _take(self, account_id: str, event: Event) -> None:
        body = event.body
        if event.type == "executionEvent":
            await self.process_execution_event(body)
            return
        if event.type == "streamClosed":
            self._cut.add(account_id)
        elif event.type == "streamResumed":
            self._cut.discard(account_id)
        elif event.type == "snapshot":
            self._cut.discard(account_id)
            self._positions[account_id] = {each["id"]: each for each in body["positions"]}
        elif event.type == "price":
            self._prices[body["symbol"]] = body
        elif event.type == "disconnected":
            self._positions.pop(account_id, None)
        elif account_id in self._positions:
            if event.type in _POSITIONS:
                self._positions[account_id][body["position"]["id"]] = body["position"]
            elif event.type == "positionClosed":
                self._positions[account_id].pop(body["positionId"], None)
        await self._emit(event.type, body)

    async def _lost(self, account_id: str, reason: str) -> None:
        """Forget what may have changed unseen."""
        self._positions.pop(account_id, None)
        await self._emit("error", {"accountId": account_id, "error": reason})

    async def _emit(self, kind: str, body: dict[str, Any]) -> None:
        told = (
            body if "type" in body else {"type": kind, "timestamp": iso(self._clock.at()), **body}
        )
        for function in [*self._handlers.get(kind, ()), *self._handlers.get(ALL, ())]:
            await told_safely(function, told)

    def _require_running(self) -> None:
        if not self._is_running:
            text = "the streaming handler is not started: call start first"
            raise PlatformError(409, "NOT_STARTED", text)

    subscribeToSymbol = subscribe_to_symbol
    unsubscribeFromSymbol = unsubscribe_from_symbol
    monitorAccount = monitor_account
    stopMonitoringAccount = stop_monitoring_account
    getCurrentPrice = get_current_price
    getAllPrices = get_all_prices
    getPositions = get_positions
    getRecentExecutionEvents = get_recent_execution_events
    processExecutionEvent = process_execution_event
    getStats = get_stats
