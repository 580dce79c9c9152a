"""Event streams over WebSocket: ``/ws``.

The query says what to deliver, as for ``/events``. A client may say it again at any time with a
message ``{"action": "subscribe", "accounts": [...], "symbols": [...], "types": [...], "batch":
true}``; the stream then begins again with snapshots. Life is shown by the protocol's own pings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from pydantic import ValidationError
from starlette.websockets import WebSocket

from fxpool.clock import Clock
from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.access.credentials import SUBPROTOCOL
from fxpool.gateway.access.gatekeeper import admit, caller_of, guarded
from fxpool.gateway.errors import error_response, explain_validation
from fxpool.gateway.event_links import ClientGone, SocketLink, socket_link
from fxpool.gateway.frames import Form, array_frame, text_frames
from fxpool.gateway.sse import read_options
from fxpool.gateway.stream_options import StreamOptions
from fxpool.gateway.streams import Ending, Streams, notice
from fxpool.platforms.base import PlatformError

_MAX_REASON_BYTES: Final = 123  # a close frame holds no more


class WebSocketOutlet:
    """Writes events as text messages: one event, or a JSON array of events."""

    __slots__ = ("_clock", "_subprotocol", "link")

    def __init__(self, link: SocketLink, clock: Clock, subprotocol: str | None) -> None:
        self.link, self._clock, self._subprotocol = link, clock, subprotocol

    async def begin(self) -> None:
        await self.link.receive()  # that it wants to connect
        await self.link.send({"type": "websocket.accept", "subprotocol": self._subprotocol})

    def form(self, *, is_batched: bool) -> Form:
        return array_frame if is_batched else text_frames

    async def receive(self) -> StreamOptions:
        while True:
            message = await self.link.receive()
            if message["type"] == "websocket.disconnect":
                raise ClientGone
            try:
                return _read_message(message.get("text") or message.get("bytes") or "")
            except ValueError as exc:
                text = str(exc)
                await self._send(
                    notice(self._clock, "error", code="INVALID_REQUEST", error=text, detail=text)
                )

    async def end(self, ending: Ending) -> None:
        await self._send(ending.encoded(self._clock))
        reason = ending.detail.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        with _client_gone():
            await self.link.send(
                {"type": "websocket.close", "code": ending.close_code, "reason": reason}
            )

    async def _send(self, encoded: bytes) -> None:
        with _client_gone():
            await self.link.send({"type": "websocket.send", "text": encoded.decode()})


@contextmanager
def _client_gone() -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as exc:  # RuntimeError: already closed
        raise ClientGone from exc


@performs(Operation.STREAM)
async def serve_socket(socket: WebSocket) -> None:
    """Open a stream on a WebSocket; what cannot be served is refused as HTTP, with the uniform
    body. The stream itself begins after the call, without what stands in front of this route."""
    streams: Streams = socket.app.streams
    try:
        await admit(socket.scope, Operation.STREAM)
        options = _read_query(socket)
        link = socket_link(socket.scope)
        is_offered = SUBPROTOCOL in socket.scope.get("subprotocols", ())
        link.afterwards = await streams.open(
            WebSocketOutlet(link, streams.clock, SUBPROTOCOL if is_offered else None),
            guarded(socket.scope),
            options,
            address=caller_of(socket.scope).origin.text,
        )
    except PlatformError as refusal:
        await socket.send_denial_response(error_response(refusal, socket.scope))


def _read_query(socket: WebSocket) -> StreamOptions:
    try:
        return read_options(socket.query_params)
    except ValidationError as exc:
        text = explain_validation(exc.errors())
        raise PlatformError(422, "INVALID_REQUEST", text) from exc


def _read_message(text: str | bytes) -> StreamOptions:
    """Return what a client asks for. Raises ValueError that says what a message may be."""
    try:
        message = msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as exc:
        raise ValueError(f"a message must be a JSON object: {exc}") from exc
    except RecursionError as exc:
        raise ValueError("the message is nested too deeply") from exc
    if message.get("action") != "subscribe":
        raise ValueError('a message must have "action": "subscribe"')
    try:
        return StreamOptions.model_validate(message)
    except ValidationError as exc:
        raise ValueError(explain_validation(exc.errors())) from exc
