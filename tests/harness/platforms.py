"""A cTrader platform on a simulated broker, in this process and without a gateway."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from fxpool.account import Phase
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import TradeRequest
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.events import Event, EventSubscription
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment
from fxpool.settings import Settings
from fxpool.simulator import Simulator, SimulatorOptions

STILL = SimulatorOptions(ticks_per_second=0)
ALPHA = AccountConfig("alpha", Environment.DEMO, login="12345", name="Alpha demo")
BETA = AccountConfig("beta", Environment.DEMO, login="12346")


@dataclass(frozen=True, slots=True)
class Served:
    """A platform and the broker behind it."""

    simulator: Simulator
    platform: CTraderPlatform

    async def phase(self, account: str, phase: Phase) -> None:
        """Wait until an account is in a phase."""

        async def current() -> str:
            return (await self.platform.health())["details"][account]["phase"]

        async with asyncio.timeout(5):
            while await current() != phase.value:  # noqa: ASYNC110 (health is asked, not awaited)
                await asyncio.sleep(0.002)

    def quote(self, bid: str, ask: str, symbol: str = "EURUSD") -> None:
        self.simulator.quote(symbol, Decimal(bid), Decimal(ask))

    async def buy(self, lots: str = "0.1", **more: object) -> TradeResult:
        request = TradeRequest("EURUSD", "BUY", Decimal(lots), **more)  # type: ignore[arg-type] # keywords of a test
        return await self.platform.execute("alpha", request)

    async def cut(self) -> None:
        """Cut all links and keep the broker unreachable."""
        await self.simulator.stop_accepting()
        self.simulator.cut_all()
        await self.phase("alpha", Phase.RECONNECTING)


class Heard:
    """Keeps what a subscription delivers."""

    def __init__(self, stream: EventSubscription) -> None:
        self._stream = stream
        self._returned: Counter[str] = Counter()
        self.events: list[Event] = []

    async def until(self, kind: str) -> Event:
        """Wait for the next event of a type that was not returned before."""
        number = self._returned[kind]
        async with asyncio.timeout(5):
            while len(self.of(kind)) <= number:
                self.events += await self._stream.next_batch()
        self._returned[kind] += 1
        return self.of(kind)[number]

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.type == kind]


def settings_for(simulator: Simulator) -> Settings:
    """Return settings that point at a simulated broker."""
    return Settings(
        client_id=simulator.credentials.client_id,
        client_secret=SecretStr(simulator.credentials.client_secret),
        access_token=SecretStr(simulator.grant.access_token),
        demo_host=simulator.host,
        demo_port=simulator.port,
        ca_file=simulator.ca_file,
        data_dir=simulator.ca_file.parent / "data",
        order_settle_seconds=0.5,
    )


def unlinked_settings(
    simulator: Simulator, folder: Path, redirect_uri: str, **changed: Any
) -> Settings:
    """Return settings that point at a simulated broker and have no tokens: consent is asked for."""
    known = {
        "access_token": SecretStr(""),
        "refresh_token": SecretStr(""),
        "redirect_uri": redirect_uri,
        "consent_url": f"{simulator.oauth_url}/my/settings/openapi/grantingaccess/",
        "token_url": f"{simulator.oauth_url}/apps/token",
        "data_dir": folder,
        "vault_addr": "",
    }
    return settings_for(simulator).model_copy(update=known | changed)


@asynccontextmanager
async def open_platform(
    accounts: Sequence[AccountConfig] = (ALPHA,), options: SimulatorOptions = STILL, **changed: Any
) -> AsyncIterator[Served]:
    """Run a platform until the block ends; nothing is waited for. ``changed`` are settings."""
    async with Simulator(options) as simulator:
        settings = settings_for(simulator).model_copy(update=changed)
        platform = CTraderPlatform.from_settings(settings, accounts=accounts)
        await platform.open()
        try:
            yield Served(simulator, platform)
        finally:
            await platform.close()


@asynccontextmanager
async def live_platform(
    accounts: Sequence[AccountConfig] = (ALPHA,), options: SimulatorOptions = STILL, **changed: Any
) -> AsyncIterator[Served]:
    """Run a platform whose accounts are all live, on a market that stands still. ``changed`` are
    settings."""
    async with open_platform(accounts, options, **changed) as served:
        for account in accounts:
            await served.phase(account.key, Phase.LIVE)
        served.quote("1.12560", "1.12570")
        yield served
