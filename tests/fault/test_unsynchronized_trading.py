"""Trading on an account that is authorised, but whose state is not read again yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from fxpool.account import Phase
from fxpool.domain.protection import Units
from fxpool.platforms.base import CloseRequest, ProtectionRequest, TradeRequest
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.broker import orders_made
from harness.platforms import Served, live_platform, open_platform

RECONCILE = 2124
TRADER = 2121
NEVER_READ = Fault(FaultKind.REFUSE, RECONCILE, code="SERVER_ERROR", times=0)
LIMIT = TradeRequest("EURUSD", "SELL_LIMIT", Decimal("0.1"), open_price=Decimal("1.2"))


@asynccontextmanager
async def unread(served: Served) -> AsyncIterator[None]:
    """Have the link cut, and the account authorised again but never read until the block ends."""
    served.simulator.faults.stand(NEVER_READ)
    served.simulator.cut_all()
    await served.phase("alpha", Phase.RECONNECTING)
    await served.phase("alpha", Phase.SYNCHRONISING)
    yield
    served.simulator.faults.clear()
    await served.phase("alpha", Phase.LIVE)


async def test_nothing_leaves_before_the_account_is_reconciled() -> None:
    async with live_platform() as served:
        opened = await served.buy()
        limit = await served.platform.execute("alpha", LIMIT)
        async with unread(served):
            results = [
                await served.buy(),
                await served.platform.close_position("alpha", CloseRequest(opened["positionId"])),
                await served.platform.cancel_order("alpha", limit["orderId"]),
            ]
            for result in results:
                assert (result["success"], result["outcome"]) == (False, "not_executed")
                assert (result["code"], result["retryable"]) == ("NOT_READY", True)
                assert result["error"].startswith("network: account alpha is synchronising")
        assert len(orders_made(served.simulator)) == 2


async def test_asked_for_by_name_a_close_a_cancel_and_an_order_go_and_say_so() -> None:
    async with live_platform() as served:
        opened = await served.buy()
        limit = await served.platform.execute("alpha", LIMIT)
        async with unread(served):
            close = CloseRequest(opened["positionId"], allow_unsynchronized=True)
            results = [
                await served.platform.close_position("alpha", close),
                await served.platform.cancel_order(
                    "alpha", limit["orderId"], allow_unsynchronized=True
                ),
                await served.buy(allow_unsynchronized=True),
            ]
            for result in results:
                assert (result["success"], result["unsynchronized"]) == (True, True)
            assert results[0]["remainingVolume"] == 0
        (position,) = (await served.platform.positions("alpha"))["positions"]
        assert position["id"] == results[2]["positionId"]
        assert (await served.platform.orders("alpha"))["orders"] == []


async def test_on_a_live_account_the_name_changes_nothing() -> None:
    async with live_platform() as served:
        opened = await served.buy(allow_unsynchronized=True)
        assert opened["success"]
        assert "unsynchronized" not in opened


async def test_what_a_stale_book_does_not_show_is_not_called_gone() -> None:
    async with live_platform() as served, unread(served):
        close = CloseRequest("777", allow_unsynchronized=True)
        result = await served.platform.close_position("alpha", close)
        assert (result["code"], result["outcome"]) == ("NOT_READY", "not_executed")
        assert "position not found" not in result["error"]


async def test_a_risk_and_a_change_of_protection_need_a_book_that_is_true() -> None:
    async with live_platform() as served:
        opened = await served.buy()
        async with unread(served):
            risky = TradeRequest(
                "EURUSD",
                "BUY",
                None,
                risk_percent=Decimal(1),
                stop_loss=Decimal(50),
                stop_loss_units=Units.PIPS,
                allow_unsynchronized=True,
            )
            change = ProtectionRequest(opened["positionId"], stop_loss=Decimal("1.1"))
            for result in (
                await served.platform.execute("alpha", risky),
                await served.platform.modify_position("alpha", change),
            ):
                assert (result["code"], result["outcome"]) == ("NOT_READY", "not_executed")


async def test_an_account_that_was_never_read_trades_for_no_name() -> None:
    async with open_platform() as served:
        served.simulator.faults.stand(Fault(FaultKind.REFUSE, TRADER, code="SERVER_ERROR", times=0))
        await served.phase("alpha", Phase.SYNCHRONISING)
        result = await served.buy(allow_unsynchronized=True)
        assert (result["success"], result["code"]) == (False, "NOT_READY")
        assert orders_made(served.simulator) == []


async def test_without_a_session_nothing_goes_by_any_name() -> None:
    async with live_platform() as served:
        opened = await served.buy()
        await served.cut()
        close = CloseRequest(opened["positionId"], allow_unsynchronized=True)
        result = await served.platform.close_position("alpha", close)
        assert (result["code"], result["outcome"]) == ("NOT_READY", "not_executed")
        assert "reconnecting" in result["error"]
