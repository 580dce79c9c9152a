"""Orders without a key wait for the intent log, and come into the database behind it."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr

from fxpool.clock import SystemClock
from fxpool.domain.tickets import Entry, Ticket, TicketKind, TicketState, TicketTrigger, received
from fxpool.errors import JournalDown
from fxpool.store import Journal, intent_log, journal
from fxpool.store.intent_log import logged
from harness.journals import journal_beside
from harness.wait import wait_until

CLOCK = SystemClock()
NUMBERS = count(1)
FILE = "journal.sqlite3"

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from pydantic import SecretStr
from fxpool.clock import SystemClock
from fxpool.domain.tickets import Entry, TicketKind, TicketTrigger, received
from fxpool.store import Journal

async def main():
    clock = SystemClock()
    async with Journal(SecretStr(f"sqlite:///{sys.argv[1]}"), clock=clock) as journal:
        fresh = received("killed", "alpha", TicketKind.PLACE, clock.at(), intent={"n": 1})
        await journal.enter(Entry(fresh.after(TicketTrigger.JOURNALED, clock.at())))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def never_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nothing come into the database that nobody waits for."""
    monkeypatch.setattr(journal, "NOTE_SECONDS", 600.0)


def new_ticket(kind: TicketKind = TicketKind.PLACE) -> Ticket:
    fresh = received(f"t{next(NUMBERS)}", "alpha", kind, CLOCK.at(), intent={"n": 1})
    return fresh.after(TicketTrigger.JOURNALED, CLOCK.at())


def executed(ticket: Ticket) -> Ticket:
    sent = ticket.after(TicketTrigger.SENT, CLOCK.at())
    return sent.after(TicketTrigger.EXECUTED, CLOCK.at(), "order 7", {"success": True})


def states_in(folder: Path) -> dict[str, str]:
    """Return the states of the tickets that the database has."""
    with closing(sqlite3.connect(folder / FILE)) as database:
        return dict(database.execute("SELECT ticket_id, state FROM tickets"))


def logs_in(folder: Path) -> list[Path]:
    return list(folder.glob("*-intents-*"))


async def kill_one(folder: Path) -> None:
    """Have a process die the moment its order may leave."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, folder / FILE)
    assert await process.wait() == -signal.SIGKILL


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be another process that writes to the database for long."""
    with closing(sqlite3.connect(folder / FILE)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


async def test_an_order_does_not_wait_for_another_process_that_writes(tmp_path: Path) -> None:
    async with journal_beside(tmp_path) as one:
        entered = new_ticket()
        with writing(tmp_path):
            assert await asyncio.wait_for(one.enter(Entry(entered)), 1)
            assert await one.ticket(entered.ticket_id) == entered
            assert states_in(tmp_path) == {}
        await one.write(executed(entered))
        assert states_in(tmp_path) == {entered.ticket_id: "executed"}
        await wait_until(lambda: logged(tmp_path / FILE) == [])


async def test_an_order_comes_into_the_database_also_without_a_result(tmp_path: Path) -> None:
    async with journal_beside(tmp_path) as one:
        entered = new_ticket()
        await one.enter(Entry(entered))
        await wait_until(lambda: states_in(tmp_path) == {entered.ticket_id: "journaled"})


@pytest.mark.usefixtures("never_by_itself")
async def test_the_order_of_a_killed_process_is_there_when_it_starts_again(tmp_path: Path) -> None:
    await kill_one(tmp_path)
    assert states_in(tmp_path) == {}
    async with journal_beside(tmp_path) as again:
        left = await again.ticket("killed")
        assert left is not None
        assert left.state is TicketState.JOURNALED
        assert states_in(tmp_path) == {"killed": "journaled"}
        assert logged(tmp_path / FILE) == []


@pytest.mark.usefixtures("never_by_itself")
async def test_the_order_of_a_killed_process_is_taken_over_by_one_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "TAKE_OVER_SECONDS", 0.05)
    async with journal_beside(tmp_path):
        await kill_one(tmp_path)
        await wait_until(lambda: states_in(tmp_path) == {"killed": "journaled"})


@pytest.mark.usefixtures("never_by_itself")
async def test_what_was_taken_over_never_undoes_what_the_database_knows(tmp_path: Path) -> None:
    async with journal_beside(tmp_path) as one:
        entered = new_ticket()
        await one.enter(Entry(entered))
        (log,) = logs_in(tmp_path)
        copy = tmp_path / f"{FILE}-intents-of-a-process-that-is-gone"
        copy.write_bytes(log.read_bytes())  # blank pages need not have reached the disk
        await one.write(executed(entered))
    async with journal_beside(tmp_path) as again:
        found = await again.ticket(entered.ticket_id)
        assert found is not None
        assert found.state is TicketState.EXECUTED
        assert not copy.exists()


@pytest.mark.usefixtures("never_by_itself")
async def test_orders_on_their_way_are_seen_by_all_processes(tmp_path: Path) -> None:
    """A close that another process has sent must not be taken for one of ours."""
    async with journal_beside(tmp_path) as one, journal_beside(tmp_path) as other:
        opened, closed = new_ticket(), new_ticket(TicketKind.CLOSE)
        for each in (opened, closed):
            await one.enter(Entry(each))
        assert states_in(tmp_path) == {}
        assert await other.closes("alpha", closed.received_at) == [closed]
        assert await other.closes("beta", closed.received_at) == []
        assert {t.ticket_id for t in await other.tickets(["alpha"])} == {
            opened.ticket_id,
            closed.ticket_id,
        }
        assert await other.ticket(opened.ticket_id) == opened


@pytest.mark.usefixtures("never_by_itself")
async def test_processes_that_know_the_database_by_different_names_see_each_others_orders(
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / FILE).symlink_to(tmp_path / FILE)
    async with journal_beside(tmp_path) as one, journal_beside(elsewhere) as other:
        entered = new_ticket()
        await one.enter(Entry(entered))
        assert await other.ticket(entered.ticket_id) == entered


@pytest.mark.usefixtures("never_by_itself")
async def test_a_ticket_whose_page_is_not_blank_yet_is_as_the_database_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with journal_beside(tmp_path) as one, journal_beside(tmp_path) as other:
        entered = new_ticket()
        await one.enter(Entry(entered))
        assert one._log is not None
        monkeypatch.setattr(one._log, "free", lambda _: None)
        await one.write(executed(entered))
        assert logged(tmp_path / FILE) == [entered]
        assert await other.tickets(["alpha"], [TicketState.JOURNALED]) == []


@pytest.mark.usefixtures("never_by_itself")
async def test_a_ticket_on_its_way_is_settled(tmp_path: Path) -> None:
    async with journal_beside(tmp_path) as one:
        entered = new_ticket()
        await one.enter(Entry(entered))
        lost = entered.after(TicketTrigger.LOST, CLOCK.at())
        assert await one.settle(lost, TicketState.JOURNALED)
        assert states_in(tmp_path) == {entered.ticket_id: "unknown"}


@pytest.mark.usefixtures("never_by_itself")
async def test_what_the_database_did_not_take_is_stored_when_it_is_back(tmp_path: Path) -> None:
    async with journal_beside(tmp_path) as one:
        entered = new_ticket()
        await one.enter(Entry(entered))
        rename(tmp_path, "tickets", "hidden")
        with pytest.raises(JournalDown):
            await one.write(executed(entered))
        with pytest.raises(JournalDown):
            await one.enter(Entry(new_ticket()))
        rename(tmp_path, "hidden", "tickets")
        await wait_until(lambda: one.failure is None)
        await wait_until(lambda: logged(tmp_path / FILE) == [])
        assert states_in(tmp_path) == {entered.ticket_id: "executed"}


async def test_orders_that_cannot_be_taken_over_are_told_of_until_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "TAKE_OVER_SECONDS", 0.05)
    async with journal_beside(tmp_path) as one:
        left = intents_of_another_version(tmp_path)
        await wait_until(lambda: one.left_behind is not None)
        assert one.left_behind is not None
        assert left.name in one.left_behind
        assert "start the version that wrote it" in one.left_behind
        assert await one.enter(Entry(new_ticket()))
        left.unlink()
        await wait_until(lambda: one.left_behind is None)


async def test_with_orders_that_cannot_be_taken_over_nothing_begins(tmp_path: Path) -> None:
    left = intents_of_another_version(tmp_path)
    async with journal_beside(tmp_path) as one:
        assert one.failure is not None
        assert "start the version that wrote it" in one.failure
        left.unlink()
        await wait_until(lambda: one.failure is None)


async def test_a_journal_that_ends_leaves_no_log(tmp_path: Path) -> None:
    async with journal_beside(tmp_path) as one:
        entered = new_ticket()
        await one.enter(Entry(entered))
    assert logs_in(tmp_path) == []
    assert states_in(tmp_path) == {entered.ticket_id: "journaled"}


async def test_without_a_log_orders_wait_for_the_database(tmp_path: Path) -> None:
    long = tmp_path / ("j" * 240)  # leaves no room for the log's own name
    async with Journal(SecretStr(f"sqlite:///{long}"), clock=CLOCK) as one:
        entered = new_ticket()
        assert await one.enter(Entry(entered))
        with closing(sqlite3.connect(long)) as database:
            assert database.execute("SELECT state FROM tickets").fetchall() == [("journaled",)]


def intents_of_another_version(folder: Path) -> Path:
    """Write what a process of another version would leave behind."""
    record = b'{"of": "another time"}'
    left = folder / f"{FILE}-intents-of-another-version"
    left.write_bytes(intent_log._HEAD.pack(b"FXI1", len(record), zlib.crc32(record)) + record)
    return left


def rename(folder: Path, table: str, name: str) -> None:
    with closing(sqlite3.connect(folder / FILE)) as database:
        database.execute(f"ALTER TABLE {table} RENAME TO {name}")
        database.commit()
