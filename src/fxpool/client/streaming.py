"""Streaming connections: an account's events as calls on synchronisation listeners.

Every listener has a stream of its own, so it begins with the whole account, and one that fails or
dawdles holds up no other. Its methods are called one after the other, in the order of the events.

Source: the listeners of MetaApi's streaming connections, as callers of the older pools write them.
"""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from fxpool.client.following import end, follow, told_safely
from fxpool.client.prices import PriceCalls
from fxpool.client.streams import EventStream
from fxpool.clock import Clock
from fxpool.platforms.events import Event

INSTANCE: Final = 0
"""The instance index that every method gets first: there is one connection per account."""

_UPDATES: Final = frozenset(
    {
        "positionOpened",
        "positionModified",
        "positionUpdate",
        "positionUpdated",
        "positionPartiallyClosed",
    }
)
_ORDER_ENDS: Final = frozenset(
    {"orderFilled", "orderCancelled", "orderExpired", "orderRejected", "orderGone"}
)

_METHODS: Final = {
    "onConnected": "on_connected",
    "onDisconnected": "on_disconnected",
    "onPositionUpdated": "on_position_updated",
    "onPositionRemoved": "on_position_removed",
    "onPositionsSynchronized": "on_positions_synchronized",
    "onDealAdded": "on_deal_added",
    "onAccountInformationUpdated": "on_account_information_updated",
    "onSymbolPriceUpdated": "on_symbol_price_updated",
    "onPendingOrderUpdated": "on_pending_order_updated",
    "onPendingOrderCompleted": "on_pending_order_completed",
    "onStreamClosed": "on_stream_closed",
}
"""The methods of listeners, in both spellings; a listener has any of them."""


class _Teller:
    """Turns the events of one account into calls on one listener."""

    def __init__(self, listener: object) -> None:
        self._listener = listener
        self._is_connected = False
        self._positions: set[str] = set()
        self._orders: set[str] = set()

    async def tell(self, event: Event) -> None:
        body = event.body
        match event.type:
            case "snapshot":
                await self._snapshot(body)
            case "connected" | "streamResumed":
                await self._connected()
            case "disconnected":
                await self._disconnected()
            case "streamClosed":
                await self.closed(str(body.get("reason", "")))
            case kind if kind in _UPDATES:
                self._positions.add(body["position"]["id"])
                await self._call("onPositionUpdated", body["position"])
            case "positionClosed":
                self._positions.discard(body["positionId"])
                await self._call("onPositionRemoved", body["positionId"])
            case "dealAdded":
                await self._call("onDealAdded", body["deal"])
            case "accountUpdated":
                await self._call("onAccountInformationUpdated", body["account"])
            case "price":
                await self._call("onSymbolPriceUpdated", body)
            case "orderPlaced" | "orderModified":
                self._orders.add(body["order"]["id"])
                await self._call("onPendingOrderUpdated", body["order"])
            case kind if kind in _ORDER_ENDS and body["orderId"] in self._orders:
                self._orders.discard(body["orderId"])
                await self._call("onPendingOrderCompleted", body["orderId"])

    async def closed(self, _reason: str) -> None:
        """Tell that the stream ended; it will be opened again."""
        await self._disconnected()
        await self._call("onStreamClosed")

    async def _snapshot(self, body: dict[str, Any]) -> None:
        """Tell the whole account, and what is gone since the last time."""
        await self._connected()
        await self._call("onAccountInformationUpdated", body["account"])
        positions = {position["id"]: position for position in body["positions"]}
        # Where one of them cannot be read, none is told: what is missing is not gone.
        listed = body["orders"]
        orders = {order["id"]: order for order in listed or ()}
        for identity in sorted(self._positions - positions.keys()):
            await self._call("onPositionRemoved", identity)
        for position in positions.values():
            await self._call("onPositionUpdated", position)
        gone = set() if listed is None else self._orders - orders.keys()
        for identity in sorted(gone):
            await self._call("onPendingOrderCompleted", identity)
        for order in orders.values():
            await self._call("onPendingOrderUpdated", order)
        self._positions, self._orders = set(positions), self._orders - gone | orders.keys()
        await self._call("onPositionsSynchronized", f"{body.get('epoch', '')}:{body['seq']}")

    async def _connected(self) -> None:
        if not self._is_connected:
            self._is_connected = True
            await self._call("onConnected")

    async def _disconnected(self) -> None:
        if self._is_connected:
            self._is_connected = False
            await self._call("onDisconnected")

    async def _call(self, method: str, *arguments: object) -> None:
        for name in (method, _METHODS[method]):
            found = getattr(self._listener, name, None)
            if callable(found):
                await told_safely(found, INSTANCE, *arguments)
                return


class StreamingConnection:
    """An account's events for any number of listeners."""

    def __init__(
        self,
        account_id: str,
        client: PriceCalls,
        open_stream: Callable[[], EventStream],
        *,
        clock: Clock,
    ) -> None:
        self.account_id = account_id
        self._client, self._open_stream, self._clock = client, open_stream, clock
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @property
    def listeners(self) -> int:
        """How many listeners there are."""
        return len(self._tasks)

    def add_synchronization_listener(self, listener: object) -> None:
        """Call a listener's methods from now on, beginning with the account as it is.

        Methods may be asynchronous. What they raise is logged. Does nothing for one that is added
        already. Needs a running event loop.
        """
        if id(listener) in self._tasks:
            return
        teller = _Teller(listener)
        work = follow(self._open_stream, teller.tell, teller.closed, clock=self._clock)
        name = f"listener-of-{self.account_id}"
        self._tasks[id(listener)] = asyncio.create_task(_held(listener, work), name=name)

    def remove_synchronization_listener(self, listener: object) -> None:
        """Call a listener no more; a call under way is cancelled."""
        task = self._tasks.pop(id(listener), None)
        if task is not None:
            task.cancel()

    async def subscribe_to_market_data(self, symbol: str) -> bool:
        """Have a symbol quoted on the account; its prices come to ``onSymbolPriceUpdated``.

        Raises PlatformError.
        """
        return await self._client.subscribe_to_symbol(symbol, self.account_id)

    async def unsubscribe_from_market_data(self, symbol: str) -> bool:
        """End ``subscribe_to_market_data``. Raises PlatformError."""
        return await self._client.unsubscribe_from_symbol(symbol, self.account_id)

    async def close(self) -> None:
        """Call no listener any more."""
        tasks = set(self._tasks.values())
        self._tasks.clear()
        await end(tasks)

    addSynchronizationListener = add_synchronization_listener
    removeSynchronizationListener = remove_synchronization_listener
    subscribeToMarketData = subscribe_to_market_data
    unsubscribeFromMarketData = unsubscribe_from_market_data


async def _held(listener: object, work: Any) -> None:
    """Run ``work``; the listener lives as long, so that its id means no other object."""
    await work
    del listener


class StreamingCalls(PriceCalls):
    """Streaming connections by account; part of ``UnifiedPoolClient``."""

    _connections: dict[str, StreamingConnection]

    async def get_streaming_connection(
        self, account_id: str, region: str | None = None
    ) -> StreamingConnection:
        """Return the account's connection, always the same one. Raises PlatformError for an account
        that no platform of this client serves."""
        self._of(account_id, region)
        if account_id not in self._connections:
            self._connections[account_id] = StreamingConnection(
                account_id, self, lambda: self.events(accounts=[account_id]), clock=self._clock
            )
        return self._connections[account_id]

    async def _end_streaming(self) -> None:
        for connection in self._connections.values():
            await connection.close()
        self._connections.clear()

    getStreamingConnection = get_streaming_connection
