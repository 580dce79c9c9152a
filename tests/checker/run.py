"""One run: a broker, gateways as processes, clients, troubles; then quiet, and the verdict."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from checker.broker import ledger_of
from checker.clients import MID, Client
from checker.gateway_process import GatewaySpec
from checker.gateways import Gateway
from checker.history import Observed, Operation, Outcome
from checker.plan import Act, Plan, Step
from checker.servers import servers_of
from checker.troubles import Troubles
from checker.verdict import Rule, Violation, has_lasting, open_tickets, violations
from fxpool.simulator import Profile, Simulator, SimulatorOptions
from fxpool.simulator.engine.rules import Rules
from harness.fast_clock import FastClock
from harness.wait import wait_until

SPEED = 8.0
QUIET_SECONDS = 90.0
"""How long, of the machine's time, it may take until every promise is kept."""

LIVE_SECONDS = 180.0
"""How long the gateways of a run may take to begin: many start at once on a shared machine."""

LOOK_SECONDS = 0.2
ACCOUNTS = ("alpha", "beta")


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended."""

    plan: Plan
    seen: Observed
    found: tuple[Violation, ...]
    troubles: int
    kills: int
    seconds: float
    logs: str

    def counts(self) -> Counter[str]:
        """Return the numbers of a summary."""
        outcomes = Counter(one.outcome.value for one in self.seen.operations)
        return Counter(
            {
                "runs": 1,
                "operations": len(self.seen.operations),
                **outcomes,
                "resolved": sum(one.outcome is Outcome.UNKNOWN for one in self.seen.operations)
                if not self.found
                else 0,
                "faults": self.troubles,
                "unjournaled": len(self.seen.ticketless),
                "kills": self.kills,
                "violations": len(self.found),
            }
        )

    def __str__(self) -> str:
        """Return all that somebody who looks for the cause needs."""
        broken = "\n".join(f"  {one}" for one in self.found)
        done = "\n".join(f"  {one}" for one in self.seen.operations)
        notes = "\n".join(f"  {note}" for note in self.seen.notes)
        return (
            f"seed {self.plan.seed} breaks:\n{broken}\nhistory:\n{done}\nmeanwhile:\n{notes}\n"
            f"again: make soak FROM={self.plan.seed} SEEDS=1\n"
        )


async def run(
    plan: Plan, folder: Path, *, certificates: Path | None = None, patience: float = QUIET_SECONDS
) -> Report:
    """Carry a plan out and compare. ``certificates`` is a folder that runs may share."""
    began = time.monotonic()
    async with _stage(plan, folder, certificates) as stage:
        await asyncio.gather(*(_work(stage, client, steps) for client, steps in stage.cast(plan)))
        await stage.simulator.striker.clear()
        stage.note("quiet")
        seen, found = await _settle(stage, patience)
        return Report(
            plan,
            seen,
            tuple(found),
            stage.troubles.count,
            sum(gateway.kills for gateway in stage.gateways),
            time.monotonic() - began,
            "\n".join(gateway.log() for gateway in stage.gateways) if found else "",
        )


@dataclass
class _Stage:
    simulator: Simulator
    gateways: list[Gateway]
    clock: FastClock
    operations: list[Operation]
    notes: list[str]
    note: Callable[[str], None]
    troubles: Troubles

    def cast(self, plan: Plan) -> list[tuple[Client, tuple[Step, ...]]]:
        """Return each client with its steps."""
        return [
            (
                Client(
                    f"s{plan.seed}c{number}",
                    ACCOUNTS[number % len(ACCOUNTS)],
                    self.gateways,
                    self.clock,
                    self.operations,
                ),
                steps,
            )
            for number, steps in enumerate(plan.clients)
        ]

    async def look(self) -> Observed:
        """Return what there is to see now. Raises httpx.HTTPError."""
        books = {
            (gateway.name, account): await gateway.book(account)
            for gateway in self.gateways
            for account in ACCOUNTS
        }
        for gateway in self.gateways:
            if not await gateway.is_healthy():
                raise httpx.RequestError(f"{gateway.name} is not healthy")
        return self.observed(books, await self.gateways[0].tickets())

    def observed(self, books: Mapping[Any, Any] | None = None, tickets: Any = ()) -> Observed:
        return Observed(
            tuple(self.operations),
            {account: ledger_of(self.simulator, account) for account in ACCOUNTS},
            tickets,
            books or {},
            tuple(stream for gateway in self.gateways for stream in gateway.streams),
            tuple(
                stream
                for gateway in self.gateways
                for stream in gateway.subscriber.streams.values()
            ),
            tuple(each for gateway in self.gateways for each in gateway.ticketless_exits()),
            tuple(self.notes),
        )


@asynccontextmanager
async def _stage(plan: Plan, folder: Path, certificates: Path | None) -> AsyncIterator[_Stage]:
    clock = FastClock(time.time(), SPEED)
    options = SimulatorOptions(
        ticks_per_second=0,
        oauth_port=0,
        folder=certificates,
        profile=Profile(rules=Rules(execution_delay_ms=plan.delay_ms)),
    )
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(f"{int(clock.at().timestamp() * 1000) % 10**7:>8} {text}")

    async with servers_of(plan, folder) as servers, Simulator(options, clock) as simulator:
        simulator.quote("EURUSD", MID, MID + Decimal("0.00010"))
        settings = _settings(simulator, folder) | servers.settings
        gateways = []
        for number in range(plan.gateways):
            own = settings | {"instance": f"g{number}"}
            spec = GatewaySpec(own, clock, folder / f"gateway-{number}.log", plan.plant)
            gateways.append(Gateway(number, spec, ACCOUNTS, note))
        troubles = Troubles(simulator, gateways, clock, servers, note)
        serving = [asyncio.create_task(gateway.serve(), name=gateway.name) for gateway in gateways]
        for task in serving:
            task.add_done_callback(partial(_note_failure, note))
        stage = _Stage(simulator, gateways, clock, [], notes, note, troubles)
        try:
            await _until_live(gateways)
            yield stage
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)


def _note_failure(note: Callable[[str], None], task: asyncio.Task[None]) -> None:
    """Tell why a gateway is not started again."""
    if not task.cancelled() and (error := task.exception()) is not None:
        note(f"{task.get_name()} is not started again: {error!r}")


def _settings(simulator: Simulator, folder: Path) -> dict[str, Any]:
    routing = folder / "routing-config.json"
    routing.write_text(ROUTING)
    return {
        "client_id": simulator.credentials.client_id,
        "client_secret": simulator.credentials.client_secret,
        "access_token": simulator.grant.access_token,
        "refresh_token": simulator.grant.refresh_token,
        "token_url": f"{simulator.oauth_url}/apps/token",
        "demo_host": simulator.host,
        "demo_port": simulator.port,
        "ca_file": simulator.ca_file,
        "routing_config": routing,
        "order_settle_seconds": 2.0,
        "pool_host": "127.0.0.1",
        "pool_api_key": "",
        "vault_addr": "",
    }


ROUTING = """{"accounts": {
  "alpha": {"platform": "ctrader", "environment": "demo", "accountId": "12345"},
  "beta": {"platform": "ctrader", "environment": "demo", "accountId": "12346"}
}}"""


async def _until_live(gateways: list[Gateway]) -> None:
    try:
        async with asyncio.timeout(LIVE_SECONDS):
            for gateway in gateways:
                await gateway.up.wait()
                while not await gateway.is_healthy():  # noqa: ASYNC110 (a process is asked)
                    await asyncio.sleep(0.02)
                await wait_until(partial(_hears_all, gateway), within=LIVE_SECONDS)
    except TimeoutError:
        logs = "\n".join(gateway.log() for gateway in gateways)
        raise AssertionError(f"not live and heard within {LIVE_SECONDS} s:\n{logs}") from None


def _hears_all(gateway: Gateway) -> bool:
    return len(gateway.streams) >= len(ACCOUNTS) and gateway.subscriber.hears_all


async def _work(stage: _Stage, client: Client, steps: tuple[Step, ...]) -> None:
    for step in steps:
        act, _ = client.target_of(step)
        intent = client.new_intent()
        async with stage.troubles.around(step, act, client.account, intent):
            if act is Act.QUOTE:
                _move_market(stage.simulator, step)
            else:
                await client.do(step, intent)


def _move_market(simulator: Simulator, step: Step) -> None:
    """Move the quote by up to 15 pips around its middle: some resting orders fill."""
    bid = MID + Decimal(int((step.pick - 0.5) * 300)) / 100_000
    simulator.quote("EURUSD", bid, bid + Decimal("0.00010"))


async def _settle(stage: _Stage, patience: float) -> tuple[Observed, list[Violation]]:
    """Wait until nothing is open and every promise is kept; return what is broken then."""
    deadline = time.monotonic() + patience
    seen = stage.observed()
    found: list[Violation] = []
    why = "the gateways never answered"
    while time.monotonic() < deadline:
        try:
            seen = await stage.look()
        except (httpx.HTTPError, RuntimeError) as exc:
            why = f"{type(exc).__name__}: {exc}"
        else:
            why = ""
            found = violations(seen)
            if not found or (has_lasting(found, seen) and not open_tickets(seen.tickets)):
                break
        await asyncio.sleep(LOOK_SECONDS)
    if why:
        stage.note(f"not quiet: {why}")
        seen = stage.observed()
        found = [*violations(seen), Violation(Rule.QUIET, why)]
    return seen, found
