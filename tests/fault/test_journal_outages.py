"""The order journal while its database is away, hangs or is full: refuse, and go on by itself."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.domain.tickets import Entry, TicketKind, TicketTrigger, received
from fxpool.errors import JournalDown
from fxpool.platforms.base import CloseRequest
from fxpool.platforms.words import RETRY_WORDS
from fxpool.store import Journal, database
from harness.broker import orders_made
from harness.journals import journal_url
from harness.platforms import Served, live_platform
from harness.postgres import Postgres
from harness.sqlite_writes import before_sqlite_writes
from harness.wait import wait_until

CLOCK = SystemClock()
NUMBERS = count(1)


@pytest.fixture
def server() -> Iterator[Postgres]:
    running = Postgres()
    running.start()
    yield running
    running.remove()


def trading_on(url: SecretStr) -> AbstractAsyncContextManager[Served]:
    """Run a platform that keeps its journal in a database."""
    return live_platform(database_url=url)


async def works_again(served: Served) -> None:
    await wait_until(lambda: served.platform._journal.failure is None, within=10.0)


def entry(size: int = 10) -> Entry:
    """Return an order of about so many bytes that is to be journaled."""
    intent = {"comment": "x" * size}
    fresh = received(f"t{next(NUMBERS)}", "alpha", TicketKind.PLACE, CLOCK.at(), intent=intent)
    return Entry(fresh.after(TicketTrigger.JOURNALED, CLOCK.at()))


async def test_while_the_database_is_down_nothing_opens_and_afterwards_all_goes_on(
    server: Postgres,
) -> None:
    async with trading_on(server.url) as served:
        opened = await served.buy(idempotency_key="k1")
        server.stop()
        for key, outcome in ((None, "not_executed"), ("k1", "unknown"), ("k2", "unknown")):
            refused = await served.buy(idempotency_key=key)
            assert (refused["success"], refused["code"]) == (False, "JOURNAL_DOWN")
            assert (refused["outcome"], refused["retryable"]) == (outcome, True)
            assert any(word in refused["error"] for word in RETRY_WORDS)
        health = await served.platform.health()
        assert health["status"] == "degraded"
        assert health["checks"]["journal"].startswith("down: ")
        closed = await served.platform.close_position("alpha", CloseRequest(opened["positionId"]))
        assert closed["outcome"] == "executed"
        server.start()
        await works_again(served)
        assert (await served.platform.health())["status"] == "healthy"
        again = await served.buy(idempotency_key="k1")
        assert (again["duplicate"], again["positionId"]) == (True, opened["positionId"])
        assert (await served.buy())["success"]
        assert len(orders_made(served.simulator)) == 2


async def test_the_order_that_finds_the_database_gone_is_answered_and_the_next_is_refused(
    tmp_path: Path,
) -> None:
    url = journal_url(tmp_path)
    async with trading_on(url) as served:
        rename(tmp_path, "tickets", "hidden")
        opened = await served.buy()
        assert (opened["outcome"], opened["success"]) == ("executed", True)
        refused = await served.buy()
        assert (refused["code"], refused["outcome"]) == ("JOURNAL_DOWN", "not_executed")
        assert len(orders_made(served.simulator)) == 1
        rename(tmp_path, "hidden", "tickets")
        await works_again(served)
        ticket = await served.platform.ticket(opened["ticketId"])
        assert (ticket["state"], ticket["result"]["positionId"]) == (
            "executed",
            opened["positionId"],
        )


def rename(folder: Path, table: str, name: str) -> None:
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as driver:
        driver.execute(f"ALTER TABLE {table} RENAME TO {name}")
        driver.commit()


async def test_the_first_order_after_a_restart_of_the_database_goes_through(
    server: Postgres,
) -> None:
    async with Journal(server.url, clock=CLOCK) as journal:
        assert await journal.enter(entry())
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        assert await journal.enter(entry())
        assert journal.failure is None


async def test_a_database_that_hangs_counts_as_down_after_a_while(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(database, "CONNECT_SECONDS", 0.3)
    async with Journal(server.url, clock=CLOCK) as journal:
        assert await journal.enter(entry())
        server.pause()
        try:
            with pytest.raises(JournalDown):
                await journal.enter(entry())
            assert journal.failure is not None
        finally:
            server.resume()
        await wait_until(lambda: journal.failure is None, within=10.0)
        assert await journal.enter(entry())


@dataclass
class Disk:
    """How many pages of 4096 bytes SQLite files may have; None for any number."""

    pages: int | None = None


@contextmanager
def limited_disk() -> Iterator[Disk]:
    """Limit every SQLite file as a full disk does, from its next transaction on."""
    disk = Disk()

    def limit(driver: Any) -> None:
        pages = 2**31 if disk.pages is None else disk.pages
        driver.execute(f"PRAGMA max_page_count={pages}")

    with before_sqlite_writes(limit):
        yield disk


async def test_a_full_journal_refuses_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    with limited_disk() as disk:
        async with Journal(journal_url(tmp_path), clock=CLOCK) as journal:
            told: list[str | None] = []
            journal.told = told.append
            assert await journal.enter(entry())
            disk.pages = 1  # never less than there are
            with pytest.raises(JournalDown, match="full"):
                await journal.enter(entry(50_000))
            with pytest.raises(JournalDown, match="full"):
                await journal.enter(entry())
            await wait_until(lambda: len(told) >= 1)
            assert told == ["database or disk is full"]
            disk.pages = None
            await wait_until(lambda: journal.failure is None)
            assert told[-1] is None
            assert await journal.enter(entry(50_000))
