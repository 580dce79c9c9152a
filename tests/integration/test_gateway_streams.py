"""WebSocket and server-sent events over a real pool: snapshot first, then changes without a gap."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from harness.stack import Stack, running_stack

ORDER = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with running_stack() as running:
        running.simulator.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
        await running.platform.subscribe_symbol("EURUSD")
        yield running


async def trade_twice(stack: Stack) -> None:
    """Open a position and close it."""
    async with httpx.AsyncClient(base_url=stack.url) as http:
        opened = (await http.post("/trade/execute", json=ORDER)).json()
        assert opened["success"] is True, opened
        named = {"account_id": "alpha", "position_id": opened["positionId"]}
        closed = (await http.post("/position/close", json=named)).json()
        assert closed["success"] is True, closed


@asynccontextmanager
async def socket_of(stack: Stack, query: str = "") -> AsyncIterator[ClientConnection]:
    async with connect(f"{stack.url.replace('http', 'ws')}/ws{query}") as socket:
        yield socket


async def events_of(socket: ClientConnection) -> AsyncIterator[dict[str, Any]]:
    async for message in socket:
        decoded = json.loads(message)
        for event in decoded if isinstance(decoded, list) else [decoded]:
            yield event


async def until(events: AsyncIterator[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the events up to and with the first of a kind, without heartbeats."""
    seen: list[dict[str, Any]] = []
    async for event in events:
        if event["type"] != "heartbeat":
            seen.append(event)
        if event["type"] == kind:
            return seen
    pytest.fail(f"the stream ended before {kind}: {[event['type'] for event in seen]}")


def assert_gap_free(events: list[dict[str, Any]], account: str = "alpha") -> None:
    numbers = [event["seq"] for event in events if event["accountId"] == account and "seq" in event]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) > 2


@pytest.mark.parametrize("query", ["?accounts=alpha", "?accounts=alpha&batch=1&flushMs=5"])
async def test_a_websocket_tells_a_trade_from_its_opening_to_its_close(
    stack: Stack, query: str
) -> None:
    async with socket_of(stack, query) as socket:
        events = events_of(socket)
        (snapshot,) = await until(events, "snapshot")
        assert snapshot["account"]["balance"] == 10_000.0
        assert snapshot["positions"] == []
        await trade_twice(stack)
        told = await until(events, "positionClosed")
        assert_gap_free([snapshot, *told])
        (opened,) = [event for event in told if event["type"] == "positionOpened"]
        assert opened["position"]["symbol"] == "EURUSD"
        assert told[-1]["positionId"] == opened["position"]["id"]
        assert {event["accountId"] for event in told} == {"alpha"}


async def test_server_sent_events_tell_the_same(stack: Stack) -> None:
    async with (
        httpx.AsyncClient(base_url=stack.url) as http,
        http.stream("GET", "/events", params={"accounts": "alpha"}) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream"
        lines = response.aiter_lines()
        events = sse_events(lines)
        (snapshot,) = await until(events, "snapshot")
        heartbeat = await anext(events)
        assert heartbeat["type"] == "heartbeat"
        assert heartbeat["sse_id"] == snapshot["sse_id"]
        await trade_twice(stack)
        told = await until(events, "positionClosed")
        assert_gap_free([snapshot, *told])
        for event in [snapshot, *told]:
            expected = f"alpha:{event['epoch']}:{event['seq']}" if "seq" in event else None
            assert event["sse_id"] == expected


async def sse_events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """Decode a stream; each event carries the id of its frame, if it has one."""
    frame_id: str | None = None
    async for line in lines:
        if line.startswith("id: "):
            frame_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield {**json.loads(line.removeprefix("data: ")), "sse_id": frame_id}
            frame_id = None


async def test_quotes_are_pushed_in_the_symbols_asked_for(stack: Stack) -> None:
    async with socket_of(stack, "?symbols=EURUSD&types=price") as socket:
        events = events_of(socket)
        stack.simulator.quote("EURUSD", Decimal("1.20000"), Decimal("1.20010"))
        assert (await anext(events))["type"] == "heartbeat"
        async for event in events:
            assert (event["type"], event["symbol"]) == ("price", "EURUSD")
            if event["bid"] == 1.2:
                break


async def test_a_message_begins_the_stream_again_with_what_it_asks_for(stack: Stack) -> None:
    async with socket_of(stack, "?accounts=beta") as socket:
        events = events_of(socket)
        assert (await until(events, "snapshot"))[-1]["accountId"] == "beta"
        await socket.send(json.dumps({"action": "subscribe", "accounts": ["alpha"]}))
        assert (await until(events, "snapshot"))[-1]["accountId"] == "alpha"
        await socket.send("what?")
        await socket.send(b"{}")
        await socket.send('{"a":' * 10_000)
        errors = [(await until(events, "error"))[-1] for _ in range(3)]
        assert {error["code"] for error in errors} == {"INVALID_REQUEST"}
        assert errors[-1]["detail"] == "the message is nested too deeply"


async def test_a_time_that_has_not_come_is_answered_with_a_gap(stack: Stack) -> None:
    async with socket_of(stack, "?accounts=alpha&since=9000-01-01T00:00:00Z") as socket:
        assert (await anext(events_of(socket)))["type"] == "gap"


async def test_a_stream_of_an_unknown_account_is_refused_as_http_refuses(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url) as http:
        response = await http.get("/events", params={"accounts": "omega"})
        assert (response.status_code, response.json()["code"]) == (404, "ACCOUNT_NOT_FOUND")
    with pytest.raises(InvalidStatus) as refused:
        async with socket_of(stack, "?accounts=alpha,omega"):
            pass
    assert refused.value.response.status_code == 404


async def test_a_registered_callback_is_told_where_reconnects_are_pushed(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url) as http:
        path = "/streaming/register-reconnection-callback"
        answer = (await http.post(path, json={"callback_id": "checkForMissedTrades"})).json()
        assert answer["success"] is True
        async with http.stream("GET", answer["events"]) as response:
            events = sse_events(response.aiter_lines())
            assert (await anext(events))["type"] == "heartbeat"
            stack.simulator.cut_all()
            async for event in events:
                assert event["type"] == "reconnected"
                assert event["disconnectDuration"] >= 0
                break
