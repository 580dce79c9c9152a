"""What MetaApi's records show of a change whose answer was lost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fxpool.account import ORDER
from fxpool.domain.tickets import Ticket, TicketKind, TicketTrigger, received
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.evidence import Records, doubt, find
from fxpool.platforms.metaapi.model import Deal, Information, Order, Position
from fxpool.platforms.metaapi.orders import OUR_ID
from fxpool.platforms.metaapi.proofs import end_of
from harness.values import at

MONEY = Information(
    platform="mt5",
    broker="ExampleMarkets",
    currency="USD",
    server="ExampleMarkets-Demo",
    balance=Decimal(1),
    equity=Decimal(1),
    margin=Decimal(0),
    free_margin=Decimal(1),
    leverage=Decimal(100),
    name="Alpha",
    login="12345",
)


def order(**more: Any) -> Order:
    known: dict[str, Any] = {
        "type": "ORDER_TYPE_BUY_LIMIT",
        "state": "ORDER_STATE_PLACED",
        "time": at(0),
        "open_price": Decimal("1.12"),
    }
    return Order(id="600", symbol="EURUSD", volume=Decimal("0.1"), **known | more)


def position(**more: Any) -> Position:
    known: dict[str, Any] = {"id": "500", "time": at(0)}
    return Position(
        type="POSITION_TYPE_BUY",
        symbol="EURUSD",
        open_price=Decimal("1.12"),
        volume=Decimal("0.1"),
        **known | more,
    )


def trigger_of(
    ticket: Ticket,
    *,
    orders: tuple[Order, ...] = (),
    positions: tuple[Position, ...] = (),
    past: tuple[Order, ...] = (),
    ends: tuple[Deal, ...] = (),
) -> TicketTrigger | None:
    reading = Reading(
        0.0, at(0), MONEY, {str(p.id): p for p in positions}, {str(o.id): o for o in orders}
    )
    records = Records(reading, past, frozenset(), {str(d.position_id): d for d in ends})
    found = find(ticket, records)
    return None if found is None else found.trigger


def amended_order(**fields: Any) -> Ticket:
    intent = {"orderId": "600", "openPrice": "1.12", **fields}
    return received("t1", "alpha", TicketKind.AMEND_ORDER, at(0), intent=intent)


def amended_position(**fields: Any) -> Ticket:
    intent = {"positionId": "500", **fields}
    return received("t1", "alpha", TicketKind.AMEND_POSITION, at(0), intent=intent)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"stopLoss": "1.11"}, {"stop_loss": Decimal("1.11")}),
        ({"takeProfit": "1.13"}, {"take_profit": Decimal("1.13")}),
        ({"stopLimitPrice": "1.125"}, {"stop_limit_price": Decimal("1.125")}),
        (
            {"stopLoss": "50", "stopLossUnits": "RELATIVE_PIPS"},
            {"stop_loss": Decimal("1.115")},
        ),
        (
            {"expiration": {"type": "ORDER_TIME_SPECIFIED", "time": "2027-01-01T00:00:00.000Z"}},
            {
                "expiration_time": at(0).replace(
                    year=2027, month=1, day=1, hour=0, minute=0, second=0
                )
            },
        ),
    ],
)
def test_a_changed_order_shows_all_that_was_asked_for(
    asked: dict[str, Any], shown: dict[str, Any]
) -> None:
    ticket = amended_order(**asked)
    assert trigger_of(ticket, orders=(order(**shown),)) is TicketTrigger.EXECUTED
    assert trigger_of(ticket, orders=(order(),)) is None
    assert trigger_of(ticket, orders=(order(**shown, open_price=Decimal("1.1")),)) is None


def test_a_leg_that_was_to_go_must_be_gone() -> None:
    assert trigger_of(amended_order(), orders=(order(stop_loss=Decimal("1.11")),)) is None
    assert trigger_of(amended_order(), orders=(order(),)) is TicketTrigger.EXECUTED


def test_a_changed_order_that_was_filled_since_is_found_in_the_past() -> None:
    ticket = amended_order(stopLoss="1.11")
    filled = order(stop_loss=Decimal("1.11"), state="ORDER_STATE_FILLED")
    assert trigger_of(ticket, past=(filled,)) is TicketTrigger.EXECUTED
    assert trigger_of(ticket) is None


def test_a_leg_that_was_asked_for_as_a_distance_is_another_one_than_before() -> None:
    ticket = amended_position(stopLoss="50", stopLossUnits="RELATIVE_PIPS", stopLossWas="1.11")
    assert trigger_of(ticket, positions=(position(stop_loss=Decimal("1.11")),)) is None
    moved = position(stop_loss=Decimal("1.115"))
    assert trigger_of(ticket, positions=(moved,)) is TicketTrigger.EXECUTED


def test_the_protection_of_a_position_that_closed_since_is_told_by_its_last_deal() -> None:
    ticket = amended_position(stopLoss="1.11")

    def end(stop_loss: Decimal | None) -> tuple[Deal, ...]:
        deal = Deal(
            id="9",
            type="DEAL_TYPE_SELL",
            time=at(1),
            profit=Decimal(0),
            position_id="500",
            stop_loss=stop_loss,
        )
        return (deal,)

    assert trigger_of(ticket, ends=end(Decimal("1.11"))) is TicketTrigger.EXECUTED
    assert trigger_of(ticket, ends=end(Decimal("1.10"))) is None
    assert trigger_of(ticket) is None


def deal(number: int, entry: str, volume: str) -> Deal:
    return Deal(
        id=str(number),
        type="DEAL_TYPE_SELL",
        time=at(number),
        profit=Decimal(0),
        entry_type=entry,
        volume=Decimal(volume),
        position_id="500",
    )


@pytest.mark.parametrize("kind", [TicketKind.CLOSE, TicketKind.AMEND_POSITION])
def test_a_position_that_is_not_shown_proves_nothing_without_its_deals(kind: TicketKind) -> None:
    ticket = received("t1", "alpha", kind, at(0), intent={"positionId": "500"})
    empty = Reading(0.0, at(0), MONEY, {}, {})
    end = deal(9, "DEAL_ENTRY_OUT", "0.1")
    unproved = Records(empty, (), frozenset())
    assert find(ticket, unproved) is None
    assert doubt(ticket, unproved), "so it is not called absent either"
    proved = Records(empty, (), frozenset(), {"500": end})
    assert find(ticket, proved) is not None
    shown = Records(Reading(0.0, at(0), MONEY, {"500": position()}, {}), (), frozenset())
    assert not doubt(ticket, proved)
    assert not doubt(ticket, shown)


def test_a_position_ends_with_the_deal_that_leaves_nothing_of_it() -> None:
    opening, part = deal(1, "DEAL_ENTRY_IN", "0.3"), deal(2, "DEAL_ENTRY_OUT", "0.1")
    rest = deal(3, "DEAL_ENTRY_OUT", "0.2")
    assert end_of([]) is None
    assert end_of([opening]) is None
    assert end_of([opening, part]) is None
    assert end_of([opening, rest, part]) is rest
    assert end_of([rest]) is rest, "a pool that tells closings only"
    assert end_of([part], Decimal("0.3")) is None, "the same, of a position that had more"


def test_a_netted_position_that_turned_is_open_until_its_other_side_is_closed() -> None:
    opening, turning = deal(1, "DEAL_ENTRY_IN", "0.1"), deal(2, "DEAL_ENTRY_INOUT", "0.3")
    assert end_of([opening, turning]) is None
    assert end_of([opening, turning, deal(3, "DEAL_ENTRY_OUT", "0.1")]) is None
    rest = deal(3, "DEAL_ENTRY_OUT", "0.2")
    assert end_of([opening, turning, rest]) is rest


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ({"current_volume": Decimal("0.1")}, TicketTrigger.REFUSED),
        ({"current_volume": Decimal("0.04")}, TicketTrigger.EXECUTED),
        ({"position_id": "500"}, TicketTrigger.EXECUTED),
    ],
)
def test_an_order_whose_rest_was_cancelled_was_executed_in_part(
    shown: dict[str, Any], wanted: TicketTrigger
) -> None:
    sent = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "clientId": f"{OUR_ID}1"}
    ticket = received("t1", "alpha", TicketKind.PLACE, at(0), intent={ORDER: sent})
    past = order(
        type="ORDER_TYPE_BUY", state="ORDER_STATE_CANCELED", client_id=f"{OUR_ID}1", **shown
    )
    assert trigger_of(ticket, past=(past,)) is wanted


HAND_MADE = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "comment": "by hand"}


@pytest.mark.parametrize(
    ("at_seconds", "is_found"),
    [((60,), True), ((60, -60), False), ((-3600,), False), ((3600,), False)],
)
def test_an_order_that_only_its_comment_names_is_found_if_one_alone_fits_its_time(
    at_seconds: tuple[int, ...], is_found: bool
) -> None:
    ticket = received("t1", "alpha", TicketKind.PLACE, at(0), intent={ORDER: HAND_MADE})
    held = [
        position(id=str(number), time=at(seconds), comment="by hand")
        for number, seconds in enumerate(at_seconds)
    ]
    records = Records(Reading(0.0, at(0), MONEY, {str(p.id): p for p in held}, {}), (), frozenset())
    found = find(ticket, records)
    assert (found is not None) is is_found
    assert is_found or "may be its own" in doubt(ticket, records)
    sold = received(
        "t2", "alpha", TicketKind.PLACE, at(0), intent={ORDER: HAND_MADE | {"symbol": "GBPUSD"}}
    )
    assert find(sold, records) is None
    assert not doubt(sold, records)


def test_an_order_with_an_id_of_ours_is_found_whatever_the_clocks_say() -> None:
    sent = {**HAND_MADE, "clientId": f"{OUR_ID}1"}
    ticket = received("t1", "alpha", TicketKind.PLACE, at(0), intent={ORDER: sent})
    done = order(
        type="ORDER_TYPE_BUY",
        state="ORDER_STATE_FILLED",
        time=at(-10 * 3600),
        client_id=f"{OUR_ID}1",
    )
    assert trigger_of(ticket, past=(done,)) is TicketTrigger.EXECUTED
