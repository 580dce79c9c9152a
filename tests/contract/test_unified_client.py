"""UnifiedPoolClient, in the pool's process and over HTTP: the same calls, the same answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from fxpool import UnifiedPoolClient
from fxpool.client import EventStream
from fxpool.gateway import GatewayServer, create_app
from fxpool.platforms.base import PlatformError
from fxpool.platforms.events import Event
from harness.stack import Stack

ACCOUNT = "alpha"
BUY: dict[str, Any] = {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}


@pytest.fixture(params=["direct", "remote"])
async def client(stack: Stack, request: pytest.FixtureRequest) -> AsyncIterator[UnifiedPoolClient]:
    if request.param == "direct":
        yield UnifiedPoolClient.direct(stack.platform)  # the stack closes it
        return
    async with UnifiedPoolClient.connect(stack.url) as remote:
        yield remote


async def bought(client: UnifiedPoolClient, **fields: Any) -> str:
    result = await client.execute_trade(ACCOUNT, None, {**BUY, **fields})
    assert result["success"], result
    return result["positionId"]


async def until(stream: EventStream, kind: str) -> Event:
    async with asyncio.timeout(10):
        async for event in stream:
            if event.type == kind:
                return event
    raise AssertionError(f"the stream ended before {kind}")


@asynccontextmanager
async def moving_market(stack: Stack) -> AsyncIterator[None]:
    """Quote EURUSD again and again while the block runs."""

    async def move() -> None:
        for pips in itertools.count():
            bid = Decimal("1.1") + pips * Decimal("0.0001")
            stack.simulator.quote("EURUSD", bid, bid + Decimal("0.0001"))
            await asyncio.sleep(0.01)

    moving = asyncio.create_task(move())
    try:
        yield
    finally:
        moving.cancel()
        await asyncio.wait([moving])


async def test_a_bots_day_from_account_to_close(client: UnifiedPoolClient) -> None:
    assert (await client.get_account_info(ACCOUNT))["balance"] == 10_000.0
    assert await client.get_positions(ACCOUNT) == []
    result = await client.execute_trade(
        ACCOUNT, symbol="EURUSD", action="BUY", volume=Decimal("0.10"), stop_loss="1.01"
    )
    assert (result["success"], result["outcome"]) == (True, "executed")
    assert await client.has_open_position(ACCOUNT, "EURUSD")
    assert not await client.has_open_position(ACCOUNT, "GBPUSD")
    position = await client.get_position_by_symbol(ACCOUNT, "EURUSD")
    assert position is not None
    assert (position["id"], position["stopLoss"]) == (result["positionId"], 1.01)
    assert await client.modify_position(ACCOUNT, None, position["id"], take_profit=1.5) is True
    closed = await client.close_position(ACCOUNT, position_id=position["id"])
    assert (closed["success"], closed["closedVolume"]) == (True, 0.1)
    assert await client.get_positions(ACCOUNT) == []


async def test_the_older_names_take_the_older_arguments(client: UnifiedPoolClient) -> None:
    result = await client.executeTrade(
        ACCOUNT, "new-york", {"symbol": "EURUSD", "actionType": "ORDER_TYPE_SELL", "volume": 0.1}
    )
    assert result["success"]
    assert len(await client.getPositions(ACCOUNT, "new-york")) == 1
    closed = await client.closePosition(ACCOUNT, "new-york", result["positionId"])
    assert closed["success"]


async def test_pending_orders_are_placed_listed_and_cancelled(client: UnifiedPoolClient) -> None:
    limit = await client.place_limit_order(
        ACCOUNT, None, {"symbol": "EURUSD", "side": "BUY", "volume": 0.1, "price": 0.9}
    )
    stop = await client.place_stop_order(
        ACCOUNT, symbol="EURUSD", action="SELL", volume="0.1", open_price="0.8"
    )
    orders = {order["id"]: order["type"] for order in await client.get_pending_orders(ACCOUNT)}
    assert orders == {
        limit["orderId"]: "ORDER_TYPE_BUY_LIMIT",
        stop["orderId"]: "ORDER_TYPE_SELL_STOP",
    }
    assert await client.cancel_order(ACCOUNT, None, limit["orderId"]) is True
    assert await client.cancel_order(ACCOUNT, None, limit["orderId"]) is False


async def test_refusals_are_answers_with_their_reason(client: UnifiedPoolClient) -> None:
    for trade, words in [
        ({**BUY, "symbol": "NOSUCH"}, "symbol not found"),
        ({**BUY, "volume": 0.1005}, "invalid volume"),
        ({**BUY, "volume": 90}, "not enough money"),
        ({**BUY, "volume": "many"}, "volume"),
        ({**BUY, "action": "HOLD"}, "HOLD"),
    ]:
        result = await client.execute_trade(ACCOUNT, None, trade)
        assert (result["success"], result["outcome"]) == (False, "not_executed"), result
        assert words.lower() in result["error"].lower()
    assert await client.get_positions(ACCOUNT) == []


async def test_a_refused_change_is_false_and_a_refused_close_says_why(
    client: UnifiedPoolClient,
) -> None:
    assert await client.modify_position(ACCOUNT, None, "1", 1.01) is False
    result = await client.close_position(ACCOUNT, None, "1")
    assert not result["success"]
    assert "position not found" in result["error"].lower()


async def test_an_unknown_account_raises_on_reads_and_is_an_answer_on_trades(
    client: UnifiedPoolClient,
) -> None:
    with pytest.raises(PlatformError) as caught:
        await client.get_positions("omega")
    assert caught.value.status == 404
    result = await client.execute_trade("omega", None, BUY)
    assert (result["success"], result["outcome"]) == (False, "not_executed")
    assert await client.initialize_streaming("omega") is False


async def test_a_price_is_waited_for_without_polling(
    client: UnifiedPoolClient, stack: Stack
) -> None:
    stack.simulator.quote("EURUSD", Decimal("1.08740"), Decimal("1.08750"))
    price = await client.wait_for_price("EURUSD")
    assert price is not None
    assert (price["bid"], price["ask"]) == (1.0874, 1.0875)
    assert await client.get_mid_price("EURUSD") == 1.08745
    assert "EURUSD" in await client.get_all_prices()
    assert (await client.get_price("EURUSD", ACCOUNT) or price)["account_id"] == ACCOUNT


async def test_a_price_that_does_not_come_is_none(client: UnifiedPoolClient, stack: Stack) -> None:
    stack.simulator.stall_spots()
    assert await client.get_price("GBPUSD") is None
    assert await client.wait_for_price("GBPUSD", timeout_ms=100) is None


async def test_prices_are_iterated_as_they_happen(client: UnifiedPoolClient, stack: Stack) -> None:
    seen: list[float] = []
    async with asyncio.timeout(10), aclosing(client.prices("EURUSD", account=ACCOUNT)) as prices:
        async for price in prices:
            seen.append(price["bid"])
            if len(seen) == 3:
                break
            bid = Decimal("1.1") + len(seen)
            stack.simulator.quote("EURUSD", bid, bid + Decimal("0.0001"))
    assert seen[1:] == [2.1, 3.1]


async def test_any_name_of_a_symbol_finds_its_position_and_its_prices(
    client: UnifiedPoolClient, stack: Stack
) -> None:
    identity = await bought(client)
    for name in ("EURUSD", "EUR/USD", "eurusd"):
        position = await client.get_position_by_symbol(ACCOUNT, name)
        assert position is not None
        assert position["id"] == identity
        assert await client.wait_for_price(name) is not None
        prices = client.prices(name)
        async with asyncio.timeout(10), aclosing(prices), moving_market(stack):
            assert (await anext(prices))["symbol"] == "EURUSD"
    assert not await client.has_open_position(ACCOUNT, "GOLD")
    assert not await client.has_open_position(ACCOUNT, "NOSUCH")


async def test_prices_of_an_unknown_symbol_raise(client: UnifiedPoolClient) -> None:
    with pytest.raises(PlatformError, match="NOSUCH"):
        await anext(client.prices("NOSUCH"))


async def test_events_tell_what_happened_to_an_account(client: UnifiedPoolClient) -> None:
    async with client.events(accounts=[ACCOUNT]) as stream:
        snapshot = await until(stream, "snapshot")
        assert snapshot.body["positions"] == []
        identity = await bought(client)
        opened = await until(stream, "positionOpened")
        assert opened.body["position"]["id"] == identity
        await client.close_position(ACCOUNT, None, identity)
        closed = await until(stream, "positionClosed")
    assert closed.body["positionId"] == identity
    assert snapshot.body["seq"] < opened.body["seq"] < closed.body["seq"]


async def test_a_closed_stream_ends_its_loop(client: UnifiedPoolClient) -> None:
    stream = client.events()
    await until(stream, "snapshot")
    await stream.close()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_symbols_have_mappings_and_unknown_ones_none(client: UnifiedPoolClient) -> None:
    mapping = await client.get_symbol_mapping("XAUUSD")
    assert mapping is not None
    assert mapping["cTraderName"] == "GOLD"
    assert await client.get_symbol_mapping("NOSUCH") is None
    assert "XAUUSD" in await client.get_available_symbols(ACCOUNT)


async def test_the_pool_is_summed_up(client: UnifiedPoolClient) -> None:
    await bought(client)
    stats = await client.get_pool_stats()
    assert stats["combined"]["tradesExecuted"] == stats["ctrader"]["tradesExecuted"] == 1
    assert stats["unreachable"] == []
    assert set(await client.get_accounts_summary()) == {"alpha", "beta"}
    health = await client.health_check()
    assert health["status"] == health["ctrader"]["status"] == "healthy"
    assert await client.initialize_streaming(ACCOUNT) is True
    assert await client.subscribe_to_symbol("EURUSD") is True


async def test_an_unreachable_pool_is_told_and_never_looks_empty(unused_port: int) -> None:
    async with UnifiedPoolClient.connect(f"http://127.0.0.1:{unused_port}") as client:
        for read in (
            client.get_positions(ACCOUNT),
            client.get_account_info(ACCOUNT),
            client.get_pending_orders(ACCOUNT),
            client.get_price("EURUSD"),
            client.get_all_prices(),
            client.get_accounts_summary(),
            client.get_symbol_mapping("XAUUSD"),
            client.has_open_position(ACCOUNT, "EURUSD"),
            client.modify_position(ACCOUNT, None, "1", 1.0),
            client.cancel_order(ACCOUNT, None, "1"),
        ):
            with pytest.raises(PlatformError, match="Pool service not running"):
                await read
        result = await client.execute_trade(ACCOUNT, None, BUY)
        assert (result["success"], result["outcome"]) == (False, "not_executed")
        assert (await client.close_position(ACCOUNT, None, "1"))["code"] == "POOL_UNREACHABLE"
        health = await client.health_check()
        assert (health["status"], health["ctrader"]["status"]) == ("unhealthy", "error")
        assert (await client.get_pool_stats())["unreachable"] == ["ctrader"]
        assert await client.initialize_streaming(ACCOUNT) is False


async def test_a_cut_link_to_the_pool_leaves_a_change_unknown() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with UnifiedPoolClient.connect(f"http://127.0.0.1:{port}") as client:
        for change in (
            client.modify_position(ACCOUNT, None, "1", 1.0),
            client.cancel_order(ACCOUNT, None, "1"),
        ):
            with pytest.raises(PlatformError) as caught:
                await change
            assert caught.value.outcome == "unknown"
        result = await client.execute_trade(ACCOUNT, None, BUY)
        assert (result["success"], result["outcome"]) == (False, "unknown")
    server.close()


async def test_a_gateway_that_comes_back_is_found_again(stack: Stack) -> None:
    first = GatewayServer(create_app(stack.platform), port=0, drain_seconds=1)
    async with first:
        client = UnifiedPoolClient.connect(first.url)
        stream = client.events(accounts=[ACCOUNT])
        await until(stream, "snapshot")
        await bought(client)
    closed = await until(stream, "streamClosed")
    assert closed.body["reason"] == "the gateway is stopping"
    async with GatewayServer(create_app(stack.platform), port=first.port, drain_seconds=1):
        identity = await bought(client)
        await until(stream, "streamResumed")
        opened = await until(stream, "positionOpened")  # the stream goes on where it was cut
        assert opened.body["positionId"] == identity
        await client.close()
