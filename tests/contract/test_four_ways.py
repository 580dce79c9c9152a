"""The Platform contract on every way to an account: cTrader here, over HTTP, and over our own
MetaApi REST API read by our own adapter of it; MetaTrader over MetaApi's REST API and over a pool
in front of it. Same calls, same shapes.

What a way cannot do it refuses with its word; ``Subject`` states what that is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from fxpool.clock import SystemClock
from fxpool.mapping import formats, pool_formats
from fxpool.mapping.report_formats import AccountReport
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    Platform,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.events import EventFilter
from fxpool.platforms.metaapi.pool import PoolWay
from harness.answers import conform, executed, refused
from harness.metaapi_pool import running_pool
from harness.metaapi_server import running_metaapi
from harness.metaapi_stack import open_metaapi, rest_way
from harness.stack import healthy, running_stack

ACCOUNT = "alpha"
LOTS = Decimal("0.10")
WAYS = ["ctrader", "ctrader-remote", "ctrader-over-metaapi", "metaapi-rest", "metaapi-pool"]


@dataclass(frozen=True)
class Subject:
    """A way to an account, and what it states.

    Attributes:
        quote: moves a symbol's quote.
        has_orders: whether it has pending orders, parts of closes and the list of symbols.
        has_past: whether it tells the past.
    """

    platform: Platform
    quote: Callable[[str, Decimal, Decimal], Any]
    has_orders: bool = True
    has_past: bool = True


@pytest.fixture(params=WAYS)
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    async with AsyncExitStack() as stack:
        if request.param == "ctrader-over-metaapi":
            running = await stack.enter_async_context(running_stack())
            opened = await stack.enter_async_context(open_metaapi(rest_way(running.url)))
            await healthy(opened)
            yield Subject(opened, running.simulator.quote)
        elif request.param.startswith("ctrader"):
            running = await stack.enter_async_context(running_stack())
            remote = running.remote()
            stack.push_async_callback(remote.close)
            platform = running.platform if request.param == "ctrader" else remote
            yield Subject(platform, running.simulator.quote)
        elif request.param == "metaapi-rest":
            server = await stack.enter_async_context(running_metaapi("alpha", "beta"))
            opened = await stack.enter_async_context(open_metaapi(rest_way(server.url)))
            await healthy(opened)
            yield Subject(opened, server.terminals[ACCOUNT].quote)
        else:
            pool = await stack.enter_async_context(running_pool("alpha", "beta"))
            way = PoolWay(pool.url, regions={}, clock=SystemClock())
            opened = await stack.enter_async_context(open_metaapi(way))
            await healthy(opened)
            quote = pool.terminals[ACCOUNT].quote
            yield Subject(opened, quote, has_orders=False, has_past=False)


async def opened(subject: Subject, **changes: Any) -> str:
    request = TradeRequest("EURUSD", "BUY", LOTS, **changes)
    return (await executed(subject.platform.execute(ACCOUNT, request)))["positionId"]


async def test_reads_have_their_shapes_and_an_empty_account_is_truly_empty(
    subject: Subject,
) -> None:
    platform = subject.platform
    account = await platform.account_information(ACCOUNT)
    conform(account, formats.AccountInformation)
    assert (account["balance"], account["currency"], account["login"]) == (10_000, "USD", "12345")
    assert account["marginLevel"] is None
    positions = await platform.positions("12345")
    conform(positions, formats.PositionList)
    assert (positions["account_id"], positions["positions"], positions["synchronized"]) == (
        "12345",
        [],
        True,
    )
    conform(await platform.accounts(), dict[str, pool_formats.AccountListing])
    conform(await platform.accounts_summary(), dict[str, pool_formats.AccountSummary])
    conform(await platform.pool_stats(), pool_formats.PoolStats)
    conform(await platform.health(), pool_formats.Health)
    assert (await platform.initialize_streaming(ACCOUNT))["positions"] == 0
    assert set(await platform.accounts()) == {"alpha", "beta"}


async def test_an_unknown_account_is_not_found(subject: Subject) -> None:
    for call in (subject.platform.account_information, subject.platform.positions):
        with pytest.raises(PlatformError, match="Account not found") as caught:
            await call("omega")
        assert caught.value.status == 404


async def test_a_position_is_there_at_once_protected_and_recognisable(subject: Subject) -> None:
    stop, target = Decimal("1.01234"), Decimal("1.34567")
    identity = await opened(
        subject, stop_loss=stop, take_profit=target, comment="Copy_40021877_L10"
    )
    (position,) = (await subject.platform.positions(ACCOUNT))["positions"]
    conform(position, formats.PositionInfo)
    assert (position["id"], position["volume"], position["type"]) == (
        identity,
        0.1,
        "POSITION_TYPE_BUY",
    )
    assert (position["stopLoss"], position["takeProfit"]) == (1.01234, 1.34567)
    assert (position["comment"], position["symbol"]) == ("Copy_40021877_L10", "EURUSD")
    account = await subject.platform.account_information(ACCOUNT)
    assert account["openPositions"] == 1
    assert account["unrealizedProfit"] == pytest.approx(
        account["grossProfit"] + account["swap"] + account["commission"]
    )
    again = TradeRequest("EURUSD", "BUY", LOTS, comment="Copy_40021877_L10")
    repeated = await executed(subject.platform.execute(ACCOUNT, again))
    assert (repeated["duplicate"], repeated["positionId"]) == (True, identity)


@pytest.mark.parametrize(
    ("lots", "environment", "words"),
    [
        (Decimal(90), None, "not enough money"),
        (LOTS, "live", "live"),
        (Decimal("0.0001"), None, "invalid volume"),
    ],
)
async def test_a_refused_order_says_why_in_the_words_of_all(
    subject: Subject, lots: Decimal, environment: str | None, words: str
) -> None:
    request = TradeRequest("EURUSD", "BUY", lots, environment=environment)
    result = await refused(subject.platform.execute(ACCOUNT, request))
    assert words in result["error"].lower()
    assert (await subject.platform.positions(ACCOUNT))["positions"] == []


async def test_protection_is_changed_one_side_at_a_time(subject: Subject) -> None:
    identity = await opened(subject, stop_loss=Decimal("1.01"))
    platform = subject.platform
    for change, expected in (
        ({"take_profit": Decimal("1.4")}, (1.01, 1.4)),
        ({"stop_loss": Decimal(0)}, (None, 1.4)),
    ):
        await executed(platform.modify_position(ACCOUNT, ProtectionRequest(identity, **change)))
        (position,) = (await platform.positions(ACCOUNT))["positions"]
        assert (position["stopLoss"], position["takeProfit"]) == expected


async def test_a_closed_position_is_gone_with_its_result_in_the_balance(subject: Subject) -> None:
    subject.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
    identity = await opened(subject)
    subject.quote("EURUSD", Decimal("1.10210"), Decimal("1.10220"))
    result = await executed(subject.platform.close_position(ACCOUNT, CloseRequest(identity)))
    assert (result["closedVolume"], result["remainingVolume"]) == (0.1, 0.0)
    assert result["grossProfit"] == 20.0
    assert (await subject.platform.positions(ACCOUNT))["positions"] == []
    again = await refused(subject.platform.close_position(ACCOUNT, CloseRequest(identity)))
    assert again["code"] == "POSITION_NOT_FOUND"
    assert "position not found" in again["error"].lower()


async def test_a_part_is_closed_or_refused_before_it_is_sent(subject: Subject) -> None:
    identity = await opened(subject)
    part = subject.platform.close_position(ACCOUNT, CloseRequest(identity, Decimal("0.04")))
    if subject.has_orders:
        result = await executed(part)
        assert (result["closedVolume"], result["remainingVolume"]) == (0.04, 0.06)
    else:
        assert (await refused(part))["code"] == "NOT_SUPPORTED"
        (position,) = (await subject.platform.positions(ACCOUNT))["positions"]
        assert position["volume"] == 0.1


async def test_a_pending_order_rests_changes_and_is_cancelled_or_is_refused(
    subject: Subject,
) -> None:
    platform = subject.platform
    request = TradeRequest("EURUSD", "BUY_LIMIT", LOTS, open_price=Decimal("0.9"), comment="low")
    if not subject.has_orders:
        assert (await refused(platform.execute(ACCOUNT, request)))["code"] == "NOT_SUPPORTED"
        assert (await refused(platform.cancel_order(ACCOUNT, "1")))["code"] == "NOT_SUPPORTED"
        with pytest.raises(PlatformError, match="not supported"):
            await platform.orders(ACCOUNT)
        assert (await platform.positions(ACCOUNT))["positions"] == []
        return
    order_id = (await executed(platform.execute(ACCOUNT, request)))["orderId"]
    listed = await platform.orders(ACCOUNT)
    conform(listed, formats.OrderList)
    (order,) = listed["orders"]
    assert (order["id"], order["type"], order["openPrice"], order["comment"]) == (
        order_id,
        "ORDER_TYPE_BUY_LIMIT",
        0.9,
        "low",
    )
    change = OrderChange(order_id, open_price=Decimal("0.91"))
    await executed(platform.modify_order(ACCOUNT, change))
    assert (await platform.orders(ACCOUNT))["orders"][0]["openPrice"] == 0.91
    await executed(platform.cancel_order(ACCOUNT, order_id))
    assert (await platform.orders(ACCOUNT))["orders"] == []


async def test_a_watched_symbol_has_a_price_of_both_sides(subject: Subject) -> None:
    platform = subject.platform
    subject.quote("EURUSD", Decimal("1.08741"), Decimal("1.08748"))
    async with asyncio.timeout(5):
        while True:
            try:
                await platform.subscribe_symbol("EURUSD", ACCOUNT)
                price = await platform.price("EURUSD", ACCOUNT)
                break
            except PlatformError as error:
                assert error.status == 404  # noqa: PT017 (not there yet is the one allowed answer)
                await asyncio.sleep(0.01)
    conform(price, formats.PriceInfo)
    assert (price["bid"], price["ask"], price["spread"]) == (1.08741, 1.08748, 0.00007)


async def test_changes_follow_a_snapshot_and_a_close_is_told_once_with_its_result(
    subject: Subject,
) -> None:
    async with subject.platform.subscribe(EventFilter(accounts=frozenset({ACCOUNT}))) as stream:
        identity = await opened(subject)
        await executed(subject.platform.close_position(ACCOUNT, CloseRequest(identity)))
        taken: list[Any] = []
        async with asyncio.timeout(10):
            while not any(event.type == "positionClosed" for event in taken):
                taken += await stream.next_batch()
    numbers = [event.body["seq"] for event in taken if event.level_key is None]
    assert numbers == sorted(set(numbers))
    kinds = [event.type for event in taken]
    assert kinds[0] == "snapshot"
    assert kinds.index("positionOpened") < kinds.index("positionClosed")
    (closed,) = [event for event in taken if event.type == "positionClosed"]
    assert closed.body["positionId"] == identity
    assert closed.body["closeInfo"]["profit"] is not None


async def test_the_past_is_told_or_refused(subject: Subject) -> None:
    identity = await opened(subject, comment="by hand")
    await executed(subject.platform.close_position(ACCOUNT, CloseRequest(identity)))
    if not subject.has_past:
        with pytest.raises(PlatformError, match="not supported"):
            await subject.platform.metrics(ACCOUNT)
        return
    metrics = await subject.platform.metrics(ACCOUNT)
    assert (metrics["trades"], metrics["deposits"], metrics["proven"]) == (1, 10_000.0, True)
    assert metrics["profit"] == pytest.approx(metrics["balance"] - metrics["deposits"])
    (trade,) = (await subject.platform.trades(ACCOUNT))["trades"]
    assert (trade["positionId"], trade["volume"], trade["comment"]) == (identity, 0.1, "by hand")
    assert (await subject.platform.risk_status(ACCOUNT))["riskLevel"] == "low"
    assert (await subject.platform.daily_growth(ACCOUNT, days=2))["growth"]
    assert (await subject.platform.symbol_stats(ACCOUNT, "EURUSD"))["trades"] == 1
    assert (await subject.platform.bars(ACCOUNT, "EURUSD"))["count"] > 0


async def test_a_report_is_told_or_refused(subject: Subject) -> None:
    identity = await opened(subject, comment="by hand")
    await executed(subject.platform.close_position(ACCOUNT, CloseRequest(identity)))
    if not subject.has_past:
        with pytest.raises(PlatformError, match="not supported"):
            await subject.platform.report(ACCOUNT)
        return
    report = await subject.platform.report(ACCOUNT, days=2)
    conform(report, AccountReport)
    summary = report["summary"]
    assert (summary["closings"], summary["deposits"], summary["lots"]) == (1, 10_000.0, 0.1)
    assert summary["closingBalance"] == pytest.approx(10_000.0 + summary["profit"])
    assert (report["proven"], len(report["cashFlows"])) == (True, 1)
    (closing,) = report["closings"]
    assert (closing["positionId"], closing["comment"]) == (identity, "by hand")
