"""A platform whose account has a past of any length, on a simulated broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random

from pydantic import SecretStr

from fxpool.account import Phase
from fxpool.mapping.instants import ms_from_instant
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.routing import AccountConfig
from fxpool.simulator import Simulator
from fxpool.simulator.tokens import Scope
from harness.accounts import USD_ACCOUNT
from harness.past import trade_at_random
from harness.past_desk import EarlierClock
from harness.platforms import ALPHA, STILL, Served, settings_for
from harness.wait import wait_until


@asynccontextmanager
async def past_platform(
    *, ago: timedelta, steps: int, account: AccountConfig = ALPHA, scope: Scope = Scope.TRADE
) -> AsyncIterator[Served]:
    """Run a platform whose account was opened some time ago and traded at random since."""
    async with Simulator(STILL, EarlierClock(ago)) as simulator:
        if steps:
            trade_at_random(
                simulator.venue.engine,
                USD_ACCOUNT,
                begin_ms=ms_from_instant(datetime.now(UTC) - ago) + 60_000,
                end_ms=ms_from_instant(datetime.now(UTC)) - 60_000,
                steps=steps,
                chance=Random(7),
            )
        simulator.jump_clock(ago.total_seconds())
        grant = simulator.new_grant((USD_ACCOUNT,), scope)
        settings = settings_for(simulator).model_copy(
            update={"access_token": SecretStr(grant.access_token)}  # the first one is old by now
        )
        platform = CTraderPlatform.from_settings(settings, accounts=[account])
        await platform.open()
        served = Served(simulator, platform)
        try:
            live = platform._accounts[account.key].live
            await wait_until(lambda: live.state.phase is Phase.LIVE, within=20)
            served.quote("1.12560", "1.12570")
            yield served
        finally:
            await platform.close()
