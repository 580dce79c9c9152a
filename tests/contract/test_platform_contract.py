"""The Platform contract: one suite, run on the pool in this process and on it over HTTP.

What every way to an account has in common, MetaTrader's included, is in ``test_four_ways``: a
further platform joins there.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from fxpool.mapping import formats, pool_formats
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    Platform,
    PlatformError,
    ProtectionRequest,
    Subscription,
    TradeRequest,
)
from fxpool.platforms.events import Event, EventFilter
from harness.answers import conform, executed, refused
from harness.stack import Stack, healthy

ACCOUNT = "alpha"
VOLATILE = {"asOf", "ageMs", "time", "brokerTime", "updateTime", "timestamp", "uptimeSeconds"}
CHANGES = EventFilter(accounts=frozenset({ACCOUNT}))

LOTS = Decimal("0.10")


def without_times(value: Any) -> Any:
    """Return a value without what differs between two reads of one state."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in VOLATILE}
    return [without_times(each) for each in value] if isinstance(value, list) else value


async def quoted(platform: Platform, symbol: str = "EURUSD") -> formats.PriceInfo:
    """Subscribe to a symbol and return its first price."""
    assert (await platform.subscribe_symbol(symbol))["success"]
    async with asyncio.timeout(5):
        while True:
            try:
                return await platform.price(symbol)
            except PlatformError as error:
                assert error.status == 404  # noqa: PT017 (not there yet is the one allowed answer)
                await asyncio.sleep(0.005)


async def opened(platform: Platform, **changes: Any) -> str:
    """Open a position and return its id."""
    result = await executed(
        platform.execute(ACCOUNT, TradeRequest("EURUSD", "BUY", LOTS, **changes))
    )
    return result["positionId"]


class TestReads:
    """Every read has its shape and never invents."""

    async def test_an_account_has_its_money_and_state(self, platform: Platform) -> None:
        account = await platform.account_information(ACCOUNT)
        conform(account, formats.AccountInformation)
        assert (account["balance"], account["currency"], account["login"]) == (
            10_000.0,
            "USD",
            "12345",
        )
        assert account["marginLevel"] is None
        assert account["simulated"]

    @pytest.mark.parametrize("name", ["alpha", "12345", "10012345"])
    async def test_the_answer_carries_the_name_that_was_used(
        self, platform: Platform, name: str
    ) -> None:
        assert (await platform.account_information(name))["id"] == name
        assert (await platform.positions(name))["account_id"] == name

    async def test_a_fresh_account_is_truly_empty(self, platform: Platform) -> None:
        positions, orders = await platform.positions(ACCOUNT), await platform.orders(ACCOUNT)
        conform(positions, formats.PositionList)
        conform(orders, formats.OrderList)
        assert (positions["positions"], positions["count"], positions["synchronized"]) == (
            [],
            0,
            True,
        )
        assert (orders["orders"], orders["count"]) == ([], 0)

    async def test_an_open_position_and_an_order_have_every_field(self, platform: Platform) -> None:
        await opened(platform)
        pending = TradeRequest("EURUSD", "SELL_STOP", LOTS, open_price=Decimal("0.9"))
        await executed(platform.execute(ACCOUNT, pending))
        conform(await platform.positions(ACCOUNT), formats.PositionList)
        conform(await platform.orders(ACCOUNT), formats.OrderList)

    async def test_the_pool_describes_itself(self, platform: Platform) -> None:
        conform(await platform.accounts(), dict[str, pool_formats.AccountListing])
        conform(await platform.accounts_summary(), dict[str, pool_formats.AccountSummary])
        conform(await platform.pool_stats(), pool_formats.PoolStats)
        conform(await platform.health(), pool_formats.Health)
        assert set(await platform.accounts()) == {"alpha", "beta"}

    async def test_symbols_have_their_brokers_names(self, platform: Platform) -> None:
        symbols = await platform.symbols(ACCOUNT)
        conform(symbols, SymbolList)
        assert symbols["details"]["XAUUSD"]["cTraderName"] == "GOLD"
        mapping = await platform.symbol_mapping("XAUUSD", ACCOUNT)
        conform(mapping, SymbolMapping)
        assert (mapping["cTraderName"], mapping["cTraderId"]) == ("GOLD", 22)

    async def test_a_symbol_is_specified_in_all_that_may_be_traded_of_it(
        self, platform: Platform, stack: Stack
    ) -> None:
        stack.simulator.quote("EURUSD", Decimal("1.08741"), Decimal("1.08748"))
        await quoted(platform)
        row = await platform.symbol_specification(ACCOUNT, "EURUSD")
        conform(row, SymbolSpecification)
        assert (row["symbol"], row["contractSize"], row["profitTickValue"]) == ("EURUSD", 100e3, 1)
        with pytest.raises(PlatformError) as caught:
            await platform.symbol_specification(ACCOUNT, "EURUSDD")
        assert "did you mean EURUSD" in caught.value.detail

    async def test_a_name_says_what_each_account_means_by_it(self, platform: Platform) -> None:
        mapping = await platform.symbol_mapping("BTCUSD.d")
        conform(mapping, SymbolMapping)
        assert mapping["matchedBy"] == "suffix"
        meant = {"cTraderId": mapping["cTraderId"], "cTraderName": "Bitcoin", "multiplier": 1.0}
        assert mapping["byAccount"] == {"alpha": meant, "beta": meant}

    async def test_a_price_has_both_sides_or_is_not_there(
        self, platform: Platform, stack: Stack
    ) -> None:
        stack.simulator.quote("EURUSD", Decimal("1.08741"), Decimal("1.08748"))
        price = await quoted(platform)
        conform(price, formats.PriceInfo)
        assert (price["bid"], price["ask"], price["spread"]) == (1.08741, 1.08748, 0.00007)
        conform(await platform.prices(), dict[str, formats.PriceInfo])

    @pytest.mark.parametrize(
        ("call", "word"),
        [
            (lambda platform: platform.account_information("omega"), "account not found"),
            (lambda platform: platform.positions("omega"), "account not found"),
            (lambda platform: platform.orders("omega"), "account not found"),
            (lambda platform: platform.symbols("omega"), "account not found"),
            (lambda platform: platform.price("NOSUCH"), "NOSUCH"),
            (lambda platform: platform.symbol_mapping("NOSUCH"), "symbol not found"),
        ],
    )
    async def test_what_is_not_there_is_said_so(
        self, platform: Platform, call: Any, word: str
    ) -> None:
        with pytest.raises(PlatformError) as caught:
            await call(platform)
        assert caught.value.status == 404
        assert word.lower() in caught.value.detail.lower()
        assert caught.value.code == caught.value.code.upper()

    async def test_both_ways_tell_the_same(self, stack: Stack) -> None:
        await quoted(stack.platform)
        await opened(stack.platform, stop_loss=Decimal("0.9"))
        remote = stack.remote()
        for read in (
            lambda platform: platform.accounts(),
            lambda platform: platform.accounts_summary(),
            lambda platform: platform.account_information(ACCOUNT),
            lambda platform: platform.positions(ACCOUNT),
            lambda platform: platform.orders(ACCOUNT),
            lambda platform: platform.prices(),
            lambda platform: platform.price("EURUSD"),
            lambda platform: platform.symbols(ACCOUNT),
            lambda platform: platform.symbol_mapping("XAUUSD", ACCOUNT),
        ):
            assert without_times(await read(remote)) == without_times(await read(stack.platform))
        await remote.close()


class TestTrades:
    """What became of a trade is told, in words that callers match."""

    async def test_a_market_order_is_a_position_at_once(self, platform: Platform) -> None:
        request = TradeRequest(
            "EURUSD",
            "ORDER_TYPE_BUY",
            LOTS,
            stop_loss=Decimal("1.01234"),
            take_profit=Decimal("1.34567"),
            comment="Copy_40021877_L10",
            client_id="77",
        )
        result = await executed(platform.execute(ACCOUNT, request))
        (position,) = (await platform.positions(ACCOUNT))["positions"]
        assert position["id"] == result["positionId"]
        assert (position["stopLoss"], position["takeProfit"]) == (1.01234, 1.34567)
        assert (position["comment"], position["clientId"], position["magic"]) == (
            "Copy_40021877_L10",
            "77",
            77,
        )
        assert (position["volume"], position["type"]) == (0.1, "POSITION_TYPE_BUY")
        assert position["openPrice"] == result["openPrice"]
        assert (result["protection"], result["partial"]) == ("set", False)

    @pytest.mark.parametrize(
        ("request_", "words"),
        [
            (TradeRequest("NOSUCH", "BUY", LOTS), "symbol not found"),
            (TradeRequest("EURUSD", "BUY", Decimal("0.0001")), "invalid volume"),
            (TradeRequest("EURUSD", "BUY", Decimal("0.1005")), "invalid volume"),
            (TradeRequest("EURUSD", "BUY", Decimal(90)), "not enough money"),
            (TradeRequest("EURUSD", "BUY", LOTS, environment="live"), "live"),
        ],
    )
    async def test_a_refused_order_says_why(
        self, platform: Platform, request_: TradeRequest, words: str
    ) -> None:
        result = await refused(platform.execute(ACCOUNT, request_))
        assert words in result["error"].lower()
        assert (await platform.positions(ACCOUNT))["positions"] == []

    async def test_protection_is_changed_one_side_at_a_time(self, platform: Platform) -> None:
        identity = await opened(platform, stop_loss=Decimal("1.01"))
        change = ProtectionRequest(identity, take_profit=Decimal("1.4"))
        await executed(platform.modify_position(ACCOUNT, change))
        (position,) = (await platform.positions(ACCOUNT))["positions"]
        assert (position["stopLoss"], position["takeProfit"]) == (1.01, 1.4)
        removal = ProtectionRequest(identity, stop_loss=Decimal(0))
        await executed(platform.modify_position(ACCOUNT, removal))
        (position,) = (await platform.positions(ACCOUNT))["positions"]
        assert (position["stopLoss"], position["takeProfit"]) == (None, 1.4)

    async def test_a_position_is_closed_in_parts_and_then_gone(self, platform: Platform) -> None:
        identity = await opened(platform)
        part = CloseRequest(identity, Decimal("0.04"))
        result = await executed(platform.close_position(ACCOUNT, part))
        assert (result["closedVolume"], result["remainingVolume"]) == (0.04, 0.06)
        result = await executed(platform.close_position(ACCOUNT, CloseRequest(identity)))
        assert (result["closedVolume"], result["remainingVolume"]) == (0.06, 0.0)
        assert result["orderId"] == result["order_id"]
        assert (await platform.positions(ACCOUNT))["count"] == 0
        result = await refused(platform.close_position(ACCOUNT, CloseRequest(identity)))
        assert result["code"] == "POSITION_NOT_FOUND"
        assert "position not found" in result["error"].lower()

    async def test_the_realised_profit_is_what_the_balance_gained(
        self, platform: Platform, stack: Stack
    ) -> None:
        stack.simulator.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
        identity = await opened(platform)
        stack.simulator.quote("EURUSD", Decimal("1.10210"), Decimal("1.10220"))
        result = await executed(platform.close_position(ACCOUNT, CloseRequest(identity)))
        assert result["grossProfit"] == 20.0
        balance = (await platform.account_information(ACCOUNT))["balance"]
        assert balance == pytest.approx(10_000.0 + result["profit"])

    async def test_a_pending_order_rests_changes_and_is_cancelled(self, platform: Platform) -> None:
        request = TradeRequest(
            "EURUSD", "BUY_LIMIT", LOTS, open_price=Decimal("0.9"), comment="low"
        )
        result = await executed(platform.execute(ACCOUNT, request))
        (order,) = (await platform.orders(ACCOUNT))["orders"]
        assert (order["id"], order["type"], order["openPrice"], order["comment"]) == (
            result["orderId"],
            "ORDER_TYPE_BUY_LIMIT",
            0.9,
            "low",
        )
        change = OrderChange(order["id"], open_price=Decimal("0.91"))
        await executed(platform.modify_order(ACCOUNT, change))
        (order,) = (await platform.orders(ACCOUNT))["orders"]
        assert order["openPrice"] == 0.91
        result = await executed(platform.cancel_order(ACCOUNT, order["id"]))
        assert result["orderId"] == order["id"]
        assert (await platform.orders(ACCOUNT))["orders"] == []

    async def test_what_is_not_there_cannot_be_changed(self, platform: Platform) -> None:
        for call in (
            platform.modify_position(ACCOUNT, ProtectionRequest("1", stop_loss=Decimal("1.01"))),
            platform.close_position(ACCOUNT, CloseRequest("1")),
        ):
            assert "position not found" in (await refused(call))["error"].lower()
        for call in (
            platform.cancel_order(ACCOUNT, "1"),
            platform.modify_order(ACCOUNT, OrderChange("1", open_price=Decimal("0.9"))),
        ):
            assert "order not found" in (await refused(call))["error"].lower()


class TestStreaming:
    """Subscriptions and events: snapshots first, then changes without a gap."""

    async def test_streaming_is_ready_once_positions_are_loaded(self, platform: Platform) -> None:
        state = await platform.initialize_streaming(ACCOUNT)
        conform(state, formats.StreamingState)
        assert (state["success"], state["positions"]) == (True, 0)

    async def test_a_symbol_is_quoted_where_it_was_asked_for(self, platform: Platform) -> None:
        result = await platform.subscribe_symbol("XAUUSD", ACCOUNT)
        conform(result, formats.SubscriptionResult)
        assert (result["success"], result["symbol"]) == (True, "XAUUSD")
        assert result["accounts"] == [ACCOUNT]
        result = await platform.unsubscribe_symbol("XAUUSD", ACCOUNT)
        conform(result, formats.SubscriptionResult)
        assert result["success"]

    async def test_changes_follow_a_snapshot_without_a_gap(self, platform: Platform) -> None:
        async with platform.subscribe(CHANGES) as stream:
            (snapshot,) = await until(stream, "snapshot")
            assert snapshot.body["positions"] == []
            identity = await opened(platform, stop_loss=Decimal("1.01"))
            await executed(platform.close_position(ACCOUNT, CloseRequest(identity)))
            taken = await until(stream, "positionClosed")
        numbers = [event.body["seq"] for event in taken if event.level_key is None]
        first = snapshot.body["seq"] + 1
        assert numbers == list(range(first, first + len(numbers)))
        kinds = [event.type for event in taken]
        assert kinds.index("positionOpened") < kinds.index("positionClosed")
        assert all(event.body["accountId"] == ACCOUNT for event in taken)
        assert taken[-1].body["positionId"] == identity
        assert taken[-1].body["closedProfit"] == taken[-1].body["closeInfo"]["profit"]

    async def test_a_snapshot_is_the_account_as_reads_tell_it(self, platform: Platform) -> None:
        await quoted(platform)
        await opened(platform)
        listed = (await platform.positions(ACCOUNT))["positions"]
        async with platform.subscribe(CHANGES) as stream:
            (snapshot,) = await until(stream, "snapshot")
        body = snapshot.body
        conform(body["account"], formats.AccountInformation)
        conform(body["positions"], list[formats.PositionInfo])
        conform(body["orders"], list[formats.OrderInfo])
        assert without_times(body["positions"]) == without_times(listed)

    async def test_prices_come_as_they_happen(self, platform: Platform, stack: Stack) -> None:
        await quoted(platform)
        wanted = EventFilter(symbols=frozenset({"EURUSD"}), types=frozenset({"price"}))
        async with platform.subscribe(wanted) as stream:
            stack.simulator.quote("EURUSD", Decimal("1.20000"), Decimal("1.20007"))
            taken = await until(stream, "price")
        body = taken[-1].body
        assert (body["symbol"], body["bid"], body["ask"]) == ("EURUSD", 1.2, 1.20007)
        assert "seq" not in body

    async def test_a_filter_keeps_the_rest_away(self, platform: Platform) -> None:
        wanted = EventFilter(frozenset({ACCOUNT}), types=frozenset({"positionClosed"}))
        async with platform.subscribe(wanted) as stream:
            identity = await opened(platform)
            await executed(platform.close_position(ACCOUNT, CloseRequest(identity)))
            taken = await until(stream, "positionClosed")
        assert [event.type for event in taken] == ["positionClosed"]

    async def test_the_links_are_reset_and_the_accounts_come_back(self, platform: Platform) -> None:
        identity = await opened(platform)
        async with platform.subscribe(CHANGES) as stream:
            assert await platform.reset_connections() >= 1
            taken = await until(stream, "reconnected")
        await healthy(platform)
        assert not [event for event in taken if event.type == "positionClosed"]
        (position,) = (await platform.positions(ACCOUNT))["positions"]
        assert position["id"] == identity


async def until(stream: Subscription, kind: str) -> list[Event]:
    """Return the events up to the first of a kind, that one included."""
    taken: list[Event] = []
    async with asyncio.timeout(10):
        while not any(event.type == kind for event in taken):
            taken.extend(await stream.next_batch())
    last = max(index for index, event in enumerate(taken) if event.type == kind)
    return taken[: last + 1]
