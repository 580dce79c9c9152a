"""What subscribers hear of a polled MetaTrader account."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fxpool.platforms.base import TradeRequest
from fxpool.platforms.events import EventFilter
from harness.metaapi_server import running_metaapi
from harness.metaapi_stack import open_metaapi, rest_way
from harness.stack import healthy

CHANGES = EventFilter(accounts=frozenset({"alpha"}))


@pytest.mark.parametrize(
    ("name", "at_terminal", "shown"),
    [("volume", "0.30", ("volume", 0.3)), ("swap", "-1.25", ("swap", -1.25))],
)
async def test_a_position_that_grew_or_paid_swap_is_told_as_updated(
    name: str, at_terminal: str, shown: tuple[str, float]
) -> None:
    async with (
        running_metaapi("alpha", "beta") as server,
        open_metaapi(rest_way(server.url)) as platform,
    ):
        await healthy(platform)
        async with platform.subscribe(CHANGES) as stream:
            order = TradeRequest("EURUSD", "BUY", Decimal("0.10"))
            position_id = (await platform.execute("alpha", order))["positionId"]
            server.terminals["alpha"].positions[position_id][name] = Decimal(at_terminal)
            taken: list[Any] = []
            async with asyncio.timeout(10):
                while not any(event.type == "positionUpdated" for event in taken):
                    taken += await stream.next_batch()
        (told,) = [event.body for event in taken if event.type == "positionUpdated"]
        field, value = shown
        assert told["positionId"] == position_id
        assert told["oldPosition"][field] != value
        assert told["newPosition"][field] == told["position"][field] == value
