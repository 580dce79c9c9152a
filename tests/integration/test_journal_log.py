"""What an order's commit costs on SQLite: its log is sized once, and tidied behind the writer."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

from fxpool.clock import SystemClock
from fxpool.domain.tickets import Entry, TicketKind, TicketTrigger, received
from fxpool.store import Journal
from fxpool.store.sqlite import LOG_BYTES, WRITES_PER_TIDYING
from harness.journals import journal_beside
from harness.wait import wait_until

CLOCK = SystemClock()
NUMBERS = count(1)


async def enter(journal: Journal) -> None:
    fresh = received(f"t{next(NUMBERS)}", "alpha", TicketKind.PLACE, CLOCK.at(), intent={"n": 1})
    assert await journal.enter(Entry(fresh.after(TicketTrigger.JOURNALED, CLOCK.at())))


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
