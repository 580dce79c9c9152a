from __future__ import annotations

from fxpool.mapping.formats import TradeResult
from fxpool.platforms.closing import summed_up

DONE = TradeResult(success=True, outcome="executed", profit=1.0)
GONE = TradeResult(
    success=False,
    outcome="not_executed",
    error="position not found",
    code="POSITION_NOT_FOUND",
    alreadyClosed=True,
)
BUSY = TradeResult(
    success=False,
    outcome="not_executed",
    error="timeout: busy",
    code="POSITION_LOCKED",
    retryable=True,
)
LOST = TradeResult(success=False, outcome="unknown", error="no response", code="TIMEOUT")


def test_all_closed_is_a_success() -> None:
    answer = summed_up(["1", "2"], [DONE, DONE])
    assert (answer["success"], answer["outcome"], answer["closed"]) == (True, "executed", 2)
    assert [row["positionId"] for row in answer["results"]] == ["1", "2"]


def test_one_that_somebody_else_closed_is_closed() -> None:
    assert summed_up(["1"], [GONE])["success"]


def test_one_failure_is_told_with_its_words_and_the_rest_is_closed() -> None:
    answer = summed_up(["1", "2"], [DONE, BUSY])
    assert (answer["success"], answer["closed"], answer["failed"]) == (False, 1, 1)
    assert answer["outcome"] == "executed"
    assert answer["error"] == "1 of 2 positions were not closed: timeout: busy"
    assert answer["retryable"]


def test_an_unknown_close_makes_the_whole_unknown() -> None:
    assert summed_up(["1", "2"], [DONE, LOST])["outcome"] == "unknown"


def test_nothing_open_is_nothing_to_do() -> None:
    answer = summed_up([], [])
    assert (answer["success"], answer["outcome"], answer["closed"]) == (True, "executed", 0)
