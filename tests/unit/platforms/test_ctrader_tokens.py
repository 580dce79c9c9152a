"""Where an account's tokens are looked for, and what is kept apart from the environment's."""

from __future__ import annotations

from pathlib import Path
from random import Random

from fxpool.auth import TokenKeeper
from fxpool.auth.environment import EnvironmentStore
from fxpool.auth.secrets import WithFallback
from fxpool.platforms.ctrader_tokens import secret_paths
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment
from fxpool.settings import Settings
from harness.tokens import TokenWorld


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
    keeper = TokenKeeper(store, world.service, clock=world.clock, random=Random(1), owner="one")
    keeper.add("alpha", ["ctrader/accounts/12345", "ctrader/accounts/alpha"])
    await keeper.read_all()
    assert keeper.access_token("alpha") == "from-the-environment"
    assert not keeper.status("alpha").can_renew
    await world.store_first_pair(["alpha"])
    await keeper.read_all()
    assert keeper.access_token("alpha") == world.first.access_token
    assert keeper.status("alpha").can_renew
