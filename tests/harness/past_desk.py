"""An account with weeks of past on a simulated broker, and the keeper that reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from fxpool.account import Account, Phase
from fxpool.clock import SystemClock
from fxpool.history import HistoryKeeper, HistoryStore
from fxpool.mapping.instants import ms_from_instant
from fxpool.openapi.proto.messages_pb2 import ProtoOAClosePositionReq, ProtoOANewOrderReq
from fxpool.openapi.proto.model_pb2 import BUY, MARKET
from fxpool.platforms.past_feed import PastFeed
from fxpool.pool import Environment, Pool, Seat
from fxpool.simulator import Simulator, SimulatorOptions
from fxpool.simulator.engine.book import Book
from harness.accounts import USD_ACCOUNT, Recorder, credentials, endpoint
from harness.past import EURUSD, STEP, trade_at_random
from harness.wait import wait_until


class EarlierClock(SystemClock):
    """The machine's clock as it was some time ago."""

    def __init__(self, ago: timedelta) -> None:
        self._ago = ago

    def at(self) -> datetime:
        return datetime.now(UTC) - self._ago


@dataclass
class PastDesk:
    """A live account, and what the broker knows of its past."""

    simulator: Simulator
    account: Account
    keeper: HistoryKeeper

    @property
    def book(self) -> Book:
        return self.simulator.venue.engine.books[USD_ACCOUNT]

    async def buy(self) -> int:
        """Open a position of 0.01 lots; return its id."""
        request = ProtoOANewOrderReq(
            ctidTraderAccountId=USD_ACCOUNT,
            symbolId=EURUSD,
            orderType=MARKET,
            tradeSide=BUY,
            volume=STEP,
        )
        return (await self.account.channel.trade(request)).final.position.positionId

    async def close(self, position_id: int) -> None:
        """Close a position that ``buy`` opened."""
        request = ProtoOAClosePositionReq(
            ctidTraderAccountId=USD_ACCOUNT, positionId=position_id, volume=STEP
        )
        await self.account.channel.trade(request)

    async def live(self) -> None:
        await wait_until(lambda: self.account.state.phase is Phase.LIVE, within=15)


class NoPause(Random):
    """Chance without any: a link that was cut is opened again at once."""

    def random(self) -> float:
        return 0.0


def make_past(simulator: Simulator, ago: timedelta, chance: Random, *, steps: int = 300) -> None:
    """Trade a little for most of the time, and more than one page a week in the last days."""
    begin = ms_from_instant(datetime.now(UTC) - ago) + 60_000
    end = ms_from_instant(datetime.now(UTC)) - 60_000
    busy = end - timedelta(days=5) // timedelta(milliseconds=1)
    engine = simulator.venue.engine
    trade_at_random(engine, USD_ACCOUNT, begin_ms=begin, end_ms=busy, steps=steps, chance=chance)
    trade_at_random(engine, USD_ACCOUNT, begin_ms=busy, end_ms=end, steps=1700, chance=chance)
    simulator.jump_clock(ago.total_seconds())


@asynccontextmanager
async def past_desk(
    store: HistoryStore,
    *,
    ago: timedelta = timedelta(days=28),
    options: SimulatorOptions | None = None,
    simulator: Simulator | None = None,
    steps: int = 300,
    chance: Random | None = None,
) -> AsyncIterator[PastDesk]:
    """Serve an account with a past until the block ends; ``simulator`` is one that runs already.

    ``steps`` is how much it traded before its last days, ``chance`` spreads the reconnects.
    """
    if simulator is None:
        options = options or SimulatorOptions(ticks_per_second=0)
        async with Simulator(options, EarlierClock(ago)) as new:
            make_past(new, ago, Random(3), steps=steps)
            async with past_desk(store, simulator=new, chance=chance) as desk:
                yield desk
        return
    clock = SystemClock()
    grant = simulator.new_grant((USD_ACCOUNT,))
    at = {Environment.DEMO: endpoint(simulator)}
    async with Pool(at, credentials(simulator), clock=clock, random=chance or Random(1)) as pool:
        observer = PastFeed(Recorder())
        account = Account("alpha", pool, observer, clock=clock)
        observer.keeper = keeper = HistoryKeeper(
            account, store, clock=clock, gate=asyncio.Semaphore(2)
        )
        seat = Seat(USD_ACCOUNT, Environment.DEMO, lambda: grant.access_token)
        tasks = [asyncio.create_task(account.serve(seat)), asyncio.create_task(keeper.run())]
        desk = PastDesk(simulator, account, keeper)
        try:
            await desk.live()
            yield desk
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
