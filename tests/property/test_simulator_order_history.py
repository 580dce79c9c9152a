"""The simulator's index of orders by time: it finds what a scan of all orders finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fxpool.simulator.engine.model import Order, OrderKind, Side, TimeInForce
from fxpool.simulator.engine.order_history import OrderHistory

TIMES = st.integers(0, 20)
CHANGES = st.lists(st.tuples(st.integers(1, 8), TIMES), max_size=40)


def order(order_id: int, at_ms: int) -> Order:
    return Order(
        order_id=order_id,
        position_id=order_id,
        symbol_id=1,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        volume=100_000,
        time_in_force=TimeInForce.GOOD_TILL_CANCEL,
        created_ms=0,
        updated_ms=at_ms,
    )


@given(CHANGES, TIMES, TIMES)
def test_a_window_holds_each_order_that_changed_last_in_it_once_and_newest_first(
    changes: list[tuple[int, int]], first_ms: int, last_ms: int
) -> None:
    history = OrderHistory()
    for order_id, at_ms in changes:
        history.put(order(order_id, at_ms))
    now = {order_id: order(order_id, at_ms) for order_id, at_ms in changes}
    assert dict(history) == now
    expected = [one for one in now.values() if first_ms <= one.updated_ms <= last_ms]
    expected.sort(key=lambda one: (one.updated_ms, one.order_id), reverse=True)
    assert history.within(first_ms, last_ms) == expected
