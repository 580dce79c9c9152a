from __future__ import annotations

import pytest

from fxpool.openapi import execution_kind
from fxpool.openapi.proto.messages_pb2 import ProtoOAExecutionEvent
from fxpool.openapi.proto.model_pb2 import (
    ORDER_CANCELLED,
    ORDER_FILLED,
    ORDER_PARTIAL_FILL,
    ORDER_STATUS_ACCEPTED,
    ORDER_STATUS_FILLED,
)
from harness.trades import execution

VOLUME = 100_000


def filled(executed: int, status: int) -> ProtoOAExecutionEvent:
    event = execution(ORDER_FILLED, executed=executed)
    event.order.orderStatus = status  # type: ignore[assignment]  # the numbers are the enum's
    return event


def test_a_fill_whose_order_goes_on_working_is_one_of_a_part() -> None:
    assert execution_kind(filled(VOLUME // 2, ORDER_STATUS_ACCEPTED)) == ORDER_PARTIAL_FILL


@pytest.mark.parametrize(
    ("executed", "status"),
    [
        (VOLUME, ORDER_STATUS_FILLED),
        (VOLUME, ORDER_STATUS_ACCEPTED),
        (VOLUME // 2, ORDER_STATUS_FILLED),
        (0, ORDER_STATUS_ACCEPTED),
    ],
)
def test_a_fill_whose_order_is_over_or_does_not_tell_is_a_fill(executed: int, status: int) -> None:
    assert execution_kind(filled(executed, status)) == ORDER_FILLED


def test_what_is_no_fill_is_what_it_says() -> None:
    assert execution_kind(execution(ORDER_CANCELLED, executed=VOLUME // 2)) == ORDER_CANCELLED
