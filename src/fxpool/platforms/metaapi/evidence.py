"""What MetaApi's records show of a ticket whose outcome is unknown. Pure.

A new order is ours by the id that it was sent with. Where it had none of ours, its names, symbol,
side and time must fit one record alone that no other ticket has claimed. What may be ours and does
not prove it is no absence either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar

from fxpool.account import ORDER
from fxpool.domain.tickets import Ticket, TicketKind, TicketTrigger
from fxpool.mapping.instants import iso
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.model import Deal, Order, Position, text_id
from fxpool.platforms.metaapi.orders import OUR_ID

NEAR: Final = timedelta(minutes=10)
"""How far the time of a record may be from ours that only names tell to be a ticket's, since names
may repeat. The clocks may be further apart: then it is in doubt."""

_REFUSED: Final = frozenset({"ORDER_STATE_REJECTED", "ORDER_STATE_CANCELED", "ORDER_STATE_EXPIRED"})


@dataclass(frozen=True, slots=True)
class Records:
    """All that is shown of an account since the oldest ticket in question.

    Attributes:
        past: orders that were done since.
        claimed: ids that the results of other tickets name.
        ends: the last deals of positions whose deals prove that they closed, as far as tickets ask.
    """

    reading: Reading
    past: Sequence[Order]
    claimed: frozenset[str]
    ends: Mapping[str, Deal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a ticket, what shows it, and the ids that it made."""

    trigger: TicketTrigger
    text: str
    order_id: str | None = None
    position_id: str | None = None


_Shown = TypeVar("_Shown", Position, Order)


def find(ticket: Ticket, records: Records) -> Found | None:
    """Return what became of a ticket; None if nothing in the records shows it."""
    fields = ticket.intent
    match ticket.kind:
        case TicketKind.PLACE:
            return _placed(ticket, records)
        case TicketKind.CLOSE:
            return _closed(fields, records)
        case TicketKind.AMEND_POSITION:
            return _protected(fields, records)
        case TicketKind.CANCEL:
            return _cancelled(str(fields["orderId"]), records)
        case TicketKind.AMEND_ORDER:
            return _amended(fields, records)


def doubt(ticket: Ticket, records: Records) -> str:
    """Return why a ticket must not be called absent though ``find`` finds nothing; else nothing."""
    if ticket.kind is TicketKind.PLACE:
        return _look_alikes(ticket, records)
    if ticket.kind not in {TicketKind.CLOSE, TicketKind.AMEND_POSITION}:
        return ""
    key = str(ticket.intent["positionId"])
    if key in records.reading.positions or key in records.ends:
        return ""
    return f"position {key} is not shown, and no deal proves that it closed"


def _look_alikes(ticket: Ticket, records: Records) -> str:
    """Return which records may be a new order's, in words."""
    reading, claimed = records.reading, records.claimed
    ids = {
        *(str(each.id) for each in _alike(ticket, reading.positions.values(), claimed)),
        *(str(each.id) for each in _alike(ticket, (reading.orders or {}).values(), claimed)),
        *(str(each.id) for each in _alike(ticket, records.past, claimed)),
    }
    return f"{', '.join(sorted(ids))} may be its own, and nothing proves it" if ids else ""


def _placed(ticket: Ticket, records: Records) -> Found | None:
    reading = records.reading
    positions = _ours(ticket, reading.positions.values(), records.claimed)
    if len(positions) == 1:
        key = str(positions[0].id)
        return Found(TicketTrigger.EXECUTED, f"position {key} is open", position_id=key)
    resting = _ours(ticket, (reading.orders or {}).values(), records.claimed)
    if len(resting) == 1:
        key = str(resting[0].id)
        return Found(TicketTrigger.EXECUTED, f"order {key} is pending", order_id=key)
    past = _ours(ticket, records.past, records.claimed)
    if len(past) != 1 or positions or resting:
        return None
    order = past[0]
    said = f"the history shows order {order.id} as {order.state}"
    is_refused = order.state in _REFUSED and not _is_filled_in_part(order)
    trigger = TicketTrigger.REFUSED if is_refused else TicketTrigger.EXECUTED
    return Found(trigger, said, str(order.id), text_id(order.position_id))


def _is_filled_in_part(order: Order) -> bool:
    """Whether some of an order was filled before its rest was cancelled."""
    return order.position_id is not None or 0 < order.current_volume < order.volume


def _ours(ticket: Ticket, shown: Iterable[_Shown], claimed: frozenset[str]) -> list[_Shown]:
    """Return the records that are a ticket's: by an id of ours, or by their names and time."""
    alike = _alike(ticket, shown, claimed)
    if _has_our_id(ticket):
        return alike
    return [each for each in alike if abs(each.time - ticket.received_at) <= NEAR]


def _alike(ticket: Ticket, shown: Iterable[_Shown], claimed: frozenset[str]) -> list[_Shown]:
    """Return the records with the symbol, side and names of a ticket's order."""
    sent = ticket.intent.get(ORDER, {})
    client_id, comment = sent.get("clientId", ""), sent.get("comment", "")
    if not client_id and not comment:
        return []
    found = [
        each
        for each in shown
        if each.symbol == sent.get("symbol")
        and each.client_id == client_id
        and _side(each.type) == _side(str(sent.get("actionType")))
    ]
    if _has_our_id(ticket):
        return found
    return [each for each in found if each.comment == comment and str(each.id) not in claimed]


def _has_our_id(ticket: Ticket) -> bool:
    return str(ticket.intent.get(ORDER, {}).get("clientId", "")).startswith(OUR_ID)


def _side(word: str) -> str:
    return "SELL" if "_SELL" in word else "BUY"


def _closed(fields: Mapping[str, Any], records: Records) -> Found | None:
    """Return that a position is closed, or smaller. One that is not shown may be open all the
    same: its deals prove that it closed."""
    key = str(fields["positionId"])
    position = records.reading.positions.get(key)
    if position is None:
        text = f"position {key} is not open any more"
        return Found(TicketTrigger.EXECUTED, text) if key in records.ends else None
    left = fields.get("left")
    if left is not None and position.volume <= Decimal(left):
        return Found(TicketTrigger.EXECUTED, f"position {position.id} has {position.volume} lots")
    return None


def _protected(fields: Mapping[str, Any], records: Records) -> Found | None:
    key = str(fields["positionId"])
    position = records.reading.positions.get(key)
    shown = records.ends.get(key) if position is None else position
    if shown is None or not _has_legs(shown, fields):
        return None
    verb = "had" if position is None else "has"
    return Found(TicketTrigger.EXECUTED, f"position {key} {verb} the protection")


def _has_legs(shown: Position | Order | Deal, fields: Mapping[str, Any]) -> bool:
    """Whether a record shows the legs of a change. One that was asked for as a distance is shown
    as a price that is another one than before."""
    for name, level in (("stopLoss", shown.stop_loss), ("takeProfit", shown.take_profit)):
        if f"{name}Units" in fields:
            if not level or level == _number(fields, f"{name}Was"):
                return False
        elif (level or None) != _number(fields, name):
            return False
    return True


def _number(fields: Mapping[str, Any], name: str) -> Decimal | None:
    return Decimal(fields[name]) if name in fields else None


def _cancelled(order_id: str, records: Records) -> Found | None:
    for order in records.past:
        if str(order.id) == order_id and order.state == "ORDER_STATE_CANCELED":
            return Found(TicketTrigger.EXECUTED, f"order {order_id} is cancelled", order_id)
    return None


def _amended(fields: Mapping[str, Any], records: Records) -> Found | None:
    key = str(fields["orderId"])
    past = {str(order.id): order for order in records.past}
    order = (records.reading.orders or {}).get(key) or past.get(key)
    if order is None or not _has_legs(order, fields):
        return None
    prices = (order.open_price, order.stop_limit_price)
    if prices != (_number(fields, "openPrice"), _number(fields, "stopLimitPrice")):
        return None
    wanted = fields.get("expiration", {}).get("time")
    if wanted is not None and (
        order.expiration_time is None or iso(order.expiration_time) != wanted
    ):
        return None
    return Found(TicketTrigger.EXECUTED, f"order {key} has the new values", key)
