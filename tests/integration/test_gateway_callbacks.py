"""Reconnection callbacks: a caller's own server is told, signed, again until it takes it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from fxpool.errors import SettingsError
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.callback_rules import CallbackRules
from fxpool.gateway.callbacks import MAX_CALLBACKS, MAX_WAITING
from fxpool.platforms.base import PlatformError
from fxpool.platforms.events import Event
from harness.hub_platform import HubPlatform
from harness.wait import wait_until

SECRET = "the-secret-of-callbacks"
ROUTE = "/streaming/register-reconnection-callback"


@dataclass
class Receiver:
    """A caller's server; ``statuses`` are its next answers, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.statuses.pop(0) if self.statuses else 200
        self.got.append((headers, body))
        more = "Location: http://127.0.0.1:1/elsewhere\r\n" if status == 302 else ""
        answer = f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(statuses=list(statuses))
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        receiver.url = f"http://127.0.0.1:{port}/reconnected?key=planted-canary"
        yield receiver


@asynccontextmanager
async def gateway(
    platform: HubPlatform, rules: CallbackRules | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(platform, callbacks=rules or CallbackRules(SecretStr(SECRET)))
    async with (
        GatewayServer(app, port=0, drain_seconds=1) as server,
        httpx.AsyncClient(base_url=server.url) as http,
    ):
        yield http


async def register(http: httpx.AsyncClient, url: str, name: str = "checkForMissedTrades") -> Any:
    body = {"callback_id": name, "callback_url": url}
    return (await http.post(ROUTE, json=body)).json()


async def listens(platform: HubPlatform) -> None:
    await wait_until(lambda: platform.hub.subscribers)


async def state(http: httpx.AsyncClient) -> Any:
    return (await http.get("/streaming/reconnection-callbacks")).json()[0]


async def error_told(http: httpx.AsyncClient) -> str:
    """Wait until the state of the callback has an error, and return it."""
    async with asyncio.timeout(20):
        while (error := (await state(http))["lastError"]) is None:  # noqa: ASYNC110 (asked over HTTP)
            await asyncio.sleep(0.01)
    return str(error)


async def test_a_reconnect_arrives_signed() -> None:
    platform = HubPlatform()
    async with receiving() as receiver, gateway(platform) as http:
        answer = await register(http, receiver.url)
        assert (answer["success"], answer["delivery"]) == (True, "webhook")
        await listens(platform)
        platform.change("positionOpened")
        platform.change("reconnected", disconnectDuration=12.5)
        await wait_until(lambda: receiver.got)
        headers, body = receiver.got[0]
        told = json.loads(body)
        assert (told["type"], told["accountId"], told["disconnectDuration"]) == (
            "reconnected",
            "a",
            12.5,
        )
        text = headers["x-fxpool-timestamp"].encode() + b"." + body
        expected = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
        assert headers["x-fxpool-signature"] == f"v1={expected}"
        assert headers["x-fxpool-delivery"] == f"a:{told['epoch']}:{told['seq']}"
        await wait_until(lambda: len(receiver.got) == 1)
        shown = await state(http)
    assert (shown["waiting"], shown["dropped"], shown["lastError"]) == (0, 0, None)
    assert "canary" not in json.dumps(shown) + json.dumps(answer)


async def test_a_refused_delivery_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fxpool.gateway.callbacks.RETRY_SECONDS", (0.01,))
    platform = HubPlatform()
    async with receiving(500, 302, 404) as receiver, gateway(platform) as http:
        await register(http, receiver.url)
        await listens(platform)
        platform.change("reconnected", disconnectDuration=1.0)
        platform.change("reconnected", disconnectDuration=2.0)
        await wait_until(lambda: len(receiver.got) == 5)
    durations = [body["disconnectDuration"] for body in receiver.bodies()]
    assert durations == [1.0, 1.0, 1.0, 1.0, 2.0]


async def test_an_address_that_answers_for_ever_holds_up_nothing_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fxpool.gateway.callbacks.ANSWER_SECONDS", 0.3)
    asked = asyncio.Event()

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        with suppress(OSError):
            while not reader.at_eof():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)  # more often than each read may take
        writer.close()

    platform = HubPlatform()
    server = await asyncio.start_server(dribble, "127.0.0.1", 0)
    async with server, gateway(platform) as http:
        await register(http, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        await listens(platform)
        platform.change("reconnected", disconnectDuration=1.0)
        await asked.wait()
        error = await error_told(http)
    assert "no answer within" in error


async def test_an_account_with_any_name_has_its_reconnect_told() -> None:
    platform = HubPlatform()
    body = {"type": "reconnected", "accountId": "Größe", "disconnectDuration": 1.0}
    async with receiving() as receiver, gateway(platform) as http:
        await register(http, receiver.url)
        await listens(platform)
        platform.hub.publish(Event("reconnected", "Größe", body))
        await wait_until(lambda: receiver.got)
    headers, _ = receiver.got[0]
    assert headers["x-fxpool-delivery"] == f"Größe:{platform.hub.epoch}:1"


async def test_a_delivery_that_fails_for_an_unforeseen_reason_is_shown_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fxpool.gateway.callbacks.RETRY_SECONDS", (0.01,))
    platform = HubPlatform()
    async with receiving() as receiver, gateway(platform) as http:
        await register(http, receiver.url)
        await listens(platform)
        with monkeypatch.context() as defect:
            defect.delattr("fxpool.gateway.callbacks.signed")
            platform.change("reconnected", disconnectDuration=1.0)
            error = await error_told(http)
        await wait_until(lambda: receiver.got)
    assert error == "an internal error: NameError"


async def test_what_a_caller_missed_is_replayed_when_it_registers_again() -> None:
    platform = HubPlatform()
    async with gateway(platform) as http:
        answer = await register(http, "http://127.0.0.1:9/nobody")
        assert answer["success"]
        await listens(platform)
        platform.change("reconnected", disconnectDuration=1.0)
        async with asyncio.timeout(5):
            while (await state(http))["lastError"] is None:  # noqa: ASYNC110 (asked over HTTP)
                await asyncio.sleep(0.01)
        assert (await state(http))["waiting"] == 1
        async with receiving() as receiver:
            await register(http, receiver.url)
            await wait_until(lambda: receiver.got)
    assert receiver.bodies()[0]["disconnectDuration"] == 1.0


async def test_what_waits_is_bounded_and_the_loss_is_counted() -> None:
    platform = HubPlatform()
    async with gateway(platform) as http:
        await register(http, "http://127.0.0.1:9/nobody")
        await listens(platform)
        for number in range(MAX_WAITING + 7):
            platform.change("reconnected", disconnectDuration=float(number))
        async with asyncio.timeout(5):
            while (await state(http))["dropped"] < 7:  # noqa: ASYNC110 (asked over HTTP)
                await asyncio.sleep(0.01)
        assert (await state(http))["waiting"] == MAX_WAITING


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/x",
        "http://other.example/x",
        "http://localhost.other.example/x",
        "http://user:planted-canary@127.0.0.1/x",
        "http://127.0.0.1:port/x",
        "http:///x",
        "127.0.0.1/x",
    ],
)
async def test_an_address_that_may_not_be_called_is_refused(url: str) -> None:
    async with gateway(HubPlatform()) as http:
        answer = await register(http, url)
        assert "callback_url" in answer["detail"]
        assert "planted-canary" not in answer["detail"]
        assert (await http.get("/streaming/reconnection-callbacks")).json() == []


@pytest.mark.parametrize("url", ["http://10.1.2.3/x", "https://hooks.example/x", "http://[::1]/x"])
def test_the_operator_says_which_other_hosts_may_be_called(url: str) -> None:
    hosts = frozenset({"10.0.0.0/8", "hooks.example"})
    CallbackRules(SecretStr(SECRET), hosts).check(url)


def test_without_a_secret_nobody_is_called() -> None:
    with pytest.raises(PlatformError, match="CTRADER_CALLBACK_SECRET"):
        CallbackRules().check("http://127.0.0.1/x")


async def test_without_an_address_the_event_stream_serves() -> None:
    async with gateway(HubPlatform(), CallbackRules()) as http:
        answer = (await http.post(ROUTE, json={"callback_id": "checkForMissedTrades"})).json()
    assert answer == {
        "success": True,
        "callback_id": "checkForMissedTrades",
        "delivery": "event-stream",
        "events": "/events?types=reconnected",
    }


async def test_registrations_outlive_the_process_and_can_be_ended(tmp_path: Path) -> None:
    rules = CallbackRules(SecretStr(SECRET), file=tmp_path / "callbacks.json")
    async with receiving() as receiver:
        async with gateway(HubPlatform(), rules) as http:
            await register(http, receiver.url)
        assert SECRET not in (tmp_path / "callbacks.json").read_text()
        platform = HubPlatform()
        async with gateway(platform, rules) as http:
            await listens(platform)
            platform.change("reconnected", disconnectDuration=3.0)
            await wait_until(lambda: receiver.got)
            route = "/streaming/reconnection-callbacks/checkForMissedTrades"
            assert (await http.delete(route)).json()["success"]
            assert (await http.delete(route)).status_code == 404
        async with gateway(HubPlatform(), rules) as http:
            assert (await http.get("/streaming/reconnection-callbacks")).json() == []


async def test_the_number_of_callbacks_is_bounded() -> None:
    async with gateway(HubPlatform()) as http:
        for number in range(MAX_CALLBACKS):
            assert (await register(http, "http://127.0.0.1:9/x", f"c{number}"))["success"]
        assert "limit" in (await register(http, "http://127.0.0.1:9/x", "more"))["detail"]


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "callbacks.json"
    file.write_text("[")
    with pytest.raises(SettingsError, match=r"callbacks\.json"):
        create_app(HubPlatform(), callbacks=CallbackRules(SecretStr(SECRET), file=file))
