"""Tickets and keys, on the pool in this process and on it over HTTP."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import httpx
import msgspec
import pytest

from fxpool.client import UnifiedPoolClient
from fxpool.mapping.formats import TicketInfo, TicketList
from fxpool.platforms.base import Platform, PlatformError, TradeRequest
from harness.broker import orders_made
from harness.stack import Stack

NEW_ORDER = 2106
BUY = TradeRequest("EURUSD", "BUY", Decimal("0.1"), idempotency_key="k1")
BODY = {"account_id": "alpha", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}


async def test_a_keyed_order_is_placed_once_and_answered_twice(
    stack: Stack, platform: Platform
) -> None:
    results = await asyncio.gather(*(platform.execute("alpha", BUY) for _ in range(2)))
    assert results[0]["positionId"] == results[1]["positionId"]
    assert sum(result.get("duplicate", False) for result in results) == 1
    assert len(orders_made(stack.simulator)) == 1


async def test_tickets_are_listed_read_and_waited_for(platform: Platform) -> None:
    result = await platform.execute("alpha", BUY)
    listing = await platform.tickets("12345")
    assert msgspec.convert(listing, TicketList) == listing
    (listed,) = listing["tickets"]
    assert (listed["id"], listed["idempotencyKey"]) == (result["ticketId"], "k1")
    assert msgspec.convert(await platform.ticket(listed["id"]), TicketInfo) == listed
    assert await platform.wait_ticket(listed["id"], 5.0) == listed
    assert (await platform.tickets("beta"))["count"] == 0
    assert (await platform.tickets(state="unknown"))["count"] == 0
    with pytest.raises(PlatformError) as caught:
        await platform.ticket("nobody")
    assert (caught.value.status, caught.value.code) == (404, "TICKET_NOT_FOUND")


async def test_a_lost_answer_of_a_keyed_order_may_be_asked_for_again(
    stack: Stack, platform: Platform
) -> None:
    stack.simulator.faults.cut_before_answer(NEW_ORDER)
    lost = await platform.execute("alpha", BUY)
    assert (lost["outcome"], lost["retryable"]) == ("unknown", True)
    assert "no response" in lost["error"]
    again = await platform.execute("alpha", BUY)
    assert (again["success"], again["duplicate"]) == (True, True)
    assert len(orders_made(stack.simulator)) == 1


async def test_the_client_takes_a_key_in_any_spelling(stack: Stack, platform: Platform) -> None:
    client = UnifiedPoolClient(platform)
    trade = {"symbol": "EURUSD", "action": "BUY", "volume": 0.1}
    first = await client.execute_trade("alpha", trade_data={**trade, "clientOrderId": "k2"})
    again = await client.execute_trade("alpha", **trade, idempotency_key="k2")
    assert again["duplicate"]
    assert again["positionId"] == first["positionId"]


async def test_a_key_may_come_in_a_header_and_must_not_contradict_the_body(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as http:
        key = {"Idempotency-Key": "k3"}
        first = (await http.post("/trade/execute", json=BODY, headers=key)).json()
        again = (await http.post("/trade/execute", json={**BODY, "idempotencyKey": "k3"})).json()
        assert again == {**first, "duplicate": True}
        other = {**BODY, "idempotency_key": "k4"}
        refused = await http.post("/trade/execute", json=other, headers=key)
        assert refused.status_code == 422
        assert "contradict" in refused.json()["detail"]
        for bad in ("", "k" * 513):
            refused = await http.post("/trade/execute", json=BODY, headers={"Idempotency-Key": bad})
            assert refused.status_code == 422
            assert "Idempotency-Key" in refused.json()["detail"]
        found = (await http.get("/tickets", params={"accountId": "alpha"})).json()
        assert [ticket["id"] for ticket in found["tickets"]] == [first["ticketId"]]
        metrics = (await http.get("/metrics")).text
        assert "fxpool_tickets_unknown 0.0" in metrics
