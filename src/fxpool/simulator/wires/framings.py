"""Where one message ends and the next begins: sizes in front, lines, WebSocket messages. Pure."""

from __future__ import annotations

from typing import Protocol

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from fxpool.errors import FrameTooLarge
from fxpool.openapi import FrameDecoder, encode_frame

_OVERSIZED = 0x7FFF_FFFF


class Framing(Protocol):
    """Cuts a stream into messages, and puts messages on it."""

    def receive(self, data: bytes) -> list[bytes]:
        """Return the messages that ``data`` completes.

        Raises FrameTooLarge, and ProtocolError for bytes that make no sense.
        """
        ...

    def wrap(self, message: bytes) -> bytes:
        """Return a message as it travels; nothing while nobody could understand it."""
        ...

    def replies(self) -> bytes:
        """Return what has to be sent without being a message: a handshake, a pong."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether the client has said goodbye, so that the link is to be closed."""
        ...

    def oversized(self) -> bytes:
        """Return the beginning of a message that is larger than anybody takes."""
        ...


class SizedFrames:
    """A size of four bytes in front of each message."""

    is_over = False

    def __init__(self, max_bytes: int) -> None:
        self._decoder = FrameDecoder(max_frame_bytes=max_bytes)

    def receive(self, data: bytes) -> list[bytes]:
        return self._decoder.feed(data)

    def wrap(self, message: bytes) -> bytes:
        return encode_frame(message)

    def replies(self) -> bytes:
        return b""

    def oversized(self) -> bytes:
        return _OVERSIZED.to_bytes(4, "big")


class Lines:
    """One message to a line."""

    is_over = False

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._rest = b""

    def receive(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        longest = max(map(len, (*lines, self._rest)))
        if longest > self._max_bytes:
            raise FrameTooLarge(longest, limit=self._max_bytes)
        return [line for line in lines if line.strip()]

    def wrap(self, message: bytes) -> bytes:
        return message + b"\n"

    def replies(self) -> bytes:
        return b""

    def oversized(self) -> bytes:
        return b"{" * 1_000_000


class WebSocketMessages:
    """WebSocket messages, binary or text; fragments are put together."""

    def __init__(self, max_bytes: int, *, is_text: bool) -> None:
        self._protocol = ServerProtocol(max_size=max_bytes)
        self._is_text = is_text
        self._parts: list[bytes] = []
        self._max_bytes = max_bytes

    def receive(self, data: bytes) -> list[bytes]:
        self._protocol.receive_data(data)
        messages = []
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode in {
                Opcode.TEXT,
                Opcode.BINARY,
                Opcode.CONT,
            }:
                self._parts.append(bytes(event.data))
                if event.fin:
                    messages.append(b"".join(self._parts))
                    self._parts.clear()
        if self._protocol.parser_exc is not None:
            raise ProtocolError(str(self._protocol.parser_exc))
        return messages

    def wrap(self, message: bytes) -> bytes:
        if self._protocol.state is not State.OPEN:
            return b""
        if self._is_text:
            self._protocol.send_text(message)
        else:
            self._protocol.send_binary(message)
        return self.replies()

    def replies(self) -> bytes:
        return b"".join(self._protocol.data_to_send())

    @property
    def is_over(self) -> bool:
        return self._protocol.close_expected()

    def oversized(self) -> bytes:
        first = 0x81 if self._is_text else 0x82
        return bytes((first, 127)) + (1 << 40).to_bytes(8, "big")
