"""Bounds on the links of callers: slow ones, long ones, and too many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fxpool.gateway import GatewayLimits, GatewayServer, create_app
from fxpool.gateway.access import Access
from harness.spy_platform import SpyPlatform

HOST = "Host: localhost\r\n"
GET = f"GET /health HTTP/1.1\r\n{HOST}\r\n"
ORDER = f"POST /halt HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"


@asynccontextmanager
async def served(
    platform: SpyPlatform | None = None, access: Access | None = None, **limits: Any
) -> AsyncIterator[GatewayServer]:
    app = create_app(platform or SpyPlatform(), limits=GatewayLimits(**limits), access=access)
    async with GatewayServer(app, port=0, drain_seconds=1) as server:
        yield server


@asynccontextmanager
async def linked(
    server: GatewayServer, text: str = ""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(text.encode())
    try:
        yield reader, writer
    finally:
        writer.close()


async def told(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Read until the link ends; return the last answer's status and code."""
    async with asyncio.timeout(10):
        text = (await reader.read()).decode()
    head, _, body = text[text.rindex("HTTP/1.1 ") :].partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["code"]


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "\r\n",
        "GET /health HTTP/1.1\r\n",
        f"{GET}GET /health HT",
    ],
)
async def test_a_head_that_does_not_arrive_in_time_ends_the_link(sent: str) -> None:
    async with served(head_seconds=0.2) as server, linked(server, sent) as (reader, _):
        assert await told(reader) == (408, "REQUEST_TOO_SLOW")


async def test_bytes_that_dribble_in_do_not_buy_time() -> None:
    async with (
        served(head_seconds=0.5) as server,
        linked(server, "GET /health") as (reader, writer),
    ):
        answer = asyncio.create_task(reader.read())
        began = asyncio.get_running_loop().time()
        while not answer.done():
            writer.write(b"x")
            await asyncio.sleep(0.02)
        with suppress(ConnectionError):  # bytes that nobody reads any more may cut the answer off
            assert (await answer).startswith(b"HTTP/1.1 408")
        assert asyncio.get_running_loop().time() - began < 5


async def test_an_order_whose_body_does_not_arrive_in_time_is_never_begun() -> None:
    platform = SpyPlatform()
    async with served(platform, body_seconds=0.2) as server:
        sent = f'{ORDER}Content-Length: 50\r\n\r\n{{"reason": '
        async with linked(server, sent) as (reader, _):
            assert await told(reader) == (408, "REQUEST_TOO_SLOW")
    assert platform.calls == []


async def test_the_answer_to_a_whole_request_is_waited_for_while_the_next_dribbles() -> None:
    release = asyncio.Event()

    class Slow(SpyPlatform):
        async def halt(self, account: str | None = None, *, reason: str = "") -> Any:
            await release.wait()
            return {"success": True, "halted": {}}

    async with served(Slow(), head_seconds=0.1) as server:
        sent = f"{ORDER}Content-Length: 2\r\n\r\n{{}}POST /halt HT"
        async with linked(server, sent) as (reader, _):
            await asyncio.sleep(1.0)  # several looks
            release.set()
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            assert await told(reader) == (408, "REQUEST_TOO_SLOW")


@pytest.mark.parametrize("end", ["\r\n\r\n", ""])
async def test_a_head_that_is_too_long_is_told_so(end: str) -> None:
    sent = f"GET /health HTTP/1.1\r\n{HOST}X: {'x' * 70_000}{end}"
    async with served() as server, linked(server, sent) as (reader, _):
        assert await told(reader) == (431, "HEADERS_TOO_LONG")


async def test_a_head_is_too_long_behind_another_request_too() -> None:
    first = f"{GET}GET /health HTTP/1.1\r\n{HOST}X: {'x' * 60_000}"
    async with served() as server, linked(server, first) as (reader, writer):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.write(f"{'x' * 10_000}\r\n\r\n".encode())
        assert await told(reader) == (431, "HEADERS_TOO_LONG")


async def test_a_body_that_is_too_long_is_told_so_whatever_its_length_header_says() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100

    async with served(max_body_bytes=1000) as server, httpx.AsyncClient() as client:
        response = await client.post(f"{server.url}/halt", content=chunks())
    assert response.status_code == 413


async def test_connections_beyond_those_of_an_address_are_told_so_and_room_is_made_again() -> None:
    async with served(max_links_per_address=2) as server:
        async with linked(server), linked(server):
            async with linked(server, GET) as (reader, _):
                assert await told(reader) == (429, "TOO_MANY_CONNECTIONS")
            with pytest.raises(InvalidStatus) as refused:
                await connect(server.url.replace("http", "ws") + "/ws")
            assert refused.value.response.status_code == 429
            assert refused.value.response.headers["Retry-After"]
        async with asyncio.timeout(5), httpx.AsyncClient(base_url=server.url) as client:
            while (await client.get("/health")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_websockets_count_as_connections_until_they_end() -> None:
    async with served(max_links_per_address=2) as server:
        url = server.url.replace("http", "ws") + "/ws"
        for _ in range(5):
            async with connect(url), connect(url), linked(server, GET) as (reader, _):
                assert (await told(reader))[0] == 429


async def test_a_trusted_proxy_may_have_more_connections_but_not_all() -> None:
    access = Access(None, trusted_proxies=(ip_network("127.0.0.0/8"),))
    async with served(access=access, max_links_per_address=1, max_links=8) as server:
        links = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(8)]
        async with linked(server, GET) as (reader, _):
            assert await told(reader) == (503, "TOO_MANY_CONNECTIONS")
        for _, writer in links:
            writer.close()


async def test_streams_are_bounded_per_address_too() -> None:
    async with served(max_streams_per_address=1) as server:
        url = server.url.replace("http", "ws") + "/ws"
        async with connect(url):
            with pytest.raises(InvalidStatus) as refused:
                await connect(url)
        assert refused.value.response.status_code == 429
        assert b"127.0.0.1 are open" in refused.value.response.body
