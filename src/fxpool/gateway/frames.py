"""Events as bytes on a link, made once and written to many clients; not who they are.

Servers do not mask what they send over a WebSocket, and every answer that goes on is in chunks: so
the same events are the same bytes for every client of a kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from fxpool.platforms.event_hub import event_id
from fxpool.platforms.events import Event

Form = Callable[[Sequence[Event]], bytes]
"""How events become bytes: one of the functions below."""


_WHOLE_TEXT: Final = 0x81  # the final frame of a message, opcode 1
_MEDIUM, _LONG = Struct("!BBH").pack, Struct("!BBQ").pack


class SharedFrames:
    """Bytes of events, kept for the turn of the loop in which many clients are sent the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[Form, tuple[Event, ...]], bytes] = {}

    def of(self, events: tuple[Event, ...], form: Form) -> bytes:
        """Return events in a form."""
        key = (form, events)
        made = self._made.get(key)
        if made is None:
            if not self._made:
                asyncio.get_running_loop().call_soon(self._made.clear)
            made = self._made[key] = form(events)
        return made


def text_frames(events: Sequence[Event]) -> bytes:
    """Return a WebSocket message for each event."""
    return b"".join([_text_frame(event.encoded) for event in events])


def array_frame(events: Sequence[Event]) -> bytes:
    """Return one WebSocket message with a JSON array of events."""
    return _text_frame(_array(events))


def sse_chunk(events: Sequence[Event]) -> bytes:
    """Return an ``id:`` and a ``data:`` line for each event; those without a number have no id."""
    return chunk(b"".join([_last_id((event,)) + data_line(event.encoded) for event in events]))


def sse_array_chunk(events: Sequence[Event]) -> bytes:
    """Return one ``data:`` line with a JSON array of events, and the id of the last change."""
    return chunk(_last_id(events) + data_line(_array(events)))


def data_line(encoded: bytes) -> bytes:
    """Return what ends one server-sent event."""
    return b"data: " + encoded + b"\n\n"


def chunk(body: bytes) -> bytes:
    """Return a part of an answer in the chunked transfer coding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)


def _array(events: Sequence[Event]) -> bytes:
    return b"[" + b",".join([event.encoded for event in events]) + b"]"


def _text_frame(text: bytes) -> bytes:
    """Return a message in one unmasked frame (RFC 6455, 5.2); made here because it is made anew in
    every turn of the loop."""
    size = len(text)
    if size < 126:
        return bytes((_WHOLE_TEXT, size)) + text
    if size < 1 << 16:
        return _MEDIUM(_WHOLE_TEXT, 126, size) + text
    return _LONG(_WHOLE_TEXT, 127, size) + text


def _last_id(events: Sequence[Event]) -> bytes:
    """Return the ``id:`` line of the newest change; levels have none."""
    for event in reversed(events):
        name = event_id(event)
        if name is not None:
            return f"id: {name.replace(chr(10), ' ').replace(chr(13), ' ')}\n".encode()
    return b""
