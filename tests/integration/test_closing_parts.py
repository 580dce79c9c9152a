"""Closes that name a volume: a part is not taken twice, and the whole is never too little."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from fxpool.account import Phase
from fxpool.platforms.base import CloseRequest
from fxpool.platforms.words import RETRY_WORDS
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.platforms import live_platform
from harness.wait import wait_until

EURUSD = 1
CLOSE = 2111


@pytest.mark.parametrize(
    ("lots", "may_be_tried_again"), [("0.1", False), ("0.5", True), (None, True)]
)
async def test_only_the_close_of_a_whole_position_may_be_tried_again_when_its_answer_is_lost(
    lots: str | None, may_be_tried_again: bool
) -> None:
    async with live_platform() as served:
        position_id = (await served.buy("0.5"))["positionId"]
        unclear = Fault(FaultKind.REFUSE, CLOSE, code="UNKNOWN_ERROR", text="no response")
        served.simulator.faults.stand(unclear)
        volume = None if lots is None else Decimal(lots)
        result = await served.platform.close_position("alpha", CloseRequest(position_id, volume))
        assert (result["outcome"], result["retryable"]) == ("unknown", may_be_tried_again)
        asks = any(word in result["error"].lower() for word in RETRY_WORDS)
        assert asks is may_be_tried_again


async def test_a_part_whose_link_was_cut_is_told_as_unknown_without_a_word_to_try_again() -> None:
    async with live_platform() as served:
        position_id = (await served.buy("0.5"))["positionId"]
        served.simulator.faults.cut_before_answer(CLOSE)
        part = CloseRequest(position_id, Decimal("0.1"))
        result = await served.platform.close_position("alpha", part)
        assert (result["outcome"], result["code"]) == ("unknown", "OUTCOME_UNKNOWN")
        assert not any(word in result["error"].lower() for word in RETRY_WORDS)
        settled = await served.platform.wait_ticket(result["ticketId"], 10.0)
        assert settled["outcome"] == "executed"
        await served.phase("alpha", Phase.LIVE)
        (position,) = (await served.platform.positions("alpha"))["positions"]
        assert position["volume"] == 0.4


async def test_a_whole_position_below_the_smallest_volume_of_now_is_left_to_the_broker() -> None:
    async with live_platform() as served:
        position_id = (await served.buy("0.02"))["positionId"]
        venue = served.simulator.venue
        venue.change_symbol(replace(venue.engine.symbols[EURUSD], min_volume=1_000_000))
        known = served.platform._accounts["alpha"].account.live.book.symbols
        await wait_until(lambda: known[EURUSD].min_volume_cents == 1_000_000)
        whole = CloseRequest(position_id, Decimal("0.02"))
        result = await served.platform.close_position("alpha", whole)
        assert "ticketId" in result, result  # it was sent; this broker minds
