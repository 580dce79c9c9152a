"""Accounts that are not for trading are never traded, whatever the key: no order gets as far as a
ticket, and every order has a ticket before it leaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.domain.permissions import Operation
from fxpool.gateway import create_app
from fxpool.gateway.access.operations import each_route, operation_of
from fxpool.platforms.assembly import account_keys, platform_from
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest, TradeRequest
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.remote_accounts import RemoteAccounts
from fxpool.platforms.routing import OtherAccountConfig
from fxpool.settings import Settings
from fxpool.simulator import AccessRights, Simulator
from fxpool.simulator.options import DEFAULT_ACCOUNTS
from fxpool.simulator.tokens import Scope
from harness.http_server import serving
from harness.stack import STILL, healthy, settings_for

KINDS = ("readOnly", "view", "NO_TRADING", "CLOSE_ONLY")
BODY = {
    "account_id": "alpha",
    "symbol": "EURUSD",
    "action": "BUY",
    "volume": 0.1,
    "open_price": 1.0,
    "position_id": "1",
    "order_id": "1",
    "stop_loss": 0.9,
}
METAAPI = {
    "actionType": "ORDER_TYPE_BUY",
    "symbol": "EURUSD",
    "volume": 0.1,
    "positionId": "1",
}


@asynccontextmanager
async def account_of(kind: str, folder: Path) -> AsyncIterator[CTraderPlatform]:
    """Serve the account ``alpha`` of a kind."""
    rights = AccessRights[kind] if kind in AccessRights.__members__ else AccessRights.FULL_ACCESS
    specs = (replace(DEFAULT_ACCOUNTS[0], access_rights=rights), *DEFAULT_ACCOUNTS[1:])
    entry = {"platform": "ctrader", "environment": "demo", "accountId": "12345"}
    routing = folder / "routing-config.json"
    routing.write_text(
        json.dumps({"accounts": {"alpha": {**entry, "readOnly": kind == "readOnly"}}})
    )
    async with Simulator(replace(STILL, accounts=specs)) as simulator:
        settings = settings_for(simulator, routing)
        if kind == "view":
            grant = simulator.new_grant(simulator.grant.account_ids, Scope.VIEW)
            token = SecretStr(grant.access_token)
            settings = settings.model_copy(update={"access_token": token})
        platform = CTraderPlatform.from_settings(settings)
        await platform.open()
        try:
            await healthy(platform)
            simulator.quote("EURUSD", Decimal("1.1"), Decimal("1.1001"))
            yield platform
        finally:
            await platform.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_no_trading_route_reaches_the_broker(kind: str, tmp_path: Path) -> None:
    trading = {Operation.PLACE, Operation.AMEND, Operation.CLOSE}
    if kind == "CLOSE_ONLY":
        trading = {Operation.PLACE}
    async with account_of(kind, tmp_path) as platform:
        app = create_app(platform)
        transport = httpx.ASGITransport(app)
        seen = 0
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for route in each_route(app.routes):
                if not isinstance(route, APIRoute):
                    continue
                if operation_of(route.endpoint, route.path) not in trading:
                    continue
                path = route.path.replace("{account_id}", "alpha").replace("{accountId}", "alpha")
                is_metaapi = path.startswith("/users/")
                response = await client.post(path, json=METAAPI if is_metaapi else BODY)
                assert is_refused(response), f"{path}: {response.text}"
                seen += 1
        assert seen >= (2 if kind == "CLOSE_ONLY" else 8)
        assert (await platform.tickets("alpha"))["count"] == 0


def is_refused(response: httpx.Response) -> bool:
    """Whether an answer says that nothing was done, in one of its forms."""
    body = response.json()
    done_codes = {0, 10008, 10009, 10010, 10025}
    if "numericCode" in body:
        return body["numericCode"] not in done_codes
    if body.get("message") == "no position is open":
        return True
    return body.get("outcome") == "not_executed" or response.status_code in {400, 403, 422}


async def test_a_read_only_account_of_another_pool_is_never_traded_there() -> None:
    asked: list[str] = []

    async def pool(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    accounts = [
        OtherAccountConfig("dx", "dxtrade", login="9", read_only=True),
        OtherAccountConfig("off", "dxtrade", enabled=False),
    ]
    async with serving(pool) as url:
        platform = RemoteAccounts(url, accounts, name="dxtrade", clock=SystemClock())
        for name in ("dx", "9", "off"):
            results: list[Any] = [
                await platform.execute(name, TradeRequest("EURUSD", "BUY", Decimal(1))),
                await platform.modify_position(name, ProtectionRequest("1")),
                await platform.modify_order(name, OrderChange("1")),
                await platform.close_position(name, CloseRequest("1")),
                await platform.close_positions(name),
                await platform.cancel_order(name, "1"),
            ]
            assert {result["outcome"] for result in results} == {"not_executed"}
            codes = {result["code"] for result in results}
            assert codes == {"ACCOUNT_DISABLED" if name == "off" else "READ_ONLY"}
        await platform.close()
    assert asked == []


async def test_keys_may_be_for_accounts_of_every_platform(tmp_path: Path) -> None:
    routing = tmp_path / "routing-config.json"
    accounts = {
        "ct": {"platform": "ctrader", "environment": "demo", "accountId": "12345"},
        "mt": {"platform": "mt5", "accountId": "777"},
        "dx": {"platform": "dxtrade", "readOnly": True},
    }
    routing.write_text(json.dumps({"accounts": accounts}))
    settings = Settings(
        client_id="id",
        client_secret=SecretStr("planted"),
        routing_config=routing,
        data_dir=tmp_path,
        dxtrade_pool_url="http://127.0.0.1:1",
    )
    assert account_keys(settings) == {"ct", "mt", "dx"}
    platform = await platform_from(settings)
    assert platform.key_of("777") == "mt"
    refused = await platform.execute("dx", TradeRequest("EURUSD", "BUY", Decimal(1)))
    assert refused["code"] == "READ_ONLY"
