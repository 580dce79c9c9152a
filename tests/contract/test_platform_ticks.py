"""Ticks of the past through the Platform contract and in MetaApi's paths."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fxpool.client import UnifiedPoolClient
from fxpool.mapping.history_formats import TickInfo, TickList
from fxpool.mapping.instants import instant_from_ms, iso
from fxpool.mapping.metaapi_formats import MetaApiTick
from fxpool.platforms.base import Platform, PlatformError
from fxpool.simulator.handlers.market_data import PAGE_TICKS
from harness.metaapi_caller import metaapi_caller
from harness.stack import Stack

ACCOUNT = "alpha"
EURUSD = 1
END = datetime(2026, 3, 4, 12, tzinfo=UTC)
"""A Wednesday, long ago."""


def told_by_broker(stack: Stack, begin: datetime, end: datetime) -> list[TickInfo]:
    """Return the broker's ticks of a period, newest first, the ask before the bid at one time."""
    archive = stack.simulator.venue.archives[EURUSD]
    first, last = (round(at.timestamp() * 1000) for at in (begin, end - timedelta(milliseconds=1)))
    rows: list[tuple[int, int, TickInfo]] = []
    for at_ms, price in archive.asks_back(last):
        if at_ms < first:
            break
        rows.append((-at_ms, 1, TickInfo(time=at_ms, ask=price / 100_000)))
    for at_ms, price in archive.bids_back(last):
        if at_ms < first:
            break
        rows.append((-at_ms, 0, TickInfo(time=at_ms, bid=price / 100_000)))
    return [row for _, _, row in sorted(rows, key=lambda row: row[0])]


def by_time(rows: list[TickInfo]) -> list[tuple[int, float, float]]:
    """Return rows so that the order of equal times does not count."""
    return sorted((row["time"], row.get("bid", 0.0), row.get("ask", 0.0)) for row in rows)


async def test_the_newest_ticks_of_both_sides_are_the_brokers_own(
    platform: Platform, stack: Stack
) -> None:
    begin = END - timedelta(minutes=30)
    whole = told_by_broker(stack, begin, END)
    answer = await platform.ticks(ACCOUNT, "EURUSD", begin=begin, end=END, limit=len(whole))
    assert msgspec.convert(answer, TickList) == answer
    assert by_time(answer["ticks"]) == by_time(whole)
    times = [row["time"] for row in answer["ticks"]]
    assert times == sorted(times, reverse=True)
    assert all(("bid" in row) != ("ask" in row) for row in answer["ticks"])
    assert not answer["hasMore"]
    short = await platform.ticks(ACCOUNT, "EURUSD", begin=begin, end=END, limit=7)
    assert (short["ticks"], short["hasMore"]) == (answer["ticks"][:7], True)


async def test_pages_leave_no_tick_out_and_none_twice(platform: Platform, stack: Stack) -> None:
    begin, limit = END - timedelta(days=2), 10_000
    bids = [row for row in told_by_broker(stack, begin, END) if "bid" in row]
    assert len(bids) > PAGE_TICKS
    newest = await platform.ticks(ACCOUNT, "EURUSD", kind="bid", begin=begin, end=END, limit=limit)
    assert newest["ticks"] == bids[:limit]
    oldest = await platform.ticks(
        ACCOUNT, "EURUSD", kind="bid", begin=begin, end=END, limit=limit, order="asc"
    )
    assert oldest["ticks"] == bids[::-1][:limit]


async def test_the_oldest_ticks_go_on_where_the_last_answer_ended(
    platform: Platform, stack: Stack
) -> None:
    begin = END - timedelta(hours=2)
    whole = [row for row in told_by_broker(stack, begin, END) if "ask" in row][::-1]
    found: list[TickInfo] = []
    at = begin
    while True:
        answer = await platform.ticks(
            ACCOUNT, "EURUSD", kind="ask", begin=at, end=END, limit=100, order="asc"
        )
        found += answer["ticks"]
        if not answer["hasMore"]:
            break
        at = instant_from_ms(found[-1]["time"]) + timedelta(milliseconds=1)
    assert found == whole


async def test_ticks_refuse_what_makes_no_sense(platform: Platform) -> None:
    for begin, limit, order in (
        (END, 10, "desc"),
        (END - timedelta(days=400), 10, "desc"),
        (END - timedelta(hours=1), 0, "desc"),
        (END - timedelta(hours=1), 10_001, "desc"),
        (None, 10, "asc"),
    ):
        with pytest.raises(PlatformError) as caught:
            await platform.ticks(
                ACCOUNT,
                "EURUSD",
                begin=begin,
                end=END,
                limit=limit,
                order="asc" if order == "asc" else "desc",
            )
        assert caught.value.status == 422
    with pytest.raises(PlatformError) as caught:
        await platform.ticks(ACCOUNT, "NOSUCH", end=END)
    assert caught.value.status == 404


async def test_the_client_reads_ticks(platform: Platform) -> None:
    client = UnifiedPoolClient.direct(platform)
    ticks = await client.getHistoricalTicks(ACCOUNT, "EURUSD", end=END, kind="ask", limit=5)
    assert len(ticks) == 5
    assert all(list(tick) == ["time", "ask"] for tick in ticks)


async def test_metaapis_callers_page_forwards_through_ticks(stack: Stack) -> None:
    path = "/historical-market-data/symbols/EURUSD/ticks"
    async with metaapi_caller(stack.url) as caller:
        start = iso(END)
        rows = await caller.read(path, startTime=start, limit=20)
        for row in rows:
            assert msgspec.convert(row, MetaApiTick) == row
            assert ("bid" in row) != ("ask" in row)
        times = [row["time"] for row in rows]
        assert times == sorted(times)
        assert times[0] >= start
        assert await caller.read(path, startTime=start, offset=12, limit=8) == rows[12:]
        await caller.refused(f"{path}?startTime=2999-01-01T00:00:00.000Z", 400, "ValidationError")
        await caller.refused(f"{path}?limit=1001", 400, "ValidationError")
