"""The envelope around every message: payload type, payload, and the request it belongs to. Pure.

An unknown payload type is kept as it came (``Unknown``), and unknown fields stay inside the parsed
messages: live servers send both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError, EncodeError, Message

from fxpool.errors import LocalProtocolError, RemoteProtocolError
from fxpool.openapi.frames import encode_frame
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.openapi.proto.hot_pb2 import SpotEnvelope
from fxpool.openapi.registry import HEARTBEAT_EVENT, MESSAGE_BY_PAYLOAD_TYPE, payload_type_of

SPOT_PREFIX: Final = b"\x08\xd3\x10\x12"
"""How a spot event's envelope begins: field 1 = 2131, then field 2. Any other order parses too."""

parse_spot: Final = SpotEnvelope.FromString
"""Parse an envelope that begins with ``SPOT_PREFIX`` at once; its ``payload`` is the spot event.

For the hot path: raises protobuf's DecodeError as it is.
"""

HEARTBEAT_FRAME: Final = encode_frame(ProtoMessage(payloadType=HEARTBEAT_EVENT).SerializeToString())


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a payload type that this build does not know, as it came."""

    payload_type: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed frame.

    Attributes:
        payload_type: the number the server gave, which decides what the payload is.
        message: the parsed payload, or Unknown.
        request_id: ``clientMsgId``; empty where the server sent none.
    """

    payload_type: int
    message: Message | Unknown
    request_id: str


def encode(message: Message, request_id: str = "") -> bytes:
    """Return a whole frame for ``message``.

    Raises LocalProtocolError if it is too large or lacks a required field.
    """
    try:
        payload = message.SerializeToString()
    except EncodeError as exc:
        raise LocalProtocolError(f"{type(message).__name__} lacks a required field") from exc
    envelope = ProtoMessage(payloadType=payload_type_of(message), payload=payload)
    if request_id:
        envelope.clientMsgId = request_id
    return encode_frame(envelope.SerializeToString())


def decode(payload: bytes) -> Envelope:
    """Return what a frame's payload holds.

    A missing required field is not an error here, since recordings of live servers lack some;
    whoever reads such a field asks for its presence. Raises RemoteProtocolError if the bytes are
    no envelope, or its payload is not the message that its type says.
    """
    try:
        envelope = ProtoMessage.FromString(payload)
        if not envelope.HasField("payloadType"):
            raise RemoteProtocolError("an envelope without a payload type")
        number = envelope.payloadType
        message_class = MESSAGE_BY_PAYLOAD_TYPE.get(number)
        if message_class is None:
            return Envelope(number, Unknown(number, envelope.payload), envelope.clientMsgId)
        return Envelope(number, message_class.FromString(envelope.payload), envelope.clientMsgId)
    except DecodeError as exc:
        raise RemoteProtocolError(f"a frame of {len(payload)} bytes does not parse") from exc
