"""Reading all orders of an account: every page, or no answer at all."""

from __future__ import annotations

from collections import deque
from datetime import timedelta

import pytest
from google.protobuf.message import Message

from fxpool.account.reads import AccountReads
from fxpool.errors import MappingError
from fxpool.mapping.instants import ms_from_instant
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.pool import Priority
from harness.channel import AnsweringChannel
from harness.trades import execution
from harness.values import at

NOW = at(0)


class PagedChannel(AnsweringChannel):
    """Gives its answers one after the other, and keeps what it was asked."""

    def __init__(self, *answers: wire.ProtoOAOrderListRes) -> None:
        super().__init__({})
        self._pages = deque(answers)
        self.asked: list[wire.ProtoOAOrderListReq] = []

    async def request(
        self, message: Message, *, timeout: float = 10.0, priority: Priority = Priority.READ
    ) -> Message:
        assert isinstance(message, wire.ProtoOAOrderListReq)
        self.asked.append(message)
        return self._pages.popleft()


def page(*order_ids: int, more: bool | None) -> wire.ProtoOAOrderListRes:
    """Return a page of orders, the highest id the newest."""
    answer = wire.ProtoOAOrderListRes(ctidTraderAccountId=1)
    for order_id in order_ids:
        shown = execution(2, order_id=order_id).order
        shown.utcLastUpdateTimestamp = ms_from_instant(NOW) + order_id
        shown.timeInForce = 2  # type: ignore[assignment] # the numbers are the enum's
        answer.order.append(shown)
    if more is not None:
        answer.hasMore = more
    return answer


async def test_pages_are_read_to_the_end_and_joined() -> None:
    channel = PagedChannel(page(9, 8, more=True), page(8, 7, more=True), page(7, 6, more=False))
    orders = await AccountReads(channel).orders_since(NOW - timedelta(hours=1), NOW)
    assert sorted(order.order_id for order in orders.orders) == [6, 7, 8, 9]
    ends = [request.toTimestamp - ms_from_instant(NOW) for request in channel.asked[1:]]
    assert ends == [8, 7]


async def test_a_page_that_does_not_say_whether_there_is_more_is_no_evidence() -> None:
    channel = PagedChannel(page(9, more=None))
    with pytest.raises(MappingError, match="does not say"):
        await AccountReads(channel).orders_since(NOW, NOW)


async def test_a_page_that_repeats_itself_and_announces_more_is_no_evidence() -> None:
    channel = PagedChannel(page(9, more=True), page(9, more=True))
    with pytest.raises(MappingError, match="repeats"):
        await AccountReads(channel).orders_since(NOW, NOW)


async def test_a_long_time_is_read_week_by_week() -> None:
    channel = PagedChannel(page(9, more=False), page(8, more=False), page(more=False))
    orders = await AccountReads(channel).orders_since(NOW - timedelta(days=15), NOW)
    assert len(orders.orders) == 2
    widths = [request.toTimestamp - request.fromTimestamp for request in channel.asked]
    assert max(widths) <= 7 * 86_400_000
    assert len(widths) == 3


async def test_an_order_that_makes_no_sense_is_told_apart_and_stops_no_other() -> None:
    listed = page(9, 8, 7, more=True)
    listed.order[0].ClearField("orderStatus")
    listed.order[0].clientOrderId = "k1"
    listed.order[1].ClearField("utcLastUpdateTimestamp")
    channel = PagedChannel(listed, page(6, more=False))
    found = await AccountReads(channel).orders_since(NOW - timedelta(hours=1), NOW)
    assert sorted(order.order_id for order in found.orders) == [6, 7, 8]
    (order,) = found.unreadable
    assert (order.order_id, order.client_order_id, order.symbol_id) == (9, "k1", 1)
    assert "orderStatus" in order.why
    assert channel.asked[1].toTimestamp == ms_from_instant(NOW) + 7
