"""An account on a simulated broker: the real driver, pool and sessions over a loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from random import Random

from fxpool.account import Account, AccountState, MarginCheck, Phase, Tickets, Trading, Trigger
from fxpool.account.events import BookEvent
from fxpool.clock import SystemClock
from fxpool.domain.requests import OrderIntent
from fxpool.domain.tickets import Ticket
from fxpool.domain.trades import OrderType, Side
from fxpool.pool import ApplicationCredentials, Endpoint, Environment, Pool, Seat
from fxpool.simulator import Simulator, SimulatorOptions
from harness.journals import journal_beside
from harness.wait import wait_until

EURUSD = 1
GBPUSD = 2
USD_ACCOUNT = 10012345
EUR_ACCOUNT = 10012346
NETTED_ACCOUNT = 10012347
LOT_CENTS = 10_000_000
"""One lot of a currency pair, in cents of a unit."""


@dataclass
class Recorder:
    """Keeps what an account tells its observer."""

    events: list[BookEvent] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    quotes: int = 0
    unknown: list[Ticket] = field(default_factory=list)
    resolved: list[Ticket] = field(default_factory=list)
    unjournaled: list[Ticket] = field(default_factory=list)

    def quoted(self, symbol_id: int) -> None:
        self.quotes += 1

    def changed(self, events: Sequence[BookEvent]) -> None:
        self.events += events

    def moved(self, trigger: Trigger, state: AccountState) -> None:
        self.triggers.append(trigger)

    def ticket_unknown(self, ticket: Ticket) -> None:
        self.unknown.append(ticket)

    def ticket_resolved(self, ticket: Ticket) -> None:
        self.resolved.append(ticket)

    def exit_unjournaled(self, ticket: Ticket, why: str) -> None:
        self.unjournaled.append(ticket)

    def restored(self, gap_seconds: float) -> None:
        self.gaps.append(gap_seconds)

    def of(self, kind: type[BookEvent]) -> list[BookEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Desk:
    """One account being served, and the broker behind it."""

    simulator: Simulator
    pool: Pool
    account: Account
    trading: Trading
    told: Recorder

    async def live(self) -> None:
        await wait_until(lambda: self.account.state.phase is Phase.LIVE)

    async def cut(self) -> None:
        """Cut all links and keep the broker unreachable."""
        await self.simulator.stop_accepting()
        self.simulator.cut_all()
        await wait_until(lambda: self.account.state.phase is Phase.RECONNECTING)

    def quote(self, bid: str, ask: str, symbol: str = "EURUSD") -> None:
        self.simulator.quote(symbol, Decimal(bid), Decimal(ask))


def market(side: Side, lots: str = "0.1", **protection: Decimal | None) -> OrderIntent:
    """Return a market order on EURUSD."""
    volume = int(Decimal(lots) * LOT_CENTS)
    return OrderIntent(EURUSD, side, OrderType.MARKET, volume, "", **protection)


def endpoint(simulator: Simulator) -> Endpoint:
    return Endpoint(simulator.host, simulator.port, ca_file=simulator.ca_file)


def credentials(simulator: Simulator) -> ApplicationCredentials:
    known = simulator.credentials
    return ApplicationCredentials(known.client_id, known.client_secret)


@asynccontextmanager
async def open_desk(
    account_id: int = USD_ACCOUNT,
    options: SimulatorOptions | None = None,
    silent_seconds: float = 60.0,
    margin_check: MarginCheck = MarginCheck.REFUSE,
) -> AsyncIterator[Desk]:
    """Serve one account of a simulator whose market stands still unless told otherwise."""
    clock = SystemClock()
    ids = (f"test-{number}" for number in count(1))
    async with (
        Simulator(options or SimulatorOptions(ticks_per_second=0)) as simulator,
        Pool(
            {Environment.DEMO: endpoint(simulator)},
            credentials(simulator),
            clock=clock,
            random=Random(1),
        ) as pool,
        journal_beside(simulator.ca_file.parent) as journal,
    ):
        told = Recorder()
        account = Account("alpha", pool, told, clock=clock, silent_seconds=silent_seconds)
        tickets = Tickets("alpha", journal, told, clock=clock, new_id=lambda: next(ids))
        account.heard = tickets.heard
        trading = Trading(
            account,
            clock=clock,
            new_id=lambda: next(ids),
            tickets=tickets,
            margin_check=margin_check,
        )
        seat = Seat(account_id, Environment.DEMO, lambda: simulator.grant.access_token)
        serving = asyncio.create_task(account.serve(seat))
        desk = Desk(simulator, pool, account, trading, told)
        try:
            await desk.live()
            yield desk
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
