"""Frames: a 4-byte big-endian size, then that many payload bytes. Knows only ``bytes``.

Source: Open API help, "Sending and receiving Protobuf messages"; the official client frames alike.
"""

from __future__ import annotations

from struct import Struct

from fxpool.errors import FrameTooLarge, LocalProtocolError

PREFIX = Struct("!I")
PREFIX_BYTES = PREFIX.size

MAX_INBOUND_BYTES = 16 * 1024 * 1024
"""No limit is published; the official client caps at 15,000,000 bytes."""

MAX_OUTBOUND_BYTES = 1024 * 1024


class FrameDecoder:
    """Cuts a byte stream into frame payloads; feed it chunks of any size."""

    __slots__ = ("_max_frame_bytes", "_rest")

    def __init__(self, *, max_frame_bytes: int = MAX_INBOUND_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that ``data`` completed, oldest first; keep the rest.

        Raises FrameTooLarge on the prefix alone, so that a hostile size is never buffered for.
        """
        buffer = self._rest + data if self._rest else data
        payloads: list[bytes] = []
        append = payloads.append
        unpack_from, limit = PREFIX.unpack_from, self._max_frame_bytes
        start, available = 0, len(buffer)
        while available - start >= PREFIX_BYTES:
            (size,) = unpack_from(buffer, start)
            if size > limit:
                raise FrameTooLarge(size, limit=limit)
            end = start + PREFIX_BYTES + size
            if end > available:
                break
            append(buffer[start + PREFIX_BYTES : end])
            start = end
        self._rest = buffer[start:] if start < available else b""
        return payloads


def encode_frame(payload: bytes, *, max_frame_bytes: int = MAX_OUTBOUND_BYTES) -> bytes:
    """Return ``payload`` with its size in front. Raises LocalProtocolError if it is too large."""
    if len(payload) > max_frame_bytes:
        raise LocalProtocolError(f"a frame of {len(payload)} bytes exceeds {max_frame_bytes}")
    return PREFIX.pack(len(payload)) + payload
