"""Event streams as server-sent events: ``GET /events``.

A change has the id ``<account>:<epoch>:<seq>``; a browser that connects again sends the last one
it got, and goes on from there. A ``heartbeat`` shows life while nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fxpool.clock import Clock
from fxpool.gateway.access.gatekeeper import caller_of
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.errors import error_response
from fxpool.gateway.stream_options import StreamOptions
from fxpool.gateway.streams import ClientGone, Ending, Streams
from fxpool.platforms.base import PlatformError
from fxpool.platforms.event_hub import event_id
from fxpool.platforms.events import Event

_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # NGINX would hold events back
)


class SseOutlet:
    """Writes events as ``id:`` and ``data:`` lines."""

    def __init__(self, receive: Receive, send: Send, clock: Clock) -> None:
        self._receive, self._send, self._clock = receive, send, clock

    async def begin(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})

    async def write(self, events: Sequence[Event], *, is_batched: bool) -> None:
        if is_batched:
            array = b"[" + b",".join([event.encoded for event in events]) + b"]"
            await self._body(_last_id(events) + b"data: " + array + b"\n\n")
            return
        lines = [_last_id((event,)) + b"data: " + event.encoded + b"\n\n" for event in events]
        await self._body(b"".join(lines))

    async def receive(self) -> StreamOptions:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone

    async def end(self, ending: Ending) -> None:
        await self._body(b"data: " + ending.encoded(self._clock) + b"\n\n", is_last=True)

    async def _body(self, data: bytes, *, is_last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": not is_last})


class EventStreamResponse(Response):
    """An answer that goes on until either side ends it."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, platform: GuardedPlatform, options: StreamOptions) -> None:
        super().__init__()
        self._streams, self._platform, self._options = streams, platform, options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            outlet = SseOutlet(receive, send, self._streams.clock)
            address = str(caller_of(scope).address)
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


def _last_id(events: Sequence[Event]) -> bytes:
    """Return the ``id:`` line of the newest change; levels have none."""
    for event in reversed(events):
        name = event_id(event)
        if name is not None:
            return f"id: {name.replace(chr(10), ' ').replace(chr(13), ' ')}\n".encode()
    return b""
