"""UnifiedPoolClient, contract 15.1: which platform serves an account, by the routing file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fxpool.client import RoutingFile
from fxpool.client.routes import REWRITE_SECONDS
from fxpool.platforms.base import PlatformError
from harness.client_setup import META, Setup
from harness.clock import ManualClock

BUY: dict[str, Any] = {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}


async def test_an_account_is_served_by_the_platform_of_its_entry(setup: Setup) -> None:
    """Contract 15.1, getPoolForAccount."""
    for account, platform in ((META, "metaapi"), ("alpha", "ctrader"), ("dx", "dxtrade")):
        assert (await setup.client.getPoolForAccount(account)).name == platform
    by_login = await setup.client.get_pool_for_account("12346")
    assert by_login.name == "ctrader"


async def test_an_account_that_the_file_does_not_have_is_metaapis(setup: Setup) -> None:
    """Contract 15.1, getAccountConfig."""
    config = await setup.client.getAccountConfig("somebody")
    assert config == {"platform": "metaapi", "region": "new-york"}
    alpha = await setup.client.get_account_config("alpha")
    assert (alpha["platform"], alpha["environment"]) == ("ctrader", "demo")


async def test_the_file_is_read_again_when_it_changes(setup: Setup) -> None:
    """Contract 8.1, the cache follows file changes."""
    assert (await setup.client.get_account_config("alpha"))["platform"] == "ctrader"
    setup.route({"alpha": {"platform": "dxtrade"}, "beta": {"platform": "ctrader"}})
    assert (await setup.client.get_account_config("alpha"))["platform"] == "dxtrade"
    refused = await setup.client.execute_trade("alpha", None, BUY)
    assert (refused["code"], refused["outcome"]) == ("POOL_UNREACHABLE", "not_executed")


async def test_a_file_that_stays_unreadable_stops_trading_and_not_reading(setup: Setup) -> None:
    """Contract 8.1, an unreadable file is an error for every call that trades."""
    clock = ManualClock()
    routes = RoutingFile(setup.routing, clock=clock)
    setup.client._routes = routes  # the setup's own clock cannot be moved
    bought = await setup.client.execute_trade("alpha", None, BUY)
    assert bought["success"]
    setup.routing.write_text('{"accounts": {"alpha": {"pla')
    assert (await setup.client.execute_trade("alpha", None, BUY))["success"], "being rewritten"
    clock.advance(REWRITE_SECONDS + 1)
    assert len(await setup.client.get_positions("alpha")) == 2
    for call in (
        setup.client.execute_trade("alpha", None, BUY),
        setup.client.place_limit_order("alpha", None, {**BUY, "openPrice": 0.9}),
        setup.client.close_position("alpha", None, bought["positionId"]),
    ):
        result = await call
        assert (result["code"], result["outcome"]) == ("ROUTING_UNREADABLE", "not_executed")
        assert str(setup.routing) in result["error"]
    for change in (
        setup.client.modify_position("alpha", None, bought["positionId"], 1.0),
        setup.client.cancel_order("alpha", None, "1"),
        setup.client.close_all_positions("alpha"),
    ):
        with pytest.raises(PlatformError, match="routing file"):
            await change
    setup.route({"alpha": {"platform": "ctrader", "environment": "demo"}})
    assert (await setup.client.close_position("alpha", None, bought["positionId"]))["success"]


def test_a_file_that_could_never_be_read_routes_nothing(tmp_path: Path) -> None:
    """Contract 8.1, nothing is guessed without a file."""
    path = tmp_path / "routing-config.json"
    routes = RoutingFile(path, clock=ManualClock())
    with pytest.raises(PlatformError) as caught:
        routes.of("alpha")
    assert (caught.value.status, caught.value.code) == (503, "ROUTING_UNREADABLE")
    assert caught.value.outcome == "not_executed"
    for text, reason in (
        ("[]", "object"),
        ('{"accounts": []}', '"accounts" must be an object'),
        ('{"accounts": {"a": 1}}', "accounts.a must be an object"),
        ('{"accounts": {"a": {"platform": "mt6"}}}', 'accounts.a.platform is "mt6"'),
    ):
        path.write_text(text)
        with pytest.raises(PlatformError, match=reason):
            routes.of("a")


def test_a_name_of_two_accounts_is_an_error(tmp_path: Path) -> None:
    """Contract 2.1, more than one match is an error, never a guess."""
    path = tmp_path / "routing-config.json"
    entry = '{"platform": "ctrader", "accountId": "7"}'
    path.write_text(f'{{"accounts": {{"a": {entry}, "b": {entry}}}}}')
    with pytest.raises(PlatformError) as caught:
        RoutingFile(path, clock=ManualClock()).of("7")
    assert caught.value.status == 409


async def test_a_contradicting_environment_is_refused(setup: Setup) -> None:
    """Contract 2.5, cTrader calls carry the configured environment."""
    setup.route({"alpha": {"platform": "ctrader", "environment": "live"}})
    result = await setup.client.execute_trade("alpha", None, BUY)
    assert (result["code"], result["outcome"]) == ("ENVIRONMENT_MISMATCH", "not_executed")
    setup.route({"alpha": {"platform": "ctrader", "environment": "demo"}})
    assert (await setup.client.execute_trade("alpha", None, BUY))["success"]
