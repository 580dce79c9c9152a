"""A remote event stream over a pool that cuts, skips, refuses and talks too much.

The other side is a WebSocket server that follows a script, because a real gateway does none of
this; what a real one sends is in ``test_platform_contract``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from fxpool.errors import SlowConsumer
from fxpool.platforms import events
from fxpool.platforms.base import PlatformError
from fxpool.platforms.events import Event, EventFilter
from fxpool.platforms.remote import RemotePlatform

Script = Callable[[ServerConnection], Awaitable[None]]


def change(seq: int, kind: str = "positionModified", account: str = "a") -> dict[str, Any]:
    return {"type": kind, "accountId": account, "seq": seq}


def price(bid: float, symbol: str = "EURUSD") -> dict[str, Any]:
    return {"type": "price", "accountId": "a", "symbol": symbol, "bid": bid, "ask": bid}


@asynccontextmanager
async def pool(*scripts: Script, api_key: str | None = None) -> AsyncIterator[tuple[Any, Any]]:
    """A remote platform whose n-th stream gets the n-th script, and the paths it asked for."""
    paths: list[str] = []

    async def follow(link: ServerConnection) -> None:
        assert link.request is not None
        paths.append(link.request.path)
        await scripts[min(len(paths), len(scripts)) - 1](link)

    async with serve(follow, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        platform = RemotePlatform(f"http://127.0.0.1:{port}", api_key=api_key)
        try:
            yield platform, paths
        finally:
            await platform.close()


def sends(*batches: list[dict[str, Any]], then_waits: bool = True) -> Script:
    async def script(link: ServerConnection) -> None:
        for batch in batches:
            await link.send(json.dumps(batch))
        if then_waits:
            await link.wait_closed()

    return script


async def take(stream: Any, count: int) -> list[Event]:
    taken: list[Event] = []
    async with asyncio.timeout(5):
        while len(taken) < count:
            taken.extend(await stream.next_batch())
    return taken


def said(taken: list[Event]) -> list[tuple[str, int | None]]:
    return [(event.type, event.body.get("seq")) for event in taken]


async def test_events_arrive_whole_and_in_order() -> None:
    script = sends([change(4, "snapshot"), change(5)], [change(6), price(1.1)])
    async with pool(script) as (platform, paths), platform.subscribe() as stream:
        taken = await take(stream, 4)
    assert said(taken) == [
        ("snapshot", 4),
        ("positionModified", 5),
        ("positionModified", 6),
        ("price", None),
    ]
    assert (taken[3].account, taken[3].symbol) == ("a", "EURUSD")
    assert paths == ["/ws?batch=1"]


async def test_the_filter_is_the_pools_to_apply() -> None:
    wanted = EventFilter(frozenset({"a", "b"}), frozenset({"EURUSD"}), frozenset({"price"}))
    async with pool(sends()) as (platform, paths), platform.subscribe(wanted):
        pass
    assert paths == ["/ws?batch=1&accounts=a%2Cb&symbols=EURUSD&types=price"]


async def test_a_cut_stream_says_so_and_begins_again_with_a_snapshot() -> None:
    first = sends([change(4, "snapshot")], then_waits=False)
    second = sends([change(9, "snapshot"), change(10)])
    async with pool(first, second) as (platform, _), platform.subscribe() as stream:
        taken = await take(stream, 4)
    assert said(taken) == [
        ("snapshot", 4),
        ("streamClosed", None),
        ("snapshot", 9),
        ("positionModified", 10),
    ]
    assert taken[1].body["reason"]


async def test_a_stream_that_heard_no_event_yet_goes_on_from_its_first_heartbeat() -> None:
    heartbeat = {"type": "heartbeat", "epoch": "e", "sequences": {"a": 4}, "lastEventId": "a:e:4"}
    first = sends([heartbeat], then_waits=False)
    wanted = EventFilter(types=frozenset({"positionModified"}))
    second = sends([change(5)])
    async with pool(first, second) as (platform, paths), platform.subscribe(wanted) as stream:
        taken = await take(stream, 3)
    assert said(taken) == [("streamClosed", None), ("streamResumed", None), ("positionModified", 5)]
    assert paths[1].endswith("lastEventId=a%3Ae%3A4")


async def test_a_stream_that_was_cut_and_knows_no_position_asks_to_be_told_of_the_gap() -> None:
    wanted = EventFilter(types=frozenset({"positionModified"}))
    gap = {"type": "gap", "accountId": "a"}
    first, second = sends(then_waits=False), sends([gap])
    async with pool(first, second) as (platform, paths), platform.subscribe(wanted) as stream:
        taken = await take(stream, 2)
    assert said(taken) == [("streamClosed", None), ("gap", None)]
    assert paths[1].endswith("lastEventId=unknown")


async def test_the_pools_last_word_is_the_reason_for_the_end() -> None:
    farewell = {"type": "streamClosed", "code": "STOPPING", "detail": "the gateway is stopping"}
    first = sends([change(4, "snapshot")], [farewell], then_waits=False)
    async with pool(first, sends()) as (platform, _), platform.subscribe() as stream:
        taken = await take(stream, 2)
    assert said(taken) == [("snapshot", 4), ("streamClosed", None)]
    assert taken[1].body["reason"] == "the gateway is stopping"


async def test_a_gap_in_the_numbers_starts_the_stream_again() -> None:
    first = sends([change(4, "snapshot"), change(6)])
    second = sends([change(6, "snapshot")])
    async with pool(first, second) as (platform, paths), platform.subscribe() as stream:
        taken = await take(stream, 3)
    assert said(taken) == [("snapshot", 4), ("streamClosed", None), ("snapshot", 6)]
    assert taken[1].body["reason"] == "events of a jump from 4 to 6"
    assert paths[1].endswith("lastEventId=unknown")  # has the pool tell of a gap


async def test_a_filtered_stream_may_leave_numbers_out_but_not_go_back() -> None:
    first = sends([change(4), change(9)], [change(8)])
    wanted = EventFilter(types=frozenset({"positionModified"}))
    async with pool(first, sends()) as (platform, _), platform.subscribe(wanted) as stream:
        taken = await take(stream, 3)
    assert said(taken) == [
        ("positionModified", 4),
        ("positionModified", 9),
        ("streamClosed", None),
    ]


async def test_accounts_are_numbered_apart() -> None:
    script = sends(
        [change(4, "snapshot"), change(8, "snapshot", "b"), change(5), change(9, "x", "b")]
    )
    async with pool(script) as (platform, _), platform.subscribe() as stream:
        assert len(await take(stream, 4)) == 4


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[1]",
        '[{"accountId":"a"}]',
        "{}",
        '{"type":"heartbeat"}',
        '{"type":"price","accountId":7}',
        '{"type":"positionOpened","accountId":"a","position":"7"}',
        '{"type":"positionOpened","accountId":"a","seq":"7"}',
        '{"type":"positionOpened","accountId":"a","seq":7,"epoch":null}',
    ],
)
async def test_nonsense_starts_the_stream_again(message: str) -> None:
    async def nonsense(link: ServerConnection) -> None:
        await link.send(message)
        await link.wait_closed()

    script = sends([change(1, "snapshot")])
    async with pool(nonsense, script) as (platform, _), platform.subscribe() as stream:
        taken = await take(stream, 2)
    assert [event.type for event in taken] == ["streamClosed", "snapshot"]


async def test_a_reader_that_is_behind_gets_only_the_newest_price() -> None:
    script = sends([price(1.1), price(1.2), change(1), price(1.3), price(150.0, "USDJPY")])
    async with pool(script) as (platform, _), platform.subscribe() as stream:
        taken = await take(stream, 3)
    assert [(event.symbol, event.body.get("bid")) for event in taken] == [
        (None, None),
        ("EURUSD", 1.3),
        ("USDJPY", 150.0),
    ]


async def test_a_reader_that_is_too_far_behind_is_told() -> None:
    many = [change(seq) for seq in range(1, events.MAX_WAITING_CHANGES + 2)]
    async with pool(sends(many)) as (platform, _), platform.subscribe() as stream:
        with pytest.raises(SlowConsumer):
            await take(stream, len(many))


async def test_a_pool_that_is_not_running_fails_the_subscription(unused_port: int) -> None:
    platform = RemotePlatform(f"http://127.0.0.1:{unused_port}")
    with pytest.raises(PlatformError, match=r"Pool service not running .*connection refused"):
        await platform.subscribe().next_batch()
    await platform.close()


@pytest.mark.parametrize("on_first", [True, False])
async def test_a_refused_key_ends_the_stream_for_good(on_first: bool) -> None:
    asked: list[str | None] = []

    def check(link: ServerConnection, request: Request) -> Response | None:
        asked.append(request.headers.get("Authorization"))
        is_refused = on_first or len(asked) > 1
        return link.respond(HTTPStatus.UNAUTHORIZED, "no") if is_refused else None

    async with serve(sends(then_waits=False), "127.0.0.1", 0, process_request=check) as server:
        port = server.sockets[0].getsockname()[1]
        platform = RemotePlatform(f"http://127.0.0.1:{port}", api_key="planted-key")
        stream = platform.subscribe()
        with pytest.raises(PlatformError) as caught:
            await take(stream, 2)
        await platform.close()
    assert (caught.value.status, caught.value.retryable) == (401, False)
    assert str(caught.value) == "GET /ws answered 401"
    assert asked[0] == "Bearer planted-key"
    assert "planted-key" not in str(caught.value)


@pytest.mark.parametrize("elsewhere", ["https://login.example/", "ws://127.0.0.1:{port}/other"])
async def test_a_redirect_is_not_followed_and_named(elsewhere: str) -> None:
    asked: list[str] = []

    def check(link: ServerConnection, request: Request) -> Response:
        asked.append(request.path)
        response = link.respond(HTTPStatus.FOUND, "")
        port = link.local_address[1]
        response.headers["Location"] = elsewhere.format(port=port)
        return response

    async with serve(sends(), "127.0.0.1", 0, process_request=check) as server:
        port = server.sockets[0].getsockname()[1]
        platform = RemotePlatform(f"http://127.0.0.1:{port}", api_key="planted-key")
        with pytest.raises(PlatformError, match="GET /ws answered 302"):
            await take(platform.subscribe(), 1)
        await platform.close()
    assert asked == ["/ws?batch=1"]


async def test_closing_the_platform_ends_a_waiting_reader() -> None:
    async with pool(sends()) as (platform, _):
        stream = await platform.subscribe().__aenter__()
        waiting = asyncio.create_task(stream.next_batch())
        await asyncio.sleep(0)
        await platform.close()
        with pytest.raises(PlatformError, match="was closed"):
            await waiting
