"""What a remote call says when the pool is away, silent, cut off or answers nonsense.

The other side is a socket that sends exact bytes, because a real gateway does none of this.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

import httpx
import pytest

from fxpool.client.metaapi_pool import MetaApiPool
from fxpool.clock import SystemClock
from fxpool.gateway import GatewayServer, create_app
from fxpool.platforms.base import CloseRequest, PlatformError, TradeRequest
from fxpool.platforms.remote import RemotePlatform
from fxpool.platforms.words import RETRY_WORDS

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]

ORDER = TradeRequest("EURUSD", "BUY", Decimal("0.29"), stop_loss=Decimal("1.0500"))
CLOSE = CloseRequest("287314502")


def http(status: str, body: str, *headers: str) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
        writer.write(f"{head}\r\n\r\n{body}".encode())
        await writer.drain()

    return answer


async def cut(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def drops(writer: asyncio.StreamWriter) -> None:
    """Answer a byte at a time, and never to the end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    with suppress(ConnectionError):
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)  # the pace of the drops: below the client's time-out


async def silence(writer: asyncio.StreamWriter) -> None:
    """Say nothing; the connection stays open."""


@asynccontextmanager
async def pool(answer: Answer) -> AsyncIterator[tuple[RemotePlatform, list[bytes]]]:
    """A remote platform against a socket that gives every request this answer, and the requests."""
    requests: list[bytes] = []
    conversations: list[asyncio.Task[None]] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.append(asyncio.current_task())  # type: ignore[arg-type]  # there is one
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                requests.append(await read_request(reader))
                await answer(writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    platform = RemotePlatform(f"http://127.0.0.1:{port}", api_key="planted-key", timeout=0.2)
    try:
        yield platform, requests
    finally:
        await platform.close()
        server.close()
        await asyncio.gather(*conversations)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head + await reader.readexactly(int(length[1]) if length else 0)


async def test_a_pool_that_is_not_running_is_named_with_the_cure(unused_port: int) -> None:
    platform = RemotePlatform(f"http://127.0.0.1:{unused_port}")
    with pytest.raises(PlatformError) as caught:
        await platform.positions("12345")
    await platform.close()
    assert str(caught.value) == (
        f"Pool service not running at http://127.0.0.1:{unused_port}: "
        "start it with `fxpool serve` (connection refused, network)"
    )
    assert (caught.value.status, caught.value.code) == (503, "POOL_UNREACHABLE")
    assert caught.value.retryable


async def test_an_order_that_found_no_pool_was_not_executed(unused_port: int) -> None:
    platform = RemotePlatform(f"http://127.0.0.1:{unused_port}")
    with pytest.raises(PlatformError) as caught:
        await platform.execute("12345", ORDER)
    await platform.close()
    assert caught.value.outcome == "not_executed"


@pytest.mark.parametrize(
    "answer",
    [cut, silence, drops, http("200 OK", "<html>"), http("502 Bad Gateway", "<html>")],
    ids=["cut", "silence", "drops", "nonsense", "proxy error"],
)
async def test_an_order_without_a_clear_answer_is_unknown_and_sent_once(answer: Answer) -> None:
    async with pool(answer) as (platform, requests):
        result = await platform.execute("12345", ORDER)
    assert (result["success"], result["outcome"]) == (False, "unknown")
    assert not [word for word in RETRY_WORDS if word in result["error"].lower()]
    assert not result["retryable"]
    assert len(requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"status":"ok"}',
        '{"success":null}',
        '{"success":true,"outcome":"unknown"}',
        '{"success":true,"outcome":"not_executed"}',
        '{"success":false,"outcome":"executed"}',
        '{"success":false,"error":"Request timed out"}',
        '{"success":false,"error":"socket disconnected"}',
    ],
)
async def test_an_answer_that_does_not_say_what_became_of_an_order_is_no_refusal(body: str) -> None:
    async with pool(http("200 OK", body)) as (platform, requests):
        older = MetaApiPool(platform.base_url, accounts=lambda: (), clock=SystemClock())
        results = [await platform.execute("12345", ORDER), await older.execute("12345", ORDER)]
        closed = await platform.close_position("12345", CLOSE)
        await older.close()
    for result in results:
        assert (result["success"], result["outcome"]) == (False, "unknown")
        assert not [word for word in RETRY_WORDS if word in result["error"].lower()]
    assert (closed["outcome"], closed["retryable"]) == ("unknown", True)
    assert len(requests) == 3


async def test_a_pool_that_tells_no_outcome_is_understood_by_its_success() -> None:
    async with pool(http("200 OK", '{"success":true,"orderId":"7"}')) as (platform, _):
        assert (await platform.execute("12345", ORDER))["outcome"] == "executed"
    async with pool(http("200 OK", '{"success":false,"error":"Market closed"}')) as (platform, _):
        result = await platform.execute("12345", ORDER)
    assert (result["outcome"], result["error"], result["code"]) == (
        "not_executed",
        "Market closed",
        "REFUSED",
    )
    assert result["detail"] == "Market closed"
    assert not result["retryable"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/../..", "a//b"])
async def test_a_name_that_leads_elsewhere_is_not_sent(name: str) -> None:
    """``/accounts/../resume`` would end the halt of all accounts."""
    async with pool(http("200 OK", "{}")) as (platform, requests):
        for call in (platform.resume, platform.halt, platform.positions, platform.ticket):
            with pytest.raises(PlatformError, match="is no name") as caught:
                await call(name)
            assert caught.value.status == 422
    assert requests == []


@pytest.mark.parametrize("answer", [cut, silence], ids=["cut", "silence"])
async def test_a_full_close_without_an_answer_may_be_repeated(answer: Answer) -> None:
    async with pool(answer) as (platform, requests):
        result = await platform.close_position("12345", CLOSE)
    assert (result["outcome"], result["retryable"]) == ("unknown", True)
    assert "timeout" in result["error"]
    assert "no response" in result["error"]
    assert len(requests) == 1


async def test_a_partial_close_without_an_answer_asks_for_no_second_one() -> None:
    async with pool(cut) as (platform, _):
        result = await platform.close_position("12345", CloseRequest("1", Decimal("0.1")))
    assert (result["outcome"], result["retryable"]) == ("unknown", False)
    assert not [word for word in RETRY_WORDS if word in result["error"].lower()]


async def test_an_order_that_the_pool_calls_malformed_was_not_executed() -> None:
    body = '{"detail":"volume: missing","code":"VALIDATION","retryable":false}'
    async with pool(http("422 Unprocessable", body)) as (platform, _):
        with pytest.raises(PlatformError, match="volume: missing") as caught:
            await platform.execute("12345", ORDER)
    assert (caught.value.status, caught.value.outcome) == (422, "not_executed")


async def test_numbers_go_out_with_the_digits_they_have() -> None:
    async with pool(http("200 OK", '{"success":true,"outcome":"executed"}')) as (platform, sent):
        await platform.execute("12345", ORDER)
    assert b'"volume":0.29' in sent[0]
    assert b'"stopLoss":1.0500' in sent[0]
    assert b"takeProfit" not in sent[0]


async def test_a_read_keeps_the_pools_own_words_and_its_retry_after() -> None:
    body = '{"detail":"network: reconnecting","code":"NOT_READY","retryable":true}'
    async with pool(http("503 Service Unavailable", body, "Retry-After: 2")) as (platform, _):
        with pytest.raises(PlatformError) as caught:
            await platform.positions("12345")
    error = caught.value
    assert (error.status, error.code, error.detail) == (503, "NOT_READY", "network: reconnecting")
    assert (error.retryable, error.retry_after, error.outcome) == (True, 2.0, None)


async def test_a_read_without_an_answer_is_a_timeout() -> None:
    async with pool(silence) as (platform, _):
        with pytest.raises(PlatformError, match="timeout: no response") as caught:
            await platform.health()
    assert (caught.value.status, caught.value.retryable) == (504, True)


@pytest.mark.parametrize("body", ["<html>", "[]", '{"account_id":"12345","count":0}'])
async def test_an_answer_of_another_shape_is_never_read_as_empty(body: str) -> None:
    async with pool(http("200 OK", body)) as (platform, _):
        with pytest.raises(PlatformError, match="cannot be used") as caught:
            await platform.positions("12345")
    assert caught.value.status == 502


async def test_a_foreign_error_page_is_told_by_its_status() -> None:
    async with pool(http("404 Not Found", "<html>")) as (platform, requests):
        with pytest.raises(PlatformError, match="GET /positions/a/b answered 404"):
            await platform.positions("a/b")
    assert requests[0].startswith(b"GET /positions/a%2Fb ")


async def test_the_key_is_sent_and_never_shown() -> None:
    async with pool(cut) as (platform, requests):
        with pytest.raises(PlatformError) as caught:
            await platform.health()
    assert b"Authorization: Bearer planted-key" in requests[0]
    assert "planted-key" not in f"{caught.value!r}{platform!r}"


async def test_a_gateway_tells_an_odd_status_of_a_pool_behind_it_as_its_own_502() -> None:
    async with (
        pool(http("418 I'm a teapot", '{"detail": "no coffee here"}')) as (platform, _),
        GatewayServer(create_app(platform), port=0, drain_seconds=1) as server,
        httpx.AsyncClient(base_url=server.url) as caller,
    ):
        response = await caller.get("/account/alpha")
        assert response.status_code == 502
        assert response.json()["detail"] == "no coffee here (answered 418)"
