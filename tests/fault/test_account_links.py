"""Links that are cut and answers that get lost: the account is live again, and nothing is told that
is not proved."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.account import Phase, Trigger
from fxpool.account.events import PositionClosed, PositionOpened
from fxpool.domain.trades import CloseReason, Position, Side
from fxpool.errors import NotReady, RequestAbandoned
from harness.accounts import EURUSD, USD_ACCOUNT, Desk, market, open_desk
from harness.wait import wait_until

NEW_ORDER, CLOSE = 2106, 2111


async def opened(desk: Desk, **protection: Decimal | None) -> Position:
    desk.quote("1.12560", "1.12570")
    placed = await desk.trading.place(market(Side.BUY, **protection))
    assert placed.position is not None
    return placed.position


async def test_a_cut_link_leaves_every_position_in_the_book() -> None:
    async with open_desk() as desk:
        position = await opened(desk)
        await desk.cut()
        with pytest.raises(NotReady, match="reconnecting"):
            desk.account.require_live()
        await desk.simulator.resume_accepting()
        await desk.live()
        assert list(desk.account.book.positions) == [position.position_id]
        assert desk.told.of(PositionClosed) == []
        assert len(desk.told.of(PositionOpened)) == 1


async def test_after_a_cut_the_gap_is_told_once_in_seconds() -> None:
    async with open_desk() as desk:
        await desk.cut()
        await desk.simulator.resume_accepting()
        await desk.live()
        (gap,) = desk.told.gaps
        assert 0 < gap < 10
        assert desk.told.triggers.count(Trigger.SYNCHRONISED) == 2


async def test_quotes_flow_again_after_a_cut_without_being_asked_for() -> None:
    async with open_desk() as desk:
        await desk.account.quote(EURUSD)
        desk.simulator.cut_all()
        await wait_until(lambda: Trigger.LOST in desk.told.triggers)
        await desk.live()
        before = desk.told.quotes
        desk.quote("1.20000", "1.20010")
        await wait_until(lambda: desk.told.quotes > before)
        assert desk.account.book.quotes[EURUSD].bid == 120_000


async def test_a_position_closed_during_the_cut_is_proved_and_told_once() -> None:
    async with open_desk() as desk:
        await opened(desk, stop_loss=Decimal("1.12000"))
        await desk.cut()
        desk.quote("1.11900", "1.11910")
        await desk.simulator.resume_accepting()
        await desk.live()
        (closed,) = desk.told.of(PositionClosed)
        assert isinstance(closed, PositionClosed)
        assert closed.reason is CloseReason.STOP_LOSS
        assert closed.deal.close is not None
        assert closed.realised == closed.deal.close.net_profit
        assert desk.account.book.positions == {}
        assert desk.account.book.trader.balance == closed.deal.close.balance


async def test_a_dropped_account_comes_back_while_the_link_stays() -> None:
    async with open_desk() as desk:
        position = await opened(desk)
        desk.simulator.drop_account(USD_ACCOUNT)
        await wait_until(lambda: Trigger.LOST in desk.told.triggers)
        await desk.live()
        assert list(desk.account.book.positions) == [position.position_id]
        assert desk.pool.stats().sessions_created == 1


async def test_a_lost_answer_leaves_the_outcome_unknown_and_sends_no_second_order() -> None:
    async with open_desk() as desk:
        desk.simulator.faults.cut_before_answer(NEW_ORDER)
        with pytest.raises(RequestAbandoned):
            await desk.trading.place(market(Side.BUY))
        await wait_until(lambda: desk.account.state.phase is not Phase.LIVE)
        await desk.live()
        # The order was executed once: the position shows up by reading, not by sending again.
        assert len(desk.account.book.positions) == 1
        assert len(desk.told.of(PositionOpened)) == 1
        assert desk.told.of(PositionClosed) == []


async def test_a_lost_answer_to_a_close_is_found_in_the_deals() -> None:
    async with open_desk() as desk:
        position = await opened(desk)
        desk.simulator.faults.cut_before_answer(CLOSE)
        with pytest.raises(RequestAbandoned):
            await desk.trading.close_position(position.position_id)
        await wait_until(lambda: len(desk.told.of(PositionClosed)) == 1)
        await desk.live()
        assert desk.account.book.positions == {}


async def test_an_account_that_is_not_live_sends_nothing() -> None:
    async with open_desk() as desk:
        await desk.cut()
        with pytest.raises(NotReady):
            await desk.trading.place(market(Side.BUY))
        with pytest.raises(NotReady):
            await desk.trading.close_position(1)


async def test_a_dead_token_asks_for_consent() -> None:
    async with open_desk() as desk:
        desk.simulator.invalidate_token(desk.simulator.grant.access_token)
        await wait_until(lambda: desk.account.state.phase is Phase.NEEDS_CONSENT)
        with pytest.raises(NotReady) as caught:
            desk.account.require_live()
        assert caught.value.phase == "needs_consent"
        assert desk.simulator.grant.access_token not in str(caught.value)
