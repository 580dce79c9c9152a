from __future__ import annotations

import pytest

from fxpool.openapi import ERROR_CODES, Reaction, reaction_to, says_gone
from fxpool.openapi.proto.common_model_pb2 import ProtoErrorCode
from fxpool.openapi.proto.model_pb2 import ProtoOAErrorCode

SCHEMA = [*ProtoErrorCode.items(), *ProtoOAErrorCode.items()]


@pytest.mark.parametrize(("name", "number"), SCHEMA)
def test_every_code_of_the_schema_is_known_by_its_number(name: str, number: int) -> None:
    assert ERROR_CODES[name].number == number
    assert ERROR_CODES[name].meaning


def test_numbered_codes_are_those_of_the_schema() -> None:
    numbered = {name for name, code in ERROR_CODES.items() if code.number is not None}
    assert numbered == {name for name, _ in SCHEMA}


def test_an_unknown_code_leaves_the_outcome_of_a_write_open() -> None:
    assert reaction_to("SOMETHING_NEW", writing=True) is Reaction.UNKNOWN_OUTCOME
    assert reaction_to("SOMETHING_NEW") is Reaction.TRANSIENT


@pytest.mark.parametrize("code", ["UNKNOWN_ERROR", "TIMEOUT_ERROR", "UNABLE_TO_FORWARD_COMMAND"])
def test_some_codes_may_hide_an_executed_write(code: str) -> None:
    assert reaction_to(code, writing=True) is Reaction.UNKNOWN_OUTCOME
    assert reaction_to(code) is Reaction.TRANSIENT


def test_an_invalid_request_is_told_by_its_description() -> None:
    unauthorised = "Trading account is not authorized"
    assert reaction_to("INVALID_REQUEST", unauthorised) is Reaction.REAUTHORISE_ACCOUNT
    assert reaction_to("INVALID_REQUEST", "Nothing to amend.", writing=True) is Reaction.ALREADY_SO
    assert reaction_to("INVALID_REQUEST", "anything else") is Reaction.REFUSE


def test_money_and_prices_are_refused_for_good() -> None:
    for code in ("NOT_ENOUGH_MONEY", "TRADING_BAD_VOLUME", "TRADING_BAD_STOPS", "MARKET_CLOSED"):
        assert reaction_to(code, writing=True) is Reaction.REFUSE


def test_an_object_that_is_gone_is_recognised() -> None:
    assert says_gone("POSITION_NOT_FOUND")
    assert says_gone("ORDER_NOT_FOUND")
    assert not says_gone("POSITION_LOCKED")
