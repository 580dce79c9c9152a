"""Symbols that the broker disables, lists no more or does not quote, with positions on them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from fxpool.account import Phase
from fxpool.openapi import payload_type_of
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAssetListReq,
    ProtoOAAssetListRes,
    ProtoOASubscribeSpotsReq,
)
from fxpool.platforms.base import CloseRequest, PlatformError
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.handlers import HANDLERS, Call
from fxpool.simulator.refusal import Refusal
from harness.accounts import EURUSD, GBPUSD
from harness.platforms import Heard, Served, live_platform
from harness.wait import wait_until

SUBSCRIBE = payload_type_of(ProtoOASubscribeSpotsReq())
ASSETS = payload_type_of(ProtoOAAssetListReq())


def euro(served: Served) -> Symbol:
    return served.simulator.venue.engine.symbols[EURUSD]


async def delist(served: Served, symbol_id: int = EURUSD) -> None:
    """Have the broker list a symbol no more, and wait until that was read."""
    venue = served.simulator.venue
    left = tuple(one for one in venue.catalogue.symbols if one.symbol_id != symbol_id)
    venue.change_symbol(venue.engine.symbols[symbol_id])
    venue.catalogue = replace(venue.catalogue, symbols=left)
    await disabled(served, symbol_id)


async def disabled(served: Served, symbol_id: int = EURUSD) -> None:
    book = served.platform._accounts.find("alpha").live.book
    await wait_until(lambda: not book.light_symbols[symbol_id].enabled)


async def row(served: Served) -> dict[str, Any]:
    (position,) = (await served.platform.positions("alpha"))["positions"]
    return dict(position)


async def test_a_position_keeps_name_and_volume_when_its_symbol_is_disabled(tmp_path: Path) -> None:
    names = tmp_path / "symbols.json"
    rule = {"cTraderSymbol": "EURUSD", "multiplier": 0.1, "brokers": {}}
    names.write_text(json.dumps({"symbolMapping": {"EURUSD.mini": rule}}))
    async with live_platform(symbols_file=names) as served:
        assert (await served.buy("0.10"))["success"]
        before = await row(served)
        served.simulator.venue.change_symbol(replace(euro(served), is_enabled=False))
        await disabled(served)
        after = await row(served)
        shown = ("symbol", "volume", "profit", "currentTickValue")
        assert before["symbol"] == "EURUSD.mini"
        assert [after[key] for key in shown] == [before[key] for key in shown]
        half = CloseRequest(after["id"], volume=Decimal(str(after["volume"])) / 2)
        assert (await served.platform.close_position("alpha", half))["success"]
        assert (await row(served))["volume"] == before["volume"] / 2


async def test_a_position_is_shown_and_closed_though_its_symbol_is_listed_no_more() -> None:
    async with live_platform() as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        opened = await served.buy("0.10")
        await delist(served)
        served.quote("1.12670", "1.12680")
        await wait_until(
            lambda: served.platform._accounts.find("alpha").account.equity == 10_009.75
        )
        assert (await row(served))["profit"] == 10.0
        with pytest.raises(PlatformError, match="EURUSD"):
            await served.platform.symbol_mapping("EURUSD", "alpha")
        await served.cut()
        await served.simulator.resume_accepting()
        await served.phase("alpha", Phase.LIVE)
        assert (await row(served))["profit"] == 10.0
        closed = await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        assert (closed["outcome"], closed["profit"]) == ("executed", 9.5)
        told = await heard.until("positionClosed")
        assert told.body["symbol"] == "EURUSD"


def refusing(symbol_id: int) -> Callable[[Call, ProtoOASubscribeSpotsReq], Message | None]:
    """Answer subscriptions as a broker that knows no such symbol; the whole batch is refused."""
    subscribe = HANDLERS[SUBSCRIBE]

    def handle(call: Call, request: ProtoOASubscribeSpotsReq) -> Message | None:
        if symbol_id in request.symbolId:
            raise Refusal("SYMBOL_NOT_FOUND", f"Symbol {symbol_id} not found")
        return subscribe(call, request)

    return handle


async def test_a_symbol_whose_quotes_are_refused_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live_platform() as served:
        monkeypatch.setitem(HANDLERS, SUBSCRIBE, refusing(GBPUSD))
        with pytest.raises(PlatformError, match="Symbol 2 not found"):
            await served.platform.subscribe_symbol("GBPUSD", "alpha")
        await served.cut()
        await served.simulator.resume_accepting()
        await served.phase("alpha", Phase.LIVE)
        assert (await served.buy("0.10"))["success"]


async def test_a_position_whose_quotes_are_refused_leaves_the_equity_unknown_and_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with live_platform() as served:
        opened = await served.buy("0.10")
        monkeypatch.setitem(HANDLERS, SUBSCRIBE, refusing(EURUSD))
        await served.cut()
        await served.simulator.resume_accepting()
        async with asyncio.timeout(3):  # no quote is waited for that cannot come
            await served.phase("alpha", Phase.LIVE)
        assert (await row(served))["profit"] is None
        with pytest.raises(PlatformError) as told:
            await served.platform.account_information("alpha")
        assert told.value.status == 503
        closed = await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        assert closed["outcome"] == "executed"


async def test_an_account_whose_currency_is_not_listed_is_served_without_its_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    list_assets = HANDLERS[ASSETS]

    def without_dollars(call: Call, request: ProtoOAAssetListReq) -> Message | None:
        answer = list_assets(call, request)
        assert isinstance(answer, ProtoOAAssetListRes)
        listed = [asset for asset in answer.asset if asset.name != "USD"]
        return ProtoOAAssetListRes(ctidTraderAccountId=answer.ctidTraderAccountId, asset=listed)

    monkeypatch.setitem(HANDLERS, ASSETS, without_dollars)
    async with live_platform() as served:
        opened = await served.buy("0.10")
        with pytest.raises(PlatformError, match="does not list the account's currency"):
            await served.platform.account_information("alpha")
        assert (await row(served))["id"] == opened["positionId"]
        closed = await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        assert closed["outcome"] == "executed"
        await served.phase("alpha", Phase.LIVE)
