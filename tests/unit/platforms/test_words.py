"""What callers are told: every row of the table, and the rules that hold for all texts."""

from __future__ import annotations

import pytest

from fxpool.errors import (
    FxPoolError,
    InvalidOrder,
    InvalidVolume,
    JournalDown,
    MappingError,
    NoQuote,
    NotReady,
    OutcomeUnclear,
    PoolBusy,
    PoolClosed,
    RequestAbandoned,
    RequestNotSent,
    RequestRefused,
    RequestTimedOut,
    SymbolNotFound,
    TradeRefused,
)
from fxpool.platforms.base import PlatformError
from fxpool.platforms.words import PHRASES, RETRY_WORDS, Call, explain, refusal

PERMANENT_WORDS = (
    "insufficient free margin",
    "not enough money",
    "margin call",
    "account disabled",
    "symbol not found",
    "invalid volume",
    "market closed",
)

# The table of what callers match, written out a second time on purpose.
REQUIRED = {
    "NOT_ENOUGH_MONEY": "not enough money",
    "TRADING_BAD_VOLUME": "invalid volume",
    "SYMBOL_NOT_FOUND": "symbol not found",
    "UNKNOWN_SYMBOL": "symbol not found",
    "MARKET_CLOSED": "market closed",
    "SYMBOL_HAS_HOLIDAY": "market closed",
    "TRADING_DISABLED": "market closed",
    "RET_ACCOUNT_DISABLED": "account disabled",
    "TRADING_NOT_ALLOWED": "account disabled",
    "SHORT_SELLING_NOT_ALLOWED": "trading not allowed",
    "OA_AUTH_TOKEN_EXPIRED": "authentication failed",
    "CH_ACCESS_TOKEN_INVALID": "authentication failed",
    "ACCOUNT_NOT_AUTHORIZED": "authentication failed",
    "POSITION_LOCKED": "timeout",
    "PENDING_EXECUTION": "timeout",
    "SERVER_IS_UNDER_MAINTENANCE": "network",
    "CANT_ROUTE_REQUEST": "network",
    "CH_SERVER_NOT_REACHABLE": "network",
    "REQUEST_FREQUENCY_EXCEEDED": "network",
    "BLOCKED_PAYLOAD_TYPE": "network",
    "POSITION_NOT_FOUND": "position not found",
    "TRADING_BAD_STOPS": "invalid stops",
    "PROTECTION_IS_TOO_CLOSE_TO_MARKET": "invalid stops",
    "TRADING_BAD_PRICES": "invalid stops",
}
RETRYABLE = {
    "POSITION_LOCKED",
    "PENDING_EXECUTION",
    "CONCURRENT_MODIFICATION",
    "POSITION_CONCURRENT_CHANGE",
    "SERVER_IS_UNDER_MAINTENANCE",
    "CANT_ROUTE_REQUEST",
    "CH_SERVER_NOT_REACHABLE",
    "UNABLE_TO_FORWARD_COMMAND",
    "DATASTORE_IS_NOT_AVAILABLE",
    "RECONCILIATION_IN_PROGRESS",
    "CONNECTIONS_LIMIT_EXCEEDED",
    "REQUEST_FREQUENCY_EXCEEDED",
    "BLOCKED_PAYLOAD_TYPE",
}


def has_retry_word(text: str) -> bool:
    return any(word in text.lower() for word in RETRY_WORDS)


@pytest.mark.parametrize(("code", "words"), REQUIRED.items())
def test_each_refusal_contains_the_words_that_callers_match(code: str, words: str) -> None:
    told = explain(TradeRefused(code, "in the broker's own words"), Call.NEW_ORDER)
    assert words in told.detail.lower()
    assert told.code == code
    assert told.outcome == "not_executed"


@pytest.mark.parametrize("code", PHRASES)
def test_each_refusal_keeps_the_brokers_description_verbatim(code: str) -> None:
    told = explain(TradeRefused(code, "Minimum is 1000.00, Got 5"), Call.NEW_ORDER)
    assert told.detail.endswith("Minimum is 1000.00, Got 5")


@pytest.mark.parametrize("code", PHRASES)
def test_only_what_may_succeed_later_says_so(code: str) -> None:
    told = explain(TradeRefused(code), Call.NEW_ORDER)
    assert told.retryable == (code in RETRYABLE)
    asks_for_retry = has_retry_word(told.detail) and "position not found" not in told.detail
    assert asks_for_retry == (code in RETRYABLE)
    if told.retryable:
        assert not any(word in told.detail.lower() for word in PERMANENT_WORDS)


def test_an_unknown_code_is_told_with_its_description() -> None:
    told = explain(TradeRefused("BRAND_NEW_CODE", "a reason of theirs"), Call.NEW_ORDER)
    assert told.detail == "BRAND_NEW_CODE: a reason of theirs"
    assert (told.code, told.status, told.retryable) == ("BRAND_NEW_CODE", 502, False)


@pytest.mark.parametrize(
    "error",
    [
        RequestTimedOut("no answer within 30 s"),
        RequestAbandoned("the link ended"),
        OutcomeUnclear("TIMEOUT_ERROR", "timeout in the network"),
        OutcomeUnclear("BRAND_NEW_CODE", "something odd"),
    ],
)
def test_an_unknown_outcome_of_a_new_order_never_asks_for_a_retry(error: FxPoolError) -> None:
    told = explain(error, Call.NEW_ORDER)
    assert told.outcome == "unknown"
    assert not told.retryable
    assert "outcome unknown" in told.detail.lower()
    assert not has_retry_word(told.detail)


def test_an_unclear_answer_is_quoted_when_its_words_are_harmless() -> None:
    told = explain(OutcomeUnclear("BRAND_NEW_CODE", "something odd"), Call.NEW_ORDER)
    assert told.detail.endswith("BRAND_NEW_CODE: something odd")


def test_a_silent_broker_asks_for_a_retry_where_a_repeat_is_harmless() -> None:
    for call in (Call.READ, Call.CHANGE):
        told = explain(RequestTimedOut("close: 30 s"), call)
        assert "timeout" in told.detail
        assert "no response" in told.detail
        assert told.retryable
        assert told.status == 504
    assert explain(RequestTimedOut("x"), Call.READ).outcome is None
    assert explain(RequestTimedOut("x"), Call.CHANGE).outcome == "unknown"


@pytest.mark.parametrize(
    ("error", "status", "code", "words", "retryable"),
    [
        (SymbolNotFound("EURUDS", ("EURUSD",)), 404, "SYMBOL_NOT_FOUND", "symbol not found", False),
        (
            InvalidVolume("invalid volume: 0.001"),
            422,
            "TRADING_BAD_VOLUME",
            "invalid volume",
            False,
        ),
        (
            InvalidOrder("invalid stops: above the ask"),
            422,
            "INVALID_ORDER",
            "invalid stops",
            False,
        ),
        (NoQuote("no price of EURUSD yet"), 404, "NO_QUOTE", "timeout", True),
        (NotReady("reconnecting", phase="reconnecting"), 503, "NOT_READY", "network", True),
        (
            NotReady("the token is dead", phase="refused"),
            503,
            "ACCOUNT_NOT_AUTHORIZED",
            "authentication failed",
            False,
        ),
        (PoolBusy("the queue is full"), 429, "POOL_BUSY", "network", True),
        (RequestNotSent("no session"), 503, "NOT_SENT", "network", True),
        (PoolClosed("closing"), 503, "POOL_ERROR", "network", True),
        (MappingError("side 7"), 502, "UNREADABLE_ANSWER", "not readable", False),
    ],
)
def test_errors_of_ours_have_their_words_too(
    error: FxPoolError, status: int, code: str, words: str, retryable: bool
) -> None:
    told = explain(error, Call.NEW_ORDER)
    assert (told.status, told.code, told.retryable) == (status, code, retryable)
    assert words in told.detail.lower()
    assert told.outcome == "not_executed"
    assert ("Nothing was sent, the same call may be repeated" in told.detail) is retryable


def test_a_journal_that_is_down_is_told_with_the_cure() -> None:
    for call in Call:
        told = explain(JournalDown("the order journal is down: disk I/O error"), call)
        for words in ("disk I/O error", "CTRADER_DATABASE_URL", "CTRADER_DATA_DIR"):
            assert words in told.detail
        assert ("Nothing was sent" in told.detail) is (call is not Call.READ)


def test_protection_refused_as_an_invalid_request_is_an_invalid_stop() -> None:
    text = "New TP for BUY position should be >= current BID price"
    assert "invalid stops" in explain(TradeRefused("INVALID_REQUEST", text), Call.CHANGE).detail
    assert explain(TradeRefused("INVALID_REQUEST", "Nothing"), Call.CHANGE).detail == (
        "INVALID_REQUEST: Nothing"
    )


def test_an_unauthorised_account_is_recognised_behind_invalid_request() -> None:
    error = RequestRefused("INVALID_REQUEST", "Trading account is not authorized")
    assert "authentication failed" in explain(error).detail


def test_a_rate_limit_keeps_the_brokers_waiting_time() -> None:
    told = explain(RequestRefused("BLOCKED_PAYLOAD_TYPE", "slow down", retry_after=4.0))
    assert (told.status, told.retry_after) == (429, 4.0)


def test_a_refusal_has_the_shape_of_a_trade_result() -> None:
    told = explain(TradeRefused("NOT_ENOUGH_MONEY", "for 2.50 lots"), Call.NEW_ORDER)
    assert refusal(told) == {
        "success": False,
        "outcome": "not_executed",
        "error": "not enough money: for 2.50 lots",
        "detail": "not enough money: for 2.50 lots",
        "code": "NOT_ENOUGH_MONEY",
        "retryable": False,
    }


def test_a_platform_error_passes_unchanged() -> None:
    error = PlatformError(404, "ACCOUNT_NOT_FOUND", "Account not found: x")
    assert explain(error, Call.NEW_ORDER) is error
