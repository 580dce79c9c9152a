"""What kind of execution an event tells. Pure.

Source: Open API, execution events. A fill that leaves a rest is to be told as ORDER_PARTIAL_FILL;
an earlier API of the same servers told it as ORDER_FILLED with what was executed so far, and which
of the two is told now is not documented (SW-38). The order beside it says which one it is.
"""

from __future__ import annotations

from fxpool.openapi.proto.messages_pb2 import ProtoOAExecutionEvent
from fxpool.openapi.proto.model_pb2 import (
    ORDER_FILLED,
    ORDER_PARTIAL_FILL,
    ORDER_STATUS_ACCEPTED,
    ProtoOAExecutionType,
)


def execution_kind(event: ProtoOAExecutionEvent) -> ProtoOAExecutionType.ValueType:
    """Return what an event tells; it has an ``executionType``. A fill whose order goes on working
    is one of a part."""
    kind, order = event.executionType, event.order
    is_part = (
        kind == ORDER_FILLED
        and order.orderStatus == ORDER_STATUS_ACCEPTED
        and 0 < order.executedVolume < order.tradeData.volume
    )
    return ORDER_PARTIAL_FILL if is_part else kind
