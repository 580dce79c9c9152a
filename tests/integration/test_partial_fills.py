"""Orders that the market takes in parts, however the broker calls these fills."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fxpool.platforms.base import CloseRequest, TradeRequest
from fxpool.simulator import Profile, SimulatorOptions
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE
from fxpool.simulator.engine.rules import PartialFills, Rules
from harness.accounts import EURUSD, USD_ACCOUNT
from harness.platforms import Heard, live_platform

both_words = pytest.mark.parametrize("told", PartialFills)


def thin_market(told: PartialFills) -> SimulatorOptions:
    """EURUSD takes 0.03 lots at each of two prices between two quotes."""
    symbols = tuple(
        replace(one, liquidity=300_000, depth_levels=2) if one.symbol_id == EURUSD else one
        for one in DEFAULT_CATALOGUE.symbols
    )
    return SimulatorOptions(
        ticks_per_second=0,
        catalogue=replace(DEFAULT_CATALOGUE, symbols=symbols),
        profile=Profile(rules=Rules(partial_fills=told)),
    )


@both_words
async def test_an_order_filled_in_parts_is_answered_with_all_of_them(told: PartialFills) -> None:
    async with live_platform(options=thin_market(told)) as served:
        bought = await served.buy("0.05")
        assert (bought["executedVolume"], bought["partial"]) == (0.05, False)
        served.quote("1.12550", "1.12560")
        closed = await served.platform.close_position("alpha", CloseRequest(bought["positionId"]))
        (broker,) = [
            deal
            for deal in served.simulator.venue.engine.books[USD_ACCOUNT].deals
            if deal.close is not None and deal.filled_volume == 200_000
        ]
        assert broker.close is not None
        assert closed["success"]
        information = await served.platform.account_information("alpha")
        balance = float(Decimal(broker.close.balance) / 100)
        assert information["balance"] == balance
        assert closed["profit"] == round(balance - 10_000, 2), "the result of all parts"


@both_words
async def test_what_is_left_of_a_pending_order_is_shown_and_can_be_cancelled(
    told: PartialFills,
) -> None:
    async with live_platform(options=thin_market(told)) as served:
        request = TradeRequest("EURUSD", "BUY_LIMIT", Decimal("0.10"), open_price=Decimal("1.124"))
        placed = await served.platform.execute("alpha", request)
        async with served.platform.subscribe() as stream:
            heard = Heard(stream)
            served.quote("1.12390", "1.12400")
            changed = await heard.until("orderModified")
            assert changed.body["order"]["state"] == "ORDER_STATE_PARTIAL"
            (shown,) = (await served.platform.orders("alpha"))["orders"]
            assert (shown["id"], shown["currentVolume"]) == (placed["orderId"], 0.07)
            cancelled = await served.platform.cancel_order("alpha", placed["orderId"])
            assert cancelled["outcome"] == "executed"
            await heard.until("orderCancelled")
            assert not heard.of("orderFilled")
        assert not served.simulator.venue.engine.books[USD_ACCOUNT].orders
