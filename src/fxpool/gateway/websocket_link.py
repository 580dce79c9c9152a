"""A caller's WebSocket link: counted, and offered to the stream that takes it over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from fxpool.gateway.caller_links import LinkConfig, address_of
from fxpool.gateway.event_links import EVENT_LINK, ClientGone


class WebSocketLink(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, counted; what was counted before its upgrade ends here.

    A refusal with an HTTP answer is a finished handshake; without this it is logged as an error of
    the application. And the scope offers the link itself, a ``SocketLink``: what is done after the
    call has none of the call's memory, which is more than that of all else of an idle client.
    """

    config: LinkConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own narrowing
        super().connection_made(transport)
        self.app = self._serve
        self.conn.debug = False  # it would log the request with the caller's key in it
        self._stream = _StreamLink(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.config.links.closed(address_of(self.client))
        super().connection_lost(exc)
        self._look()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._look()

    def shutdown(self) -> None:
        super().shutdown()
        self._look()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # else it was refused
            self.scope["extensions"][EVENT_LINK] = {"link": self._stream}

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.config.loaded_app(scope, receive, send)
        if self._stream.afterwards is not None:
            del scope, receive, send
            self.request.headers.clear()  # a key is among them, and the parser keeps the request
            del self.request, self.response, self.scope  # nobody needs them after the handshake
            await self._stream.afterwards()

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._look()

    def _look(self) -> None:
        """Tell the stream's link what may have changed."""
        is_open = self.conn.state is State.OPEN and not self.disconnected
        self._stream.can_write = is_open and self.writable.is_set()


class _StreamLink:
    """A WebSocket's link (a ``SocketLink``); small, and nothing is computed in it, since it is
    looked at for every event."""

    __slots__ = ("_socket", "afterwards", "can_write", "write")

    def __init__(self, socket: WebSocketLink) -> None:
        self._socket, self.write = socket, socket.transport.write
        self.can_write = False  # until the handshake is done
        self.afterwards: Callable[[], Awaitable[None]] | None = None

    @property
    def receive(self) -> Receive:
        return self._socket.receive  # type: ignore[return-value]  # the same, in uvicorn's words

    @property
    def send(self) -> Send:
        return self._socket.send  # type: ignore[return-value]  # the same, in uvicorn's words

    async def drain(self) -> None:
        await self._socket.writable.wait()
        if self._socket.disconnected or self._socket.conn.state is not State.OPEN:
            raise ClientGone
