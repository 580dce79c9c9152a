"""Open positions of one account, kept by executions, snapshots and deals. Pure.

A position opens when an execution or a snapshot shows it OPEN with a volume; the CREATED snapshot
of an acceptance opens nothing. It closes on a deal of the other side that leaves no volume, whether
the broker then calls it CLOSED or, while its protection is being cancelled, CREATED. Without such
a deal it is only flagged as vanished; so is a netted one that shows the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from fxpool.account.events import (
    BookEvent,
    DealAdded,
    PositionChanged,
    PositionClosed,
    PositionOpened,
    PositionPartiallyClosed,
    PositionVanished,
)
from fxpool.account.orders import is_older
from fxpool.account.seen import SeenIds
from fxpool.account.valuation import Valuation
from fxpool.domain.trades import (
    CloseReason,
    Deal,
    Execution,
    ExecutionType,
    Order,
    OrderType,
    Position,
    PositionStatus,
)

_DEALS_REMEMBERED: Final = 100_000
"""More than an account executes in the half day that is read again after a gap."""

_CLOSED_KEPT_FOR: Final = timedelta(hours=24)
_FILLS: Final = frozenset({ExecutionType.ORDER_FILLED, ExecutionType.ORDER_PARTIAL_FILL})


@dataclass(frozen=True, slots=True)
class ClosedPosition:
    """A position that closed within the last day, as far as this book saw it.

    Attributes:
        position: its last open state.
        realised: net result over its life; None if some of its deals are unknown.
    """

    position: Position
    deal: Deal
    reason: CloseReason
    realised: Decimal | None

    @property
    def closed_at(self) -> datetime:
        return self.deal.executed_at


@dataclass(slots=True)
class HeldPosition:
    """An open position with what its closing deals so far realised, by deal id.

    Attributes:
        deals_known: whether ``closings`` holds all of them.
    """

    position: Position
    closings: dict[int, Decimal | None] = field(default_factory=dict)
    deals_known: bool = False

    @property
    def realised(self) -> Decimal | None:
        """The net result of the parts closed so far; None while some of it is unknown."""
        if not self.deals_known or None in self.closings.values():
            return None
        return sum((net for net in self.closings.values() if net is not None), Decimal(0))

    def learn(self, deal: Deal) -> None:
        """Count a deal if it closed a part."""
        if self.is_closed_by(deal):
            self.closings[deal.deal_id] = None if deal.close is None else deal.close.net_profit

    def is_closed_by(self, deal: Deal) -> bool:
        """Whether a deal is of the other side."""
        return deal.side is not self.position.side


class OpenPositions:
    """The open positions; tells the valuation about each change of them."""

    def __init__(self, valuation: Valuation) -> None:
        self.held: dict[int, HeldPosition] = {}
        self.vanished: set[int] = set()
        self._turned: dict[int, Position] = {}  # what vanished ones are now, on the other side
        self.closed: dict[int, ClosedPosition] = {}
        self.deals = SeenIds(_DEALS_REMEMBERED)
        self._valuation = valuation

    def apply(self, execution: Execution, position: Position, deal: Deal | None) -> list[BookEvent]:
        """Take the position of an execution; ``deal`` is its deal if it was not seen before."""
        held = self.held.get(position.position_id)
        if _is_open(position):
            if not self._is_stale(position):
                return self._put(position, deal)
            if held is not None and deal is not None:
                held.learn(deal)
            return []
        if held is None or not _says_closed(execution, position):
            return []
        if deal is None or not held.is_closed_by(deal):
            return self._flag(position.position_id)
        held.learn(deal)
        return self._close(held, deal, execution.order)

    def amend(self, position_id: int, change: Callable[[Position], Position]) -> list[BookEvent]:
        """Change a value that an event of its own reported; nothing if it is not open."""
        held = self.held.get(position_id)
        return [] if held is None else self._put(change(held.position), None)

    def reconcile(
        self, snapshot: Mapping[int, Position], touched: AbstractSet[int]
    ) -> list[BookEvent]:
        """Take a whole snapshot of open positions. ``touched`` positions changed since it was
        asked for, so the snapshot counts for them only where it is newer."""
        events: list[BookEvent] = []
        for position_id, position in snapshot.items():
            if not self._knows_better(position, touched):
                events += self._put(position, None)
            if position_id not in self._turned:
                self.vanished.discard(position_id)
        for position_id in sorted(self.held.keys() - snapshot.keys() - touched):
            events += self._flag(position_id)
        return events

    def prove_closed(
        self, position_id: int, deals: Iterable[Deal], closing_order: Order | None
    ) -> list[BookEvent]:
        """Close a position if all its deals together leave no volume, and open what it turned into
        where they leave one of the other side; else change nothing."""
        held, turned = self.held.get(position_id), self._turned.get(position_id)
        if held is None:
            return []
        executed = sorted(
            (d for d in deals if d.position_id == position_id and d.status.executed),
            key=lambda deal: (deal.executed_at, deal.deal_id),
        )
        closing = [deal for deal in executed if held.is_closed_by(deal)]
        left = sum((-1 if held.is_closed_by(d) else 1) * d.filled_volume_cents for d in executed)
        if turned is not None:
            left += 1  # what it turned into is more than nothing
            closing = [deal for deal in closing if deal.close is not None]
        if not closing or left > 0:
            return []
        known_until = held.position.updated_at
        news = [
            d
            for d in executed
            if self.deals.add(d.deal_id) and is_older(known_until, d.executed_at)
        ]
        self._learn(held, executed if turned is None else closing)
        order = closing_order
        if order is not None and order.order_id != closing[-1].order_id:
            order = None
        events = [*map(DealAdded, news), *self._close(held, closing[-1], order)]
        return events if turned is None else [*events, *self._open(turned, None)]

    def add_deals(self, position_id: int, deals: Iterable[Deal]) -> None:
        """Take all deals of an open position as history: nothing is reported. A deal later than
        the state known here is left to the event that brings it."""
        held = self.held.get(position_id)
        if held is None:
            return
        at = held.position.updated_at
        self._learn(
            held, [d for d in deals if d.status.executed and not is_older(at, d.executed_at)]
        )

    def _put(self, position: Position, deal: Deal | None) -> list[BookEvent]:
        """Take an open position's state; ``deal`` is the new deal that caused it, if any."""
        held = self.held.get(position.position_id)
        if held is None:
            return self._open(position, deal)
        old = held.position
        if position.side is not old.side and (deal is None or deal.close is None):
            self._turned[position.position_id] = position
            return self._flag(position.position_id)
        self._turned.pop(position.position_id, None)
        self.vanished.discard(position.position_id)
        if deal is None and position.volume_cents != old.volume_cents:
            held.deals_known = False  # closed in part, or added to, by deals that we did not see
        if deal is not None:
            held.learn(deal)
            if position.side is not old.side:  # a netted account went through zero in one deal
                return [*self._close(held, deal, None), *self._open(position, deal)]
        held.position = position
        self._valuation.put(position)
        if deal is not None and held.is_closed_by(deal):
            return [PositionPartiallyClosed(old, position, deal)]
        if deal is None and position.volume_cents < old.volume_cents:
            return _shrunk(old, position)
        if replace(old, updated_at=position.updated_at) == position:
            return []
        return [PositionChanged(old, position)]

    def _open(self, position: Position, deal: Deal | None) -> list[BookEvent]:
        is_whole = deal is not None and deal.filled_volume_cents == position.volume_cents
        self.held[position.position_id] = HeldPosition(position, deals_known=is_whole)
        self._valuation.put(position)
        return [PositionOpened(position, deal)]

    def _close(self, held: HeldPosition, deal: Deal, order: Order | None) -> list[BookEvent]:
        position_id = held.position.position_id
        del self.held[position_id]
        self.vanished.discard(position_id)
        self._turned.pop(position_id, None)
        self._valuation.remove(position_id)
        closed = ClosedPosition(held.position, deal, close_reason(order, deal.price), held.realised)
        self._remember(closed)
        return [PositionClosed(closed.position, deal, closed.reason, closed.realised)]

    def _remember(self, closed: ClosedPosition) -> None:
        oldest = closed.closed_at - _CLOSED_KEPT_FOR
        for position_id in [i for i, c in self.closed.items() if c.closed_at < oldest]:
            del self.closed[position_id]
        self.closed[closed.position.position_id] = closed

    def _flag(self, position_id: int) -> list[BookEvent]:
        if position_id in self.vanished:
            return []
        self.vanished.add(position_id)
        return [PositionVanished(self.held[position_id].position)]

    def _learn(self, held: HeldPosition, executed: Iterable[Deal]) -> None:
        for deal in executed:
            self.deals.add(deal.deal_id)
            held.learn(deal)
        held.deals_known = True

    def _is_stale(self, position: Position) -> bool:
        """Whether a newer state of this position is known, closed included."""
        held = self.held.get(position.position_id)
        if held is not None:
            return is_older(position.updated_at, held.position.updated_at)
        closed = self.closed.get(position.position_id)
        if closed is None:
            return False
        if position.side is not closed.position.side:  # it turned, in the same moment or later
            return is_older(position.updated_at, closed.closed_at)
        return not is_older(closed.closed_at, position.updated_at)

    def _knows_better(self, position: Position, touched: AbstractSet[int]) -> bool:
        """Whether our own state of a position counts more than a snapshot's."""
        held = self.held.get(position.position_id)
        if held is not None and position.position_id in touched:
            return not is_older(held.position.updated_at, position.updated_at)
        return self._is_stale(position)


def _shrunk(old: Position, new: Position) -> list[BookEvent]:
    """Tell what became smaller by deals that we did not see as what happened live: closed in part,
    and apart from that with other protection."""
    before = replace(new, stop_loss=old.stop_loss, take_profit=old.take_profit)
    closed = PositionPartiallyClosed(old, before, None)
    return [closed] if before == new else [closed, PositionChanged(before, new)]


def _is_open(position: Position) -> bool:
    return position.status is PositionStatus.OPEN and position.volume_cents > 0


def _says_closed(execution: Execution, position: Position) -> bool:
    """CLOSED says it; a fill that leaves no volume says it whatever the status."""
    if position.status is PositionStatus.CLOSED:
        return True
    return position.volume_cents == 0 and execution.type in _FILLS


def close_reason(order: Order | None, price: Decimal | None) -> CloseReason:
    """Return why a deal at ``price`` closed a position; the broker sends no reason, its closing
    order shows it.

    A protection order carries both levels; the one nearer to the execution price was hit, since
    both may slip in either direction.
    """
    if order is None:
        return CloseReason.OTHER
    if order.is_stop_out:
        return CloseReason.STOP_OUT
    if order.is_protection:
        return _protection_hit(order, price)
    if order.type in {OrderType.MARKET, OrderType.MARKET_RANGE}:
        return CloseReason.MANUAL
    return CloseReason.OTHER


def _protection_hit(order: Order, price: Decimal | None) -> CloseReason:
    stop, limit = order.stop_price, order.limit_price
    if stop is None and limit is None:
        return CloseReason.OTHER
    if limit is None:
        return CloseReason.STOP_LOSS
    if stop is None:
        return CloseReason.TAKE_PROFIT
    if price is None:
        return CloseReason.OTHER
    return (
        CloseReason.STOP_LOSS if abs(price - stop) < abs(price - limit) else CloseReason.TAKE_PROFIT
    )
