"""UnifiedPoolClient, contract 15.3 and 15.5: what is pushed, to listeners, callbacks, a handler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from starlette.applications import Starlette

from fxpool.client import StreamingHandler, UnifiedPoolClient
from fxpool.gateway import GatewayServer, create_app
from fxpool.platforms.base import PlatformError
from fxpool.platforms.remote import RemotePlatform
from harness.client_setup import META, Setup
from harness.http_server import serving
from harness.stack import Stack
from harness.wait import wait_until

BUY: dict[str, Any] = {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}
METHODS = (
    "onConnected",
    "onDisconnected",
    "onPositionUpdated",
    "onPositionRemoved",
    "onPositionsSynchronized",
    "onDealAdded",
    "onAccountInformationUpdated",
    "onSymbolPriceUpdated",
    "onPendingOrderUpdated",
    "onPendingOrderCompleted",
    "onStreamClosed",
)


class Listener:
    """Keeps the calls of all its methods, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        for name in METHODS:
            setattr(self, name, self._noting(name))

    def _noting(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.calls.append((name, *arguments))

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]

    async def until(self, name: str, times: int = 1) -> tuple[Any, ...]:
        await wait_until(lambda: self.names().count(name) >= times, within=15)
        return [call for call in self.calls if call[0] == name][times - 1]


async def test_a_listener_hears_an_accounts_day_in_order(setup: Setup) -> None:
    """Contract 15.3, getStreamingConnection: the listener methods, first argument 0."""
    before = await setup.client.execute_trade("alpha", None, BUY)
    connection = await setup.client.getStreamingConnection("alpha")
    assert await setup.client.get_streaming_connection("alpha") is connection
    heard = Listener()
    connection.addSynchronizationListener(heard)
    await heard.until("onPositionsSynchronized")
    beginning = heard.names()
    assert beginning[:2] == ["onConnected", "onAccountInformationUpdated"]
    assert beginning.index("onPositionUpdated") < beginning.index("onPositionsSynchronized")
    assert (await heard.until("onPositionUpdated"))[2]["id"] == before["positionId"]

    heard.calls.clear()
    order = await setup.client.place_limit_order("alpha", None, {**BUY, "openPrice": 0.9})
    assert (await heard.until("onPendingOrderUpdated"))[2]["id"] == order["orderId"]
    await setup.client.cancel_order("alpha", None, order["orderId"])
    assert (await heard.until("onPendingOrderCompleted"))[1:] == (0, order["orderId"])
    assert await connection.subscribeToMarketData("EURUSD") is True
    setup.stack.simulator.quote("EURUSD", Decimal("1.20000"), Decimal("1.20010"))
    assert (await heard.until("onSymbolPriceUpdated"))[2]["symbol"] == "EURUSD"
    await setup.client.close_position("alpha", None, before["positionId"])
    assert (await heard.until("onPositionRemoved"))[1:] == (0, before["positionId"])
    assert (await heard.until("onDealAdded"))[2]["positionId"] == before["positionId"]
    await heard.until("onAccountInformationUpdated")
    assert {call[1] for call in heard.calls} == {0}

    connection.removeSynchronizationListener(heard)
    assert connection.listeners == 0


async def test_several_listeners_hear_and_a_failing_one_stops_none(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """Contract 15.3, several listeners per account; a failing listener must not stop the others."""

    class Failing:
        calls = 0

        def onPositionUpdated(self, index: int, position: Any) -> None:  # noqa: N802 (the callers')
            Failing.calls += 1
            raise RuntimeError("a listener's own mistake")

    class Asynchronous:
        heard: list[str]

        def __init__(self) -> None:
            self.heard = []

        async def on_position_updated(self, index: int, position: Any) -> None:
            await asyncio.sleep(0)
            self.heard.append(position["id"])

    whole, other = Listener(), Asynchronous()
    connection = await setup.client.get_streaming_connection("alpha")
    for listener in (Failing(), whole, other):
        connection.add_synchronization_listener(listener)
    assert connection.listeners == 3
    await whole.until("onPositionsSynchronized")
    first = await setup.client.execute_trade("alpha", None, BUY)
    second = await setup.client.execute_trade("alpha", None, BUY)
    await wait_until(lambda: {first["positionId"], second["positionId"]} <= set(other.heard))
    await whole.until("onPositionUpdated", 2)
    await wait_until(lambda: Failing.calls >= 2)
    assert "a listener's own mistake" in caplog.text


async def test_a_lost_link_is_told_and_what_changed_meanwhile_too(setup: Setup) -> None:
    """Contract 15.3, onDisconnected and onConnected around a lost link."""
    heard = Listener()
    connection = await setup.client.get_streaming_connection("alpha")
    connection.add_synchronization_listener(heard)
    await heard.until("onPositionsSynchronized")
    setup.stack.simulator.cut_all()
    await heard.until("onDisconnected")
    await heard.until("onConnected", 2)
    await heard.until("onPositionsSynchronized", 2)


async def test_an_account_behind_a_metaapi_pool_is_heard_too(setup: Setup) -> None:
    """Contract 15.3, streaming on metaapi, whose pool pushes nothing."""
    heard = Listener()
    connection = await setup.client.get_streaming_connection(META)
    connection.add_synchronization_listener(heard)
    await heard.until("onPositionsSynchronized")
    bought = await setup.client.execute_trade(META, None, BUY)
    assert (await heard.until("onPositionUpdated"))[2]["id"] == bought["positionId"]
    await setup.client.close_position(META, None, bought["positionId"])
    assert (await heard.until("onPositionRemoved"))[2] == bought["positionId"]


async def test_a_reconnection_callback_gets_account_and_seconds(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """Contract 15.3, registerReconnectionCallback: from the event feed, seconds as a number."""
    told: list[tuple[str, float]] = []
    slow: list[str] = []

    def failing(account: str, seconds: float) -> None:
        raise RuntimeError("a callback's own mistake")

    async def asynchronous(account: str, seconds: float) -> None:
        slow.append(account)

    assert await setup.client.registerReconnectionCallback(failing) is True
    assert await setup.client.register_reconnection_callback(lambda *a: told.append(a)) is True
    assert await setup.client.register_reconnection_callback(asynchronous) is True
    await wait_until(lambda: setup.stack.platform._hub.subscribers)
    setup.stack.simulator.cut_all()
    await wait_until(lambda: {account for account, _ in told} == {"alpha", "beta"}, within=20)
    assert all(isinstance(seconds, float) and seconds >= 0 for _, seconds in told)
    await wait_until(lambda: set(slow) == {"alpha", "beta"})
    assert "a callback's own mistake" in caplog.text


@asynccontextmanager
async def pool_without_routes() -> AsyncIterator[str]:
    async with serving(Starlette()) as url:
        yield url


async def test_a_callback_is_kept_though_the_pool_answers_404() -> None:
    """Contract 15.3, registerReconnectionCallback: kept even if the endpoint answers 404."""
    async with (
        pool_without_routes() as url,
        UnifiedPoolClient(RemotePlatform(url)) as client,
    ):
        assert await client.register_reconnection_callback(print) is True
        assert client._callbacks == [print]


@pytest.fixture
async def handler(stack: Stack) -> AsyncIterator[StreamingHandler]:
    async with (
        UnifiedPoolClient.connect(stack.url) as client,
        StreamingHandler(client) as running,
    ):
        yield running


async def test_a_handler_keeps_positions_prices_and_executions(
    handler: StreamingHandler, stack: Stack
) -> None:
    """Contract 15.5, monitorAccount, getPositions, getCurrentPrice, getRecentExecutionEvents."""
    told: list[dict[str, Any]] = []
    handler.on("*", told.append)
    with pytest.raises(PlatformError, match="monitor_account first"):
        handler.getPositions("alpha")
    await handler.monitorAccount("alpha", ["EURUSD"])
    await wait_until(lambda: any(event["type"] == "snapshot" for event in told))
    assert handler.getPositions("alpha") == []
    client = handler._client
    bought = await client.execute_trade("alpha", None, BUY)
    await wait_until(lambda: [p["id"] for p in handler.getPositions("alpha")])
    stack.simulator.quote("EURUSD", Decimal("1.20000"), Decimal("1.20010"))
    await wait_until(lambda: (handler.getCurrentPrice("EURUSD") or {}).get("bid") == 1.2)
    assert set(handler.getAllPrices()) == {"EURUSD"}
    await client.close_position("alpha", None, bought["positionId"])
    await wait_until(lambda: handler.getPositions("alpha") == [])
    await wait_until(lambda: len(handler.getRecentExecutionEvents()) == 2)
    kinds = [event["execution"]["type"] for event in handler.getRecentExecutionEvents()]
    assert kinds == ["POSITION_OPEN", "POSITION_CLOSE"]
    assert handler.getStats() == {
        "isRunning": True,
        "subscribedSymbols": 1,
        "monitoredAccounts": 1,
        "cachedPrices": 1,
        "totalExecutionEvents": 2,
    }
    assert await handler.unsubscribeFromSymbol("EURUSD", "alpha") is True
    await handler.stopMonitoringAccount("alpha")
    with pytest.raises(PlatformError, match="not known"):
        handler.getPositions("alpha")
    await handler.stop()
    own = [event["type"] for event in told if "seq" not in event and event["type"] != "price"]
    assert own[0] == "subscribed"
    assert own[-3:] == ["unsubscribed", "accountMonitoringStopped", "stopped"]
    assert "accountMonitoring" in own


async def test_a_handler_keeps_the_last_thousand_executions(handler: StreamingHandler) -> None:
    """Contract 15.5, processExecutionEvent and the bound of what is kept."""
    heard: list[dict[str, Any]] = []
    handler.on("executionEvent", heard.append)
    for number in range(1001):
        await handler.processExecutionEvent({"type": "executionEvent", "number": number})
    assert len(heard) == 1001
    assert [event["number"] for event in handler.getRecentExecutionEvents(2)] == [999, 1000]
    assert len(handler.getRecentExecutionEvents(5000)) == 1000
    assert handler.getStats()["totalExecutionEvents"] == 1001
    handler.off("executionEvent", heard.append)


async def test_a_handler_that_is_not_started_says_so(stack: Stack) -> None:
    """Contract 15.5, start and stop."""
    async with UnifiedPoolClient.connect(stack.url) as client:
        handler = StreamingHandler(client)
        with pytest.raises(PlatformError, match="call start first"):
            await handler.monitor_account("alpha")
        assert handler.getStats()["isRunning"] is False


async def test_a_handler_answers_again_after_the_gateway_is_back(stack: Stack) -> None:
    """Contract 15.5, positions are not answered while the stream is cut."""
    first = GatewayServer(create_app(stack.platform), port=0, drain_seconds=1)
    async with first:
        client = UnifiedPoolClient.connect(first.url)
        handler = StreamingHandler(client)
        await handler.start()
        events: list[str] = []
        handler.on("*", lambda event: events.append(event["type"]))
        await handler.monitor_account("alpha")
        await wait_until(lambda: "snapshot" in events)
    await wait_until(lambda: "streamClosed" in events)
    with pytest.raises(PlatformError):
        handler.get_positions("alpha")
    async with GatewayServer(create_app(stack.platform), port=first.port, drain_seconds=1):
        # What goes on without a snapshot says so with the next event.
        bought = await client.execute_trade("alpha", None, BUY)
        await wait_until(lambda: events.count("snapshot") > 1 or "positionOpened" in events)
        (position,) = handler.get_positions("alpha")
        assert position["id"] == bought["positionId"]
        await handler.stop()
        await client.close()
