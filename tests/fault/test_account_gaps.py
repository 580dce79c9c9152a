"""What happened while nobody listened is told once, and quotes that stopped flow again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from google.protobuf.message import Message

from fxpool.account import Phase, Trigger, reader
from fxpool.account.events import (
    DealAdded,
    OrderFilled,
    OrderGone,
    PositionClosed,
    PositionOpened,
)
from fxpool.account.reads import AccountReads
from fxpool.domain.requests import OrderIntent
from fxpool.domain.trades import CloseReason, OrderType, Side
from fxpool.openapi import payload_type_of
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAOrderDetailsReq,
    ProtoOASymbolsForConversionReq,
    ProtoOASymbolsForConversionRes,
)
from fxpool.platforms.base import TradeRequest
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment
from fxpool.simulator import Profile, SimulatorOptions
from fxpool.simulator.engine.rules import NettedExcess, Rules
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.handlers import HANDLERS, Call, history
from fxpool.simulator.protocol.reference import light_symbol
from fxpool.simulator.refusal import Refusal
from harness.accounts import (
    EUR_ACCOUNT,
    EURUSD,
    GBPUSD,
    LOT_CENTS,
    NETTED_ACCOUNT,
    USD_ACCOUNT,
    Desk,
    market,
    open_desk,
)
from harness.platforms import Heard, live_platform
from harness.wait import wait_until

LIMIT_WITH_A_STOP = OrderIntent(
    EURUSD,
    Side.BUY,
    OrderType.LIMIT,
    LOT_CENTS // 10,
    "",
    price=Decimal("1.12400"),
    stop_loss=Decimal("1.12300"),
)


def told_deals(desk: Desk) -> list[int]:
    return [event.deal.deal_id for event in desk.told.of(DealAdded)]  # type: ignore[union-attr] # of() filters


def broker_deals(desk: Desk, account_id: int = USD_ACCOUNT) -> list[int]:
    return [deal.deal_id for deal in desk.simulator.venue.engine.books[account_id].deals]


def forget_orders(call: Call, request: ProtoOAOrderDetailsReq) -> Message:
    """Answer as a broker that does not know an order that is gone."""
    raise Refusal("ORDER_NOT_FOUND", f"Order {request.orderId} not found")


@pytest.mark.parametrize("is_filled", [False, True])
async def test_an_order_that_the_broker_has_forgotten_is_told_as_gone_and_the_account_is_live(
    is_filled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LAG_SECONDS", 0.5)
    monkeypatch.setitem(HANDLERS, payload_type_of(ProtoOAOrderDetailsReq()), forget_orders)
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        limit = OrderIntent(
            EURUSD,
            Side.BUY,
            OrderType.LIMIT,
            LOT_CENTS // 10,
            "",
            price=Decimal("1.12400"),
            stop_loss=Decimal("1.12300"),
        )
        placed = await desk.trading.place(limit)
        assert placed.order is not None
        order_id = placed.order.order_id
        await desk.cut()
        if is_filled:
            desk.quote("1.12390", "1.12400")
            desk.quote("1.12290", "1.12300")
        else:
            desk.simulator.venue.engine.books[USD_ACCOUNT].orders.pop(order_id)
        await desk.simulator.resume_accepting()
        await wait_until(lambda: "ORDER_NOT_FOUND" in desk.account.state.reason)
        assert desk.account.state.reason.startswith(f"reading the end of {order_id} failed")
        await desk.live()
        ends = [e for e in desk.told.events if isinstance(e, OrderGone | OrderFilled)]
        assert [(type(end), end.order.order_id) for end in ends] == [
            (OrderFilled if is_filled else OrderGone, order_id)
        ]
        assert order_id not in desk.account.book.orders


async def test_a_close_whose_order_the_broker_has_forgotten_is_told_without_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "LAG_SECONDS", 0.5)
    monkeypatch.setitem(HANDLERS, payload_type_of(ProtoOAOrderDetailsReq()), forget_orders)
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY, stop_loss=Decimal("1.12300")))
        await desk.cut()
        desk.quote("1.12290", "1.12300")
        await desk.simulator.resume_accepting()
        await desk.live()
        (closed,) = desk.told.of(PositionClosed)
        assert isinstance(closed, PositionClosed)
        assert closed.reason is CloseReason.OTHER


async def test_a_position_that_came_and_went_in_a_gap_has_its_deals_told_once() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))
        await desk.trading.place(LIMIT_WITH_A_STOP)
        await desk.cut()
        desk.quote("1.12390", "1.12400")  # fills the limit
        desk.quote("1.12290", "1.12300")  # hits its stop loss
        await desk.simulator.resume_accepting()
        await desk.live()
        assert len(broker_deals(desk)) == 3
        assert told_deals(desk) == broker_deals(desk)
        desk.account.doubt("a test looks again")
        await wait_until(lambda: desk.told.triggers.count(Trigger.SYNCHRONISED) == 3)
        assert told_deals(desk) == broker_deals(desk)


@pytest.mark.parametrize("hours", [-10, -1, 1, 20])
async def test_deals_of_a_gap_are_told_though_the_clocks_differ_by_hours(hours: int) -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        desk.simulator.jump_clock(hours * 3600)
        await desk.trading.place(LIMIT_WITH_A_STOP)
        await desk.cut()
        desk.quote("1.12390", "1.12400")
        desk.quote("1.12290", "1.12300")
        await desk.simulator.resume_accepting()
        await desk.live()
        assert len(broker_deals(desk)) == 2
        assert told_deals(desk) == broker_deals(desk)


async def test_deals_of_a_gap_are_told_though_the_balance_is_the_same_again() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(LIMIT_WITH_A_STOP)
        await desk.cut()
        ledger = desk.simulator.venue.engine.books[USD_ACCOUNT].ledger
        before = ledger.balance
        desk.quote("1.12390", "1.12400")
        desk.quote("1.12290", "1.12300")
        desk.simulator.deposit(USD_ACCOUNT, before - ledger.balance)
        await desk.simulator.resume_accepting()
        await desk.live()
        assert len(broker_deals(desk)) == 2
        assert told_deals(desk) == broker_deals(desk)


async def test_a_bonus_counts_as_soon_as_it_is_told() -> None:
    async with open_desk() as desk:
        desk.simulator.give_bonus(USD_ACCOUNT, 50_000)
        await wait_until(lambda: desk.account.book.trader.bonus == Decimal("500.00"))


def netted(excess: NettedExcess) -> SimulatorOptions:
    return SimulatorOptions(ticks_per_second=0, profile=Profile(rules=Rules(netted_excess=excess)))


async def test_a_netted_position_that_turned_in_a_gap_is_told_as_a_close_and_an_opening() -> None:
    async with open_desk(NETTED_ACCOUNT, netted(NettedExcess.SAME_POSITION)) as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))
        await desk.trading.place(
            OrderIntent(
                EURUSD, Side.SELL, OrderType.LIMIT, LOT_CENTS // 5, "", price=Decimal("1.12700")
            )
        )
        await desk.cut()
        desk.quote("1.12710", "1.12720")
        await desk.simulator.resume_accepting()
        await desk.live()
        (closed,) = desk.told.of(PositionClosed)
        assert isinstance(closed, PositionClosed)
        assert (closed.position.side, closed.realised) == (Side.BUY, Decimal("13.50"))
        opened = desk.told.of(PositionOpened)[-1]
        assert isinstance(opened, PositionOpened)
        assert (opened.position.side, opened.position.volume_cents) == (Side.SELL, LOT_CENTS // 10)
        assert told_deals(desk) == broker_deals(desk, NETTED_ACCOUNT)


async def test_a_part_that_was_closed_in_a_gap_is_told_as_one_that_was_closed_live() -> None:
    gamma = AccountConfig("gamma", Environment.DEMO, login="12347")
    async with live_platform([gamma]) as served:
        platform = served.platform
        heard = Heard(platform.subscribe())
        await platform.execute("gamma", TradeRequest("EURUSD", "BUY", Decimal("0.4")))
        for price in ("1.12700", "1.12800"):
            limit = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.1"), open_price=Decimal(price))
            assert (await platform.execute("gamma", limit))["success"]
        served.quote("1.12710", "1.12720")
        live = (await heard.until("positionPartiallyClosed")).body
        await served.simulator.stop_accepting()
        served.simulator.cut_all()
        await served.phase("gamma", Phase.RECONNECTING)
        served.quote("1.12810", "1.12820")
        await served.simulator.resume_accepting()
        gap = (await heard.until("positionPartiallyClosed")).body
        await heard.until("reconnected")

        assert live.keys() == gap.keys()
        volumes = [(body["oldVolume"], body["newVolume"]) for body in (live, gap)]
        assert volumes == [(0.4, 0.3), (0.3, 0.2)]
        assert (live["closedProfit"], gap["closedProfit"]) == (13.5, None)
        trades = [event.body["execution"] for event in heard.of("executionEvent")]
        closes = [trade["volume"] for trade in trades if trade["type"] == "POSITION_CLOSE"]
        assert closes == [0.1, 0.1]
        deals = [event.body["deal"] for event in heard.of("dealAdded")]
        assert [deal["profit"] for deal in deals if deal["entryType"] == "DEAL_ENTRY_OUT"] == [
            14.0,
            24.0,
        ]
        assert not heard.of("positionUpdated")


async def test_a_netted_position_that_turns_in_two_deals_of_one_moment_is_in_the_book() -> None:
    async with open_desk(NETTED_ACCOUNT, netted(NettedExcess.SAME_POSITION)) as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))
        await desk.trading.place(market(Side.SELL, "0.3"))
        (position,) = desk.account.book.positions.values()
        assert (position.side, position.volume_cents) == (Side.SELL, LOT_CENTS // 5)
        assert [
            type(event) for event in desk.told.events if "Position" in type(event).__name__
        ] == [
            PositionOpened,
            PositionClosed,
            PositionOpened,
        ]


async def test_an_account_on_which_nothing_happened_reads_no_deals_after_a_gap() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))
        await desk.cut()
        await desk.simulator.resume_accepting()
        await desk.live()
        assert not desk.account._deals_again


async def test_an_event_that_was_lost_is_noticed_by_the_balance() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        placed = await desk.trading.place(market(Side.BUY, stop_loss=Decimal("1.12000")))
        assert placed.position is not None
        desk.simulator.faults.stand(Fault(FaultKind.LOSE_EVENTS))
        desk.quote("1.11990", "1.12000")
        assert desk.account.book.position(placed.position.position_id) is not None
        desk.account._trader_due = True  # what happens every minute
        desk.account._work.set()
        await wait_until(
            lambda: desk.account.book.position(placed.position.position_id) is None  # type: ignore[union-attr] # asserted above
        )
        assert told_deals(desk) == broker_deals(desk)


async def test_all_deals_of_a_time_are_read_page_by_page() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        for _ in range(5):
            await desk.trading.place(market(Side.BUY, "0.01"))
        now = datetime.now(UTC)
        deals = await AccountReads(desk.account.channel).deals_since(now - timedelta(days=30), now)
        assert [deal.deal_id for deal in deals] == broker_deals(desk)


@pytest.mark.parametrize("newest_first", [True, False])
async def test_all_deals_of_a_position_are_read_in_whichever_order_they_are_told(
    newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE_ROWS", 2)
    profile = Profile(deals_of_position_newest_first=newest_first)
    options = SimulatorOptions(ticks_per_second=0, profile=profile)
    async with open_desk(options=options) as desk:
        desk.quote("1.12560", "1.12570")
        position = (await desk.trading.place(market(Side.BUY, "0.05"))).position
        assert position is not None
        for _ in range(5):
            await desk.trading.close_position(position.position_id, position.volume_cents // 5)
        deals = await AccountReads(desk.account.channel).deals_of(position.position_id)
        assert [deal.deal_id for deal in deals] == broker_deals(desk)


async def test_a_symbol_that_the_broker_lists_no_more_holds_up_no_other() -> None:
    async with open_desk() as desk:
        await desk.account.symbol(GBPUSD)
        venue = desk.simulator.venue
        gone = next(one for one in venue.catalogue.symbols if one.symbol_id == GBPUSD)
        venue.change_symbol(gone)
        left = tuple(one for one in venue.catalogue.symbols if one is not gone)
        venue.catalogue = replace(venue.catalogue, symbols=left)
        await wait_until(lambda: not desk.account.book.light_symbols[GBPUSD].enabled)
        await desk.cut()
        await desk.simulator.resume_accepting()
        await desk.live()
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))


def convert_by_pounds(call: Call, request: ProtoOASymbolsForConversionReq) -> Message:
    """Answer with a chain that does not lead from dollars to euros."""
    wrong = [one for one in call.venue.catalogue.symbols if one.symbol_id == GBPUSD]
    return ProtoOASymbolsForConversionRes(
        ctidTraderAccountId=request.ctidTraderAccountId, symbol=map(light_symbol, wrong)
    )


async def test_a_conversion_that_makes_no_sense_leaves_the_equity_unknown_and_closes_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conversion = payload_type_of(ProtoOASymbolsForConversionReq())
    monkeypatch.setitem(HANDLERS, conversion, convert_by_pounds)
    async with open_desk(EUR_ACCOUNT) as desk:
        desk.quote("1.12560", "1.12570")
        placed = await desk.trading.place(market(Side.BUY))
        assert placed.position is not None
        await desk.cut()
        await desk.simulator.resume_accepting()
        await desk.live()
        assert desk.account.book.totals().equity is None
        await desk.trading.close_position(placed.position.position_id, LOT_CENTS // 10)
        assert not desk.account.book.positions


async def test_quotes_that_stopped_without_a_word_are_subscribed_again() -> None:
    async with open_desk(silent_seconds=0.3) as desk:
        await desk.account.quote(EURUSD)
        await wait_until(lambda: desk.account.feed.resubscribed > 0)
        assert desk.account.state.phase is Phase.LIVE
        assert desk.account.feed.died == 0  # the same quote came again: it is only quiet


async def test_the_quotes_from_before_a_gap_say_nothing_of_the_equity_after_it() -> None:
    async with open_desk() as desk:
        desk.quote("1.12560", "1.12570")
        await desk.trading.place(market(Side.BUY))
        await desk.account.quote(EURUSD)
        assert desk.account.book.totals().equity == Decimal("9998.75")
        desk.simulator.stall_spots()
        await desk.cut()
        desk.quote("1.10560", "1.10570")
        await desk.simulator.resume_accepting()
        await wait_until(lambda: desk.account.channel.is_authorised)
        assert desk.account.book.totals().equity is None
        desk.simulator.resume_spots()
        await wait_until(lambda: desk.account.book.totals().equity == Decimal("9798.75"))


async def test_an_account_with_a_dead_feed_is_authorised_again() -> None:
    async with open_desk(silent_seconds=0.1) as desk:
        await desk.account.quote(EURUSD)
        desk.simulator.stall_spots()
        desk.quote("1.20000", "1.20010")
        await wait_until(lambda: desk.account.feed.died == 1)
        desk.simulator.resume_spots()
        await wait_until(lambda: desk.told.triggers.count(Trigger.SYNCHRONISED) > 1)
        assert Trigger.DOUBTED in desk.told.triggers
        desk.quote("1.21000", "1.21010")
        await wait_until(lambda: desk.account.book.quotes[EURUSD].bid == 121_000)


async def test_a_deal_that_the_history_shows_late_is_told_at_the_next_look() -> None:
    options = SimulatorOptions(ticks_per_second=0, profile=Profile(deal_delay=0.5))
    async with open_desk(options=options) as desk:
        desk.quote("1.12560", "1.12570")
        limit = OrderIntent(
            EURUSD, Side.BUY, OrderType.LIMIT, LOT_CENTS // 10, "", price=Decimal("1.12400")
        )
        await desk.trading.place(limit)
        await desk.cut()
        desk.quote("1.12390", "1.12400")
        await desk.simulator.resume_accepting()
        await desk.live()
        filled_at = desk.account._clock.now()
        await wait_until(lambda: desk.account._clock.now() - filled_at > 0.5)
        desk.account._trader_due = True  # what happens every minute
        desk.account._work.set()
        await wait_until(lambda: told_deals(desk) == broker_deals(desk))
