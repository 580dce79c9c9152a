"""The byte stream of one client, under a conversation. Writes are gathered and bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from fxpool.clock import Clock
from fxpool.simulator.conversation import Conversation, Outlet
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.wires import Wire, WireBroken

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 8 * 1024 * 1024
"""A client that reads slower than this much behind is cut; no frame is ever dropped."""

_MIN_FIRST_BYTES = 4
"""What it takes to know which wire a client speaks."""


def milliseconds(clock: Clock) -> int:
    """Return the instant in epoch milliseconds."""
    return int(clock.at().timestamp() * 1000)


class Link(asyncio.Protocol):
    """Hands bytes to a conversation, and its frames to the transport once a turn of the loop.

    ``choose`` returns the wire that a client speaks, by its first bytes; until then frames travel
    on ``first_wire``, or not at all where there is none.
    """

    def __init__(
        self,
        converse: Callable[[Outlet], Conversation],
        clock: Clock,
        *,
        choose: Callable[[bytes], Wire],
        first_wire: Wire | None,
        links: set[Link],
    ) -> None:
        self._converse = converse
        self._clock = clock
        self._choose = choose
        self._wire = first_wire
        self._first_bytes: bytes | None = b""
        self._links = links
        self._transport: asyncio.Transport | None = None
        self._conversation: Conversation | None = None
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._is_stalled = self._is_dead = False
        self._read_rate: int | None = None

    # -- asyncio -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._links.add(self)
        self._conversation = self._converse(self)
        self._conversation.opened()

    def data_received(self, data: bytes) -> None:
        if self._conversation is None or self._is_dead:
            return
        try:
            frames = self._frames(data)
        except WireBroken as exc:
            log.warning("simulator: a connection ends: %s", exc)
            self._reply()
            self._conversation.close()
            return
        if frames:
            self._conversation.receive(frames, self._clock.now(), milliseconds(self._clock))
        self._reply()
        if self._read_rate is not None and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(len(data) / self._read_rate, self._read_on)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._links.discard(self)
        if self._conversation is not None:
            self._conversation.lost()

    # -- outlet ------------------------------------------------------------------------------

    def write(self, frame: bytes) -> None:
        """Take a frame; it leaves with all others of this turn of the loop in one write."""
        if self._wire is not None:
            self._put(self._wire.send(frame))

    def write_later(self, frame: bytes, seconds: float) -> Callable[[], bool]:
        """Take a frame that leaves after a while, if the link still stands then."""
        loop = asyncio.get_running_loop()
        leaving = loop.call_later(seconds, self.write, frame)

        def take_back() -> bool:
            is_under_way = leaving.when() > loop.time()
            if is_under_way:
                leaving.cancel()
            return is_under_way

        return take_back

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

    def suffer(self, fault: Fault) -> None:
        """Let a fault of links strike."""
        if self._transport is None:
            return
        match fault.kind:
            case FaultKind.HALF_OPEN:
                self._is_dead = True
                self._transport.pause_reading()
            case FaultKind.STALL:
                self._is_stalled = True
                asyncio.get_running_loop().call_later(fault.seconds, self._go_on)
            case FaultKind.SLOW_READER:
                self._read_rate = fault.bytes_per_second
            case FaultKind.GARBAGE if self._wire is not None:
                self._put(self._wire.garbage())
            case FaultKind.OVERSIZED if self._wire is not None:
                self._put(self._wire.oversized())

    # -- inside ------------------------------------------------------------------------------

    def _frames(self, data: bytes) -> bytes:
        """Return the Protobuf frames that ``data`` completes. Raises WireBroken."""
        if self._first_bytes is not None:
            data = self._first_bytes + data
            if len(data) < _MIN_FIRST_BYTES:
                self._first_bytes = data
                return b""
            self._first_bytes = None
            self._wire = self._choose(data)
        if self._wire is None:
            raise WireBroken("there is no wire")
        return self._wire.receive(data)

    def _reply(self) -> None:
        """Send what the wire itself has to say; end where the client said goodbye."""
        if self._wire is None or self._conversation is None:
            return
        self._put(self._wire.replies())
        if self._wire.is_over:
            self._conversation.close()

    def _put(self, data: bytes) -> None:
        if self._transport is None or self._is_dead or not data:
            return
        if not self._unsent and not self._is_stalled:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if self._unsent_bytes + self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            log.warning("simulator: a client that does not read is cut")
            self.cut()

    def _flush(self) -> None:
        if self._is_stalled:
            return
        if self._transport is not None and self._unsent:
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._unsent_bytes = 0

    def _go_on(self) -> None:
        self._is_stalled = False
        self._flush()

    def _read_on(self) -> None:
        if self._transport is not None and not self._is_dead:
            self._transport.resume_reading()
