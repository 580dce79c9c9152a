"""The byte stream of one client, under a conversation. Writes are gathered and bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from fxpool.clock import Clock
from fxpool.simulator.conversation import Conversation, Outlet

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 8 * 1024 * 1024
"""A client that reads slower than this much behind is cut; no frame is ever dropped."""


def milliseconds(clock: Clock) -> int:
    """Return the instant in epoch milliseconds."""
    return int(clock.at().timestamp() * 1000)


class Link(asyncio.Protocol):
    """Hands bytes to a conversation, and its frames to the transport once a turn of the loop."""

    def __init__(self, converse: Callable[[Outlet], Conversation], clock: Clock) -> None:
        self._converse = converse
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._conversation: Conversation | None = None
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0

    # -- asyncio -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._conversation = self._converse(self)

    def data_received(self, data: bytes) -> None:
        if self._conversation is not None:
            self._conversation.receive(data, self._clock.now(), milliseconds(self._clock))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._conversation is not None:
            self._conversation.lost()

    # -- outlet ------------------------------------------------------------------------------

    def write(self, frame: bytes) -> None:
        """Take a frame; it leaves with all others of this turn of the loop in one write."""
        if self._transport is None:
            return
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(frame)
        self._unsent_bytes += len(frame)
        if self._unsent_bytes + self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            log.warning("simulator: a client that does not read is cut")
            self.cut()

    def close(self) -> None:
        """Close after what was written."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Close at once."""
        self._unsent.clear()
        self._unsent_bytes = 0
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _flush(self) -> None:
        if self._transport is not None and self._unsent:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._unsent_bytes = 0
