"""The JSON shapes of events, as the streams carry them. What a field means is in ``formats``.

*Changes* carry ``epoch`` and ``seq``; *levels* (``price``, ``positionUpdate``, and an
``accountUpdated`` without ``balanceChange``) and events about the stream itself do not.
"""

from __future__ import annotations

from typing import Any, Final, NotRequired, TypedDict

from fxpool.mapping.formats import (
    AccountInformation,
    CloseInfo,
    DealInfo,
    GuardInfo,
    OrderInfo,
    PositionInfo,
    PriceInfo,
    TicketInfo,
    ToldOrder,
)


class StreamEvent(TypedDict):
    """What every event has; ``ts`` is ``timestamp`` in epoch milliseconds."""

    type: str
    ts: int
    timestamp: str


class AccountEvent(StreamEvent):
    """An event of one account."""

    accountId: str
    epoch: NotRequired[str]
    seq: NotRequired[int]


class SnapshotEvent(AccountEvent):
    """The whole state of an account: first on a stream, and after each synchronisation.

    ``account`` is null while a quote that its equity needs is not known, ``orders`` while one of
    them cannot be read.
    """

    account: AccountInformation | None
    positions: list[PositionInfo]
    orders: list[OrderInfo] | None
    prices: list[PriceInfo]


class GapEvent(AccountEvent):
    """Changes were missed that nobody can tell any more; a snapshot follows."""

    lastEventId: str
    detail: str


class PriceEvent(AccountEvent):
    """A quote."""

    symbol: str
    bid: float
    ask: float
    spread: float
    time: str
    brokerTime: str
    accountIds: list[str]


class PositionEvent(AccountEvent):
    """A position opened."""

    positionId: str
    symbol: str
    position: PositionInfo


class ProtectionChange(TypedDict):
    """The levels of a position, now and before; null for none."""

    stopLoss: float | None
    takeProfit: float | None
    previousStopLoss: float | None
    previousTakeProfit: float | None


class PositionModifiedEvent(PositionEvent):
    """A position has new protection."""

    changes: ProtectionChange


class PositionUpdateEvent(PositionEvent):
    """A position's result moved with the price; at most every 200 ms."""

    profitChange: float


class PositionUpdatedEvent(PositionEvent):
    """Something else of a position changed: its volume grew, or swap was taken."""

    oldPosition: PositionInfo
    newPosition: PositionInfo


class PositionPartiallyClosedEvent(PositionEvent):
    """A part of a position closed; volumes in lots. ``closedProfit`` is null where only the
    position shows it, after an outage: its deal is told as ``dealAdded``, with the result."""

    oldVolume: float
    newVolume: float
    closedProfit: float | None


class PositionClosedEvent(PositionEvent):
    """A position closed, told once and on proof; ``closedProfit`` is that of its whole life."""

    closeInfo: CloseInfo
    closedProfit: float | None


class Execution(TypedDict):
    """A trade in the shape that older callers read."""

    type: str
    symbol: str
    side: str
    volume: float
    price: float | None
    profit: float | None
    positionId: str | None
    orderId: NotRequired[str]


class ExecutionEvent(AccountEvent):
    """A trade, beside the exact event; nested, because its ``type`` is another one."""

    symbol: str
    execution: Execution


class OrderEvent(AccountEvent):
    """Something happened to an order; ``oldOrder`` where it was modified. An order at the market is
    told only where it was rejected, or cancelled without an execution. ``orderGone`` is one that
    rests no more, and of which the broker does not know what became: ``order`` is its last known
    state."""

    orderId: str
    symbol: str
    order: ToldOrder
    oldOrder: NotRequired[OrderInfo]
    positionId: NotRequired[str]
    code: NotRequired[str]


class OrderUnreadableEvent(AccountEvent):
    """The broker shows a pending order that this build cannot read: ``reason``. It may fill."""

    orderId: str
    reason: str


class DealEvent(AccountEvent):
    """A deal, opening or closing."""

    symbol: str
    deal: DealInfo


class AccountUpdatedEvent(AccountEvent):
    """The account's money moved: ``balanceChange`` is there where the balance did."""

    account: AccountInformation
    balanceChange: NotRequired[float]


class MarginCallEvent(AccountEvent):
    """The broker called for margin: the level is below ``marginLevelThreshold`` percent.

    It repeats a call after ten minutes at the earliest. ``account`` is null while its equity is
    not known.
    """

    marginLevelThreshold: float
    account: AccountInformation | None


class DisconnectedEvent(AccountEvent):
    """The account's link is lost; what follows it is in ``phase``."""

    reason: str
    phase: str


class SynchronizedEvent(AccountEvent):
    """Positions and orders are the broker's again."""

    positionCount: int


class ReconnectedEvent(AccountEvent):
    """An outage is over; ``disconnectDuration`` is in seconds."""

    disconnectDuration: float


class TicketEvent(AccountEvent):
    """An order's outcome became unknown, or was found out."""

    ticketId: str
    ticket: TicketInfo


class GuardEvent(AccountEvent):
    """How an account stands to one of its loss limits has changed."""

    guard: GuardInfo


class HeartbeatEvent(StreamEvent):
    """The number of each account's last change, all of which were sent before it, and the id of
    the newest, to go on after."""

    epoch: str
    sequences: dict[str, int]
    lastEventId: NotRequired[str]


class EndingEvent(StreamEvent):
    """The last event of a stream: why it ends."""

    code: str
    error: str
    detail: str


EVENTS: Final[dict[str, Any]] = {
    "snapshot": SnapshotEvent,
    "gap": GapEvent,
    "price": PriceEvent,
    "positionOpened": PositionEvent,
    "positionModified": PositionModifiedEvent,
    "positionUpdate": PositionUpdateEvent,
    "positionUpdated": PositionUpdatedEvent,
    "positionPartiallyClosed": PositionPartiallyClosedEvent,
    "positionClosed": PositionClosedEvent,
    "executionEvent": ExecutionEvent,
    "orderPlaced": OrderEvent,
    "orderModified": OrderEvent,
    "orderFilled": OrderEvent,
    "orderCancelled": OrderEvent,
    "orderExpired": OrderEvent,
    "orderRejected": OrderEvent,
    "orderGone": OrderEvent,
    "orderUnreadable": OrderUnreadableEvent,
    "dealAdded": DealEvent,
    "accountUpdated": AccountUpdatedEvent,
    "marginCall": MarginCallEvent,
    "connected": AccountEvent,
    "disconnected": DisconnectedEvent,
    "synchronized": SynchronizedEvent,
    "reconnected": ReconnectedEvent,
    "ticketUnknown": TicketEvent,
    "ticketResolved": TicketEvent,
    "guardWarning": GuardEvent,
    "guardTripped": GuardEvent,
    "guardUnknown": GuardEvent,
    "guardReset": GuardEvent,
    "heartbeat": HeartbeatEvent,
    "error": EndingEvent,
    "streamClosed": EndingEvent,
}
"""Every event that a stream may carry, by its ``type``."""
