"""When an order request is over. Pure.

Order requests have no answer message: execution events tell how they went, and the first one is
rarely the last. A market order that was accepted is not filled yet; an error code can sit on an
event that looks accepted; a fill can come without the id of its request.

Source: Open API, execution event sequences and refusals as recorded from live servers.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from google.protobuf.message import Message

from fxpool.errors import LocalProtocolError, OutcomeUnclear, RequestRefused, TradeRefused
from fxpool.openapi import execution_kind
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAmendOrderReq,
    ProtoOAAmendPositionSLTPReq,
    ProtoOACancelOrderReq,
    ProtoOAClosePositionReq,
    ProtoOAExecutionEvent,
    ProtoOANewOrderReq,
)
from fxpool.openapi.proto.model_pb2 import (
    FILL_OR_KILL,
    IMMEDIATE_OR_CANCEL,
    LIMIT,
    MARKET,
    MARKET_RANGE,
    ORDER_ACCEPTED,
    ORDER_CANCEL_REJECTED,
    ORDER_CANCELLED,
    ORDER_EXPIRED,
    ORDER_FILLED,
    ORDER_PARTIAL_FILL,
    ORDER_REJECTED,
    ORDER_REPLACED,
    STOP,
    STOP_LIMIT,
    ProtoOAExecutionType,
)
from fxpool.session.refusal import refused

TradeEvents = tuple[ProtoOAExecutionEvent, ...]


class Intent(Enum):
    """What an order request wants."""

    EXECUTE = "execute"
    """A market order, or one that may not wait: done when it is filled."""
    REST = "rest"
    """A limit or stop order: done when it rests in the book (or is filled on arrival)."""
    CANCEL = "cancel"
    AMEND_ORDER = "amend_order"
    AMEND_POSITION = "amend_position"
    CLOSE = "close"


_FINISHED_BY: Final = {
    Intent.EXECUTE: frozenset({ORDER_FILLED}),
    Intent.REST: frozenset({ORDER_ACCEPTED, ORDER_FILLED, ORDER_PARTIAL_FILL}),
    Intent.CANCEL: frozenset({ORDER_CANCELLED}),
    Intent.AMEND_ORDER: frozenset({ORDER_REPLACED}),
    # The first protection creates an order, the last leg's removal cancels it.
    Intent.AMEND_POSITION: frozenset({ORDER_REPLACED, ORDER_ACCEPTED, ORDER_CANCELLED}),
    Intent.CLOSE: frozenset({ORDER_FILLED}),
}

_REJECTIONS: Final = frozenset({ORDER_REJECTED, ORDER_CANCEL_REJECTED})

_ORDER_OVER: Final = frozenset({ORDER_CANCELLED, ORDER_EXPIRED})
"""For a request that made an order: it ended before the request's goal was reached."""

_MAKES_AN_ORDER: Final = frozenset({Intent.EXECUTE, Intent.REST, Intent.CLOSE})

_INTENT_BY_ORDER_TYPE: Final = {
    MARKET: Intent.EXECUTE,
    MARKET_RANGE: Intent.EXECUTE,
    LIMIT: Intent.REST,
    STOP: Intent.REST,
    STOP_LIMIT: Intent.REST,
}

_NEVER_REST: Final = frozenset({IMMEDIATE_OR_CANCEL, FILL_OR_KILL})

_INTENT_BY_REQUEST: Final[dict[type[Message], Intent]] = {
    ProtoOACancelOrderReq: Intent.CANCEL,
    ProtoOAAmendOrderReq: Intent.AMEND_ORDER,
    ProtoOAAmendPositionSLTPReq: Intent.AMEND_POSITION,
    ProtoOAClosePositionReq: Intent.CLOSE,
}


def intent_of(request: Message) -> Intent:
    """Return what an order request wants. Raises LocalProtocolError if it is none."""
    if isinstance(request, ProtoOANewOrderReq):
        intent = _INTENT_BY_ORDER_TYPE.get(request.orderType)
        if intent is Intent.REST and request.timeInForce in _NEVER_REST:
            intent = Intent.EXECUTE
    else:
        intent = _INTENT_BY_REQUEST.get(type(request))
    if intent is None:
        raise LocalProtocolError(f"{type(request).__name__} is no order request that can be sent")
    return intent


class Trade:
    """One order request on the wire: what it has seen, and how it ended.

    Attributes:
        order_id: the order whose events belong to this request even without its id, or None. It
            is the order that the request made, once known, or the one that it cancels. An order
            that it amends is left out: another client's amendment would look like ours.
    """

    __slots__ = ("_events", "_executed", "_intent", "order_id")

    def __init__(self, request: Message) -> None:
        self._intent = intent_of(request)
        self._events: list[ProtoOAExecutionEvent] = []
        self._executed = False
        self.order_id: int | None = None
        if isinstance(request, ProtoOACancelOrderReq):
            self.order_id = request.orderId

    def claims(self, event: ProtoOAExecutionEvent) -> bool:
        """Whether an event without a request id belongs to this request, by its order."""
        if self.order_id is None or event.order.orderId != self.order_id:
            return False
        return self._intent in _MAKES_AN_ORDER or event.executionType == ORDER_CANCELLED

    def take(self, event: ProtoOAExecutionEvent) -> TradeEvents | RequestRefused | None:
        """Return how the request ended by this event, or None while it goes on."""
        self._events.append(event)
        self._learn(event)
        if not event.HasField("executionType"):
            return None  # a kind newer than this schema; whoever keeps the book decides about it
        kind = execution_kind(event)
        if kind in _REJECTIONS or event.errorCode:
            return self._refused_by(event)
        if kind in _FINISHED_BY[self._intent]:
            return tuple(self._events)
        if kind in _ORDER_OVER and self._intent in _MAKES_AN_ORDER:
            return self._over_early(event)
        return None

    def refused(self, error: RequestRefused) -> RequestRefused:
        """Return what a refusal by one of the other three carriers means for this request."""
        if not self._executed:
            return error
        return OutcomeUnclear(error.code, f"refused after a part was executed: {error.text}")

    def _learn(self, event: ProtoOAExecutionEvent) -> None:
        if self._intent not in _MAKES_AN_ORDER:
            return
        if event.HasField("order"):
            self.order_id = event.order.orderId
            self._executed = self._executed or event.order.executedVolume > 0
        if event.executionType == ORDER_PARTIAL_FILL:
            self._executed = True

    def _refused_by(self, event: ProtoOAExecutionEvent) -> TradeEvents | RequestRefused:
        kind = event.executionType
        if kind not in _REJECTIONS:
            return self.refused(refused(event.errorCode, writing=True))
        if self._executed:  # the rest was rejected; what was executed stays
            return tuple(self._events)
        code = event.errorCode or ProtoOAExecutionType.Name(kind)
        error = refused(code, writing=True)
        # Whatever the code leaves open, the event says it: rejected.
        return TradeRefused(code) if isinstance(error, OutcomeUnclear) else error

    def _over_early(self, event: ProtoOAExecutionEvent) -> TradeEvents | RequestRefused:
        if self._executed:
            return tuple(self._events)
        name = ProtoOAExecutionType.Name(event.executionType)
        return TradeRefused(name, "the order ended without an execution")
