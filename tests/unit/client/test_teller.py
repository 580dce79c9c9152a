"""What a listener is told of an account's events."""

from __future__ import annotations

from typing import Any

from fxpool.client.streaming import _Teller
from fxpool.platforms.events import Event
from harness.pool_rows import order, snapshot


class Listener:
    """Keeps which orders it was told of."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.gone: list[str] = []

    def on_pending_order_updated(self, _: int, row: dict[str, Any]) -> None:
        self.shown.append(row["id"])

    def on_pending_order_completed(self, _: int, order_id: str) -> None:
        self.gone.append(order_id)


async def test_orders_that_a_snapshot_cannot_show_are_not_gone() -> None:
    listener = Listener()
    teller = _Teller(listener)

    async def tell(orders: object) -> None:
        body = {**snapshot(), "seq": 1, "orders": orders}
        await teller.tell(Event("snapshot", "alpha", body))

    await tell([order()])
    await tell(None)
    assert (listener.shown, listener.gone) == ([order()["id"]], [])
    await tell([])
    assert listener.gone == [order()["id"]]
