"""MetaApi's REST API in front of a cTrader account: what its callers read and send."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.domain.permissions import Permissions, Role
from fxpool.gateway import GatewayServer, create_app
from fxpool.gateway.access import Access
from fxpool.gateway.access.key_ring import KeyRing
from fxpool.mapping import metaapi_formats as shapes
from fxpool.store.access import SqlAccessStore
from harness.metaapi_caller import ACCOUNTS, MetaApiCaller, metaapi_caller
from harness.spy_platform import new_key
from harness.stack import Stack

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
BROKER = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")


@pytest.fixture
async def alpha(stack: Stack) -> AsyncIterator[MetaApiCaller]:
    stack.simulator.quote("EURUSD", Decimal("1.10000"), Decimal("1.10010"))
    async with metaapi_caller(stack.url) as caller:
        yield caller


def well_formed(row: dict[str, Any], shape: Any) -> None:
    """Assert what every entity keeps: all promised keys, none unknown, no null, times by kind."""
    assert msgspec.convert(row, shape) == row
    assert None not in row.values()
    for name, value in row.items():
        if name.lower().endswith("brokertime"):
            assert BROKER.fullmatch(value), name
        elif name.lower().endswith("time"):
            assert ISO.fullmatch(value), name


async def test_accounts_are_listed_and_told_with_the_state_of_their_connection(
    stack: Stack, alpha: MetaApiCaller
) -> None:
    row = await alpha.read()
    well_formed(row, shapes.MetaApiProvisioned)
    assert (row["_id"], row["login"], row["type"], row["version"]) == (
        "alpha",
        "12345",
        "cloud-g2",
        5,
    )
    assert (row["state"], row["connectionStatus"]) == ("DEPLOYED", "CONNECTED")
    async with httpx.AsyncClient(base_url=stack.url) as client:
        listed = (await client.get(ACCOUNTS)).json()
        assert [row["_id"] for row in listed] == ["alpha", "beta"]
        wrapped = await client.get(f"{ACCOUNTS}?limit=1&offset=1", headers={"api-version": "2"})
        assert wrapped.json() == {"count": 2, "items": [listed[1]]}
        one = (await client.get(f"{ACCOUNTS}?query=12346")).json()
        assert [row["_id"] for row in one] == ["beta"]
        assert (await client.get(f"{ACCOUNTS}?connectionStatus=DISCONNECTED")).json() == []
        assert (await client.get(f"{ACCOUNTS}?limit=0")).json()["error"] == "ValidationError"
        by_login = await client.get(f"{ACCOUNTS}/12345/account-information")
        assert by_login.json()["login"] == 12345
    await MetaApiCaller(alpha._client, "omega").refused("", 404, "NotFoundError")


async def test_the_state_of_an_account_has_metaapis_fields(alpha: MetaApiCaller) -> None:
    information = await alpha.read("/account-information")
    well_formed(information, shapes.MetaApiInformation)
    assert (information["platform"], information["login"], information["type"]) == (
        "mt5",
        12345,
        "ACCOUNT_TRADE_MODE_DEMO",
    )
    assert (information["balance"], information["freeMargin"]) == (10_000.0, 10_000.0)
    assert "marginLevel" not in information
    assert information["ctrader"]["simulated"] is True
    assert await alpha.read("/positions") == []
    assert await alpha.read("/orders") == []
    await alpha.refused("/positions/99", 404, "NotFoundError")
    await alpha.refused("/orders/99", 404, "NotFoundError")
    time = await alpha.read("/server-time")
    well_formed(time, shapes.MetaApiServerTime)
    assert time["brokerTime"] == time["time"].replace("T", " ").removesuffix("Z")


async def test_symbols_prices_and_bars_have_metaapis_fields(alpha: MetaApiCaller) -> None:
    names = await alpha.read("/symbols")
    assert {"EURUSD", "XAUUSD"} <= set(names)
    specification = await alpha.read("/symbols/EURUSD/specification")
    well_formed(specification, shapes.MetaApiSpecification)
    assert (specification["digits"], specification["contractSize"]) == (5, 100_000.0)
    assert specification["executionMode"] == "SYMBOL_TRADE_EXECUTION_MARKET"
    assert "profitTickValue" not in specification
    price = await alpha.read("/symbols/EURUSD/current-price", keepSubscription="false")
    well_formed(price, shapes.MetaApiPrice)
    assert (price["bid"], price["ask"], price["profitTickValue"]) == (1.1, 1.1001, 1.0)
    tick = await alpha.read("/symbols/GBPUSD/current-tick")
    well_formed(tick, shapes.MetaApiTick)
    candle = await alpha.read("/symbols/EURUSD/current-candles/1h")
    well_formed(candle, shapes.MetaApiCandle)
    assert (candle["timeframe"], candle["close"], candle["spread"]) == ("1h", 1.1, 0)
    candles = "/historical-market-data/symbols/EURUSD/timeframes/15m/candles"
    page = await alpha.read(candles, limit=3)
    times = [row["time"] for row in page]
    assert (len(page), times) == (3, sorted(times))
    older = await alpha.read(candles, limit=3, startTime=times[0])
    assert (older[-1]["time"], len(older)) == (times[0], 3)
    await alpha.refused("/symbols/NOPE/specification", 404, "NotFoundError")
    await alpha.refused("/symbols/NOPE/current-price", 404, "NotFoundError")
    await alpha.refused("/symbols/EURUSD/current-candles/7m", 400, "ValidationError")
    await alpha.refused(f"{candles}?startTime=yesterday", 400, "ValidationError")


async def test_a_position_is_opened_changed_and_closed_in_parts(alpha: MetaApiCaller) -> None:
    opened = await alpha.done(
        actionType="ORDER_TYPE_BUY",
        symbol="EURUSD",
        volume=0.1,
        stopLoss=1.09,
        magic=7,
        clientId="TE_EURUSD_1",
        comment="hi",
        slippage=5,
        fillingModes=["ORDER_FILLING_FOK", "ORDER_FILLING_IOC"],
    )
    identity = opened["positionId"]
    position = await alpha.read(f"/positions/{identity}")
    well_formed(position, shapes.MetaApiPosition)
    assert (position["magic"], position["clientId"], position["comment"]) == (
        7,
        "TE_EURUSD_1",
        "hi",
    )
    tick, size = position["currentTickValue"], 0.00001
    moved = position["currentPrice"] - position["openPrice"]
    assert position["unrealizedProfit"] == pytest.approx(moved * tick * 0.1 / size)
    assert (position["stopLoss"], "takeProfit" in position) == (1.09, False)

    await alpha.done(actionType="POSITION_MODIFY", positionId=identity, takeProfit=1.2)
    position = await alpha.read(f"/positions/{identity}")
    assert (position["takeProfit"], "stopLoss" in position) == (1.2, False)
    distance = {"distance": {"distance": 100, "units": "RELATIVE_POINTS"}}
    await alpha.done(actionType="POSITION_MODIFY", positionId=identity, trailingStopLoss=distance)
    position = await alpha.read(f"/positions/{identity}")
    assert (position["stopLoss"], position["trailingStopLoss"]) == (1.0991, {})
    await alpha.done(actionType="POSITION_MODIFY", positionId=identity)
    position = await alpha.read(f"/positions/{identity}")
    assert not {"stopLoss", "takeProfit", "trailingStopLoss"} & position.keys()

    part = {"actionType": "POSITION_PARTIAL", "positionId": identity}
    assert await alpha.code(**part, volume=5) == 10038
    assert await alpha.code(**part, volume=0.00001) == 10014
    await alpha.done(**part, volume=0.04)
    position = await alpha.read(f"/positions/{identity}")
    assert (position["volume"], position["realizedProfit"] < 0) == (0.06, True)
    close_by = {"actionType": "POSITION_CLOSE_BY", "closeByPositionId": "1"}
    assert await alpha.code(**close_by, positionId=identity) == -4
    close = {"actionType": "POSITION_CLOSE_ID", "positionId": int(identity)}
    assert (await alpha.done(**close))["positionId"] == identity
    assert await alpha.code(**close) == 10036
    assert await alpha.code(actionType="POSITION_CLOSE_ID", positionId="99") == 4753
    assert await alpha.read("/positions") == []


async def test_all_positions_of_a_symbol_are_closed_by_one_request(alpha: MetaApiCaller) -> None:
    close = {"actionType": "POSITIONS_CLOSE_SYMBOL", "symbol": "EURUSD"}
    assert await alpha.code(**close) == 10025
    for side in ("BUY", "SELL"):
        await alpha.done(actionType=f"ORDER_TYPE_{side}", symbol="EURUSD", volume=0.1)
    await alpha.done(**close)
    assert await alpha.read("/positions") == []


async def test_a_pending_order_rests_changes_and_is_cancelled(alpha: MetaApiCaller) -> None:
    until = "2027-01-01T00:00:00.000Z"
    placed = await alpha.done(
        actionType="ORDER_TYPE_BUY_LIMIT",
        symbol="EURUSD",
        volume=0.1,
        openPrice=1.0,
        stopLoss=100,
        stopLossUnits="RELATIVE_PIPS",
        stopPriceBase="OPEN_PRICE",
        expiration={"type": "ORDER_TIME_SPECIFIED", "time": until},
    )
    order = await alpha.read(f"/orders/{placed['orderId']}")
    well_formed(order, shapes.MetaApiOrder)
    assert (order["openPrice"], order["stopLoss"], order["expirationTime"]) == (1.0, 0.99, until)
    assert (order["state"], order["fillingMode"], order["expirationType"]) == (
        "ORDER_STATE_PLACED",
        "ORDER_FILLING_RETURN",
        "ORDER_TIME_SPECIFIED",
    )
    change = {"actionType": "ORDER_MODIFY", "orderId": placed["orderId"], "openPrice": 1.01}
    await alpha.done(**change)
    (order,) = await alpha.read("/orders")
    assert (order["openPrice"], order["stopLoss"]) == (1.01, 1.0)
    assert await alpha.code(**change, stopLoss=0) == 10016
    assert await alpha.code(**change, expiration={"type": "ORDER_TIME_GTC"}) == 10022
    assert await alpha.code(**change, stopLimitPrice=1.0) == -4
    cancel = {"actionType": "ORDER_CANCEL", "orderId": placed["orderId"]}
    await alpha.done(**cancel)
    assert await alpha.code(**cancel) == 4754
    assert await alpha.read("/orders") == []


async def test_a_stop_limit_order_has_its_limit_past_its_stop_or_is_refused(
    alpha: MetaApiCaller,
) -> None:
    order = {"actionType": "ORDER_TYPE_BUY_STOP_LIMIT", "symbol": "EURUSD", "volume": 0.1}
    assert await alpha.code(**order, openPrice=1.2, stopLimitPrice=1.19) == -4
    await alpha.done(**order, openPrice=1.2, stopLimitPrice=1.201)
    (resting,) = await alpha.read("/orders")
    assert (resting["openPrice"], resting["stopLimitPrice"]) == (1.2, 1.201)


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"volume": 900}, 10019),
    ({"volume": 0.0001}, 10014),
    ({"symbol": "NOPE"}, 10013),
    ({"stopLoss": 1.2}, 10016),
]


async def test_what_the_broker_would_refuse_is_answered_with_its_code(
    alpha: MetaApiCaller,
) -> None:
    order = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "volume": 0.1}
    codes = [await alpha.code(**order | changes) for changes, _ in REFUSED]
    assert codes == [code for _, code in REFUSED]
    assert (await alpha.read("/positions"), await alpha.read("/orders")) == ([], [])


async def test_a_request_that_makes_no_sense_names_its_parameter(alpha: MetaApiCaller) -> None:
    response = await alpha.send(actionType="ORDER_TYPE_BUY", symbol="EURUSD", volume=-1)
    body = response.json()
    assert (response.status_code, body["error"]) == (400, "ValidationError")
    assert [detail["parameter"] for detail in body["details"]] == ["volume"]
    assert (await alpha._client.post(f"{alpha.path}/trade", content="{")).status_code == 400


async def test_a_repeated_trade_with_a_key_is_made_once(alpha: MetaApiCaller) -> None:
    order = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "volume": 0.1}
    answers = [(await alpha.send({"transaction-id": "a" * 32}, **order)).json() for _ in range(2)]
    assert answers[0]["positionId"] == answers[1]["positionId"]
    assert answers[1]["ctrader"]["duplicate"] is True
    assert len(await alpha.read("/positions")) == 1
    for _ in range(2):  # a client id is a label, and may repeat
        await alpha.done(**order, clientId="TE_EURUSD_2")
    assert len(await alpha.read("/positions")) == 3


async def test_an_account_without_its_broker_is_disconnected_and_never_empty(
    stack: Stack, alpha: MetaApiCaller
) -> None:
    await stack.simulator.stop_accepting()
    stack.simulator.cut_all()
    async with asyncio.timeout(5):
        while (await alpha.read())["connectionStatus"] == "CONNECTED":  # noqa: ASYNC110 (asked over HTTP)
            await asyncio.sleep(0.005)
    for path in ("/account-information", "/positions", "/orders", "/server-time"):
        await alpha.refused(path, 504, "TimeoutError")
    row = await alpha.read()
    assert (row["state"], row["connectionStatus"]) == ("DEPLOYED", "DISCONNECTED_FROM_BROKER")
    answer = await alpha.trade(actionType="ORDER_TYPE_BUY", symbol="EURUSD", volume=0.1)
    assert (answer["numericCode"], answer["stringCode"]) == (
        -10,
        "TRADE_RETCODE_DISCONNECTED_BEFORE_TRADE",
    )


async def test_the_token_of_metaapi_is_the_key_of_the_gateway(stack: Stack) -> None:
    app = create_app(stack.platform, api_key=SecretStr("planted-key"))
    async with GatewayServer(app, port=0, drain_seconds=1) as server:
        async with metaapi_caller(server.url) as nobody:
            await nobody.refused("/positions", 401, "UnauthorizedError")
        async with metaapi_caller(server.url, **{"auth-token": "wrong"}) as wrong:
            await wrong.refused("/positions", 401, "UnauthorizedError")
        async with metaapi_caller(server.url, **{"auth-token": "planted-key"}) as known:
            assert await known.read("/positions") == []


async def test_a_key_that_may_only_close_sends_closes_and_no_orders(
    stack: Stack, tmp_path: Path
) -> None:
    text, key = new_key(1, Permissions(Role.CLOSE_ONLY))
    store = SqlAccessStore(SecretStr(f"sqlite:///{tmp_path / 'keys.sqlite3'}"))
    await store.add(key)
    ring = KeyRing(store, clock=SystemClock())
    await ring.refresh()
    app = create_app(stack.platform, access=Access(ring=ring))
    async with (
        GatewayServer(app, port=0, drain_seconds=1) as server,
        metaapi_caller(server.url, **{"auth-token": text}) as closer,
    ):
        response = await closer.send(actionType="ORDER_TYPE_BUY", symbol="EURUSD", volume=0.1)
        assert (response.status_code, response.json()["error"]) == (403, "ForbiddenError")
        response = await closer.send(actionType="POSITION_MODIFY", positionId="1")
        assert response.status_code == 403
        assert await closer.code(actionType="POSITIONS_CLOSE_SYMBOL", symbol="EURUSD") == 10025
        assert await closer.read("/positions") == []
    await store.close()
