"""What callers are told of orders whose repeat is recognised, and of a journal that is down."""

from __future__ import annotations

import pytest

from fxpool.errors import FxPoolError, JournalDown, RequestAbandoned, RequestTimedOut
from fxpool.platforms.words import RETRY_WORDS, Call, explain


@pytest.mark.parametrize("error", [RequestTimedOut("30 s"), RequestAbandoned("cut")])
def test_a_keyed_order_of_unknown_outcome_may_be_asked_for_again(error: FxPoolError) -> None:
    told = explain(error, Call.KEYED_ORDER)
    assert (told.outcome, told.retryable) == ("unknown", True)
    assert any(word in told.detail for word in RETRY_WORDS)
    blind = explain(error, Call.NEW_ORDER)
    assert not any(word in blind.detail.lower() for word in RETRY_WORDS)


@pytest.mark.parametrize("call", [Call.NEW_ORDER, Call.KEYED_ORDER, Call.CHANGE])
def test_an_order_that_could_not_be_journaled_was_not_executed(call: Call) -> None:
    told = explain(JournalDown("the disk is full"), call)
    assert (told.status, told.code, told.outcome) == (503, "JOURNAL_DOWN", "not_executed")
    assert told.retryable
