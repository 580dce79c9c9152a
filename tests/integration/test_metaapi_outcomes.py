"""MetaApi trades whose answers are lost, late or unclear: sent once, and found out later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fxpool.errors import NotReady
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import EventFilter
from fxpool.platforms.metaapi import new_orders, sending
from fxpool.platforms.metaapi.credits import Credits
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.feed import MetaApiFeed
from fxpool.platforms.metaapi.proofs import DOUBT_SECONDS, Proofs
from fxpool.platforms.words import RETRY_WORDS
from harness.clock import ManualClock
from harness.metaapi_server import MetaApiServer, running_metaapi
from harness.metaapi_stack import open_metaapi, rest_way
from harness.metatrader import Terminal
from harness.wait import wait_until

BUY = TradeRequest("EURUSD", "BUY", Decimal("0.10"), comment="by hand")
COPY = TradeRequest("EURUSD", "BUY", Decimal("0.10"), comment="Copy_40021877_L10")


@pytest.fixture
async def server() -> AsyncIterator[MetaApiServer]:
    async with running_metaapi("alpha", "beta") as running:
        yield running


def trades(server: MetaApiServer) -> int:
    return server.asked["POST /users/current/accounts/alpha/trade"]


async def newest_ticket(platform: Any) -> str:
    """Return the id of the newest ticket; a change's result does not name its own."""
    return str((await platform.tickets("alpha"))["tickets"][0]["id"])


async def resolved(platform: Any, ticket_id: str) -> Any:
    ticket = await platform.wait_ticket(ticket_id, 10)
    assert ticket["outcome"] != "unknown", ticket
    return ticket


@pytest.mark.parametrize("status", [0, 500, 504, 202])
async def test_a_lost_answer_is_unknown_sent_once_and_found_by_its_id(
    server: MetaApiServer, status: int
) -> None:
    way = rest_way(server.url, trade_seconds=0.5)
    async with open_metaapi(way) as platform:
        server.fail("/trade", status, executes=True)
        result = await platform.execute("alpha", BUY)
        assert (result["success"], result["outcome"]) == (False, "unknown")
        assert not any(word in result["error"].lower() for word in RETRY_WORDS)
        ticket = await resolved(platform, result["ticketId"])
        assert (ticket["outcome"], ticket["resolved"]) == ("executed", True)
        (position,) = (await platform.positions("alpha"))["positions"]
        assert ticket["result"]["positionId"] == position["id"]
        assert (trades(server), server.terminals["alpha"].trades) == (1, 1)


async def test_an_order_that_never_arrived_is_called_absent_after_two_readings(
    server: MetaApiServer,
) -> None:
    async with open_metaapi(rest_way(server.url, trade_seconds=0.5)) as platform:
        server.fail("/trade", 504)
        result = await platform.execute("alpha", BUY)
        assert result["outcome"] == "unknown"
        ticket = await resolved(platform, result["ticketId"])
        assert (ticket["outcome"], ticket["state"]) == ("not_executed", "not_executed")
        assert trades(server) == 1


@pytest.mark.parametrize(
    ("code", "name", "outcome"),
    [
        (-10, "TRADE_RETCODE_DISCONNECTED_BEFORE_TRADE", "not_executed"),
        (-11, "TRADE_RETCODE_DISCONNECTED_DURING_TRADE", "unknown"),
        (128, "ERR_TRADE_TIMEOUT", "unknown"),
        (10012, "TRADE_RETCODE_TIMEOUT", "unknown"),
        (99999, "TRADE_RETCODE_OF_TOMORROW", "unknown"),
        (10018, "TRADE_RETCODE_MARKET_CLOSED", "not_executed"),
    ],
)
async def test_each_code_says_what_it_says_and_nothing_is_sent_again(
    server: MetaApiServer, code: int, name: str, outcome: str
) -> None:
    async with open_metaapi(rest_way(server.url)) as platform:
        answer = {"numericCode": code, "stringCode": name, "message": "planted"}
        server.fail("/trade", 200, body=answer)
        result = await platform.execute("alpha", BUY)
        assert (result["success"], result["outcome"]) == (False, outcome)
        assert trades(server) == 1


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "planted failure"),
        (401, "planted failure"),
        (403, "planted failure"),
        (429, "network"),
    ],
)
async def test_a_refused_request_had_no_effect(
    server: MetaApiServer, status: int, word: str
) -> None:
    async with open_metaapi(rest_way(server.url)) as platform:
        server.fail("/trade", status, headers={"Retry-After": "1"})
        result = await platform.execute("alpha", BUY)
        assert (result["success"], result["outcome"]) == (False, "not_executed")
        assert word in result["error"].lower()
        assert (trades(server), server.terminals["alpha"].trades) == (1, 0)


async def test_a_copy_that_is_asked_for_again_is_answered_and_not_sent(
    server: MetaApiServer, tmp_path: Path
) -> None:
    way = rest_way(server.url, trade_seconds=0.5)
    async with open_metaapi(way, folder=tmp_path) as platform:
        server.fail("/trade", 0, executes=True)
        first = await platform.execute("alpha", COPY)
        assert first["outcome"] == "unknown"
        again = await platform.execute("alpha", COPY)
        assert (again["success"], again["duplicate"]) == (True, True)
        first_id = again["positionId"]
    async with open_metaapi(rest_way(server.url), folder=tmp_path) as restarted:
        third = await restarted.execute("alpha", COPY)
        assert (third["positionId"], third["duplicate"]) == (first_id, True)
    assert (trades(server), server.terminals["alpha"].trades) == (1, 1)


async def test_a_lost_close_is_found_done(server: MetaApiServer) -> None:
    async with open_metaapi(rest_way(server.url, trade_seconds=0.5)) as platform:
        position_id = (await platform.execute("alpha", BUY))["positionId"]
        server.fail("/trade", 0, executes=True)
        result = await platform.close_position("alpha", CloseRequest(position_id))
        assert (result["outcome"], result["retryable"]) == ("unknown", True)
        again = await platform.close_position("alpha", CloseRequest(position_id))
        assert (again["outcome"], again["alreadyClosed"]) == ("not_executed", True)
        assert server.terminals["alpha"].trades == 2


async def test_a_comment_that_metatrader_would_cut_is_refused_before_it_is_sent(
    server: MetaApiServer,
) -> None:
    async with open_metaapi(rest_way(server.url)) as platform:
        long = TradeRequest("EURUSD", "BUY", Decimal("0.10"), comment="x" * 32)
        result = await platform.execute("alpha", long)
        assert result["outcome"] == "not_executed"
        assert "comment" in result["error"]
        assert trades(server) == 0


async def test_a_lost_part_of_a_close_is_found_and_not_closed_twice(
    server: MetaApiServer,
) -> None:
    async with open_metaapi(rest_way(server.url, trade_seconds=0.5)) as platform:
        position_id = (await platform.execute("alpha", BUY))["positionId"]
        server.fail("/trade", 0, executes=True)
        part = CloseRequest(position_id, Decimal("0.04"))
        result = await platform.close_position("alpha", part)
        assert (result["success"], result["outcome"]) == (False, "unknown")
        ticket = await resolved(platform, await newest_ticket(platform))
        assert ticket["outcome"] == "executed"
        (position,) = (await platform.positions("alpha"))["positions"]
        assert position["volume"] == 0.06
        assert (trades(server), server.terminals["alpha"].trades) == (2, 2)


@pytest.mark.parametrize("is_done", [True, False])
async def test_a_lost_protection_is_unknown_and_read_from_the_position(
    server: MetaApiServer, is_done: bool
) -> None:
    async with open_metaapi(rest_way(server.url, trade_seconds=0.5)) as platform:
        position_id = (await platform.execute("alpha", BUY))["positionId"]
        server.fail("/trade", 504, executes=is_done)
        wanted = ProtectionRequest(position_id, stop_loss=Decimal("0.5"))
        result = await platform.modify_position("alpha", wanted)
        assert (result["success"], result["outcome"]) == (False, "unknown")
        ticket = await resolved(platform, await newest_ticket(platform))
        assert ticket["outcome"] == ("executed" if is_done else "not_executed")
        (position,) = (await platform.positions("alpha"))["positions"]
        assert (position["stopLoss"] == 0.5) is is_done
        assert trades(server) == 2


def in_doubt(status: int, code: int, arrives: bool) -> dict[str, Any]:
    """Return a fault after which nobody can tell whether a trade took effect."""
    answer = {"numericCode": code, "stringCode": "PLANTED", "message": "planted"}
    return {"status": status, "executes": arrives, "body": answer if status == 200 else None}


async def test_a_lost_change_that_another_one_replaced_is_not_said_to_have_never_arrived(
    server: MetaApiServer,
) -> None:
    async with open_metaapi(rest_way(server.url)) as platform:
        position_id = (await platform.execute("alpha", BUY))["positionId"]
        other = {"actionType": "POSITION_MODIFY", "positionId": position_id, "stopLoss": 0.6}
        follow(server.terminals["alpha"], other)
        server.fail("/trade", 504, executes=True)
        wanted = ProtectionRequest(position_id, stop_loss=Decimal("0.5"))
        lost = await platform.modify_position("alpha", wanted)
        assert lost["outcome"] == "unknown"
        result = (await resolved(platform, lost["ticketId"]))["result"]
        assert (result["outcome"], result["retryable"]) == ("not_executed", False)
        assert "a later one" in result["error"]
        assert not any(word in result["error"] for word in RETRY_WORDS)


@pytest.mark.parametrize("hours", [-6, 6])
async def test_an_order_that_came_and_went_is_found_though_the_clocks_differ_by_hours(
    server: MetaApiServer, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    monkeypatch.setattr(new_orders, "CONFIRM_SECONDS", 0.2)  # its position is never shown
    terminal = server.terminals["alpha"]
    terminal.ahead = timedelta(hours=hours)
    async with open_metaapi(rest_way(server.url)) as platform:
        follow(terminal, {"actionType": "POSITIONS_CLOSE_SYMBOL", "symbol": "EURUSD"})
        server.fail("/trade", 504, executes=True)
        lost = await platform.execute("alpha", COPY)
        assert lost["outcome"] == "unknown"
        assert (await resolved(platform, lost["ticketId"]))["outcome"] == "executed"


async def test_two_orders_that_may_be_the_lost_one_leave_it_unknown_and_are_named(
    server: MetaApiServer,
) -> None:
    comment = "a comment without room"  # for an id of ours beside it
    terminal = server.terminals["alpha"]
    by_hand = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "volume": 0.1}
    async with open_metaapi(rest_way(server.url)) as platform:
        first = terminal.trade(by_hand | {"comment": comment})["positionId"]
        server.fail("/trade", 504, executes=True)
        lost = await platform.execute("alpha", replace(BUY, comment=comment))
        ids = sorted(terminal.positions)
        assert (lost["outcome"], first in ids, len(ids)) == ("unknown", True, 2)
        expected = f"{', '.join(ids)} may be its own, and nothing proves it"
        async with asyncio.timeout(10):
            while True:
                ticket = await platform.ticket(lost["ticketId"])
                if ticket["evidence"][-1]["text"] == expected:
                    break
                await asyncio.sleep(0.02)  # the journal is asked, and tells nobody by itself
        assert ticket["state"] == "unknown"


def follow(terminal: Terminal, body: dict[str, Any]) -> None:
    """Have the next trade at a terminal followed by one of somebody else, in the same moment."""
    carry_out = terminal.trade

    def both(request: dict[str, Any]) -> dict[str, Any]:
        terminal.trade = carry_out  # type: ignore[method-assign] # as it was
        answer = carry_out(request)
        carry_out(body)
        return answer

    terminal.trade = both  # type: ignore[method-assign] # for one call


DOUBTS = [(0, 0, True), (200, -11, True), (202, 0, True), (500, 0, False), (504, 0, False)]
"""Statuses (0 for none at all), trade codes, and whether the trade arrives all the same."""


@pytest.mark.parametrize(("status", "code", "arrives"), DOUBTS)
async def test_a_lost_change_of_a_pending_order_is_unknown_and_read_from_the_order(
    server: MetaApiServer, status: int, code: int, arrives: bool
) -> None:
    async with open_metaapi(rest_way(server.url, trade_seconds=0.5)) as platform:
        resting = TradeRequest("EURUSD", "BUY_LIMIT", Decimal("0.10"), open_price=Decimal("0.5"))
        order_id = (await platform.execute("alpha", resting))["orderId"]
        server.fail("/trade", **in_doubt(status, code, arrives))
        change = OrderChange(order_id, stop_loss=Decimal("0.4"))  # its price stays
        result = await platform.modify_order("alpha", change)
        assert (result["success"], result["outcome"]) == (False, "unknown")
        ticket = await resolved(platform, await newest_ticket(platform))
        assert ticket["outcome"] == ("executed" if arrives else "not_executed")
        (order,) = (await platform.orders("alpha"))["orders"]
        assert (order["stopLoss"] == 0.4) is arrives
        assert trades(server) == 2


@pytest.mark.parametrize(("status", "code", "arrives"), DOUBTS)
async def test_a_lost_cancel_is_unknown_until_the_order_is_shown(
    server: MetaApiServer, status: int, code: int, arrives: bool
) -> None:
    async with open_metaapi(rest_way(server.url, trade_seconds=0.5)) as platform:
        resting = TradeRequest("EURUSD", "BUY_LIMIT", Decimal("0.10"), open_price=Decimal("0.5"))
        order_id = (await platform.execute("alpha", resting))["orderId"]
        server.fail("/trade", **in_doubt(status, code, arrives))
        result = await platform.cancel_order("alpha", order_id)
        assert (result["success"], result["outcome"]) == (False, "unknown")
        ticket = await resolved(platform, await newest_ticket(platform))
        assert ticket["outcome"] == ("executed" if arrives else "not_executed")
        orders = (await platform.orders("alpha"))["orders"]
        assert [order["id"] for order in orders] == ([] if arrives else [order_id])
        assert trades(server) == 2


@pytest.mark.parametrize(("status", "code", "arrives"), DOUBTS)
async def test_a_lost_close_is_unknown_until_the_position_is_shown(
    server: MetaApiServer, status: int, code: int, arrives: bool
) -> None:
    async with open_metaapi(rest_way(server.url, trade_seconds=0.5)) as platform:
        position_id = (await platform.execute("alpha", BUY))["positionId"]
        server.fail("/trade", **in_doubt(status, code, arrives))
        result = await platform.close_position("alpha", CloseRequest(position_id))
        assert (result["success"], result["outcome"]) == (False, "unknown")
        ticket = await resolved(platform, await newest_ticket(platform))
        assert ticket["outcome"] == ("executed" if arrives else "not_executed")
        positions = (await platform.positions("alpha"))["positions"]
        assert [p["id"] for p in positions] == ([] if arrives else [position_id])
        assert trades(server) == 2


@pytest.mark.parametrize("status", [202, 429])
async def test_a_read_waits_as_it_is_told_and_asks_again(
    server: MetaApiServer, status: int
) -> None:
    way = rest_way(server.url)
    try:
        server.fail("/account-information", status, headers={"Retry-After": "0.2"})
        before = time.monotonic()
        assert (await way.information("alpha")).balance == Decimal(10_000)
        assert time.monotonic() - before >= 0.15
        assert server.asked["GET /users/current/accounts/alpha/account-information"] == 2
    finally:
        await way.close()


async def test_an_account_that_is_not_deployed_says_so(server: MetaApiServer) -> None:
    server.provisioned["alpha"] = {"state": "UNDEPLOYED", "connectionStatus": "DISCONNECTED"}
    for path in ("/account-information", "/positions", "/orders"):
        for _ in range(50):
            server.fail(f"alpha{path}", 504)
    async with open_metaapi(rest_way(server.url, patience=0.2)) as platform:
        with pytest.raises(PlatformError) as caught:
            await platform.positions("alpha")
        assert caught.value.status == 503
        assert "deploy" in caught.value.detail.lower()


async def test_a_trade_goes_at_once_and_the_reads_after_it_wait_longer() -> None:
    clock = ManualClock()
    budget = Credits(100.0, clock=clock)
    for _ in range(18):  # ten seconds of credits, less what is kept for trades
        await budget.for_read(50.0)
    waiting = asyncio.create_task(budget.for_read(50.0))
    await wait_until(lambda: clock.sleepers == 1)
    budget.for_trade()
    clock.advance(0.5)  # enough, were it not for the trade
    await wait_until(lambda: clock.sleepers == 1)
    assert not waiting.done()
    clock.advance(0.1)
    await asyncio.wait_for(waiting, 5)


async def shown(platform: Any) -> list[str]:
    """Return the positions that callers see, or what they are told instead."""
    try:
        return [row["id"] for row in (await platform.positions("alpha"))["positions"]]
    except PlatformError as error:
        return [f"{error.status} {error.detail}"]


def doubted(position_id: str) -> str:
    """Return what callers are told while a position may be closed."""
    gone = f"position {position_id} is not shown any more"
    return f"503 network: {gone}, and no deal proves yet that it closed"


async def until_shown(platform: Any, wanted: list[str]) -> None:
    for _ in range(1000):
        if await shown(platform) == wanted:
            return
        await asyncio.sleep(0.02)  # another reading: it is asked for, nothing tells of it
    raise AssertionError(await shown(platform))


async def test_a_position_that_vanishes_without_a_deal_is_not_told_as_closed(
    server: MetaApiServer,
) -> None:
    terminal = server.terminals["alpha"]
    async with open_metaapi(rest_way(server.url)) as platform:
        first = (await platform.execute("alpha", BUY))["positionId"]
        other = (await platform.execute("alpha", BUY))["positionId"]
        hidden = terminal.positions.pop(first)
        await until_shown(platform, [doubted(first)])
        terminal.positions[first] = hidden
        await until_shown(platform, [other, first])
        terminal.trade({"actionType": "POSITION_CLOSE_ID", "positionId": first})
        await until_shown(platform, [other])


async def test_an_end_that_no_history_tells_is_not_looked_up_at_every_poll(
    server: MetaApiServer,
) -> None:
    clock, way = ManualClock(), rest_way(server.url)
    feed = MetaApiFeed("alpha", EventHub(), every=5.0, clock=clock)
    proofs = Proofs("alpha", way, feed, clock=clock)
    order = {"actionType": "ORDER_TYPE_BUY", "symbol": "EURUSD", "volume": 0.1}
    key = server.terminals["alpha"].trade(order)["positionId"]
    path = f"GET /users/current/accounts/alpha/history-deals/position/{key}"
    try:
        (feed.gone_positions[key],) = await way.positions("alpha")
        empty = Reading(clock.now(), clock.at(), await way.information("alpha"), {}, {})
        assert proofs.noticed(empty)
        for _ in range(3):  # polls
            await proofs.look()
        with pytest.raises(NotReady):
            await proofs.require()
        assert server.asked[path] == 3
        for looks in (4, 5):
            clock.advance(DOUBT_SECONDS)
            for _ in range(3):
                await proofs.look()
                await proofs.require()
            assert server.asked[path] == looks
    finally:
        await way.close()


async def test_a_position_closed_in_part_that_is_not_shown_is_neither_told_nor_called_closed(
    server: MetaApiServer,
) -> None:
    terminal = server.terminals["alpha"]
    async with open_metaapi(rest_way(server.url)) as platform:
        first = (await platform.execute("alpha", BUY))["positionId"]
        await platform.execute("alpha", BUY)
        part = CloseRequest(first, Decimal("0.06"))
        assert (await platform.close_position("alpha", part))["success"]
        async with platform.subscribe(EventFilter(accounts=frozenset({"alpha"}))) as stream:
            hidden = terminal.positions.pop(first)
            refused = [
                await platform.close_position("alpha", CloseRequest(first)),
                await platform.modify_position("alpha", ProtectionRequest(first, Decimal("0.5"))),
            ]
            for result in refused:
                assert (result["code"], result["outcome"]) == ("NOT_READY", "not_executed")
                assert "its deals leave it open" in result["error"]
            await until_shown(platform, [doubted(first)])
            terminal.positions[first] = hidden
            assert (await platform.close_position("alpha", CloseRequest(first)))["success"]
            taken: list[Any] = []
            async with asyncio.timeout(10):
                while not any(event.type == "positionClosed" for event in taken):
                    taken += await stream.next_batch()
        (closed,) = [event.body for event in taken if event.type == "positionClosed"]
        assert closed["position"]["volume"] == 0.04


async def test_margin_in_use_without_a_position_is_no_empty_account(
    server: MetaApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = server.terminals["alpha"]
    async with open_metaapi(rest_way(server.url)) as platform:
        position_id = (await platform.execute("alpha", BUY))["positionId"]
        with monkeypatch.context() as returning:
            returning.setattr(terminal, "open_positions", list)
            contradiction = (
                "503 network: margin is in use, and neither a position nor an order is shown"
            )
            await until_shown(platform, [contradiction])
            with pytest.raises(PlatformError, match="margin is in use"):
                await platform.account_information("alpha")
        await until_shown(platform, [position_id])


PLACED = {"numericCode": 10008, "stringCode": "TRADE_RETCODE_PLACED", "message": "Order placed"}


@pytest.mark.parametrize("is_filled", [True, False])
async def test_what_is_only_accepted_is_executed_when_its_fill_is_seen(
    server: MetaApiServer, monkeypatch: pytest.MonkeyPatch, is_filled: bool
) -> None:
    monkeypatch.setattr(sending, "CONFIRM_SECONDS", 0.5)
    outcome = "executed" if is_filled else "unknown"
    async with open_metaapi(rest_way(server.url)) as platform:
        position_id = (await platform.execute("alpha", BUY))["positionId"]
        server.fail("/trade", 200, body=PLACED, executes=is_filled)
        result = await platform.execute("alpha", BUY)
        assert (result["success"], result["outcome"]) == (is_filled, outcome)
        server.fail("/trade", 200, body=PLACED, executes=is_filled)
        result = await platform.close_position("alpha", CloseRequest(position_id))
        assert (result["success"], result["outcome"]) == (is_filled, outcome)
        assert trades(server) == 3
