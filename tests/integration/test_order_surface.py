"""Orders of every form on the simulated broker, as an account sends them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from fxpool.account import MarginCheck, Protection
from fxpool.domain.requests import KEEP, OrderIntent
from fxpool.domain.trades import OrderType, Side, TimeInForce
from fxpool.errors import TradeRefused
from fxpool.simulator import SimulatorOptions
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE
from fxpool.simulator.engine.symbols import Interval, TradingMode
from harness.accounts import EURUSD, LOT_CENTS, Desk, market, open_desk
from harness.wait import wait_until

EXPECTED_MARGIN, AMEND_PROTECTION = 2139, 2110


def of_eurusd(**changes: object) -> SimulatorOptions:
    """Return a still broker whose EURUSD is different."""
    symbols = tuple(
        replace(one, **changes) if one.symbol_id == EURUSD else one  # type: ignore[arg-type] # fields of a test
        for one in DEFAULT_CATALOGUE.symbols
    )
    return SimulatorOptions(
        ticks_per_second=0, catalogue=replace(DEFAULT_CATALOGUE, symbols=symbols)
    )


def orders_taken(desk: Desk) -> int:
    """How many orders the broker has ever taken of the account."""
    return sum(len(book.history) for book in desk.simulator.venue.engine.books.values())


async def test_a_market_range_order_fills_inside_its_range() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        ranged = replace(market(Side.BUY), type=OrderType.MARKET_RANGE, slippage_points=5)
        placed = await desk.trading.place(ranged)
        assert placed.deals[0].price == Decimal("1.1257")


async def test_a_market_range_order_outside_its_range_is_not_executed() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        ranged = replace(
            market(Side.BUY),
            type=OrderType.MARKET_RANGE,
            slippage_points=5,
            base_price=Decimal("1.12500"),
        )
        with pytest.raises(TradeRefused) as refused:
            await desk.trading.place(ranged)
        assert refused.value.code == "ORDER_CANCELLED"
        assert desk.account.book.positions == {}


@pytest.mark.parametrize("validity", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
async def test_a_limit_order_that_may_not_wait_is_not_told_as_resting(
    validity: TimeInForce,
) -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        limit = OrderIntent(
            EURUSD,
            Side.BUY,
            OrderType.LIMIT,
            LOT_CENTS // 10,
            "",
            price=Decimal("1.12000"),
            time_in_force=validity,
        )
        with pytest.raises(TradeRefused):
            await desk.trading.place(limit)
        assert desk.account.book.orders == {}


async def test_distances_count_from_the_fill_though_it_slipped() -> None:
    async with open_desk() as desk:
        await desk.account.quote(EURUSD)
        desk.simulator.stall_spots()
        desk.quote("1.12660", "1.12670")
        wanted = replace(
            market(Side.BUY),
            stop_loss_distance=Decimal("0.00200"),
            take_profit_distance=Decimal("0.00300"),
        )
        placed = await desk.trading.place(wanted)
        assert placed.protection is Protection.SET
        assert placed.position is not None
        levels = (placed.position.stop_loss, placed.position.take_profit)
        assert levels == (Decimal("1.1247"), Decimal("1.1297"))


async def test_a_market_order_is_refused_unsent_while_the_market_is_closed() -> None:
    never = (Interval(0, 1),)  # one second a week
    async with open_desk(options=of_eurusd(schedule=never)) as desk:
        with pytest.raises(TradeRefused) as refused:
            await desk.trading.place(market(Side.BUY))
        assert refused.value.code == "MARKET_CLOSED"
        assert orders_taken(desk) == 0


async def test_a_symbol_that_may_only_be_closed_takes_no_order() -> None:
    async with open_desk(options=of_eurusd(trading_mode=TradingMode.CLOSE_ONLY)) as desk:
        with pytest.raises(TradeRefused) as refused:
            await desk.trading.place(market(Side.BUY))
        assert refused.value.code == "TRADING_DISABLED"
        assert orders_taken(desk) == 0


async def test_a_price_off_the_tick_is_refused_unsent() -> None:
    async with open_desk() as desk:
        limit = OrderIntent(
            EURUSD, Side.BUY, OrderType.LIMIT, LOT_CENTS, "", price=Decimal("1.120005")
        )
        with pytest.raises(TradeRefused, match="invalid price"):
            await desk.trading.place(limit)
        assert orders_taken(desk) == 0


async def test_an_order_that_the_account_cannot_pay_is_refused_unsent() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        with pytest.raises(TradeRefused, match="margin") as refused:
            await desk.trading.place(market(Side.BUY, "90"))
        assert refused.value.code == "NOT_ENOUGH_MONEY"
        assert orders_taken(desk) == 0


@pytest.mark.parametrize("how", [MarginCheck.WARN, MarginCheck.OFF])
async def test_a_pool_that_only_warns_of_the_margin_leaves_it_to_the_broker(
    how: MarginCheck,
) -> None:
    async with open_desk(margin_check=how) as desk:
        desk.quote("1.12560", "1.12570")
        with pytest.raises(TradeRefused) as refused:
            await desk.trading.place(market(Side.BUY, "90"))
        assert refused.value.code == "NOT_ENOUGH_MONEY"
        assert "is free" not in refused.value.text  # the words are the broker's


async def test_a_broker_that_does_not_tell_the_margin_decides_itself() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        desk.simulator.faults.swallow_answers(EXPECTED_MARGIN)
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.deals


async def test_the_margin_is_not_asked_again_while_there_is_plenty() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))
        desk.simulator.faults.swallow_answers(EXPECTED_MARGIN)
        await desk.trading.place(market(Side.BUY))
        assert desk.simulator.faults.struck["swallow_answers"] == 0


async def test_two_amendments_at_once_do_not_undo_each_other() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.position is not None
        position_id = placed.position.position_id
        stop, target = Decimal("1.12"), Decimal("1.13")
        await asyncio.gather(
            desk.trading.amend_position(position_id, stop, KEEP),
            desk.trading.amend_position(position_id, KEEP, target),
        )
        position = desk.account.book.positions[position_id]
        assert (position.stop_loss, position.take_profit) == (stop, target)


async def test_a_close_does_not_wait_for_an_amendment_without_an_answer() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.position is not None
        position_id = placed.position.position_id
        desk.simulator.faults.swallow_answers(AMEND_PROTECTION)
        amending = asyncio.create_task(
            desk.trading.amend_position(position_id, Decimal("1.12"), KEEP)
        )
        await wait_until(lambda: desk.simulator.faults.struck["swallow_answers"] == 1)
        async with asyncio.timeout(2):
            closed = await desk.trading.close_position(position_id)
        assert closed.remaining_volume_cents == 0
        amending.cancel()


async def test_a_trailing_stop_loss_is_asked_of_the_broker() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        trailing = replace(
            market(Side.BUY), stop_loss_distance=Decimal("0.002"), trailing_stop_loss=True
        )
        placed = await desk.trading.place(trailing)
        assert placed.position is not None
        assert placed.position.trailing_stop_loss
        kept = await desk.trading.amend_position(placed.position.position_id, KEEP, Decimal("1.13"))
        assert kept.trailing_stop_loss
