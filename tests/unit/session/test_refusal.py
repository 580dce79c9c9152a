from __future__ import annotations

import pytest

from fxpool.errors import (
    AuthRefused,
    Maintenance,
    Outcome,
    OutcomeUnclear,
    RateLimited,
    RequestRefused,
    TradeRefused,
)
from fxpool.openapi.proto.common_pb2 import ProtoErrorRes
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAErrorRes,
    ProtoOAOrderErrorEvent,
    ProtoOATraderRes,
)
from fxpool.session.refusal import refusal_in, refused


@pytest.mark.parametrize(
    ("code", "writing", "kind"),
    [
        ("NOT_ENOUGH_MONEY", True, TradeRefused),
        ("SYMBOL_NOT_FOUND", False, RequestRefused),
        ("CONCURRENT_MODIFICATION", True, TradeRefused),
        ("UNKNOWN_ERROR", True, OutcomeUnclear),
        ("UNKNOWN_ERROR", False, RequestRefused),
        ("NEVER_HEARD_OF", True, OutcomeUnclear),
        ("REQUEST_FREQUENCY_EXCEEDED", True, RateLimited),
        ("SERVER_IS_UNDER_MAINTENANCE", True, Maintenance),
        ("CH_ACCESS_TOKEN_INVALID", False, AuthRefused),
        ("CH_CLIENT_AUTH_FAILURE", False, AuthRefused),
        ("CH_CLIENT_NOT_AUTHENTICATED", False, AuthRefused),
        ("UNSUPPORTED_MESSAGE", False, RequestRefused),
    ],
)
def test_a_code_becomes_the_error_that_says_what_to_do(
    code: str, writing: bool, kind: type[RequestRefused]
) -> None:
    assert type(refused(code, writing=writing)) is kind


def test_the_description_of_an_overloaded_code_decides() -> None:
    error = refused("INVALID_REQUEST", "Trading account is not authorized", writing=True)
    assert type(error) is AuthRefused
    assert error.outcome is Outcome.REFUSED


def test_all_three_error_messages_refuse() -> None:
    for message in (
        ProtoErrorRes(errorCode="MARKET_CLOSED", description="words"),
        ProtoOAErrorRes(errorCode="MARKET_CLOSED", description="words"),
        ProtoOAOrderErrorEvent(
            ctidTraderAccountId=1, errorCode="MARKET_CLOSED", description="words"
        ),
    ):
        error = refusal_in(message, writing=True)
        assert type(error) is TradeRefused
        assert (error.code, error.text) == ("MARKET_CLOSED", "words")
    assert refusal_in(ProtoOATraderRes(), writing=False) is None


@pytest.mark.parametrize("stamp", [1_767_603_600, 1_767_603_600_000])
def test_the_end_of_maintenance_is_seconds_whatever_the_server_sends(stamp: int) -> None:
    message = ProtoOAErrorRes(
        errorCode="SERVER_IS_UNDER_MAINTENANCE", maintenanceEndTimestamp=stamp
    )
    error = refusal_in(message, writing=False)
    assert isinstance(error, Maintenance)
    assert error.maintenance_end == 1_767_603_600


def test_the_time_until_a_type_is_unlocked_is_kept() -> None:
    error = refusal_in(
        ProtoOAErrorRes(errorCode="BLOCKED_PAYLOAD_TYPE", retryAfter=7), writing=True
    )
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7
