"""``/asyncapi.json``: valid, kept in docs, and true of what a day brings on a real stream."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import jsonschema
from tools.event_document import PAGE, page
from websockets.asyncio.client import connect

from fxpool.gateway.event_document import event_document
from harness.pool_walk import ACCOUNTS, PoolWalk
from harness.stack import Stack, running_stack

SCHEMA = Path(__file__).parent / "schemas" / "asyncapi-3.0.0.json.gz"
OF_THE_DAY = {
    "snapshot",
    "price",
    "positionOpened",
    "positionModified",
    "positionPartiallyClosed",
    "positionClosed",
    "executionEvent",
    "orderPlaced",
    "orderModified",
    "orderCancelled",
    "orderFilled",
    "dealAdded",
    "accountUpdated",
    "connected",
    "disconnected",
    "reconnected",
    "synchronized",
    "guardReset",
    "guardUnknown",
}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_the_document_is_valid() -> None:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    jsonschema.validate(event_document(), schema, cls=jsonschema.Draft7Validator)
    for reference in set(references(event_document())):
        node: Any = event_document()
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_kept_document_is_the_one_that_is_made() -> None:
    assert PAGE.read_text("utf-8") == page(), "run make tables"


async def whole_day(stack: Stack) -> None:
    """Make every call once; close a position in parts, and let a pending order fill."""
    async with httpx.AsyncClient(base_url=stack.url, timeout=30) as http:
        walk = PoolWalk(stack, http)
        named = {"account_id": "ct-demo-beta", "symbol": "EURUSD"}
        await walk.whole_day()
        async with asyncio.timeout(10):
            while (await http.get("/health")).json()["status"] != "healthy":  # noqa: ASYNC110 (it is asked over HTTP)
                await asyncio.sleep(0.01)
        opened = await walk.post("/trade/execute", named | {"action": "BUY", "volume": 0.2})
        position = named | {"position_id": opened["positionId"]}
        await walk.post("/position/close", position | {"volume": 0.1})
        await walk.post("/trade/limit", named | {"side": "BUY", "price": 1.05, "volume": 0.1})
        stack.simulator.quote("EURUSD", Decimal("1.04990"), Decimal("1.05000"))


async def test_every_event_that_a_day_brings_is_in_the_document() -> None:
    heard: set[str] = set()
    messages, components = (event_document()["components"][key] for key in ("messages", "schemas"))
    async with (
        running_stack(accounts=ACCOUNTS) as stack,
        connect(f"{stack.url.replace('http', 'ws')}/ws") as stream,
    ):
        day = asyncio.create_task(whole_day(stack))
        async with asyncio.timeout(40):
            while heard < OF_THE_DAY:
                event = json.loads(await stream.recv())
                heard.add(event["type"])
                shape = messages[event["type"]]["payload"]
                whole = shape | {"components": {"schemas": components}}
                jsonschema.validate(event, whole, cls=jsonschema.Draft202012Validator)
                assert "seq" in event or event["type"] in {
                    "snapshot",
                    "price",
                    "positionUpdate",
                    "accountUpdated",
                    "heartbeat",
                }
        await day


async def test_the_gateway_serves_the_document() -> None:
    async with (
        running_stack() as stack,
        httpx.AsyncClient(base_url=stack.url) as http,
    ):
        assert (await http.get("/asyncapi.json")).json() == event_document()
