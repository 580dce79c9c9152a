"""One account on the simulated broker: it becomes live, trades, and its book is the broker's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from fxpool.account import Phase, Protection
from fxpool.account.events import (
    OrderCancelled,
    OrderChanged,
    OrderFilled,
    OrderPlaced,
    PositionClosed,
    PositionOpened,
    PositionPartiallyClosed,
)
from fxpool.account.trading import Closed
from fxpool.clock import SystemClock
from fxpool.domain.requests import KEEP, REMOVE, OrderIntent
from fxpool.domain.trades import CloseReason, OrderType, Side
from fxpool.errors import FxPoolError, InvalidOrder, InvalidVolume, TradeRefused
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto import model_pb2 as wire_model
from fxpool.pool import Environment, Pool, Seat
from harness.accounts import (
    EUR_ACCOUNT,
    EURUSD,
    GBPUSD,
    LOT_CENTS,
    USD_ACCOUNT,
    credentials,
    endpoint,
    market,
    open_desk,
)
from harness.wait import wait_until


async def test_an_account_becomes_live_with_its_balance() -> None:
    async with open_desk() as desk:
        book = desk.account.book
        assert book.trader.balance == Decimal("10000.00")
        assert book.positions == {}
        assert book.totals().equity == Decimal("10000.00")


async def test_of_two_closes_that_cross_one_is_refused_and_the_account_stays_live() -> None:
    async with open_desk() as desk:
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.position is not None
        closes = [desk.trading.close_position(placed.position.position_id) for _ in range(2)]
        first, second = await asyncio.gather(*closes, return_exceptions=True)
        assert isinstance(first, Closed)
        assert isinstance(second, FxPoolError)
        assert desk.account.state.phase is Phase.LIVE
        assert desk.account.book.positions == {}


async def test_a_filled_order_is_in_the_book_before_it_is_answered() -> None:
    async with open_desk() as desk:
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.position is not None
        assert placed.position.position_id in desk.account.book.positions
        assert placed.executed_volume_cents == LOT_CENTS // 10
        assert not placed.is_partial
        assert placed.protection is Protection.NONE
        assert placed.order.client_order_id == "test-1"
        assert len(desk.told.of(PositionOpened)) == 1


async def test_a_market_order_gets_exactly_the_protection_that_was_asked_for() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        wanted = {"stop_loss": Decimal("1.12011"), "take_profit": Decimal("1.13099")}
        placed = await desk.trading.place(market(Side.BUY, **wanted))
        assert placed.protection is Protection.SET
        assert placed.position is not None
        position = desk.account.book.positions[placed.position.position_id]
        assert (position.stop_loss, position.take_profit) == tuple(wanted.values())


async def test_protection_on_the_wrong_side_is_refused_before_anything_is_sent() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        with pytest.raises(InvalidOrder, match="invalid stops"):
            await desk.trading.place(market(Side.BUY, stop_loss=Decimal("1.2")))
        assert desk.account.book.positions == {}


async def test_protection_is_exact_though_the_fill_slipped() -> None:
    async with open_desk() as desk:
        await desk.account.quote(EURUSD)
        desk.simulator.stall_spots()
        desk.quote("1.12660", "1.12670")  # the distances are measured from an older quote
        wanted = {"stop_loss": Decimal("1.12011"), "take_profit": Decimal("1.13099")}
        placed = await desk.trading.place(market(Side.BUY, **wanted))
        assert placed.protection is Protection.SET
        assert placed.position is not None
        assert (placed.position.stop_loss, placed.position.take_profit) == tuple(wanted.values())


async def test_protection_that_the_market_passed_is_said_to_have_failed() -> None:
    async with open_desk() as desk:
        await desk.account.quote(EURUSD)
        desk.simulator.stall_spots()
        desk.quote("1.11000", "1.11010")
        placed = await desk.trading.place(market(Side.BUY, stop_loss=Decimal("1.12")))
        assert placed.protection is Protection.FAILED
        assert "TRADING_BAD_STOPS" in placed.protection_error
        assert placed.position is not None
        assert placed.position.stop_loss is not None  # the distance stands: it is not naked


async def test_the_equity_of_a_position_needs_the_conversion_of_its_currency() -> None:
    async with open_desk(EUR_ACCOUNT) as desk:
        desk.quote("1.12560", "1.12570")
        placed = await desk.trading.place(market(Side.BUY, "1"))
        assert placed.position is not None
        book = desk.account.book
        await wait_until(lambda: book.totals().equity is not None)
        # 100,000 units lose 0.0001 USD each, paid in euros bought at the bid.
        gross = book.gross(placed.position.position_id)
        assert gross == -(Decimal(10) / Decimal("1.12560")).quantize(Decimal("0.01"))
        assert book.totals().equity == book.trader.balance + gross + placed.position.commission


async def test_a_part_and_then_the_rest_of_a_position_is_closed() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        placed = await desk.trading.place(market(Side.SELL, "0.3", stop_loss=Decimal("1.13")))
        assert placed.position is not None
        position_id = placed.position.position_id

        part = await desk.trading.close_position(position_id, LOT_CENTS // 10)
        assert part.remaining_volume_cents == LOT_CENTS // 10 * 2
        assert desk.account.book.positions[position_id].volume_cents == LOT_CENTS // 10 * 2

        rest = await desk.trading.close_position(position_id)
        assert rest.remaining_volume_cents == 0
        assert position_id not in desk.account.book.positions
        assert len(desk.told.of(PositionPartiallyClosed)) == 1
        (closed,) = desk.told.of(PositionClosed)
        assert isinstance(closed, PositionClosed)
        assert closed.reason is CloseReason.MANUAL
        result = sum(d.close.net_profit for c in (part, rest) for d in c.deals if d.close)
        assert closed.realised == result
        assert desk.account.book.trader.balance == Decimal("10000.00") + result


async def test_a_position_that_is_not_there_cannot_be_closed() -> None:
    async with open_desk() as desk:
        with pytest.raises(TradeRefused) as caught:
            await desk.trading.close_position(4711)
        assert caught.value.code == "POSITION_NOT_FOUND"


async def test_no_more_than_is_open_can_be_closed() -> None:
    async with open_desk() as desk:
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.position is not None
        with pytest.raises(InvalidVolume, match="invalid volume"):
            await desk.trading.close_position(placed.position.position_id, LOT_CENTS)


async def test_protection_is_set_kept_and_removed_leg_by_leg() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.position is not None
        position_id = placed.position.position_id
        amend = desk.trading.amend_position

        position = await amend(position_id, Decimal("1.12"), KEEP)
        assert (position.stop_loss, position.take_profit) == (Decimal("1.12"), None)
        position = await amend(position_id, KEEP, Decimal("1.13"))
        assert (position.stop_loss, position.take_profit) == (Decimal("1.12"), Decimal("1.13"))
        position = await amend(position_id, REMOVE, KEEP)
        assert (position.stop_loss, position.take_profit) == (None, Decimal("1.13"))
        position = await amend(position_id, KEEP, REMOVE)
        assert (position.stop_loss, position.take_profit) == (None, None)
        assert await amend(position_id, KEEP, KEEP) == position  # nothing to amend is no error


async def test_a_pending_order_rests_is_amended_and_cancelled() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        intent = OrderIntent(
            EURUSD,
            Side.BUY,
            OrderType.LIMIT,
            LOT_CENTS // 10,
            "",
            price=Decimal("1.1"),
            stop_loss=Decimal("1.09"),
            comment="fade the open",
            expires_at=expires,
        )
        placed = await desk.trading.place(intent)
        assert placed.position is None
        order_id = placed.order.order_id
        assert desk.account.book.orders[order_id].comment == "fade the open"
        assert desk.account.book.orders[order_id].expires_at == expires
        assert desk.account.book.positions == {}

        changed = await desk.trading.amend_order(order_id, price=Decimal("1.101"))
        assert changed.price == Decimal("1.101")
        assert changed.volume_cents == LOT_CENTS // 10

        await desk.trading.cancel_order(order_id)
        assert desk.account.book.orders == {}
        kinds = [OrderPlaced, OrderChanged, OrderCancelled]
        assert [type(event) for event in desk.told.events] == kinds


async def test_a_pending_order_that_fills_becomes_a_position() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        intent = OrderIntent(
            EURUSD, Side.BUY, OrderType.LIMIT, LOT_CENTS // 10, "", price=Decimal("1.12")
        )
        placed = await desk.trading.place(intent)
        await desk.account.watch([EURUSD])
        desk.quote("1.11990", "1.11995")
        await wait_until(lambda: bool(desk.account.book.positions))
        assert desk.account.book.orders == {}
        assert list(desk.account.book.positions) == [placed.order.position_id]
        assert len(desk.told.of(OrderFilled)) == len(desk.told.of(PositionOpened)) == 1


async def test_a_stop_loss_that_is_hit_closes_once_with_its_reason() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY, stop_loss=Decimal("1.125")))
        desk.quote("1.12490", "1.12500")
        await wait_until(lambda: not desk.account.book.positions)
        (closed,) = desk.told.of(PositionClosed)
        assert isinstance(closed, PositionClosed)
        assert closed.reason is CloseReason.STOP_LOSS


@pytest.mark.parametrize(
    ("lots", "code"), [("99", "NOT_ENOUGH_MONEY"), ("0.001", "TRADING_BAD_VOLUME")]
)
async def test_a_refusal_carries_the_brokers_code(lots: str, code: str) -> None:
    async with open_desk() as desk:
        with pytest.raises(TradeRefused) as caught:
            await desk.trading.place(market(Side.BUY, lots))
        assert caught.value.code == code
        assert desk.account.book.positions == {}


async def test_a_deposit_is_seen_and_the_trader_read_again() -> None:
    async with open_desk() as desk:
        desk.simulator.deposit(desk.account.channel.account_id, 250_00)
        await wait_until(lambda: desk.account.book.trader.balance == Decimal("10250.00"))


async def test_what_another_client_opens_on_a_new_symbol_is_told_whole() -> None:
    async with open_desk() as desk:
        pool = Pool(
            {Environment.DEMO: endpoint(desk.simulator)},
            credentials(desk.simulator),
            clock=SystemClock(),
            random=Random(2),
        )
        seat = Seat(USD_ACCOUNT, Environment.DEMO, lambda: desk.simulator.grant.access_token)
        async with pool:
            channel = pool.attach(seat, Deaf())
            await wait_until(lambda: channel.is_authorised)
            order = wire.ProtoOANewOrderReq(
                ctidTraderAccountId=USD_ACCOUNT,
                symbolId=GBPUSD,
                orderType=wire_model.MARKET,
                tradeSide=wire_model.BUY,
                volume=LOT_CENTS,
            )
            await channel.trade(order)
        await wait_until(lambda: desk.told.of(PositionOpened))
        assert GBPUSD in desk.account.book.symbols
        await wait_until(lambda: GBPUSD in desk.account.subscribed)


async def test_an_event_that_makes_no_sense_has_the_state_read_again() -> None:
    async with open_desk() as desk:
        broken = wire.ProtoOAExecutionEvent(ctidTraderAccountId=USD_ACCOUNT)
        desk.account.push(broken)
        assert desk.account.unreadable_events == 1
        assert desk.account.state.phase is Phase.STALE
        await desk.live()


async def test_parameters_that_the_broker_changed_are_read_again() -> None:
    async with open_desk() as desk:
        before = await desk.account.symbol(EURUSD)
        change = wire.ProtoOASymbolChangedEvent(ctidTraderAccountId=USD_ACCOUNT, symbolId=[EURUSD])
        desk.account.push(change)
        await wait_until(lambda: desk.account.book.symbols[EURUSD] is not before)


class Deaf:
    """A listener that does not care."""

    def authorised(self) -> None: ...

    def spot(self, event: object) -> None: ...

    def push(self, message: object) -> None: ...

    def lost(self, error: object) -> None: ...

    def refused(self, error: object) -> None: ...
