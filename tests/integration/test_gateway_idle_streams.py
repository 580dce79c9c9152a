"""What an idle WebSocket keeps of the call that opened it: who asks, and nothing that weighs."""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping

from pydantic import SecretStr
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.http11 import Request

from fxpool import context
from fxpool.gateway import GatewayServer, create_app
from fxpool.platforms.base import Subscription
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter
from harness.hub_platform import HubPlatform
from harness.wait import wait_until


class AskedPlatform(HubPlatform):
    """Keeps who asked for each subscription."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Mapping[str, str]] = []

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        self.asked.append(context.ids())
        return super().subscribe(wanted, resume)


def kept(secret: str) -> tuple[int, int]:
    """Return how many of the framework's sockets there are, and how many requests with a secret."""
    gc.collect()
    objects = gc.get_objects()
    requests = [each for each in objects if type(each) is Request]
    return (
        sum(type(each) is WebSocket for each in objects),
        sum(secret in each.headers.values() for each in requests),
    )


async def beginning(socket: ClientConnection) -> None:
    """Read what a stream begins with."""
    assert [json.loads(await socket.recv())["type"] for _ in range(2)] == ["snapshot", "heartbeat"]


async def test_a_websocket_keeps_no_memory_of_the_call_that_opened_it() -> None:
    sockets, _ = kept("a-secret")
    app = create_app(HubPlatform(), api_key=SecretStr("a-secret"))
    async with GatewayServer(app, port=0) as server:
        url, headers = f"{server.url.replace('http', 'ws')}/ws", {"X-API-Key": "a-secret"}
        async with connect(url, additional_headers=headers) as socket:
            assert json.loads(await socket.recv())["type"] == "snapshot"
            assert kept("a-secret") == (sockets, 1)  # the client's own request


async def test_what_a_websocket_asks_for_later_is_still_known_by_its_request() -> None:
    platform = AskedPlatform()
    app = create_app(platform)
    async with GatewayServer(app, port=0) as server:
        url, headers = f"{server.url.replace('http', 'ws')}/ws", {"X-Request-ID": "the-request"}
        async with connect(url, additional_headers=headers) as socket:
            await beginning(socket)
            await socket.send(json.dumps({"action": "subscribe", "types": ["snapshot"]}))
            await beginning(socket)
        first, later = platform.asked
        assert first["request"] == later["request"] == "the-request"
        assert first["caller"] == later["caller"]
        await wait_until(lambda: app.metrics.streams == 0)
    assert platform.hub.subscribers == 0
