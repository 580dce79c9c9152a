"""What the broker's records show of a ticket whose outcome is unknown. Pure.

Only complete records count: the caller has read every page. An order is ours by its client order
id alone; the broker's own closing and protection orders carry ids that mean nothing to us. A label
is the caller's and may repeat, so it proves nothing; but where an order came back without its id,
an equal label forbids to call a ticket absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final

from fxpool.account.tickets import ORDER
from fxpool.account.unreadable import UnreadableOrder
from fxpool.domain.money import PRICE_SCALE
from fxpool.domain.tickets import Ticket, TicketKind, TicketTrigger
from fxpool.domain.trades import Order, OrderStatus, Position, Side, TimeInForce
from fxpool.mapping.instants import ms_from_instant

SKEW: Final = timedelta(hours=12)
"""How far the broker's clock may be behind ours. Less than the life of a key, which may serve for
another order after it."""

POSITION_CHANGED: Final = "positionChanged"
"""In the intent of a close: when its position had changed last, in the broker's milliseconds."""

_FOR_NOW: Final = (TimeInForce.IMMEDIATE_OR_CANCEL.value, TimeInForce.FILL_OR_KILL.value)


@dataclass(frozen=True, slots=True)
class Records:
    """All that the broker shows of an account since the oldest ticket in question.

    Attributes:
        positions: open ones, by id.
        orders: those that rest, and those that changed since, by id.
        closes: what ``shown_closes`` found for closes of unknown outcome, by ticket.
        unreadable: those of the orders that make no sense to this build.
    """

    positions: Mapping[int, Position]
    orders: Mapping[int, Order]
    closes: Mapping[str, Finding] = field(default_factory=dict)
    unreadable: Sequence[UnreadableOrder] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a ticket, and what shows it.

    Attributes:
        trigger: how the ticket goes on; None while the broker is still at work on it.
        order: the order that the ticket made, or that shows its end.
        is_doubt: an order that may be the ticket's does not tell; looking again may never help.
    """

    trigger: TicketTrigger | None
    text: str
    order: Order | None = None
    is_doubt: bool = False


def find(ticket: Ticket, records: Records) -> Finding | None:
    """Return what became of a ticket; None if nothing in the records shows it.

    Where an order that cannot be read may be the one that shows it, nothing is known yet.
    """
    finding = _shown(ticket, records)
    for order in records.unreadable:
        if _may_show(ticket, order) and not _is_enough(ticket, finding, order):
            named = "without an id" if order.order_id is None else str(order.order_id)
            said = f"order {named} may be its own, and cannot be read: {order.why}"
            return Finding(None, said, is_doubt=True)
    return finding


def _may_show(ticket: Ticket, order: UnreadableOrder) -> bool:
    """Whether an order that cannot be read may show what became of a ticket."""
    match ticket.kind:
        case TicketKind.PLACE:
            return _may_be_placed(ticket, order)
        case TicketKind.CLOSE:
            position_ids = {None, _number(ticket.intent, "positionId")}
            return order.is_closing is not False and order.position_id in position_ids
        case TicketKind.CANCEL | TicketKind.AMEND_ORDER:
            return order.order_id in {None, _number(ticket.intent, "orderId")}
        case TicketKind.AMEND_POSITION:
            return False  # its position shows it


def _may_be_placed(ticket: Ticket, order: UnreadableOrder) -> bool:
    if order.opened_at is not None and order.opened_at < ticket.received_at - SKEW:
        return False
    if order.client_order_id:
        return order.client_order_id == ticket.client_order_id
    asked = ticket.intent.get(ORDER, {})
    told = {
        "symbol_id": order.symbol_id,
        "side": None if order.side is None else order.side.value,
        "label": order.label or None,
    }
    is_alike = all(value in {None, asked.get(name, value)} for name, value in told.items())
    return is_alike and not order.is_closing


def _is_enough(ticket: Ticket, finding: Finding | None, order: UnreadableOrder) -> bool:
    """Whether what was found stands, whatever an unreadable order says: not where that has the
    ticket's own name, nor for closes, whose orders are told from each other by what they say."""
    if finding is None or ticket.kind is TicketKind.CLOSE:
        return False
    return not (ticket.kind is TicketKind.PLACE and order.client_order_id)


def _shown(ticket: Ticket, records: Records) -> Finding | None:
    match ticket.kind:
        case TicketKind.PLACE:
            return _placed(ticket, records)
        case TicketKind.CLOSE:
            return records.closes.get(ticket.ticket_id)
        case TicketKind.CANCEL:
            return _cancelled(ticket, records)
        case TicketKind.AMEND_POSITION:
            return _position_amended(ticket, records)
        case TicketKind.AMEND_ORDER:
            return _order_amended(ticket, records)


def _placed(ticket: Ticket, records: Records) -> Finding | None:
    ours = [
        order
        for order in _since(ticket, records.orders.values())
        if order.client_order_id == ticket.client_order_id
        and not (order.is_closing or order.is_protection)
        and _is_as_asked(ticket, order)
    ]
    if ours:
        order = min(ours, key=lambda order: order.order_id)
        return _end_of(order, may_wait=order.type.rests and not _is_for_now(ticket))
    return _lookalike(ticket, records)


def _is_as_asked(ticket: Ticket, order: Order) -> bool:
    """Whether an order is on the symbol and side of a ticket: ids of other programs may repeat."""
    asked = ticket.intent.get(ORDER, {})
    shown = {"symbol_id": order.symbol_id, "side": order.side.value}
    return all(asked.get(name, value) == value for name, value in shown.items())


def _lookalike(ticket: Ticket, records: Records) -> Finding | None:
    """Return that nothing is known yet if an order without an id has the label of a ticket."""
    asked = ticket.intent.get(ORDER, {})
    label, symbol_id = asked.get("label"), asked.get("symbol_id")
    for order in _since(ticket, records.orders.values()):
        is_nameless = not order.client_order_id and not (order.is_closing or order.is_protection)
        if label and is_nameless and (order.label, order.symbol_id) == (label, symbol_id):
            said = f"order {order.order_id} has its label {label!r} and no client order id"
            return Finding(None, said, order, is_doubt=True)
    return None


def _is_for_now(ticket: Ticket) -> bool:
    """Whether the order was not to wait for its price. The ticket knows: the broker may leave it
    out of a record."""
    return ticket.intent.get(ORDER, {}).get("time_in_force") in _FOR_NOW


def _end_of(order: Order, *, may_wait: bool) -> Finding:
    """Return how an order ended; one that may wait did what it was to do when it rested."""
    said = f"the broker shows order {order.order_id} {order.status.name.lower()}"
    executed = order.executed_volume_cents
    if order.status is OrderStatus.REJECTED:
        return Finding(TicketTrigger.REFUSED, said, order)
    if order.status is OrderStatus.FILLED or may_wait:
        return Finding(TicketTrigger.EXECUTED, said, order)
    if order.status is OrderStatus.ACCEPTED:
        return Finding(None, said, order)
    if executed:
        return Finding(TicketTrigger.PARTIALLY_EXECUTED, said, order)
    return Finding(TicketTrigger.REFUSED, said, order)


def shown_closes(orders: Mapping[int, Order], closes: Sequence[Ticket]) -> dict[str, Finding]:
    """Return what shows the closes of unknown outcome, by ticket; those that nothing shows are
    left out.

    ``closes`` are all that were sent since the oldest in question. A closing order carries no name
    of ours, so each may show one ticket only: not one whose close was answered with it, and none
    while another close of the position still waits for an answer that may name it.
    """
    claimed = {_number(t.result or {}, "orderId") for t in closes if not t.state.is_open}
    open_closes = [ticket for ticket in closes if ticket.state.is_open]
    found: dict[str, Finding] = {}
    for position_id in {_number(ticket.intent, "positionId") for ticket in open_closes}:
        here = [t for t in open_closes if _number(t.intent, "positionId") == position_id]
        shown = [
            (order, finding)
            for order in sorted(orders.values(), key=lambda order: order.order_id)
            if order.is_closing
            and order.position_id == position_id
            and not order.is_protection
            and order.order_id not in claimed
            and (finding := _end_of(order, may_wait=False)).trigger is not TicketTrigger.REFUSED
        ]
        if any(ticket.state.is_running for ticket in here):
            waiting = Finding(None, f"another close of position {position_id} is under way")
            found |= dict.fromkeys([t.ticket_id for t in here if shown], waiting)
        else:
            found |= _matched(here, shown)
    return found


def _matched(
    closes: Sequence[Ticket], shown: Sequence[tuple[Order, Finding]]
) -> dict[str, Finding]:
    """Give each order to the close that it fits best: by volume, then by time."""
    found: dict[str, Finding] = {}
    for order, finding in shown:
        left = [t for t in closes if t.ticket_id not in found and _may_be_of(t, order)]
        if left:
            found[min(left, key=partial(_misfit, order)).ticket_id] = finding
    return found


def _may_be_of(close: Ticket, order: Order) -> bool:
    """Whether a close may have made a closing order: not if the position, as it was when the close
    was sent, had changed after that order was made. Both are times of the broker's clock."""
    changed = close.intent.get(POSITION_CHANGED)
    if changed is None or order.opened_at is None:
        return bool(_since(close, [order]))
    return ms_from_instant(order.opened_at) > int(changed)


def _misfit(order: Order, close: Ticket) -> tuple[bool, timedelta]:
    passed = timedelta() if order.opened_at is None else order.opened_at - close.received_at
    return order.volume_cents != _number(close.intent, "volume"), abs(passed)


def _cancelled(ticket: Ticket, records: Records) -> Finding | None:
    order_id = _number(ticket.intent, "orderId")
    order = records.orders.get(order_id)
    status = None if order is None else order.status
    for unreadable in records.unreadable:
        if unreadable.order_id == order_id:
            status = unreadable.status  # that much of it can be read
    if status is not OrderStatus.CANCELLED:
        return None
    return Finding(TicketTrigger.EXECUTED, f"order {order_id} is cancelled", order)


def _position_amended(ticket: Ticket, records: Records) -> Finding | None:
    position = records.positions.get(_number(ticket.intent, "positionId"))
    if position is None or not _has_flags(position, ticket.intent):
        return None
    legs = (position.stop_loss, position.take_profit)
    wanted = (_price(ticket.intent, "stopLoss"), _price(ticket.intent, "takeProfit"))
    if legs != wanted:
        return None
    return Finding(TicketTrigger.EXECUTED, f"position {position.position_id} has the protection")


def _order_amended(ticket: Ticket, records: Records) -> Finding | None:
    intent = ticket.intent
    order = records.orders.get(_number(intent, "orderId"))
    if order is None or order.status is not OrderStatus.ACCEPTED:
        return None
    prices = (order.limit_price, order.stop_price)
    wanted = (_price(intent, "limitPrice"), _price(intent, "stopPrice"))
    if prices != wanted or order.volume_cents != _number(intent, "volume"):
        return None
    if not (_has_legs(order, intent) and _has_flags(order, intent) and _has_end(order, intent)):
        return None
    return Finding(TicketTrigger.EXECUTED, f"order {order.order_id} has the new values", order)


def _has_legs(order: Order, intent: Mapping[str, Any]) -> bool:
    """Whether a resting order has the protection of an amendment. A leg that was left out stays;
    one that was sent as a price is shown as a distance from the order's own price."""
    price = order.price
    if price is None:
        return False
    to_stop = -1 if order.side is Side.BUY else 1
    legs = (
        ("StopLoss", to_stop, order.stop_loss, order.relative_stop_loss),
        ("TakeProfit", -to_stop, order.take_profit, order.relative_take_profit),
    )
    for name, sign, level, distance in legs:
        wanted = _price(intent, name[0].lower() + name[1:])
        if f"relative{name}" in intent:
            ticks = _number(intent, f"relative{name}")
            wanted = price + sign * ticks / Decimal(PRICE_SCALE)
        measured = None if distance is None else price + sign * distance
        if wanted is not None and wanted not in {level, measured}:
            return False
    return True


def _has_flags(shown: Order | Position, intent: Mapping[str, Any]) -> bool:
    trailing = intent.get("trailingStopLoss", shown.trailing_stop_loss)
    guaranteed = intent.get("guaranteedStopLoss", shown.guaranteed_stop_loss)
    return (trailing, guaranteed) == (shown.trailing_stop_loss, shown.guaranteed_stop_loss)


def _has_end(order: Order, intent: Mapping[str, Any]) -> bool:
    if "expirationTimestamp" not in intent:
        return True
    expires_at = order.expires_at
    return expires_at is not None and ms_from_instant(expires_at) == intent["expirationTimestamp"]


def _since(ticket: Ticket, orders: Iterable[Order]) -> list[Order]:
    """Return the orders that are not older than the ticket: a key may have served before."""
    oldest = ticket.received_at - SKEW
    return [order for order in orders if order.opened_at is None or order.opened_at >= oldest]


def _number(intent: Mapping[str, Any], name: str) -> int:
    return int(intent.get(name, 0))


def _price(intent: Mapping[str, Any], name: str) -> Decimal | None:
    return Decimal(intent[name]) if name in intent else None
