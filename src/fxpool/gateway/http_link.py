"""A caller's HTTP link: how long a request may take to arrive, and how large its head may be.

What uvicorn leaves open. A link that dribbles its request is told so and cut, unless it waits for
an answer to an earlier one. Knows bytes and times, nothing of what is asked for.
"""

from __future__ import annotations

import asyncio
import math
import weakref
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from fxpool.gateway.caller_links import HEAD_TOO_LONG, LinkConfig, Refusal, address_of
from fxpool.gateway.event_links import EVENT_LINK, ClientGone
from fxpool.gateway.limits import GatewayLimits

_CLOSE_SECONDS: Final = 2.0
"""How long a link that was told its end may take to read that."""
_NEVER: Final = math.inf
_STREAM_METHOD: Final = "GET"


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
        refusal = self._links.opened(address_of(self.client))
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
            self._links.closed(address_of(self.client))
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


def _head_too_long(limits: GatewayLimits) -> Refusal:
    text = f"the head of the request exceeds {limits.max_head_bytes} bytes"
    return Refusal(HEAD_TOO_LONG, "HEADERS_TOO_LONG", text)


def _too_slow(what: str, seconds: float) -> Refusal:
    return Refusal(408, "REQUEST_TOO_SLOW", f"network: {what} took longer than {seconds:g} s")
