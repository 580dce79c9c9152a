"""What a run of the checker leaves behind, as values: what clients did and were told, what the
gateways showed and pushed, and what the broker holds. Pure; ``verdict`` compares them.

Times are epoch milliseconds of the one clock that broker, gateways and clients share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any


class Outcome(Enum):
    """What a client knows of an operation when it ends."""

    OK = "ok"
    FAIL = "fail"
    """It was told that there was no effect, or nothing can have left it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a client, and what it was told.

    Attributes:
        intent: the name of what was wanted; the tries of one intent share it. The broker keeps it
            as the label of a new order.
        target: the position or order that it is about; empty for a new order.
        key: the idempotency key or ``Copy_`` comment, None without one.
        result: the answer's body; empty where there was none.
    """

    number: int
    client: str
    gateway: int
    act: str
    account: str
    intent: str
    target: str
    key: str | None
    began_ms: int
    ended_ms: int
    outcome: Outcome
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The word of a refusal."""
        return str(self.result.get("code", ""))

    def __str__(self) -> str:
        told = {name: value for name, value in self.result.items() if name in _SHOWN}
        about = f" {self.target}" if self.target else ""
        return (
            f"{self.began_ms % 10**7:>8}..{self.ended_ms % 10**7} {self.client} gateway "
            f"{self.gateway}: {self.act}{about} {self.intent} key={self.key} "
            f"-> {self.outcome.value} {told}"
        )


_SHOWN = frozenset(
    {"code", "error", "orderId", "positionId", "dealId", "ticketId", "duplicate", "partial"}
)


@dataclass(frozen=True, slots=True)
class BrokersOrder:
    """An order as the broker keeps it; volumes in lots."""

    order_id: str
    label: str
    position_id: str
    status: str
    kind: str
    lots: Decimal
    executed_lots: Decimal
    is_closing: bool
    is_protection: bool
    created_ms: int

    @property
    def has_effect(self) -> bool:
        """Whether it trades, traded, or waits. One that was rejected never did, nor did one at the
        market that was cancelled before anything of it was executed."""
        is_void = self.status == "REJECTED" or (self.status == "CANCELLED" and self.at_market)
        return not is_void or self.executed_lots > 0

    @property
    def at_market(self) -> bool:
        """Whether it is to be executed at once, or not at all."""
        return self.kind in {"MARKET", "MARKET_RANGE"}


@dataclass(frozen=True, slots=True)
class BrokersDeal:
    """An execution as the broker keeps it."""

    deal_id: str
    order_id: str
    position_id: str
    executed_ms: int


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """An open position, of the broker's or of a gateway's book."""

    lots: Decimal
    side: str
    stop_loss: Decimal | None
    take_profit: Decimal | None


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """A resting order, of the broker's or of a gateway's book."""

    lots: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """What is open on one account, and its balance."""

    positions: Mapping[str, HeldPosition]
    orders: Mapping[str, HeldOrder]
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that the broker knows of one account; orders and deals in the order of their ids."""

    orders: tuple[BrokersOrder, ...]
    deals: tuple[BrokersDeal, ...]
    book: Book


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket as ``GET /tickets`` shows it."""

    ticket_id: str
    account: str
    kind: str
    state: str
    outcome: str | None
    intent: str
    target: str


@dataclass(slots=True)
class Stream:
    """What one event stream of one gateway process told of one account.

    Attributes:
        began_ms: when its first snapshot was made; None without one.
        ended: whether the process or the stream ended before the run did.
        deals: ids of ``dealAdded`` in the order they came.
        numbers: the ``seq`` of all changes in the order they came.
    """

    gateway: str
    account: str
    began_ms: int | None = None
    ended: bool = False
    deals: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """One event as a subscriber got it.

    Attributes:
        at_ms: the event's own time.
        deal: the id of the deal that it tells; empty for none.
    """

    type: str
    epoch: str
    seq: int
    at_ms: int
    deal: str = ""


@dataclass(slots=True)
class ResumedStream:
    """What one subscriber was told of one account of a gateway, over its connections and the
    gateway's lives: it says where it left off each time.

    Attributes:
        starts_ms: when each life of the gateway was up.
    """

    gateway: str
    account: str
    told: list[Told] = field(default_factory=list)
    starts_ms: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TicketlessExit:
    """A request that a gateway sent though it could not store its ticket, as its log says."""

    account: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a run saw once it was quiet.

    Attributes:
        ledgers: the broker's truth by account.
        books: by gateway and account, what each gateway answers.
        notes: faults and other happenings, for whoever reads a failure.
    """

    operations: tuple[Operation, ...]
    ledgers: Mapping[str, Ledger]
    tickets: tuple[TicketRow, ...] = ()
    books: Mapping[tuple[str, str], Book] = field(default_factory=dict)
    streams: tuple[Stream, ...] = ()
    resumed: tuple[ResumedStream, ...] = ()
    ticketless: tuple[TicketlessExit, ...] = ()
    notes: tuple[str, ...] = ()

    def intents(self) -> Iterator[tuple[str, list[Operation]]]:
        """Return the tries of each new order, by intent."""
        found: dict[str, list[Operation]] = {}
        for operation in self.operations:
            if operation.act == PLACE:
                found.setdefault(operation.intent, []).append(operation)
        yield from found.items()


PLACE = "place"
CLOSE = "close"
AMEND_POSITION = "amend_position"
AMEND_ORDER = "amend_order"
CANCEL = "cancel"
