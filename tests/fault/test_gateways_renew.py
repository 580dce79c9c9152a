"""Two gateway processes on one set of accounts, with OpenBao and Redis, for simulated months."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checker.gateway_process import GatewaySpec
from checker.gateways import Gateway
from fxpool.auth.tokens import MARGIN
from fxpool.simulator import Simulator, SimulatorOptions
from fxpool.simulator.tokens import Grant, TokenKeeper
from harness.fast_clock import CalendarClock
from harness.openbao import ROOT_TOKEN, OpenBao, running_openbao
from harness.redis import PASSWORD, RedisServer, running_redis
from harness.wait import wait_until

SPEED = 20.0
DAYS_PER_SECOND = 5.0
PERIODS = 2
LIFETIME = timedelta(seconds=2_628_000)
ACCOUNTS = {"12345": "alpha", "12346": "beta"}


class Renewals:
    """Hears of every refresh token that the broker is shown, and when.

    Attributes:
        done: when a pair was replaced.
        given: what replaced each.
        shown: how often each refresh token was shown.
    """

    def __init__(self, tokens: TokenKeeper, clock: CalendarClock) -> None:
        self.done: list[datetime] = []
        self.given: list[Grant] = []
        self.shown: Counter[str] = Counter()
        self._tokens, self._clock, self._refresh = tokens, clock, tokens.refresh
        tokens.refresh = self._heard  # type: ignore[method-assign] # the broker's, listened to

    def _heard(self, refresh_token: str, at_ms: int | None = None) -> tuple[Grant, Grant]:
        self.shown[refresh_token] += 1
        grants = self._refresh(refresh_token, at_ms)
        self.done.append(self._clock.at())
        self.given.append(grants[1])
        return grants


def consent(openbao: OpenBao, simulator: Simulator, at: datetime) -> None:
    """Put a pair of now into the vault, for all accounts."""
    at_ms = int(at.timestamp() * 1000)
    grant = simulator.venue.tokens.grant(simulator.grant.account_ids, at_ms=at_ms)
    entry = {
        "access_token": grant.access_token,
        "refresh_token": grant.refresh_token,
        "obtained_at": at_ms,
        "expires_in": simulator.options.profile.token_lifetime,
    }
    for login in ACCOUNTS:
        openbao.ask("POST", f"secret/data/ctrader/accounts/{login}", {"data": entry})


def gateway(
    number: int,
    folder: Path,
    simulator: Simulator,
    servers: tuple[OpenBao, RedisServer],
    clock: CalendarClock,
) -> Gateway:
    openbao, redis = servers
    routing = {
        key: {"platform": "ctrader", "environment": "demo", "login": login}
        for login, key in ACCOUNTS.items()
    }
    place = folder / f"g{number}"
    place.mkdir()
    (place / "routing.json").write_text(json.dumps({"accounts": routing}))
    settings: dict[str, Any] = {
        "client_id": simulator.credentials.client_id,
        "client_secret": simulator.credentials.client_secret,
        "demo_host": simulator.host,
        "demo_port": simulator.port,
        "ca_file": simulator.ca_file,
        "data_dir": place,
        "routing_config": place / "routing.json",
        "vault_addr": openbao.address,
        "vault_token": ROOT_TOKEN,
        "redis_host": "127.0.0.1",
        "redis_port": redis.port,
        "redis_password": PASSWORD,
        "instance": f"g{number}",
    }
    return Gateway(
        number, GatewaySpec(settings, clock, place / "log"), [*ACCOUNTS.values()], lambda _: None
    )


async def all_healthy(gateways: Sequence[Gateway]) -> None:
    """Wait until all accounts of all gateways are live."""
    async with asyncio.timeout(20):
        for one in gateways:
            while not await one.is_healthy():  # noqa: ASYNC110 (health is asked, not awaited)
                await asyncio.sleep(0.05)


@pytest.mark.timeout(180)
async def test_two_gateways_renew_a_pair_once_a_period(tmp_path: Path) -> None:
    clock = CalendarClock(time.time(), SPEED, DAYS_PER_SECOND, days_behind=200)
    options = SimulatorOptions(ticks_per_second=0)
    with running_openbao() as openbao, running_redis() as redis:
        async with AsyncExitStack() as stack:
            simulator = await stack.enter_async_context(Simulator(options, clock))
            renewals = Renewals(simulator.venue.tokens, clock)
            two = [gateway(n, tmp_path, simulator, (openbao, redis), clock) for n in range(2)]
            serving = [asyncio.create_task(one.serve(), name=one.name) for one in two]
            try:
                for one in two:
                    await asyncio.wait_for(one.up.wait(), 60)
                began = clock.at()
                consent(openbao, simulator, began)
                await wait_until(lambda: len(renewals.done) >= PERIODS, within=25)
                await all_healthy(two)
                alive = Counter(one.lives for one in two)
            finally:
                for task in serving:
                    task.cancel()
                await asyncio.wait(serving)
            stored = openbao.ask("GET", "secret/data/ctrader/accounts/12346")["data"]["data"]
    assert alive == {1: 2}, "a gateway died: " + "".join(one.log() for one in two)
    assert set(renewals.shown.values()) == {1}
    assert len(renewals.done) == PERIODS
    first, second = renewals.done
    for period in (first - began, second - first):
        assert LIFETIME - 4 / 3 * MARGIN <= period <= LIFETIME
    assert stored["access_token"] == renewals.given[-1].access_token
