"""A broker that does not find a new position in the first moments (SW-47)."""

from __future__ import annotations

from decimal import Decimal

from fxpool.account import Protection
from fxpool.domain.trades import Side
from fxpool.simulator import Profile, Rules, SimulatorOptions
from harness.accounts import EURUSD, market, open_desk


async def test_a_correction_waits_for_a_position_that_is_not_found_yet() -> None:
    profile = Profile(rules=Rules(amend_delay_ms=60))
    async with open_desk(options=SimulatorOptions(ticks_per_second=0, profile=profile)) as desk:
        await desk.account.quote(EURUSD)
        desk.simulator.stall_spots()
        desk.quote("1.12660", "1.12670")  # the fill slips, so that a correction is needed
        placed = await desk.trading.place(market(Side.BUY, stop_loss=Decimal("1.12011")))
        assert placed.protection is Protection.SET
        assert placed.position is not None
        assert placed.position.stop_loss == Decimal("1.12011")
