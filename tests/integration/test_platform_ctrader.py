"""The cTrader platform on the simulated broker: what callers are told, in whole walks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from structlog.testing import capture_logs

from fxpool.account import Phase
from fxpool.platforms.base import CloseRequest, PlatformError, ProtectionRequest, TradeRequest
from fxpool.platforms.events import EventFilter
from fxpool.simulator import Profile, SimulatorOptions
from fxpool.simulator.engine.rules import Rules
from harness.platforms import ALPHA, BETA, Heard, Served, live_platform, open_platform

NEW_ORDER = 2106
RETRY_WORDS = ("timeout", "network", "no response", "connection refused", "position not found")


async def test_a_trade_from_open_to_close_as_a_caller_sees_it() -> None:
    async with live_platform() as served:
        platform = served.platform
        result = await served.buy(
            "0.3",
            stop_loss=Decimal("1.12011"),
            take_profit=Decimal("1.13099"),
            comment="Copy_40021877_L30",
            client_id="77",
        )
        assert result["success"]
        assert (result["outcome"], result["protection"]) == ("executed", "set")
        assert (result["volume"], result["executedVolume"], result["partial"]) == (0.3, 0.3, False)
        assert (result["stopLoss"], result["takeProfit"]) == (1.12011, 1.13099)
        (position,) = (await platform.positions("alpha"))["positions"]
        assert position["id"] == result["positionId"]
        assert (position["comment"], position["magic"]) == ("Copy_40021877_L30", 77)
        assert (position["stopLoss"], position["takeProfit"]) == (1.12011, 1.13099)
        assert position["openPrice"] == result["openPrice"] == 1.1257
        assert position["profit"] == -3.0

        closed = await platform.close_position(
            "alpha", CloseRequest(result["positionId"], Decimal("0.1"))
        )
        assert (closed["closedVolume"], closed["remainingVolume"]) == (0.1, 0.2)
        closed = await platform.close_position("alpha", CloseRequest(result["positionId"]))
        assert closed["success"]
        assert closed["remainingVolume"] == 0.0
        assert closed["profit"] == pytest.approx(
            closed["grossProfit"] + closed["swap"] + closed["commission"]
        )
        assert (await platform.positions("alpha"))["positions"] == []
        assert (await platform.pool_stats())["tradesExecuted"] == 3


async def test_a_simulated_broker_is_called_so_everywhere() -> None:
    async with live_platform() as served:
        assert (await served.platform.account_information("alpha"))["simulated"]
        assert (await served.platform.health())["simulated"]
        assert (await served.platform.accounts_summary())["alpha"]["simulated"]


async def test_an_account_answers_to_its_names_and_echoes_the_one_used() -> None:
    async with live_platform() as served:
        for name in ("alpha", "12345", "10012345"):
            information = await served.platform.account_information(name)
            assert information["id"] == name
            assert information["login"] == "12345"
            assert information["ctidTraderAccountId"] == "10012345"
        with pytest.raises(PlatformError) as caught:
            await served.platform.positions("omega")
        assert caught.value.status == 404


@pytest.mark.parametrize(
    ("request_", "words", "code"),
    [
        (TradeRequest("EURUSD", "BUY", Decimal(99)), "not enough money", "NOT_ENOUGH_MONEY"),
        (TradeRequest("EURUSD", "BUY", Decimal("0.015")), "invalid volume", "TRADING_BAD_VOLUME"),
        (TradeRequest("EURUDS", "BUY", Decimal(1)), "symbol not found", "SYMBOL_NOT_FOUND"),
        (TradeRequest("EURUSD", "HODL", Decimal(1)), "unknown action", "INVALID_ORDER"),
        (
            TradeRequest("EURUSD", "BUY", Decimal(1), stop_loss=Decimal(2)),
            "invalid stops",
            "INVALID_ORDER",
        ),
        (
            TradeRequest("EURUSD", "BUY", Decimal(1), environment="live"),
            "environment mismatch",
            "ENVIRONMENT_MISMATCH",
        ),
    ],
)
async def test_a_refusal_is_an_answer_in_the_words_that_callers_match(
    request_: TradeRequest, words: str, code: str
) -> None:
    async with live_platform() as served:
        result = await served.platform.execute("alpha", request_)
        assert not result["success"]
        assert words in result["error"].lower()
        assert result["error"] == result["detail"]
        assert (result["code"], result["outcome"]) == (code, "not_executed")
        assert (await served.platform.positions("alpha"))["positions"] == []


async def test_a_position_that_closed_already_is_told_with_its_result() -> None:
    async with live_platform() as served:
        opened = await served.buy()
        first = await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        again = await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        assert not again["success"]
        assert "position not found" in again["error"]
        assert again["alreadyClosed"]
        assert again["closeReason"] == "MANUAL"
        assert again["profit"] == first["profit"]


async def test_a_protection_side_is_kept_by_null_and_removed_by_zero() -> None:
    async with live_platform() as served:
        opened = await served.buy(stop_loss=Decimal("1.12"), take_profit=Decimal("1.13"))
        identifier = opened["positionId"]
        modify = served.platform.modify_position
        result = await modify("alpha", ProtectionRequest(identifier, stop_loss=Decimal("1.121")))
        assert (result["stopLoss"], result["takeProfit"]) == (1.121, 1.13)
        result = await modify("alpha", ProtectionRequest(identifier, take_profit=Decimal(0)))
        assert (result["stopLoss"], result["takeProfit"]) == (1.121, None)


async def test_an_executed_order_whose_protection_failed_says_both() -> None:
    async with live_platform() as served:
        await served.platform.subscribe_symbol("EURUSD")
        served.simulator.stall_spots()
        served.quote("1.11000", "1.11010")
        result = await served.buy(stop_loss=Decimal("1.12"))
        assert (result["success"], result["outcome"]) == (True, "executed")
        assert (result["protection"], result["code"]) == ("failed", "PROTECTION_FAILED")
        assert "protection was not set" in result["error"]


async def test_read_only_accounts_and_own_limits_refuse_before_the_broker_is_asked() -> None:
    accounts = [replace(ALPHA, max_lots=Decimal("0.2")), replace(BETA, read_only=True)]
    async with live_platform(accounts) as served:
        request = TradeRequest("EURUSD", "BUY", Decimal("0.3"))
        result = await served.platform.execute("alpha", request)
        assert "invalid volume" in result["error"]
        result = await served.platform.execute("beta", request)
        assert "account disabled: read-only" in result["error"]
        assert (await served.platform.account_information("beta"))["investorMode"]


async def test_an_unknown_outcome_says_so_and_no_second_order_is_sent() -> None:
    async with live_platform() as served:
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        result = await served.buy()
        assert (result["success"], result["outcome"]) == (False, "unknown")
        assert not any(word in result["error"].lower() for word in RETRY_WORDS)
        await served.phase("alpha", Phase.LIVE)
        assert (await served.platform.positions("alpha"))["count"] == 1


async def test_reads_fail_while_the_link_is_down_and_prices_are_stale() -> None:
    async with live_platform() as served:
        await served.platform.subscribe_symbol("EURUSD", "alpha")
        assert not (await served.platform.price("EURUSD"))["stale"]
        await served.cut()
        for read in (served.platform.positions, served.platform.account_information):
            with pytest.raises(PlatformError, match="network") as caught:
                await read("alpha")
            assert (caught.value.status, caught.value.retryable) == (503, True)
        assert (await served.platform.price("EURUSD"))["stale"]
        summary = (await served.platform.accounts_summary())["alpha"]
        assert summary["status"] == "error"
        assert "balance" not in summary
        health = await served.platform.health()
        assert (health["status"], health["accounts"]) == ("unhealthy", {"alpha": "reconnecting"})


async def test_an_outage_is_told_with_its_duration_and_closes_nothing() -> None:
    async with live_platform() as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        await served.buy()
        await heard.until("positionOpened")
        await served.cut()
        await served.simulator.resume_accepting()
        event = await heard.until("reconnected")
        assert 0 < event.body["disconnectDuration"] < 10
        kinds = [event.type for event in heard.events if "seq" in event.body]
        order = ["disconnected", "connected", "snapshot", "synchronized", "reconnected"]
        assert kinds[-len(order) :] == order
        assert heard.of("positionClosed") == []
        assert len(heard.of("snapshot")[-1].body["positions"]) == 1
        assert_gap_free(heard)


async def test_a_position_closed_during_an_outage_is_told_once_with_its_result() -> None:
    async with live_platform() as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        opened = await served.buy(stop_loss=Decimal("1.12"))
        await served.cut()
        served.quote("1.11900", "1.11910")
        await served.simulator.resume_accepting()
        await heard.until("reconnected")
        (event,) = heard.of("positionClosed")
        assert event.body["positionId"] == opened["positionId"]
        assert event.body["closeInfo"]["reason"] == "STOP_LOSS"
        balance = (await served.platform.account_information("alpha"))["balance"]
        assert event.body["closedProfit"] == pytest.approx(balance - 10_000)
        assert_gap_free(heard)


async def test_a_stream_begins_with_a_snapshot_and_counts_without_gaps() -> None:
    async with live_platform() as served:
        opened = await served.buy()
        async with served.platform.subscribe(EventFilter(frozenset({"12345"}))) as stream:
            heard = Heard(stream)
            snapshot = await heard.until("snapshot")
            assert heard.events[0] is snapshot
            assert [p["id"] for p in snapshot.body["positions"]] == [opened["positionId"]]
            await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
            closed = await heard.until("positionClosed")
            assert closed.body["closeInfo"]["reason"] == "MANUAL"
            assert_gap_free(heard)


async def test_profit_and_equity_follow_the_price() -> None:
    async with live_platform() as served:
        await served.buy("1")
        await served.platform.positions("alpha")  # waits for the quotes that it needs
        async with served.platform.subscribe() as stream:
            heard = Heard(stream)
            served.quote("1.12660", "1.12670")
            price = await heard.until("price")
            assert (price.body["bid"], price.body["ask"]) == (1.1266, 1.1267)
            assert "seq" not in price.body
            update = await heard.until("positionUpdate")
            assert update.body["position"]["profit"] == 90.0
            equity = await heard.until("accountUpdated")
            assert equity.body["account"]["unrealizedProfit"] == 87.5  # 2.50 of commission


async def test_pending_orders_are_told_and_listed() -> None:
    async with live_platform() as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        request = TradeRequest(
            "EURUSD", "SELL_LIMIT", Decimal("0.4"), open_price=Decimal("1.2"), comment="fade"
        )
        placed = await served.platform.execute("alpha", request)
        assert (placed["type"], placed["state"]) == ("ORDER_TYPE_SELL_LIMIT", "ORDER_STATE_PLACED")
        assert "positionId" not in placed
        (order,) = (await served.platform.orders("alpha"))["orders"]
        assert (order["id"], order["openPrice"], order["volume"]) == (placed["orderId"], 1.2, 0.4)
        cancelled = await served.platform.cancel_order("alpha", placed["orderId"])
        assert cancelled["state"] == "ORDER_STATE_CANCELED"
        await heard.until("orderCancelled")
        assert len(heard.of("orderPlaced")) == 1


async def test_a_market_order_that_ends_without_an_execution_is_told_to_all() -> None:
    async with live_platform() as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        with capture_logs() as logs:
            result = await served.buy(slippage_points=5, base_price=Decimal("1.12500"))
            event = await heard.until("orderCancelled")
        assert (result["success"], result["code"]) == (False, "ORDER_CANCELLED")
        order = event.body["order"]
        assert (order["type"], order["state"]) == ("ORDER_TYPE_BUY", "ORDER_STATE_CANCELED")
        assert "openPrice" not in order
        assert "unreadable event" not in [line["event"] for line in logs]


async def test_a_market_order_that_is_rejected_after_its_acceptance_is_told_to_all() -> None:
    slow = SimulatorOptions(ticks_per_second=0, profile=Profile(rules=Rules(execution_delay_ms=50)))
    async with live_platform(options=slow) as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        with capture_logs() as logs:
            results = await asyncio.gather(*(served.buy("5") for _ in range(2)))
            event = await heard.until("orderRejected")
        codes = [result["code"] for result in results if not result["success"]]
        assert codes == [event.body["code"]] == ["NOT_ENOUGH_MONEY"]
        assert "openPrice" not in event.body["order"]
        assert "unreadable event" not in [line["event"] for line in logs]


async def test_metatrader_names_are_found_at_a_broker_with_names_of_its_own() -> None:
    async with live_platform() as served:
        mapping = await served.platform.symbol_mapping("XAUUSD")
        assert (mapping["cTraderName"], mapping["mt5Symbol"]) == ("GOLD", "XAUUSD")
        assert (await served.platform.symbol_mapping("XAUUSD.d"))["cTraderName"] == "GOLD"
        await served.platform.subscribe_symbol("XAUUSD")
        assert (await first_price(served, "XAUUSD"))["symbol"] == "XAUUSD"
        with pytest.raises(PlatformError, match="Symbol not found") as caught:
            await served.platform.price("NOSUCH")
        assert caught.value.status == 404


async def test_configured_symbols_are_quoted_without_being_asked_for() -> None:
    account = replace(ALPHA, symbols=("EURUSD", "NOSUCH", "XAUUSD"))
    async with live_platform([account]) as served:
        for symbol in ("EURUSD", "XAUUSD"):
            assert (await first_price(served, symbol))["symbol"] == symbol


async def test_an_account_of_the_other_environment_is_refused_with_the_cure() -> None:
    wrong = replace(ALPHA, login="22345")
    async with open_platform([wrong]) as served:
        await served.phase("alpha", Phase.REFUSED)
        health = await served.platform.health()
        assert "is a live account" in health["details"]["alpha"]["reason"]
        assert health["status"] == "unhealthy"
        result = await served.buy()
        assert "authentication failed" in result["error"]


async def test_an_account_that_is_switched_off_is_listed_and_not_served() -> None:
    async with live_platform([ALPHA]) as served:
        assert list(await served.platform.accounts()) == ["alpha"]
    off = replace(BETA, enabled=False)
    async with open_platform([ALPHA, off]) as served:
        await served.phase("alpha", Phase.LIVE)
        assert not (await served.platform.accounts())["beta"]["enabled"]
        assert (await served.platform.health())["status"] == "healthy"
        with pytest.raises(PlatformError, match="disabled by configuration"):
            await served.platform.positions("beta")


async def first_price(served: Served, symbol: str) -> dict[str, object]:
    async with served.platform.subscribe() as stream:
        snapshot = (await stream.next_batch())[0]
        known = [p for p in snapshot.body["prices"] if p["symbol"] == symbol]
        if not known:
            known = [(await Heard(stream).until("price")).body]
        return dict(known[0])


def assert_gap_free(heard: Heard) -> None:
    numbers = [event.body["seq"] for event in heard.events if "seq" in event.body]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
