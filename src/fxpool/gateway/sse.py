"""Event streams as server-sent events: ``GET /events``.

A change has the id ``<account>:<epoch>:<seq>``; a browser that connects again sends the last one
it got, and goes on from there. A ``heartbeat`` shows life while nothing happens.
"""

from __future__ import annotations

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fxpool.clock import Clock
from fxpool.gateway.access.gatekeeper import caller_of
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.errors import error_response
from fxpool.gateway.event_links import ClientGone, event_link
from fxpool.gateway.frames import Form, data_line, sse_array_chunk, sse_chunk
from fxpool.gateway.stream_options import StreamOptions
from fxpool.gateway.streams import Ending, Streams
from fxpool.platforms.base import PlatformError

_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # NGINX would hold events back
    (b"transfer-encoding", b"chunked"),  # events are written as chunks
)


class SseOutlet:
    """Writes events as ``id:`` and ``data:`` lines."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, clock: Clock) -> None:
        self._receive, self._send, self._clock = receive, send, clock
        self.link = event_link(scope)

    async def begin(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})

    def form(self, *, is_batched: bool) -> Form:
        return sse_array_chunk if is_batched else sse_chunk

    async def receive(self) -> StreamOptions:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone

    async def end(self, ending: Ending) -> None:
        last = data_line(ending.encoded(self._clock))
        await self._send({"type": "http.response.body", "body": last, "more_body": False})


class EventStreamResponse(Response):
    """An answer that goes on until either side ends it."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, platform: GuardedPlatform, options: StreamOptions) -> None:
        super().__init__()
        self._streams, self._platform, self._options = streams, platform, options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            outlet = SseOutlet(scope, receive, send, self._streams.clock)
            address = caller_of(scope).origin.text
            await self._streams.carry(outlet, self._platform, self._options, address=address)
        except PlatformError as refusal:
            await error_response(refusal, scope)(scope, receive, send)


def read_options(query: QueryParams, last_event_id: str = "") -> StreamOptions:
    """Return what a query asks for; a repeated name is a list. Raises ValidationError.

    ``last_event_id`` is what the request's header says; it counts more than the query, which a
    browser repeats as it was at first.
    """
    joined = {name: ",".join(query.getlist(name)) for name in query}
    options = StreamOptions.model_validate(joined)
    return options.model_copy(update={"last_event_id": last_event_id}) if last_event_id else options
