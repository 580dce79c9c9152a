from __future__ import annotations

import pytest

from fxpool.openapi import (
    HISTORICAL_REQUESTS,
    MESSAGE_BY_PAYLOAD_TYPE,
    TRADING_REQUESTS,
    answer_type,
    payload_type_of,
)
from fxpool.openapi.proto.common_pb2 import ProtoErrorRes, ProtoHeartbeatEvent, ProtoMessage
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAExecutionEvent,
    ProtoOANewOrderReq,
    ProtoOASpotEvent,
)
from fxpool.openapi.proto.model_pb2 import ProtoOAPayloadType


def test_every_payload_type_of_the_schema_has_its_message() -> None:
    numbers = set(ProtoOAPayloadType.values())
    assert numbers <= MESSAGE_BY_PAYLOAD_TYPE.keys()
    assert {50, 51} <= MESSAGE_BY_PAYLOAD_TYPE.keys()


def test_well_known_numbers_are_what_the_protocol_says() -> None:
    assert payload_type_of(ProtoErrorRes()) == 50
    assert payload_type_of(ProtoHeartbeatEvent()) == 51
    assert payload_type_of(ProtoOANewOrderReq()) == 2106
    assert payload_type_of(ProtoOAExecutionEvent()) == 2126
    assert payload_type_of(ProtoOASpotEvent()) == 2131


def test_the_envelope_is_never_sent_alone() -> None:
    with pytest.raises(KeyError):
        payload_type_of(ProtoMessage())


def test_every_request_but_orders_has_the_answer_of_its_name() -> None:
    for number, message in MESSAGE_BY_PAYLOAD_TYPE.items():
        name = message.__name__
        if not name.endswith("Req") or number in TRADING_REQUESTS:
            assert answer_type(number) is None
            continue
        answer = answer_type(number)
        assert answer is not None, name
        assert MESSAGE_BY_PAYLOAD_TYPE[answer].__name__ == name.removesuffix("Req") + "Res"


def test_order_requests_have_no_answer_message() -> None:
    names = {MESSAGE_BY_PAYLOAD_TYPE[number].__name__ for number in TRADING_REQUESTS}
    assert names == {
        "ProtoOANewOrderReq",
        "ProtoOACancelOrderReq",
        "ProtoOAAmendOrderReq",
        "ProtoOAAmendPositionSLTPReq",
        "ProtoOAClosePositionReq",
    }


def test_paced_requests_are_requests() -> None:
    assert all(answer_type(number) is not None for number in HISTORICAL_REQUESTS)


def test_an_unknown_number_has_no_answer() -> None:
    assert answer_type(9999) is None
