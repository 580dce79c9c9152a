"""Envelopes by bytes written by hand."""

from __future__ import annotations

import pytest

from fxpool.errors import LocalProtocolError, RemoteProtocolError
from fxpool.openapi import (
    HEARTBEAT_FRAME,
    SPOT_PREFIX,
    Unknown,
    decode,
    encode,
    parse_spot,
)
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAApplicationAuthRes,
    ProtoOASpotEvent,
    ProtoOAVersionReq,
    ProtoOAVersionRes,
)

SPOT = b"\x08\xd3\x10\x12\x08\x10\x01\x18\x02\x20\x03\x40\x04"
"""Payload type 2131 and a payload: account 1, symbol 2, bid 3, timestamp 4, no ask."""


def test_a_message_is_encoded_with_its_number_and_request_id() -> None:
    frame = encode(ProtoOAVersionReq(), "7")
    assert frame == b"\x00\x00\x00\x08" + b"\x08\xb8\x10" + b"\x12\x00" + b"\x1a\x017"


def test_the_heartbeat_is_four_bytes() -> None:
    assert HEARTBEAT_FRAME == b"\x00\x00\x00\x02\x08\x33"


def test_an_answer_is_decoded_by_the_envelopes_number() -> None:
    envelope = decode(b"\x08\xb9\x10\x12\x04\x12\x02v1\x1a\x017")
    assert envelope.payload_type == 2105
    assert envelope.request_id == "7"
    assert isinstance(envelope.message, ProtoOAVersionRes)
    assert envelope.message.version == "v1"


def test_a_payload_may_be_absent() -> None:
    envelope = decode(b"\x08\xb5\x10")
    assert isinstance(envelope.message, ProtoOAApplicationAuthRes)
    assert envelope.request_id == ""


def test_an_unknown_payload_type_is_kept_as_it_came() -> None:
    envelope = decode(b"\x08\x8f\x4e\x12\x02\x01\x02")
    assert envelope.message == Unknown(9999, b"\x01\x02")


def test_unknown_fields_survive_a_round_trip() -> None:
    payload = b"\x12\x02v1\xb8\x3e\x2a"  # field 999 = 42
    envelope = decode(b"\x08\xb9\x10\x12" + bytes([len(payload)]) + payload)
    assert isinstance(envelope.message, ProtoOAVersionRes)
    assert envelope.message.SerializeToString() == payload


def test_a_missing_required_field_is_not_an_error_yet() -> None:
    envelope = decode(b"\x08\xb9\x10\x12\x00")
    assert isinstance(envelope.message, ProtoOAVersionRes)
    assert not envelope.message.HasField("version")


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"\x12\x00", b"\x08\xb9\x10\x12\x05ab", b"\x08\xb9\x10\x12\x01\xff"]
)
def test_bytes_that_are_no_message_are_a_fault_of_the_other_side(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(payload)


def test_a_message_without_a_required_field_is_not_sent() -> None:
    with pytest.raises(LocalProtocolError):
        encode(ProtoOAVersionRes())


def test_a_spot_event_is_read_in_one_parse() -> None:
    assert SPOT.startswith(SPOT_PREFIX)
    quick, slow = parse_spot(SPOT).payload, decode(SPOT).message
    assert quick == slow
    assert isinstance(quick, ProtoOASpotEvent)
    assert (quick.ctidTraderAccountId, quick.symbolId, quick.bid, quick.timestamp) == (1, 2, 3, 4)
    assert not quick.HasField("ask")
