"""When events may be written to a WebSocket: from the handshake on, while there is room, and never
behind a close frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from fxpool.gateway.caller_links import CallerLinks, LinkConfig
from fxpool.gateway.event_links import EventLink, socket_link
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.websocket_link import WebSocketLink

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Wire(asyncio.Transport):
    """A transport that never sends; it stays as it is when it is closed, as real ones do for a
    moment."""

    def write(self, data: Any) -> None: ...

    def close(self) -> None: ...

    def is_closing(self) -> bool:
        return False


class Accepting:
    """Accepts, and waits until the test says what to send."""

    def __init__(self) -> None:
        self.link: EventLink | None = None
        self.send: Send | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        link = socket_link(scope)
        assert not link.can_write
        await send({"type": "websocket.accept"})
        self.link, self.send = link, send
        await asyncio.Event().wait()


@pytest.fixture
async def opened() -> AsyncIterator[tuple[WebSocketLink, Accepting]]:
    app = Accepting()
    links = CallerLinks(GatewayLimits(), open_files=100, is_proxy=lambda _: False)
    config = LinkConfig(app, links, lifespan="off", log_config=None, ws_ping_interval=None)
    config.load()
    state = ServerState()
    socket = WebSocketLink(config, state, {})
    socket.connection_made(Wire())
    socket.data_received(HANDSHAKE)
    async with asyncio.timeout(5):
        while app.link is None:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0)
    yield socket, app
    if socket.close_timer is not None:
        socket.close_timer.cancel()
    for task in tuple(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)


async def test_a_full_buffer_is_waited_for(opened: tuple[WebSocketLink, Accepting]) -> None:
    socket, app = opened
    assert app.link is not None
    assert app.link.can_write
    socket.pause_writing()
    assert not app.link.can_write
    socket.resume_writing()
    assert app.link.can_write


@pytest.mark.parametrize(
    "end",
    [
        lambda socket: socket.data_received(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True)),
        lambda socket: socket.data_received(b"\xff\xff no frame at all"),
        lambda socket: socket.keepalive_timeout(),
        lambda socket: socket.shutdown(),
        lambda socket: socket.connection_lost(ConnectionResetError()),
    ],
    ids=["closed by the client", "no frame", "no pong", "the server ends", "lost"],
)
async def test_nothing_follows_the_end(
    opened: tuple[WebSocketLink, Accepting], end: Callable[[WebSocketLink], None]
) -> None:
    socket, app = opened
    assert app.link is not None
    assert app.link.can_write
    end(socket)
    assert not app.link.can_write


async def test_nothing_follows_our_own_close_frame(
    opened: tuple[WebSocketLink, Accepting],
) -> None:
    _, app = opened
    assert app.link is not None
    assert app.send is not None
    await app.send({"type": "websocket.close", "code": 1001})
    assert not app.link.can_write
