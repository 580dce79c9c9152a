"""What the pool says of a trade or a failure, in MetaApi's codes and statuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fxpool.gateway.metaapi import codes
from fxpool.gateway.metaapi.errors import BadParameters, error_body, retry_after, status_of
from fxpool.mapping.formats import CloseResults, TradeResult
from fxpool.platforms.base import PlatformError

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def refused(code: str, **more: Any) -> TradeResult:
    result = TradeResult(success=False, outcome="not_executed", error="no", code=code)
    return result | TradeResult(**more)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("NOT_ENOUGH_MONEY", 10019),
        ("TRADING_BAD_VOLUME", 10014),
        ("TRADING_BAD_STAKE", 10014),
        ("TRADING_BAD_STOPS", 10016),
        ("PROTECTION_IS_TOO_CLOSE_TO_MARKET", 10016),
        ("WORSE_GSL_NOT_ALLOWED", 10016),
        ("TRADING_BAD_PRICES", 10015),
        ("TRADING_BAD_EXPIRATION_DATE", 10022),
        ("POSITION_NOT_FOUND", 4753),
        ("POSITION_NOT_OPEN", 10036),
        ("ORDER_NOT_FOUND", 4754),
        ("UNABLE_TO_CANCEL_ORDER", 10029),
        ("UNABLE_TO_AMEND_ORDER", 10029),
        ("POSITION_LOCKED", 10028),
        ("PENDING_EXECUTION", 10028),
        ("CONCURRENT_MODIFICATION", 10028),
        ("MARKET_CLOSED", 10018),
        ("SYMBOL_HAS_HOLIDAY", 10018),
        ("TRADING_DISABLED", 10017),
        ("TRADING_NOT_ALLOWED", 10017),
        ("RET_ACCOUNT_DISABLED", 10017),
        ("READ_ONLY", -8),
        ("SHORT_SELLING_NOT_ALLOWED", 10042),
        ("NO_QUOTES", -6),
        ("MAX_EXPOSURE_REACHED", 10034),
        ("TOO_MANY_POSITIONS", 10040),
        ("REQUEST_FREQUENCY_EXCEEDED", 10024),
        ("BLOCKED_PAYLOAD_TYPE", 10024),
        ("CANT_ROUTE_REQUEST", 10031),
        ("CH_SERVER_NOT_REACHABLE", 10031),
        ("SERVER_IS_UNDER_MAINTENANCE", 10031),
        ("SYMBOL_NOT_FOUND", 10013),
        ("OA_AUTH_TOKEN_EXPIRED", -10),
        ("CH_ACCESS_TOKEN_INVALID", -10),
        ("NOT_READY", -10),
        ("NOT_SENT", -10),
        ("HALTED", 10027),
        ("CLOSE_ONLY", 10044),
        ("A_WORD_OF_TOMORROW", 10011),
    ],
)
def test_each_word_of_a_refusal_has_its_code(word: str, code: int) -> None:
    answer = codes.answer_of(refused(word))
    assert (answer["numericCode"], answer["stringCode"]) == (code, codes.STRINGS[code])
    assert answer["ctrader"]["outcome"] == "not_executed"


def test_every_code_has_its_word() -> None:
    assert set(codes.CODES.values()) <= codes.STRINGS.keys()


def test_a_word_without_a_code_is_in_the_message() -> None:
    assert codes.answer_of(refused("A_WORD_OF_TOMORROW"))["message"] == "no (A_WORD_OF_TOMORROW)"


@pytest.mark.parametrize("word", ["TIMEOUT", "LINK_LOST", "OUTCOME_UNKNOWN", "NOT_READY", ""])
def test_an_unknown_outcome_is_never_a_refusal(word: str) -> None:
    assert codes.code_of(refused(word, outcome="unknown")) == -11


def test_what_was_done_says_how_much_of_it() -> None:
    done = TradeResult(success=True, outcome="executed", orderId="1", positionId="2")
    answer = codes.answer_of(done)
    assert (answer["numericCode"], answer["orderId"], answer["positionId"]) == (10009, "1", "2")
    assert codes.code_of(done | TradeResult(partial=True)) == 10010
    failed = done | TradeResult(protection="failed", error="no stop", code="PROTECTION_FAILED")
    told = codes.answer_of(failed)
    assert (told["numericCode"], told["ctrader"]["protection"]) == (10009, "failed")
    assert "no stop" in told["message"]


def test_several_closes_are_done_only_if_none_is_left() -> None:
    row = refused("MARKET_CLOSED", positionId="1")
    closed = TradeResult(success=True, outcome="executed", positionId="2")
    some = CloseResults(
        success=False,
        outcome="executed",
        message="1 of 2 positions closed",
        closed=1,
        failed=1,
        results=[row, closed],
        error="1 of 2 positions were not closed: no",
        code="MARKET_CLOSED",
    )
    assert codes.answer_of_closes(some)["numericCode"] == 10018
    unclear = some | {"outcome": "unknown"}
    assert codes.answer_of_closes(unclear)["numericCode"] == -11  # type: ignore[arg-type] # one key of it changed


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (PlatformError(401, "KEY_WRONG", "no"), 401, "UnauthorizedError"),
        (PlatformError(403, "ROLE_FORBIDS", "no"), 403, "ForbiddenError"),
        (PlatformError(404, "ACCOUNT_NOT_FOUND", "no"), 404, "NotFoundError"),
        (PlatformError(409, "ACCOUNT_AMBIGUOUS", "no"), 409, "ConflictError"),
        (PlatformError(422, "INVALID_REQUEST", "no"), 400, "ValidationError"),
        (PlatformError(500, "INTERNAL_ERROR", "no"), 500, "InternalError"),
        (PlatformError(502, "UNREADABLE_ANSWER", "no"), 504, "TimeoutError"),
        (PlatformError(503, "NOT_READY", "no", phase="reconnecting"), 504, "TimeoutError"),
        (PlatformError(504, "TIMEOUT", "no"), 504, "TimeoutError"),
        (PlatformError(503, "NOT_READY", "no", phase="synchronising"), 202, "ApiError"),
        (PlatformError(503, "NOT_READY", "no", phase="reading history"), 202, "ApiError"),
    ],
)
def test_failures_have_metaapis_statuses_and_classes(
    error: PlatformError, status: int, name: str
) -> None:
    assert (status_of(error), error_body(error, AT)["error"]) == (status, name)
    assert (retry_after(error) is not None) is (status == 202)


def test_too_many_requests_say_when_to_come_back() -> None:
    error = PlatformError(429, "RATE_LIMITED", "slow down", retry_after=2.5)
    assert retry_after(error) == 3
    assert error_body(error, AT)["metadata"] == {"recommendedRetryTime": "2026-03-02T09:15:03.000Z"}


def test_a_bad_parameter_is_named_in_the_details() -> None:
    body = error_body(BadParameters({"volume": "send more than 0"}), AT)
    assert body["details"] == [{"parameter": "volume", "message": "send more than 0"}]
