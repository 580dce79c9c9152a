"""What changed in an account's book, as values. Knows neither the wire nor any caller's format."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fxpool.account.unreadable import UnreadableOrder
from fxpool.domain.trades import CashFlow, CloseReason, Deal, Order, Position


@dataclass(frozen=True, slots=True)
class PositionOpened:
    """A position is open. ``deal`` is None where only a snapshot or a later change showed it."""

    position: Position
    deal: Deal | None


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """Protection, volume (by a further fill), swap or another value of a position changed."""

    old: Position
    new: Position


@dataclass(frozen=True, slots=True)
class PositionPartiallyClosed:
    """A part of a position was closed; ``new`` goes on. ``deal`` did it; None where only a snapshot
    showed it, and its deals are told apart."""

    old: Position
    new: Position
    deal: Deal | None


@dataclass(frozen=True, slots=True)
class PositionClosed:
    """A position is closed, on proof.

    Attributes:
        position: its last open state.
        deal: the closing deal, the last one if there were several.
        realised: net result over the position's life, earlier partial closes included; None while
            some of them are unknown.
    """

    position: Position
    deal: Deal
    reason: CloseReason
    realised: Decimal | None


@dataclass(frozen=True, slots=True)
class PositionVanished:
    """A position is absent from a snapshot, or called closed without its deal: closed is likely
    and not proved. It stays in the book until ``prove_closed``, or until it shows up again."""

    position: Position


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """A pending order rests at the broker."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """A pending order was amended, or filled in part."""

    old: Order
    new: Order


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """A pending order was filled. ``deal`` is its last one, None where only a lookup showed it."""

    order: Order
    deal: Deal | None


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """An order was cancelled; ``order.executed_volume_cents`` may be more than 0."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderExpired:
    """A pending order reached its expiration."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderRejected:
    """The broker rejected an order after it existed. ``code`` is the broker's word, or empty."""

    order: Order
    code: str


@dataclass(frozen=True, slots=True)
class OrderVanished:
    """A pending order is absent from a snapshot: filled, cancelled or expired, not known which.

    It is no longer among the pending orders; ``prove_done`` tells what became of it.
    """

    order: Order


@dataclass(frozen=True, slots=True)
class OrderGone:
    """The broker neither shows a pending order nor knows what became of it: it rests no more, and
    whether it was cancelled or expired stays unknown. ``order`` is as it was known last, with
    ``executed_volume_cents`` by its deals."""

    order: Order


@dataclass(frozen=True, slots=True)
class OrderUnreadable:
    """The broker shows a pending order that makes no sense to this build; it may fill."""

    order: UnreadableOrder


@dataclass(frozen=True, slots=True)
class DealAdded:
    """A deal that the book had not seen."""

    deal: Deal


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """The balance changed; ``cash_flow`` is set if a deposit or withdrawal did it."""

    old: Decimal
    new: Decimal
    cash_flow: CashFlow | None


@dataclass(frozen=True, slots=True)
class MarginCalled:
    """The broker called for margin: the margin level, in percent, is below ``threshold``."""

    threshold: Decimal


BookEvent = (
    PositionOpened
    | PositionChanged
    | PositionPartiallyClosed
    | PositionClosed
    | PositionVanished
    | OrderPlaced
    | OrderChanged
    | OrderFilled
    | OrderCancelled
    | OrderExpired
    | OrderRejected
    | OrderVanished
    | OrderGone
    | OrderUnreadable
    | DealAdded
    | BalanceChanged
    | MarginCalled
)
