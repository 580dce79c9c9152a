"""A framing and a form together: what a link puts between its socket and the conversation. Pure.

Which wire a client speaks on a port is known by its first bytes: a WebSocket begins with GET.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from websockets.exceptions import WebSocketException

from fxpool.errors import FxPoolError
from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE, decode, encode_frame
from fxpool.openapi.envelope import Unknown
from fxpool.openapi.frames import PREFIX_BYTES
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.simulator.profile import Profile
from fxpool.simulator.switches import RawJson
from fxpool.simulator.wires.framings import Framing, Lines, SizedFrames, WebSocketMessages
from fxpool.simulator.wires.json_form import from_json, to_json

MAX_MESSAGE_BYTES = 1024 * 1024
_GET = b"GET "
_NEW_ORDER, _MARKET = 2106, 1
_ERROR_RES = 2142


class WireBroken(Exception):
    """What a client sent makes no sense on this wire; there is no going on."""


class _Form(Protocol):
    """How one message is written."""

    def read(self, message: bytes) -> bytes:
        """Return a client's message as a Protobuf payload, or nothing if it was refused."""
        ...

    def write(self, payload: bytes) -> bytes:
        """Return a Protobuf payload as the client reads it."""
        ...

    def refusals(self) -> list[bytes]:
        """Return the answers to messages that could not be read."""
        ...


class Wire:
    """Turns a client's bytes into Protobuf frames, and frames into what the client reads."""

    def __init__(self, framing: Framing, form: _Form) -> None:
        self._framing = framing
        self._form = form

    def receive(self, data: bytes) -> bytes:
        """Return the Protobuf frames that ``data`` completes. Raises WireBroken."""
        try:
            payloads = [self._form.read(one) for one in self._framing.receive(data)]
        except (FxPoolError, WebSocketException, ValueError) as exc:
            raise WireBroken(str(exc)) from exc
        return b"".join(encode_frame(payload) for payload in payloads if payload)

    def send(self, frame: bytes) -> bytes:
        """Return a Protobuf frame as it travels."""
        return self._framing.wrap(self._form.write(frame[PREFIX_BYTES:]))

    def replies(self) -> bytes:
        """Return what has to be sent without the conversation: handshakes, refusals."""
        refused = [self._framing.wrap(one) for one in self._form.refusals()]
        return self._framing.replies() + b"".join(refused)

    @property
    def is_over(self) -> bool:
        """Whether the client has said goodbye, so that the link is to be closed."""
        return self._framing.is_over

    def garbage(self) -> bytes:
        """Return a message that nobody can read."""
        return self._framing.wrap(b"\xff" * 32 if isinstance(self._form, _Protobuf) else b"{]")

    def oversized(self) -> bytes:
        """Return the beginning of a message that is larger than anybody takes."""
        return self._framing.oversized()


class RawProtobuf(Wire):
    """The wire of most clients: what travels are the frames themselves, and nothing is copied."""

    def __init__(self) -> None:
        super().__init__(SizedFrames(MAX_MESSAGE_BYTES), _Protobuf())

    def receive(self, data: bytes) -> bytes:
        """Return ``data``: the conversation cuts it, and answers what is too long."""
        return data

    def send(self, frame: bytes) -> bytes:
        return frame


def protobuf_wire(first_bytes: bytes) -> Wire:
    """Return the wire of a client of the Protobuf port."""
    if first_bytes.startswith(_GET):
        return Wire(WebSocketMessages(MAX_MESSAGE_BYTES, is_text=False), _Protobuf())
    return RawProtobuf()


def json_wire(first_bytes: bytes, profile: Profile) -> Wire:
    """Return the wire of a client of the JSON port.

    Raises WireBroken where raw JSON is not offered (SW-02).
    """
    form = _Json(needs_time_in_force=profile.json_needs_time_in_force)
    if first_bytes.startswith(_GET):
        return Wire(WebSocketMessages(MAX_MESSAGE_BYTES, is_text=True), form)
    if profile.raw_json is RawJson.NEWLINE:
        return Wire(Lines(MAX_MESSAGE_BYTES), form)
    if profile.raw_json is RawJson.LENGTH_PREFIX:
        return Wire(SizedFrames(MAX_MESSAGE_BYTES), form)
    raise WireBroken("JSON is offered over WebSocket only")


class _Protobuf:
    """Payloads travel as they are."""

    def read(self, message: bytes) -> bytes:
        return message

    def write(self, payload: bytes) -> bytes:
        return payload

    def refusals(self) -> list[bytes]:
        return []


class _Json:
    """One object to a message: clientMsgId, payloadType and payload."""

    def __init__(self, *, needs_time_in_force: bool) -> None:
        self._needs_time_in_force = needs_time_in_force
        self._refusals: list[bytes] = []

    def read(self, message: bytes) -> bytes:
        """Raises ValueError or WireBroken for what is no such object: nobody can be answered."""
        told = json.loads(message)
        if not isinstance(told, dict) or not isinstance(told.get("payloadType"), int):
            raise WireBroken("not an object with a payloadType")
        number, request_id = told["payloadType"], str(told.get("clientMsgId", ""))
        payload = told.get("payload")
        if not isinstance(payload, dict):
            self._refuse(request_id, "Message missing required fields: payload")
            return b""
        if self._lacks_time_in_force(number, payload):
            self._refuse(request_id, "Message missing required fields: executionType")
            return b""
        return self._envelope(number, payload, request_id)

    def write(self, payload: bytes) -> bytes:
        envelope = decode(payload)
        if isinstance(envelope.message, Unknown):
            raise TypeError(f"the simulator made a message of type {envelope.payload_type}")
        told: dict[str, Any] = {"payloadType": envelope.payload_type}
        if envelope.request_id:
            told["clientMsgId"] = envelope.request_id
        told["payload"] = to_json(envelope.message)
        return json.dumps(told, separators=(",", ":")).encode()

    def refusals(self) -> list[bytes]:
        refused, self._refusals = self._refusals, []
        return refused

    def _envelope(self, number: int, payload: dict[str, Any], request_id: str) -> bytes:
        envelope = ProtoMessage(payloadType=number & 0xFFFF_FFFF)
        if request_id:
            envelope.clientMsgId = request_id
        message_class = MESSAGE_BY_PAYLOAD_TYPE.get(number)
        if message_class is not None:
            try:
                request = from_json(message_class, payload)
            except ValueError as exc:
                self._refuse(request_id, str(exc))
                return b""
            envelope.payload = request.SerializePartialToString()
        return envelope.SerializeToString()

    def _lacks_time_in_force(self, number: int, payload: dict[str, Any]) -> bool:
        """Whether this is the order that one user could not place (SW-03)."""
        return (
            self._needs_time_in_force
            and number == _NEW_ORDER
            and payload.get("orderType") == _MARKET
            and "timeInForce" not in payload
        )

    def _refuse(self, request_id: str, text: str) -> None:
        told: dict[str, Any] = {"payloadType": _ERROR_RES}
        if request_id:
            told["clientMsgId"] = request_id
        told["payload"] = {"errorCode": "INVALID_REQUEST", "description": text}
        self._refusals.append(json.dumps(told).encode())
