"""WebSocket frames made once and written to many clients; not who they are.

Servers do not mask what they send, so one event is the same bytes for every client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from websockets.frames import Frame, Opcode

from fxpool.platforms.events import Event

FRAME_WRITER: Final = "fxpool.frames"
"""The scope's extension that holds a ``WriteFrames`` as ``write``."""

WriteFrames = Callable[[bytes], bool]
"""Writes whole frames now; False if they must wait their turn or the client has left."""


def frame_writer(scope: Mapping[str, Any]) -> WriteFrames | None:
    """Return the way to write frames at once; None where the server offers none."""
    offered = scope.get("extensions", {}).get(FRAME_WRITER)
    return None if offered is None else offered["write"]


class SharedFrames:
    """Frames of events, kept for the turn of the loop in which many clients are sent the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[bool, tuple[Event, ...]], bytes] = {}

    def of(self, events: Sequence[Event], *, is_batched: bool) -> bytes:
        """Return one frame for each event, or one for all as a JSON array."""
        key = (is_batched, tuple(events))
        frames = self._made.get(key)
        if frames is None:
            if not self._made:
                asyncio.get_running_loop().call_soon(self._made.clear)
            frames = self._made[key] = _frames(events, is_batched=is_batched)
        return frames


def array_of(events: Sequence[Event]) -> bytes:
    """Return events as one JSON array."""
    return b"[" + b",".join([event.encoded for event in events]) + b"]"


def _frames(events: Sequence[Event], *, is_batched: bool) -> bytes:
    if is_batched:
        return _text_frame(array_of(events))
    return b"".join([_text_frame(event.encoded) for event in events])


def _text_frame(text: bytes) -> bytes:
    return Frame(Opcode.TEXT, text).serialize(mask=False)
