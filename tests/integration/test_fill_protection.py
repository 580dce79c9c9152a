"""The protection of what an order filled: never on another position, never over a later change."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fxpool.account import Phase
from fxpool.domain.protection import Units
from fxpool.mapping.formats import TradeResult
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.platforms.base import ProtectionRequest, TradeRequest
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment
from fxpool.simulator import Profile, SimulatorOptions
from fxpool.simulator.engine.rules import NettedExcess, Rules
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.platforms import Served, live_platform
from harness.simulator_clients import frame_client
from harness.wait import wait_until

NETTED_ID = 10_012_347
NETTED = AccountConfig("netted", Environment.DEMO, login="12347")
EURUSD = 1
NEW_ORDER, AMEND_PROTECTION, ORDER_LIST = 2106, 2110, 2175


async def trade(served: Served, action: str, lots: str, **more: object) -> TradeResult:
    request = TradeRequest("EURUSD", action, Decimal(lots), **more)  # type: ignore[arg-type] # keywords of a test
    return await served.platform.execute("netted", request)


async def slip(served: Served, account: str) -> None:
    """Let the market run from the quote that an account knows, so that fills slip."""
    await served.platform._accounts[account].account.live.quote(EURUSD)
    served.simulator.stall_spots()
    served.quote("1.13560", "1.13570")


@pytest.mark.parametrize("kept", ["0.6", "0"])
async def test_an_order_that_only_reduces_leaves_the_protection_of_what_it_reduces(
    kept: str,
) -> None:
    async with live_platform((NETTED,)) as served:
        await trade(served, "BUY", "1")
        lots = str(1 - Decimal(kept))
        in_pips = {"stop_loss": Decimal(20), "stop_loss_units": Units.PIPS}
        reduced = await trade(served, "SELL", lots, take_profit=Decimal("1.12"), **in_pips)
        assert (reduced["success"], reduced["protection"]) == (True, "none")
        positions = (await served.platform.positions("netted"))["positions"]
        assert [(one["volume"], one["stopLoss"], one["takeProfit"]) for one in positions] == (
            [(0.6, None, None)] if Decimal(kept) else []
        )


async def test_an_order_whose_excess_is_refused_has_nothing_to_protect() -> None:
    rules = Rules(netted_excess=NettedExcess.REFUSED)
    options = SimulatorOptions(ticks_per_second=0, profile=Profile(rules=rules))
    async with live_platform((NETTED,), options) as served:
        await trade(served, "BUY", "1")
        closed = await trade(served, "SELL", "1.5", stop_loss=Decimal("1.13"))
        assert (closed["executedVolume"], closed["partial"]) == (1.0, True)
        assert not (await served.platform.positions("netted"))["positions"]
        assert closed["protection"] == "none"


async def test_an_order_that_turns_a_netted_position_protects_the_new_one() -> None:
    async with live_platform((NETTED,)) as served:
        await trade(served, "BUY", "1")
        turned = await trade(served, "SELL", "1.5", stop_loss=Decimal("1.13"))
        (position,) = (await served.platform.positions("netted"))["positions"]
        assert (turned["protection"], position["stopLoss"]) == ("set", 1.13)


@pytest.mark.parametrize(("left", "told"), [("1.12500", "set"), ("0", "failed")])
async def test_a_stop_that_was_moved_since_is_not_moved_back_when_a_lost_order_is_found(
    left: str, told: str
) -> None:
    async with live_platform() as served:
        faults = served.simulator.faults
        faults.stand(Fault(FaultKind.REFUSE, ORDER_LIST, code="SERVER_ERROR", times=0))
        faults.cut_before_answer(NEW_ORDER)
        lost = await served.buy(stop_loss=Decimal("1.12000"))
        await served.phase("alpha", Phase.LIVE)
        (position,) = (await served.platform.positions("alpha"))["positions"]
        served.simulator.jump_clock(60)  # the trader looks a minute later
        moved = ProtectionRequest(position["id"], stop_loss=Decimal(left))
        assert (await served.platform.modify_position("alpha", moved))["success"]
        faults.clear()
        result = (await served.platform.wait_ticket(lost["ticketId"], 10.0))["result"]
        assert result is not None
        assert (result["success"], result["protection"]) == (True, told)
        (position,) = (await served.platform.positions("alpha"))["positions"]
        assert position["stopLoss"] == (float(left) or None)


async def test_a_correction_keeps_what_was_set_while_it_waited_for_its_turn() -> None:
    async with live_platform((NETTED,)) as served:
        opened = await trade(served, "BUY", "0.1", stop_loss=Decimal("1.11"))
        position_id, account = int(opened["positionId"]), served.platform._accounts["netted"]
        book = account.account.live.book
        await slip(served, "netted")
        async with account.trades._trading._turn(position_id):  # as an amendment under way holds it
            adding = asyncio.create_task(trade(served, "BUY", "0.1", stop_loss=Decimal("1.12")))
            await wait_until(lambda: book.positions[position_id].volume_cents == 2_000_000)
            target = wire.ProtoOAAmendPositionSLTPReq(
                ctidTraderAccountId=NETTED_ID,
                positionId=position_id,
                stopLoss=1.13,
                takeProfit=1.14,
            )
            async with frame_client(served.simulator, NETTED_ID) as other:
                await other.ask(target)
            await wait_until(lambda: book.positions[position_id].take_profit is not None)
        assert (await adding)["protection"] == "set"
        position = book.positions[position_id]
        assert (position.stop_loss, position.take_profit) == (Decimal("1.12"), Decimal("1.14"))


async def test_a_stop_loss_is_exact_though_the_market_has_passed_the_take_profit() -> None:
    async with live_platform() as served:
        await slip(served, "alpha")
        result = await served.buy(stop_loss=Decimal("1.12"), take_profit=Decimal("1.13"))
        assert (result["protection"], result["stopLoss"]) == ("failed", 1.12)
        assert "TP for BUY" in result["error"]


async def test_a_level_that_no_price_can_reach_is_not_told_as_protection() -> None:
    async with live_platform() as served:  # no quote is known yet, so it cannot be refused before
        result = await served.buy(stop_loss=Decimal(2), stop_loss_units=Units.DISTANCE)
        assert (result["success"], result["protection"]) == (True, "failed")
        assert "below zero" in result["error"]
