"""Where an account's tokens are looked for, what is kept apart from the environment's, and that
they are kept fresh whatever happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from fxpool.auth import TokenKeeper
from fxpool.auth.environment import EnvironmentStore
from fxpool.auth.secrets import WithFallback
from fxpool.platforms.ctrader_consent import ConsentPages
from fxpool.platforms.ctrader_tokens import (
    RETRY_SECONDS,
    STABLE_SECONDS,
    CTraderTokens,
    TokenSources,
    secret_paths,
)
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import ApplicationCredentials, Environment, Pool
from fxpool.settings import Settings
from fxpool.store.leases import ProcessLeases
from fxpool.store.shared import SharedState
from harness.clock import ManualClock
from harness.tokens import TokenWorld
from harness.wait import wait_until


def test_an_entry_is_looked_for_by_path_then_login_then_key() -> None:
    config = AccountConfig("alpha", Environment.DEMO, login="12345", vault_path="team/alpha")
    assert secret_paths(config) == [
        "team/alpha",
        "ctrader/accounts/12345",
        "ctrader/accounts/alpha",
    ]
    twice = AccountConfig("12345", Environment.DEMO, login="12345")
    assert secret_paths(twice) == ["ctrader/accounts/12345"]


async def test_an_entry_under_any_name_goes_before_the_environment(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    environment = EnvironmentStore(Settings(access_token="from-the-environment"))
    store = WithFallback(world.file(), environment)
    keeper = TokenKeeper(
        store,
        world.service,
        clock=world.clock,
        random=Random(1),
        owner="one",
        application="app",
        leases=ProcessLeases(world.clock),
    )
    keeper.add("alpha", ["ctrader/accounts/12345", "ctrader/accounts/alpha"])
    await keeper.read_all()
    assert keeper.access_token("alpha") == "from-the-environment"
    assert not keeper.status("alpha").can_renew
    await world.store_first_pair(["alpha"])
    await keeper.read_all()
    assert keeper.access_token("alpha") == world.first.access_token
    assert keeper.status("alpha").can_renew


async def test_a_token_keeper_that_ends_is_started_again_after_a_pause_and_says_so(
    tmp_path: Path,
) -> None:
    clock, looks = ManualClock(), 0
    tokens = tokens_of(TokenWorld(tmp_path), clock)

    def parked() -> list[str]:
        nonlocal looks
        looks += 1
        if looks in {1, 2, 4}:
            raise RuntimeError("nobody foresaw this")
        return []

    tokens.open(parked, lambda _: None)
    try:
        await wait_until(lambda: tokens.failure == "renewals stopped, again in 1 s: RuntimeError")
        await passes(clock, RETRY_SECONDS[0])
        await wait_until(lambda: tokens.failure == "renewals stopped, again in 2 s: RuntimeError")
        await passes(clock, RETRY_SECONDS[1])
        await wait_until(lambda: looks == 3)
        assert tokens.failure is None
        await passes(clock, STABLE_SECONDS)
        await wait_until(lambda: tokens.failure == "renewals stopped, again in 1 s: RuntimeError")
    finally:
        await tokens.finish()
        await tokens.close()


def tokens_of(world: TokenWorld, clock: ManualClock) -> CTraderTokens:
    """Return the tokens of a pool without accounts and links."""
    credentials = ApplicationCredentials("id", "secret")
    pages = ConsentPages("https://consent.test", "https://back.test")
    sources = TokenSources(world.file(), None, "https://token.test", pages)
    pool = Pool({}, credentials, clock=clock, random=Random(1))
    return CTraderTokens(
        [],
        sources,
        pool=pool,
        credentials=credentials,
        clock=clock,
        random=Random(1),
        shared=SharedState.alone(clock),
    )


async def passes(clock: ManualClock, seconds: float) -> None:
    """Let time pass once its sleepers are asleep."""
    await wait_until(lambda: clock.sleepers)
    clock.advance(seconds)
    await asyncio.sleep(0)
