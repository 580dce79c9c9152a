"""What callers may count on, whatever the route: one error shape, ids, access."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fxpool.errors import SettingsError
from fxpool.gateway import GatewayLimits, GatewayServer, create_app
from fxpool.gateway.access import Access
from fxpool.gateway.access.browsers import BrowserRules
from fxpool.platforms.base import Platform
from harness.hub_platform import HubPlatform

KEY = "planted-key"
ORDER = {"account_id": "a", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}


@asynccontextmanager
async def serving(platform: Platform | None = None, **options: Any) -> AsyncIterator[str]:
    app = create_app(platform or HubPlatform(), **options)
    async with GatewayServer(app, port=0, drain_seconds=1) as server:
        yield server.url


@asynccontextmanager
async def calling(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(**options) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


def assert_error(response: httpx.Response, status: int, code: str) -> str:
    """Check the uniform shape of an error; return its text."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code)
    assert isinstance(body["detail"], str)
    assert body["error"] == body["detail"]
    assert body["retryable"] is (status in (429, 503))
    assert body["requestId"] == response.headers["X-Request-ID"]
    detail: str = body["detail"]
    return detail


async def test_an_unknown_path_stays_404_and_a_wrong_method_405() -> None:
    async with calling() as client:
        assert "/nothing" in assert_error(await client.get("/nothing"), 404, "NOT_FOUND")
        assert_error(await client.get("/trade/execute"), 405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("content", "kind", "status", "says"),
    [
        (b"", "application/json", 422, "Content-Type: application/json"),
        (b"{}", "text/plain", 422, "Content-Type: application/json"),
        (b"[]", "application/json", 422, "JSON object"),
        (b"{", "application/json", 400, "not valid JSON"),
        (b'{"volume": NaN}', "application/json", 400, "not valid JSON"),
        (b'{"comment": "\xff"}', "application/json", 400, "not valid JSON"),
        (b"{}", "application/json", 422, "account_id: missing"),
        (b'{"volume": 0.1, "volume": 1}', "application/json", 400, "volume: the body has it more"),
        (b'{"lots": 0.1, "lot\\u0073": 1}', "application/json", 400, "lots: the body has it more"),
        (b'{"x": {"y": [{"z": 1, "z": 1}]}}', "application/json", 400, "z: the body has it more"),
        (b"[" * 50_000, "application/json", 400, "nested too deeply"),
        (b'{"expiration": "0001-01-01T00:00:00+14:00"}', "application/json", 422, "expiration"),
        (b'{"expiration": "9999-12-31T23:59:59-14:00"}', "application/json", 422, "expiration"),
    ],
)
async def test_a_malformed_body_is_told_in_one_string(
    content: bytes, kind: str, status: int, says: str
) -> None:
    async with calling() as client:
        response = await client.post(
            "/trade/execute", content=content, headers={"Content-Type": kind}
        )
        code = "BAD_REQUEST" if status == 400 else "INVALID_REQUEST"
        assert says in assert_error(response, status, code)


async def test_a_body_beyond_the_limit_is_refused() -> None:
    async with calling(limits=GatewayLimits(max_body_bytes=1000)) as client:
        response = await client.post("/trade/execute", json={"comment": "x" * 1000})
        assert_error(response, 413, "REQUEST_ENTITY_TOO_LARGE")


async def test_the_callers_request_id_comes_back_and_a_bad_one_is_replaced() -> None:
    async with calling(new_request_id=lambda: "fresh") as client:
        for given, answered in (("trace-77", "trace-77"), ("a b", "fresh"), ("x" * 200, "fresh")):
            response = await client.get("/nothing", headers={"X-Request-ID": given})
            assert response.headers["X-Request-ID"] == answered


class BrokenPlatform(HubPlatform):
    """Fails as a programme fails, not as a platform does."""

    async def positions(self, account: str) -> Any:
        raise ZeroDivisionError("secret inside")

    async def execute(self, account: str, request: Any) -> Any:
        raise ZeroDivisionError("secret inside")


async def test_a_bug_is_answered_without_its_text_and_an_order_as_unknown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with calling(platform=BrokenPlatform()) as client:
        response = await client.get("/positions/a")
        assert "secret" not in assert_error(response, 500, "INTERNAL_ERROR")
        response = await client.post("/trade/execute", json=ORDER)
        assert_error(response, 500, "INTERNAL_ERROR")
        assert response.json()["outcome"] == "unknown"
    assert "ZeroDivisionError" in caplog.text


async def test_with_a_key_every_call_but_health_must_show_it() -> None:
    async with calling(api_key=SecretStr(KEY)) as client:
        assert_error(await client.get("/prices"), 401, "KEY_MISSING")
        assert_error(await client.get("/events"), 401, "KEY_MISSING")
        assert_error(await client.get("/api/ctrader/prices"), 401, "KEY_MISSING")
        wrong = await client.get("/nothing", headers={"X-API-Key": "planted-kez"})
        assert_error(wrong, 401, "KEY_WRONG")
        right = await client.get("/nothing", headers={"Authorization": f"Bearer {KEY}"})
        assert_error(right, 404, "NOT_FOUND")


async def test_with_a_key_a_websocket_must_show_it(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(api_key=SecretStr(KEY)) as url:
        address = url.replace("http", "ws") + "/ws"
        with pytest.raises(InvalidStatus) as refused:
            await connect(address)
        assert refused.value.response.status_code == 401
        async with connect(address, additional_headers={"X-API-Key": KEY}) as socket_:
            assert "snapshot" in str(await socket_.recv())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_page_of_another_site_cannot_open_a_websocket() -> None:
    async with serving() as url:
        with pytest.raises(InvalidStatus) as refused:
            await connect(url.replace("http", "ws") + "/ws", origin="https://evil.example")
        assert refused.value.response.status_code == 403


async def test_stopping_tells_open_streams_and_does_not_wait_for_them() -> None:
    async with serving() as url:
        socket_ = await connect(url.replace("http", "ws") + "/ws")
        await socket_.recv()
        await socket_.recv()  # the snapshot, and where the stream stands
        client = httpx.AsyncClient(base_url=url)
        stream = await client.send(client.build_request("GET", "/events"), stream=True)
    assert "streamClosed" in str(await socket_.recv())
    await socket_.wait_closed()
    assert (socket_.close_code, socket_.close_reason) == (1001, "the gateway is stopping")
    assert "streamClosed" in (await stream.aread()).decode()
    await client.aclose()


async def test_a_taken_port_is_refused_with_the_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} on 127.0.0.1 is taken.*--port"):
            async with GatewayServer(create_app(HubPlatform()), port=port):
                pass


async def test_the_openapi_document_has_every_route_and_shape() -> None:
    async with calling() as client:
        document = (await client.get("/openapi.json")).json()
    paths, shapes = document["paths"], document["components"]["schemas"]
    assert {"/trade/execute", "/positions/all", "/ws", "/events"} - set(paths) == {"/ws"}
    for operations in paths.values():
        for operation in operations.values():
            assert {"200", "302"} & set(operation["responses"])
    assert {"TradeResult", "PositionList", "ErrorBody", "LimitOrderBody"} <= set(shapes)


async def test_a_page_of_a_listed_origin_may_ask_and_another_gets_no_leave() -> None:
    access = Access(
        SecretStr(KEY), browsers=BrowserRules(origins=frozenset({"https://app.example"}))
    )
    async with calling(access=access) as client:
        ask = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-api-key",
        }
        ours = await client.options(
            "/trade/execute", headers={"Origin": "https://app.example", **ask}
        )
        assert ours.status_code == 200
        assert ours.headers["access-control-allow-origin"] == "https://app.example"
        assert ours.headers.get_list("x-content-type-options") == ["nosniff"]
        asked = await client.get(
            "/prices", headers={"Origin": "https://app.example", "X-API-Key": KEY}
        )
        assert asked.headers["access-control-allow-origin"] == "https://app.example"
        assert asked.headers.get_list("x-content-type-options") == ["nosniff"]
        theirs = await client.options("/x", headers={"Origin": "https://evil.example", **ask})
        assert "access-control-allow-origin" not in theirs.headers
