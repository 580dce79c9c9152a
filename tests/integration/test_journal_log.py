"""What an order's commit costs on SQLite: its log is sized once, and tidied behind the writer."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from fxpool.clock import SystemClock
from fxpool.domain.tickets import Entry, TicketKind, TicketTrigger, received
from fxpool.store import Journal, sqlite
from fxpool.store.sqlite import LOG_BYTES, WRITES_PER_TIDYING
from harness.journals import journal_beside
from harness.wait import wait_until

CLOCK = SystemClock()
NUMBERS = count(1)


async def enter(journal: Journal, size: int = 1) -> None:
    """Enter an order with a key, which waits for a transaction of its own."""
    name, intent = f"t{next(NUMBERS)}", {"n": "x" * size}
    fresh = received(name, "alpha", TicketKind.PLACE, CLOCK.at(), intent=intent, key=name)
    stored = fresh.after(TicketTrigger.JOURNALED, CLOCK.at())
    assert await journal.enter(Entry(stored, name, 1, CLOCK.at() + timedelta(days=1)))


async def test_an_order_writes_over_the_log_and_does_not_make_it_longer(tmp_path: Path) -> None:
    log = tmp_path / "journal.sqlite3-wal"
    async with journal_beside(tmp_path) as journal:
        size = log.stat().st_size
        assert size > LOG_BYTES * 0.9
        await enter(journal)
        assert log.stat().st_size == size


async def test_the_log_of_many_orders_is_moved_into_the_database_file(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite3"
    async with journal_beside(tmp_path) as journal:
        before = file.stat().st_mtime_ns
        for _ in range(WRITES_PER_TIDYING):
            await enter(journal)
        await wait_until(lambda: file.stat().st_mtime_ns > before)


async def test_two_processes_size_their_logs_at_the_same_time(tmp_path: Path) -> None:
    async with journal_beside(tmp_path) as one, journal_beside(tmp_path) as other:
        await asyncio.gather(*(enter(journal) for journal in (one, other) * 20))
        assert len(await one.tickets(["alpha"])) == 40


@pytest.fixture
def often_tidied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have few writes do for what otherwise takes many."""
    monkeypatch.setattr(sqlite, "WRITES_PER_TIDYING", 10)
    monkeypatch.setattr(sqlite, "MAX_KEPT_LOG_BYTES", LOG_BYTES)


@pytest.mark.usefixtures("often_tidied")
async def test_a_writer_that_never_rests_does_not_make_the_log_longer(tmp_path: Path) -> None:
    async def orders(journal: Journal) -> None:
        for _ in range(150):
            await enter(journal, 20_000)

    log = tmp_path / "journal.sqlite3-wal"
    async with journal_beside(tmp_path) as journal:
        await asyncio.gather(*(orders(journal) for _ in range(4)))  # 12 MB and their indexes
        assert log.stat().st_size < LOG_BYTES * 1.25


@pytest.mark.usefixtures("often_tidied")
async def test_what_a_reader_made_of_the_log_is_given_back_when_it_leaves(tmp_path: Path) -> None:
    log = tmp_path / "journal.sqlite3-wal"
    async with journal_beside(tmp_path) as journal:
        with closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM tickets").fetchall()
            for _ in range(120):
                await enter(journal, 50_000)  # 6 MB, none of which may be written over yet
            assert log.stat().st_size > LOG_BYTES * 1.25
        await enter_until(journal, lambda: log.stat().st_size <= LOG_BYTES)


@pytest.mark.usefixtures("often_tidied")
async def test_the_log_of_a_killed_process_is_kept_and_moved(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    async with journal_beside(tmp_path) as journal:
        for _ in range(5):
            await enter(journal)
        for name in ("journal.sqlite3", "journal.sqlite3-wal"):
            shutil.copy(tmp_path / name, left)  # as they are on the disk at that moment
    before = (left / "journal.sqlite3").stat().st_size
    async with journal_beside(left) as journal:
        assert len(await journal.tickets(["alpha"])) == 5
        await enter_until(journal, lambda: (left / "journal.sqlite3").stat().st_size > before)
        assert (left / "journal.sqlite3-wal").stat().st_size < LOG_BYTES * 1.25


async def enter_until(journal: Journal, is_so: Callable[[], bool]) -> None:
    """Enter orders until something is so; fails after 200."""
    for _ in range(200):
        await enter(journal)
        if is_so():
            return
    pytest.fail("200 orders have not brought it about")
