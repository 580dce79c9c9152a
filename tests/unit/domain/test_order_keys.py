"""Which requests are one and the same order."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fxpool.domain.order_keys import (
    MAX_CLIENT_ORDER_ID,
    OrderKey,
    Standing,
    client_order_id,
    fingerprint,
    order_key,
    standing,
)
from fxpool.domain.tickets import TicketKind, TicketState, received

AT = datetime(2026, 3, 2, tzinfo=UTC)
COPY = "Copy_40021877_L10.000000000000002"
GIVEN = OrderKey("ui-77", is_copy=False)
COPIED = OrderKey(COPY, is_copy=True)


def test_a_given_key_wins_over_a_copiers_comment() -> None:
    assert order_key("ui-77", COPY) == GIVEN


@pytest.mark.parametrize("comment", ["", "fade the open", "ManualCopy_7", "copy_7"])
def test_a_request_without_key_and_without_a_copiers_comment_is_always_new(comment: str) -> None:
    assert order_key(None, comment) is None
    assert order_key("", comment) is None


def test_a_copiers_comment_is_a_key_of_its_own_kind() -> None:
    key = order_key(None, COPY)
    assert key == COPIED
    assert key.stored != OrderKey(COPY, is_copy=False).stored
    assert key.age > GIVEN.age


@pytest.mark.parametrize("key", [GIVEN, COPIED, OrderKey("comment:a", is_copy=False)])
def test_a_key_is_read_back_from_its_stored_form(key: OrderKey) -> None:
    assert OrderKey.from_stored(key.stored) == key
    assert OrderKey.from_stored(None) is None


def test_a_short_key_is_what_the_broker_knows_the_order_by() -> None:
    assert client_order_id(GIVEN, 1, "t1") == "ui-77"
    assert client_order_id(None, 1, "t1") == "t1"


def test_the_client_order_id_always_fits_and_is_new_for_each_attempt() -> None:
    long = OrderKey("k" * 51, is_copy=False)
    cyrillic = OrderKey("\u043a\u043b\u044e\u0447", is_copy=False)
    keys = (GIVEN, long, COPIED, cyrillic)
    ids = [client_order_id(key, n, "t1") for key in keys for n in (1, 2, 3)]
    assert all(each.isascii() for each in ids)
    assert all(0 < len(each) <= MAX_CLIENT_ORDER_ID for each in ids)
    assert len(set(ids)) == len(ids)


def test_a_copier_may_compute_the_volume_anew_but_not_the_side() -> None:
    request = {"symbol": "XAUUSD", "action": "BUY", "volume": "0.3", "comment": COPY}
    again = request | {"volume": "0.31", "stop_loss": "2891"}
    assert COPIED.fingerprint(request) == COPIED.fingerprint(again)
    assert COPIED.fingerprint(request) != COPIED.fingerprint(request | {"action": "SELL"})
    assert GIVEN.fingerprint(request) != GIVEN.fingerprint(again)


def test_the_order_of_fields_makes_no_other_request() -> None:
    assert fingerprint({"a": 1, "b": "2"}) == fingerprint({"b": "2", "a": 1})


def test_a_fingerprint_is_that_of_tickets_stored_by_earlier_versions() -> None:
    """Else an update would turn the repeat of an order into another order with its key."""
    every = "".join(chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000)
    request = {"symbol": "EURUSD", "comment": every + "\U0001f600", "trailing": True, "points": 5}
    text = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert fingerprint(request) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("result", "given", "copied"),
    [
        ({"outcome": "executed"}, False, False),
        ({"outcome": "unknown", "retryable": True}, False, False),
        ({"outcome": "not_executed", "retryable": True}, True, True),
        ({"outcome": "not_executed", "retryable": False}, False, True),
    ],
)
def test_a_key_is_left_only_by_what_had_no_effect(
    result: dict[str, object], given: bool, copied: bool
) -> None:
    assert GIVEN.is_freed_by(result) is given
    assert COPIED.is_freed_by(result) is copied


def test_a_request_stands_to_the_holder_of_its_key_as_its_body_and_state_say() -> None:
    holder = received("t1", "alpha", TicketKind.PLACE, AT, intent={}, fingerprint="f")
    assert standing(holder, "g") is Standing.CONFLICT
    assert standing(holder, "f") is Standing.RUNNING
    assert standing(replace(holder, state=TicketState.UNKNOWN), "f") is Standing.RUNNING
    assert standing(replace(holder, state=TicketState.REFUSED), "f") is Standing.FINISHED
