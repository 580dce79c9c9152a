"""What the broker's records show of a ticket, and what they do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fxpool.account.evidence import Records, find, shown_closes
from fxpool.account.unreadable import UnreadableOrder
from fxpool.domain.tickets import Ticket, TicketKind, TicketTrigger, received
from fxpool.domain.trades import Order, OrderStatus, Position, Side, TimeInForce
from fxpool.mapping.instants import ms_from_instant
from harness.values import at, closing_order, limit_order, order, position, protection

OURS = "k1"
VOLUME = 200_000


def ticket(kind: TicketKind = TicketKind.PLACE, **intent: Any) -> Ticket:
    return received("t1", "alpha", kind, at(0), intent=intent, client_order_id=OURS)


def records(orders: Iterable[Order] = (), positions: Iterable[Position] = ()) -> Records:
    return Records({p.position_id: p for p in positions}, {o.order_id: o for o in orders})


def trigger_of(ticket: Ticket, *orders: Order, positions: Iterable[Position] = ()) -> Any:
    """Return how the ticket goes on, or "absent"."""
    finding = find(ticket, records(orders, positions))
    return "absent" if finding is None else finding.trigger


@pytest.mark.parametrize(
    ("status", "executed", "trigger"),
    [
        (OrderStatus.FILLED, VOLUME, TicketTrigger.EXECUTED),
        (OrderStatus.ACCEPTED, 0, None),
        (OrderStatus.ACCEPTED, 100_000, None),
        (OrderStatus.CANCELLED, 100_000, TicketTrigger.PARTIALLY_EXECUTED),
        (OrderStatus.CANCELLED, 0, TicketTrigger.REFUSED),
        (OrderStatus.EXPIRED, 0, TicketTrigger.REFUSED),
        (OrderStatus.REJECTED, 0, TicketTrigger.REFUSED),
    ],
)
def test_a_market_order_is_what_its_status_and_volume_say(
    status: OrderStatus, executed: int, trigger: TicketTrigger | None
) -> None:
    shown = order(client_order_id=OURS, status=status, executed_volume_cents=executed)
    assert trigger_of(ticket(), shown) is trigger


@pytest.mark.parametrize("status", [s for s in OrderStatus if s is not OrderStatus.REJECTED])
def test_a_pending_order_that_rested_was_placed_whatever_came_later(status: OrderStatus) -> None:
    shown = limit_order(client_order_id=OURS, status=status)
    assert trigger_of(ticket(), shown) is TicketTrigger.EXECUTED


@pytest.mark.parametrize("validity", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
def test_a_limit_order_that_was_not_to_wait_is_what_was_executed(validity: TimeInForce) -> None:
    asked = ticket(order=msgspec.to_builtins({"time_in_force": validity}))
    void = limit_order(client_order_id=OURS, status=OrderStatus.CANCELLED)
    assert trigger_of(asked, void) is TicketTrigger.REFUSED
    partly = replace(void, executed_volume_cents=100_000)
    assert trigger_of(asked, partly) is TicketTrigger.PARTIALLY_EXECUTED
    assert trigger_of(asked, replace(void, status=OrderStatus.ACCEPTED)) is None


def test_only_our_own_client_order_id_counts() -> None:
    others = [
        order(1, client_order_id="27", status=OrderStatus.FILLED),
        closing_order(2, client_order_id=OURS),
        protection(3, client_order_id=OURS),
    ]
    assert trigger_of(ticket(), *others) == "absent"


def test_an_order_without_an_id_and_with_the_tickets_label_forbids_to_call_it_absent() -> None:
    labelled = ticket(order={"label": "bot-7", "symbol_id": 1})
    nameless = order(client_order_id="", label="bot-7", status=OrderStatus.FILLED)
    assert trigger_of(labelled, nameless) is None
    finding = find(labelled, records([nameless]))
    assert finding is not None
    assert "label 'bot-7'" in finding.text
    for another in (
        order(client_order_id="x", label="bot-7"),
        order(client_order_id="", label="bot-8"),
        order(client_order_id="", label="bot-7", symbol_id=2),
        protection(3, client_order_id="", label="bot-7"),
    ):
        assert trigger_of(labelled, another) == "absent"
    assert trigger_of(ticket(order={"label": "", "symbol_id": 1}), nameless) == "absent"


def test_an_older_order_under_the_same_key_is_another_one() -> None:
    old = order(client_order_id=OURS, status=OrderStatus.FILLED, opened_at=at(-86_400))
    assert trigger_of(ticket(), old) == "absent"


def test_the_broker_s_clock_may_be_behind_ours() -> None:
    early = order(client_order_id=OURS, status=OrderStatus.FILLED, opened_at=at(-11 * 3600))
    assert trigger_of(ticket(), early) is TicketTrigger.EXECUTED


@pytest.mark.parametrize("other", [{"symbol_id": 2}, {"side": Side.SELL}])
def test_an_order_of_another_program_with_the_same_id_is_not_ours(other: dict[str, Any]) -> None:
    asked = {"symbol_id": 1, "side": Side.BUY.value}
    shown = {"symbol_id": 1, "side": Side.BUY, "client_order_id": OURS}
    ours = order(status=OrderStatus.FILLED, **shown)
    assert trigger_of(ticket(order=asked), ours) is TicketTrigger.EXECUTED
    foreign = order(status=OrderStatus.FILLED, **(shown | other))
    assert trigger_of(ticket(order=asked), foreign) == "absent"


def close(name: str = "t1", seconds: float = 0, **intent: Any) -> Ticket:
    """Return a close of position 500 whose outcome is unknown."""
    asked = {"positionId": 500, "volume": VOLUME} | intent
    ticket = received(name, "alpha", TicketKind.CLOSE, at(seconds), intent=asked)
    steps = (TicketTrigger.JOURNALED, TicketTrigger.SENT, TicketTrigger.LOST)
    for step in steps:
        ticket = ticket.after(step, at(seconds))
    return ticket


def closed_by(closes: Iterable[Ticket], *orders: Order) -> dict[str, Any]:
    """Return which order shows which close, by ticket; None while that is not clear."""
    listed = {order.order_id: order for order in orders}
    found = shown_closes(listed, tuple(closes))
    return {name: one.order and one.order.order_id for name, one in found.items()}


def test_a_close_is_shown_by_a_closing_order_of_its_position() -> None:
    assert closed_by([close()], closing_order(7, position_id=500)) == {"t1": 7}
    assert closed_by([close()], closing_order(position_id=501)) == {}
    rejected = closing_order(position_id=500, status=OrderStatus.REJECTED)
    assert closed_by([close()], rejected) == {}
    assert closed_by([close()], protection(position_id=500, status=OrderStatus.FILLED)) == {}
    records = Records({}, {}, shown_closes({7: closing_order(7, position_id=500)}, [close()]))
    found = find(close(), records)
    assert found is not None
    assert found.trigger is TicketTrigger.EXECUTED


def test_a_closing_order_that_answered_another_close_shows_no_second_one() -> None:
    other = close("t2").after(TicketTrigger.EXECUTED, at(1), "", {"orderId": "7"})
    assert closed_by([close(), other], closing_order(7, position_id=500)) == {}


def test_one_closing_order_shows_one_of_two_closes_the_one_that_it_fits() -> None:
    whole, part = close("whole", 0), close("part", 40, volume=100_000)
    shown = closing_order(7, position_id=500, volume_cents=100_000)
    assert closed_by([whole, part], shown) == {"part": 7}
    again = close("again", 40)
    late = closing_order(8, position_id=500, opened_at=at(41), volume_cents=VOLUME)
    assert closed_by([whole, again], late) == {"again": 8}


def test_what_closed_a_part_before_the_position_changed_last_shows_no_close_that_came_after() -> (
    None
):
    changed = {"positionChanged": ms_from_instant(at(-30))}
    before = closing_order(7, position_id=500, opened_at=at(-31), volume_cents=VOLUME)
    assert closed_by([close(**changed)], before) == {}
    after = closing_order(8, position_id=500, opened_at=at(-29), volume_cents=VOLUME)
    assert closed_by([close(**changed)], before, after) == {"t1": 8}  # the broker's clock is behind


def test_a_close_waits_for_another_one_that_may_still_be_answered() -> None:
    asked = {"positionId": 500, "volume": VOLUME}
    running = received("t2", "alpha", TicketKind.CLOSE, at(1), intent=asked)
    found = closed_by([close(), running], closing_order(7, position_id=500))
    assert found == {"t1": None, "t2": None}


def test_a_cancel_is_shown_by_the_cancelled_order_only() -> None:
    cancel = ticket(TicketKind.CANCEL, orderId=600)
    cancelled = limit_order(status=OrderStatus.CANCELLED)
    assert trigger_of(cancel, cancelled) is TicketTrigger.EXECUTED
    assert trigger_of(cancel, limit_order(status=OrderStatus.FILLED)) == "absent"
    assert trigger_of(cancel) == "absent"


def test_a_position_s_amendment_is_shown_by_both_legs() -> None:
    amend = ticket(TicketKind.AMEND_POSITION, positionId=500, stopLoss="1.12")
    amended = position(stop_loss=Decimal("1.12000"), take_profit=None)
    half = position(stop_loss=Decimal("1.12"), take_profit=Decimal("1.13"))
    assert trigger_of(amend, positions=[amended]) is TicketTrigger.EXECUTED
    assert trigger_of(amend, positions=[half]) == "absent"
    assert trigger_of(amend) == "absent"


def test_an_order_s_amendment_is_shown_by_price_and_volume() -> None:
    amend = ticket(TicketKind.AMEND_ORDER, orderId=600, limitPrice="1.12", volume=VOLUME)
    assert trigger_of(amend, limit_order()) is TicketTrigger.EXECUTED
    assert trigger_of(amend, limit_order(volume_cents=100_000)) == "absent"
    assert trigger_of(amend, limit_order(limit_price=Decimal("1.11"))) == "absent"


def test_a_flag_of_a_position_s_amendment_must_be_shown_too() -> None:
    amend = ticket(
        TicketKind.AMEND_POSITION, positionId=500, stopLoss="1.12", trailingStopLoss=True
    )
    level = Decimal("1.12")
    still = position(stop_loss=level, take_profit=None)
    trailing = position(stop_loss=level, take_profit=None, trailing_stop_loss=True)
    assert trigger_of(amend, positions=[still]) == "absent"
    assert trigger_of(amend, positions=[trailing]) is TicketTrigger.EXECUTED


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"stopLoss": "1.11"}, {"relative_stop_loss": Decimal("0.01")}),
        ({"stopLoss": "1.11"}, {"stop_loss": Decimal("1.11")}),
        ({"takeProfit": "1.13"}, {"relative_take_profit": Decimal("0.01")}),
        ({"relativeStopLoss": 1000}, {"relative_stop_loss": Decimal("0.01")}),
        (
            {"stopLoss": "1.11", "trailingStopLoss": True},
            {"relative_stop_loss": Decimal("0.01"), "trailing_stop_loss": True},
        ),
        ({"guaranteedStopLoss": True}, {"guaranteed_stop_loss": True}),
        ({"expirationTimestamp": ms_from_instant(at(60))}, {"expires_at": at(60)}),
    ],
)
def test_an_order_s_amendment_is_shown_by_all_that_it_asked_for(
    asked: dict[str, Any], shown: dict[str, Any]
) -> None:
    amend = ticket(TicketKind.AMEND_ORDER, orderId=600, limitPrice="1.12", volume=VOLUME, **asked)
    assert trigger_of(amend, limit_order(**shown)) is TicketTrigger.EXECUTED
    assert trigger_of(amend, limit_order()) == "absent"


def test_the_levels_of_a_selling_order_lie_on_the_other_sides() -> None:
    amend = ticket(
        TicketKind.AMEND_ORDER,
        orderId=600,
        limitPrice="1.12",
        volume=VOLUME,
        stopLoss="1.13",
        relativeTakeProfit=2000,
    )
    distances = {
        "relative_stop_loss": Decimal("0.01"),
        "relative_take_profit": Decimal("0.02"),
    }
    assert trigger_of(amend, limit_order(side=Side.SELL, **distances)) is TicketTrigger.EXECUTED
    assert trigger_of(amend, limit_order(side=Side.BUY, **distances)) == "absent"


def unreadable(**known: Any) -> UnreadableOrder:
    nothing = dict.fromkeys(("order_id", "position_id", "symbol_id", "side", "is_closing"))
    told = {**nothing, "client_order_id": "", "label": "", "opened_at": None, "why": "no status"}
    return UnreadableOrder(**{**told, **known})


EURUSD_BUY = ticket(order={"symbol_id": 1, "side": Side.BUY.value, "label": "mine"})


@pytest.mark.parametrize(
    ("asked", "shown", "may_be"),
    [
        (EURUSD_BUY, unreadable(), True),
        (EURUSD_BUY, unreadable(client_order_id=OURS), True),
        (EURUSD_BUY, unreadable(client_order_id="27"), False),
        (EURUSD_BUY, unreadable(symbol_id=1, label="mine"), True),
        (EURUSD_BUY, unreadable(symbol_id=2), False),
        (EURUSD_BUY, unreadable(side=Side.SELL), False),
        (EURUSD_BUY, unreadable(label="other"), False),
        (EURUSD_BUY, unreadable(is_closing=True), False),
        (EURUSD_BUY, unreadable(client_order_id=OURS, opened_at=at(-90_000)), False),
        (ticket(TicketKind.CLOSE, positionId=500), unreadable(position_id=500), True),
        (ticket(TicketKind.CLOSE, positionId=500), unreadable(position_id=501), False),
        (ticket(TicketKind.CLOSE, positionId=500), unreadable(is_closing=False), False),
        (ticket(TicketKind.CANCEL, orderId=600), unreadable(order_id=600), True),
        (ticket(TicketKind.CANCEL, orderId=600), unreadable(order_id=601), False),
        (ticket(TicketKind.AMEND_ORDER, orderId=600), unreadable(order_id=600), True),
        (ticket(TicketKind.AMEND_POSITION, positionId=500), unreadable(), False),
    ],
)
def test_an_order_that_cannot_be_read_holds_up_only_the_ticket_that_may_have_made_it(
    asked: Ticket, shown: UnreadableOrder, may_be: bool
) -> None:
    finding = find(asked, replace(records(), unreadable=[shown]))
    if not may_be:
        assert finding is None
    else:
        assert finding is not None
        assert (finding.trigger, finding.is_doubt) == (None, True)
        assert "no status" in finding.text


def test_the_cancel_of_an_order_of_which_only_the_status_can_be_read_is_settled() -> None:
    cancel = ticket(TicketKind.CANCEL, orderId=600)
    gone = unreadable(order_id=600, status=OrderStatus.CANCELLED)
    finding = find(cancel, replace(records(), unreadable=[gone]))
    assert finding is not None
    assert finding.trigger is TicketTrigger.EXECUTED


def test_a_nameless_order_that_cannot_be_read_does_not_hide_the_one_with_our_name() -> None:
    ours = order(client_order_id=OURS, status=OrderStatus.FILLED, executed_volume_cents=VOLUME)
    shown = find(ticket(), replace(records([ours]), unreadable=[unreadable()]))
    assert shown is not None
    assert shown.trigger is TicketTrigger.EXECUTED
    namesake = find(
        ticket(), replace(records([ours]), unreadable=[unreadable(client_order_id=OURS)])
    )
    assert namesake is not None
    assert namesake.trigger is None
