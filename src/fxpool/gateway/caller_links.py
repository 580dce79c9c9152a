"""Links of callers: how many there may be, and how long a request may take to arrive.

What uvicorn leaves open. A link that is one too many is told so and closed; one that dribbles its
request is cut. Deadlines are looked at by one task, so that a request costs a number and no timer.
Knows links, bytes and times, nothing of what is asked for.
"""

from __future__ import annotations

import asyncio
import math
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec
import uvicorn
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request
from websockets.protocol import State

from fxpool.gateway.event_links import EVENT_LINK, ClientGone
from fxpool.gateway.limits import GatewayLimits
from fxpool.gateway.safe_headers import SAFE_HEADERS

LOOK_SECONDS: Final = 0.25
_CLOSE_SECONDS: Final = 2.0
"""How long a link that was told its end may take to read that."""
_RETRY_SECONDS: Final = 5
_NEVER: Final = math.inf
_STREAM_METHOD: Final = "GET"


class Refusal:
    """What a link is told that may not go on; an ASGI application that says it to every request."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status = status
        self._body = msgspec.json.encode(
            {"detail": detail, "error": detail, "code": code, "retryable": status != _HEAD_TOO_LONG}
        )
        self._headers = {
            "content-type": "application/json",
            "connection": "close",
            **{name.decode(): value.decode() for name, value in SAFE_HEADERS},
        }
        if status in {429, 503}:
            self._headers["retry-after"] = str(_RETRY_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Response(self._body, self.status, self._headers)(scope, receive, send)

    def encoded(self) -> bytes:
        """Return the whole answer, for a request that never became one."""
        headers = self._headers | {"content-length": str(len(self._body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return STATUS_LINE[self.status] + lines.encode() + b"\r\n" + self._body


class _Link(Protocol):
    due: float

    def cut(self) -> None: ...


class CallerLinks:
    """All links of one gateway."""

    def __init__(
        self, limits: GatewayLimits, *, open_files: int, is_proxy: Callable[[str], bool]
    ) -> None:
        """``open_files`` is how many the process may have: a quarter stays for brokers, database
        and secrets. ``is_proxy`` says of an address that many callers come from it."""
        self.limits = limits
        self.most = min(limits.max_links, open_files * 3 // 4)
        self._is_proxy = is_proxy
        self._by_address: Counter[str] = Counter()
        self._watched: set[_Link] = set()

    def opened(self, address: str) -> Refusal | None:
        """Count a link; return what to tell one that is too many."""
        self._by_address[address] += 1
        count, own = self._by_address.total(), self._by_address[address]
        if count > self.most:
            text = f"network: {self.most} connections are open, which is the limit"
            return Refusal(503, "TOO_MANY_CONNECTIONS", text)
        most = self.limits.max_links_per_address
        if own > most and not self._is_proxy(address):
            text = f"network: {most} connections of {address} are open, which is its limit"
            return Refusal(429, "TOO_MANY_CONNECTIONS", text)
        return None

    @property
    def has_no_room(self) -> bool:
        """Whether there are so many that a new one cannot even be told."""
        return self._by_address.total() > self.most + self.most // 8

    def closed(self, address: str) -> None:
        """Forget a link."""
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]

    def watch(self, link: _Link) -> None:
        self._watched.add(link)

    def unwatch(self, link: _Link) -> None:
        self._watched.discard(link)

    async def keep(self) -> None:
        """Cut links whose time is over; never returns."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for link in [each for each in self._watched if each.due <= now()]:
                link.cut()


class LinkConfig(uvicorn.Config):
    """uvicorn's settings, with the links that its protocols count and bound.

    Attributes:
        links: the gateway's.
    """

    def __init__(self, app: Any, links: CallerLinks, **options: Any) -> None:
        super().__init__(app, http=HttpLink, **options)
        self.links = links


class HttpLink(HttpToolsProtocol):
    """uvicorn's HTTP protocol within bounds.

    Attributes:
        due: the time of the loop at which a request must have arrived, infinite while none does.
    """

    config: LinkConfig

    def __init__(
        self,
        config: LinkConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.due = _NEVER
        self._links, self._limits = config.links, config.links.limits
        self._head_bytes = 0
        self._read_bytes = 0  # of the last read
        self._most_head_bytes = 0  # with what came before the head in its first read
        self._is_in_head = True
        self._is_refused = False
        self._is_ending = False
        self._is_counted = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own narrowing
        super().connection_made(transport)
        refusal = self._links.opened(_address(self))
        self._is_counted = True
        self._links.watch(self)
        self.due = self.loop.time() + self._limits.head_seconds
        if refusal is not None:
            self._refuse(refusal)
            if self._links.has_no_room:
                transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._links.unwatch(self)
        if self._is_counted:
            self._links.closed(_address(self))
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        self._read_bytes = len(data)
        if self._is_in_head:
            self._head_bytes += self._read_bytes
            self._most_head_bytes += self._read_bytes
            if self.due == _NEVER:  # the first bytes after an answer
                self.due = self.loop.time() + self._limits.head_seconds
        super().data_received(data)
        if self._is_in_head and self._head_bytes > self._limits.max_head_bytes:
            self._end(_head_too_long(self._limits))

    def on_message_begin(self) -> None:
        if self.due == _NEVER:  # behind another request, in the same bytes
            self.due = self.loop.time() + self._limits.head_seconds
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._has_long_head():
            self._refuse(_head_too_long(self._limits))
        self._is_in_head = False
        self.due = self.loop.time() + self._limits.body_seconds
        super().on_headers_complete()
        if self.cycle is not None and self.cycle.scope["method"] == _STREAM_METHOD:
            self.cycle.scope["extensions"] = {EVENT_LINK: {"link": _AnswerLink(self.cycle)}}

    def on_message_complete(self) -> None:
        self._is_in_head, self._head_bytes, self.due = True, 0, _NEVER
        self._most_head_bytes = self._read_bytes  # the next head may be in the same read
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._links.unwatch(self)
        self._is_counted = False  # from here on the WebSocket's protocol tells of the end
        super().handle_websocket_upgrade()

    def cut(self) -> None:
        """End a link whose request did not arrive in time."""
        if self._is_ending:
            self.transport.abort()
        elif self._owes_an_answer:  # to an earlier request of this link
            self.due = self.loop.time() + self._limits.head_seconds
        elif self._is_in_head:
            self._end(_too_slow("the head of a request", self._limits.head_seconds))
        else:
            self._end(_too_slow("the body of a request", self._limits.body_seconds))

    def _has_long_head(self) -> bool:
        most = self._limits.max_head_bytes
        if self._most_head_bytes <= most:  # so of nearly all requests; the sum costs them time
            return False
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > most

    @property
    def _owes_an_answer(self) -> bool:
        """Whether the link must stay for a request that arrived whole: it may be an order."""
        is_working = self.cycle is not None and not self.cycle.response_complete
        return bool(self.pipeline) or (is_working and self._is_in_head)

    def _refuse(self, refusal: Refusal) -> None:
        self.app = refusal
        self._is_refused = True

    def _end(self, refusal: Refusal) -> None:
        """Say why and close, unless an answer is on its way already; the application hears that
        its caller left."""
        self._is_ending = True
        self.due = self.loop.time() + _CLOSE_SECONDS
        cycle = self.cycle
        is_answered = cycle is not None and not self._is_in_head and cycle.response_started
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        if not is_answered:
            self.transport.write(refusal.encoded())
        self.transport.close()

    def _should_upgrade(self) -> bool:
        return not self._is_refused and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        if not self._is_refused:
            super()._unsupported_upgrade_warning()


class _AnswerLink:
    """A link on which an answer goes on (an ``EventLink``).

    It lies in the scope of every request that may ask for a stream. The cycle holds that: so it
    must not hold the cycle.
    """

    __slots__ = ("_cycle", "_flow", "write")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = weakref.ref(cycle)
        self._flow, self.write = cycle.flow, cycle.transport.write

    @property
    def can_write(self) -> bool:
        return self._is_open and not self._flow.write_paused

    async def drain(self) -> None:
        await self._flow.drain()
        if not self._is_open:
            raise ClientGone

    @property
    def _is_open(self) -> bool:
        cycle = self._cycle()
        return cycle is not None and not (cycle.disconnected or cycle.response_complete)


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
        self.config.links.closed(_address(self))
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


def _address(link: HttpLink | WebSocketLink) -> str:
    return link.client[0] if link.client else ""


_HEAD_TOO_LONG: Final = 431


def _head_too_long(limits: GatewayLimits) -> Refusal:
    text = f"the head of the request exceeds {limits.max_head_bytes} bytes"
    return Refusal(_HEAD_TOO_LONG, "HEADERS_TOO_LONG", text)


def _too_slow(what: str, seconds: float) -> Refusal:
    return Refusal(408, "REQUEST_TOO_SLOW", f"network: {what} took longer than {seconds:g} s")
