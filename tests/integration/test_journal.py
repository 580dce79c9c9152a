"""The order journal on real databases: SQLite files and PostgreSQL.

FXPOOL_TEST_POSTGRES_URL names a server to use, such as postgresql+asyncpg://user@host/database;
without it one is started.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, MetaData, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from fxpool.clock import SystemClock
from fxpool.domain.tickets import Entry, Ticket, TicketKind, TicketState, TicketTrigger, received
from fxpool.errors import JournalDown, PoolBusy, SettingsError
from fxpool.store import Journal, KeyHolder
from fxpool.store.journal import KEPT
from harness.journals import journal_url
from harness.postgres import Postgres
from harness.wait import wait_until

POSTGRES = "FXPOOL_TEST_POSTGRES_URL"
DAY = timedelta(days=1)
NUMBERS = count(1)
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    running = Postgres()
    running.start()
    yield running
    running.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStr:
    """A database without tables."""
    if request.param == "sqlite":
        return journal_url(tmp_path)
    given = os.environ.get(POSTGRES)
    if not given:
        given = request.getfixturevalue("server").url.get_secret_value()
    engine = create_async_engine(given)
    async with engine.begin() as connection:
        await connection.run_sync(drop_all)
    await engine.dispose()
    return SecretStr(given)


@pytest.fixture
async def journal(url: SecretStr) -> AsyncIterator[Journal]:
    async with Journal(url, clock=CLOCK) as opened:
        yield opened


def drop_all(connection: Connection) -> None:
    present = MetaData()
    present.reflect(connection)
    present.drop_all(connection)


def ticket(key: str | None = None, age: timedelta = timedelta(0)) -> Ticket:
    """Return a ticket that is to be journaled."""
    at = CLOCK.at() - age
    fresh = received(f"t{next(NUMBERS)}", "alpha", TicketKind.PLACE, at, intent={"n": 1}, key=key)
    return fresh.after(TicketTrigger.JOURNALED, CLOCK.at())


def keyed(key: str, attempt: int = 1, age: timedelta = DAY) -> Entry:
    return Entry(ticket(key), key, attempt, CLOCK.at() + age)


def executed(stored: Ticket) -> Ticket:
    sent = stored.after(TicketTrigger.SENT, CLOCK.at())
    return sent.after(TicketTrigger.EXECUTED, CLOCK.at(), "order 7", {"success": True})


async def test_what_was_entered_is_there_after_a_restart(url: SecretStr) -> None:
    entry = keyed("key:a")
    async with Journal(url, clock=CLOCK) as journal:
        assert await journal.enter(entry)
        await journal.write(executed(entry.ticket))
    async with Journal(url, clock=CLOCK) as journal:
        holder = await journal.holder("alpha", "key:a")
        assert holder is not None
        assert (holder.attempt, holder.is_free) == (1, False)
        assert holder.ticket.state is TicketState.EXECUTED
        assert holder.ticket.result == {"success": True}
        assert [step.text for step in holder.ticket.evidence][-1] == "order 7"
        assert holder.ticket == await journal.ticket(entry.ticket.ticket_id)


async def test_a_key_has_one_holder_even_between_two_journals_at_the_same_moment(
    url: SecretStr,
) -> None:
    async with Journal(url, clock=CLOCK) as one, Journal(url, clock=CLOCK) as other:
        for number in range(20):
            entries = [keyed(f"key:{number}") for _ in range(6)]
            claims = [
                journal.enter(entry)
                for journal, entry in zip([one, other] * 3, entries, strict=True)
            ]
            verdicts = await asyncio.gather(*claims)
            assert sum(verdicts) == 1
            (winner,) = (e for e, is_ours in zip(entries, verdicts, strict=True) if is_ours)
            holder = await other.holder("alpha", f"key:{number}")
            assert holder is not None
            assert holder.ticket.ticket_id == winner.ticket.ticket_id


async def test_two_journals_may_make_the_tables_at_the_same_moment(url: SecretStr) -> None:
    one, other = Journal(url, clock=CLOCK), Journal(url, clock=CLOCK)
    await asyncio.gather(one.__aenter__(), other.__aenter__())
    assert (one.failure, other.failure) == (None, None)
    await asyncio.gather(one.__aexit__(), other.__aexit__())


async def test_a_freed_key_goes_to_the_next_attempt_once(journal: Journal) -> None:
    first = keyed("key:a")
    assert await journal.enter(first)
    refused = first.ticket.after(TicketTrigger.NOT_SENT, CLOCK.at())
    await journal.write(refused, frees_key=True)
    holder = await journal.holder("alpha", "key:a")
    assert holder is not None
    assert holder.is_free
    assert not await journal.enter(keyed("key:a"))  # that was the first attempt's number
    assert await journal.enter(keyed("key:a", attempt=2))
    assert not await journal.enter(keyed("key:a", attempt=2))


async def test_the_key_of_an_open_ticket_outlives_its_time(journal: Journal) -> None:
    assert await journal.enter(keyed("key:a", age=timedelta(0)))
    await journal._purge()
    holder = await journal.holder("alpha", "key:a")
    assert holder is not None
    assert not holder.is_free


async def test_old_tickets_and_keys_are_forgotten_but_for_those_that_are_open(
    url: SecretStr,
) -> None:
    old = CLOCK.at() - KEPT - DAY
    async with Journal(url, clock=CLOCK) as journal:
        for name in ("open", "done"):
            fresh = received(
                f"{name}-{next(NUMBERS)}", "alpha", TicketKind.PLACE, old, intent={}, key=name
            )
            stored = fresh.after(TicketTrigger.JOURNALED, old)
            assert await journal.enter(Entry(stored, name, 1, old + DAY))
            if name == "done":
                sent = stored.after(TicketTrigger.SENT, old)
                await journal.write(sent.after(TicketTrigger.EXECUTED, old))
        recent = keyed("recent")
        assert await journal.enter(recent)
        await journal.write(executed(recent.ticket))
        await journal._purge()
        left = {ticket.key for ticket in await journal.tickets(["alpha"])}
        assert left == {"open", "recent"}
        assert await journal.holder("alpha", "done") is None
        for key in ("open", "recent"):
            assert await journal.holder("alpha", key) is not None


async def test_a_key_is_forgotten_when_its_time_is_over(journal: Journal) -> None:
    first = keyed("key:a", age=timedelta(0))
    assert await journal.enter(first)
    await journal.write(executed(first.ticket))
    holder = await journal.holder("alpha", "key:a")
    assert holder is not None
    assert holder.is_free
    assert await journal.enter(keyed("key:a", attempt=2))


async def test_the_same_key_on_another_account_is_another_key(journal: Journal) -> None:
    assert await journal.enter(keyed("key:a"))
    elsewhere = keyed("key:a")
    moved = replace(elsewhere, ticket=replace(elsewhere.ticket, account="beta"))
    assert await journal.enter(moved)


async def test_a_waiter_is_woken_by_the_outcome_here_and_in_another_process(
    url: SecretStr,
) -> None:
    async with Journal(url, clock=CLOCK) as one, Journal(url, clock=CLOCK) as other:
        stored = ticket()
        await one.enter(Entry(stored))
        waiting = [
            asyncio.create_task(each.settled(stored.ticket_id, 5.0)) for each in (one, other)
        ]
        await one.write(executed(stored))
        for done in await asyncio.gather(*waiting):
            assert done is not None
            assert done.state is TicketState.EXECUTED
        unfinished = ticket()
        await one.enter(Entry(unfinished))
        still = await one.settled(unfinished.ticket_id, 0.01)
        assert still is not None
        assert still.state.is_open
        assert await one.settled("nobody", 5.0) is None


async def test_only_one_of_two_resolvers_settles_a_ticket(url: SecretStr) -> None:
    async with Journal(url, clock=CLOCK) as one, Journal(url, clock=CLOCK) as other:
        stored = ticket()
        await one.enter(Entry(stored))
        lost = stored.after(TicketTrigger.LOST, CLOCK.at())
        tries = [journal.settle(lost, TicketState.JOURNALED) for journal in (one, other)]
        assert sorted(await asyncio.gather(*tries)) == [False, True]


async def test_tickets_are_listed_newest_first_by_account_and_state(journal: Journal) -> None:
    entries = [ticket(age=timedelta(seconds=10 - number)) for number in range(3)]
    for each in entries:
        await journal.enter(Entry(each))
    await journal.write(executed(entries[1]))
    listed = await journal.tickets(["alpha"])
    assert [t.ticket_id for t in listed] == [t.ticket_id for t in reversed(entries)]
    done = await journal.tickets(["alpha"], [TicketState.EXECUTED])
    assert [t.ticket_id for t in done] == [entries[1].ticket_id]
    assert await journal.tickets(["beta"]) == []


async def test_a_ticket_whose_last_step_is_not_written_yet_is_listed_by_that_step(
    journal: Journal,
) -> None:
    entry = Entry(ticket())
    await journal.enter(entry)
    journal.note(executed(entry.ticket))
    assert await journal.tickets(["alpha"], [TicketState.JOURNALED]) == []


async def test_many_orders_at_once_share_transactions_and_all_are_stored(
    journal: Journal,
) -> None:
    entries = [keyed(f"key:{number}") for number in range(300)]
    assert all(await asyncio.gather(*map(journal.enter, entries)))
    assert len(await journal.tickets(["alpha"])) == 300


async def test_a_full_queue_refuses_rather_than_letting_an_order_go_unseen(
    url: SecretStr,
) -> None:
    async with Journal(url, clock=CLOCK, max_waiting=2) as journal:
        verdicts = await asyncio.gather(
            *(journal.enter(keyed(f"key:{n}")) for n in range(4)), return_exceptions=True
        )
        assert [type(verdict) for verdict in verdicts] == [bool, bool, PoolBusy, PoolBusy]


async def test_who_leaves_before_the_writer_came_was_never_there(journal: Journal) -> None:
    asking = asyncio.create_task(journal.enter(keyed("key:a")))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert await journal.enter(keyed("key:a"))
    assert len(await journal.tickets(["alpha"])) == 1


async def test_who_leaves_during_the_write_leaves_a_ticket_that_was_not_sent(
    journal: Journal,
) -> None:
    entry = keyed("key:a")
    asking = asyncio.create_task(journal.enter(entry))
    await asyncio.sleep(0)
    while journal._entries:  # noqa: ASYNC110 (the writer takes them in its turn of the loop)
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    async def freed() -> KeyHolder:
        while True:  # the database is asked: nothing tells
            holder = await journal.holder("alpha", "key:a")
            if holder is not None and holder.is_free:
                return holder
            await asyncio.sleep(0.002)

    holder = await asyncio.wait_for(freed(), 5)
    assert holder.ticket.state is TicketState.NOT_SENT
    assert await journal.enter(keyed("key:a", attempt=2))


async def test_a_note_is_seen_at_once_and_stored_soon(url: SecretStr) -> None:
    async with Journal(url, clock=CLOCK) as one, Journal(url, clock=CLOCK) as other:
        stored = ticket()
        await one.enter(Entry(stored))
        one.note(stored.after(TicketTrigger.SENT, CLOCK.at()))
        here = await one.ticket(stored.ticket_id)
        assert here is not None
        assert here.state is TicketState.SENT

        async def written() -> None:
            while True:  # the database is asked: nothing tells
                there = await other.ticket(stored.ticket_id)
                if there is not None and there.state is TicketState.SENT:
                    return
                await asyncio.sleep(0.01)

        await asyncio.wait_for(written(), 5)


async def test_an_order_does_not_wait_for_notes_and_orders_do_not_keep_them_waiting(
    url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fxpool.store.journal.NOTE_SECONDS", 1.0)  # longer than one order takes
    async with Journal(url, clock=CLOCK) as one, Journal(url, clock=CLOCK) as other:
        noted = ticket()
        await one.enter(Entry(noted))
        one.note(noted.after(TicketTrigger.SENT, CLOCK.at()))
        await one.enter(Entry(ticket()))
        there = await other.ticket(noted.ticket_id)
        assert there is not None
        assert there.state is TicketState.JOURNALED
        deadline = CLOCK.now() + 5
        while there.state is not TicketState.SENT:
            assert CLOCK.now() < deadline
            await one.enter(Entry(ticket()))
            there = await other.ticket(noted.ticket_id)
            assert there is not None


async def test_a_step_that_is_waited_for_goes_with_the_next_order(url: SecretStr) -> None:
    async with Journal(url, clock=CLOCK) as one, Journal(url, clock=CLOCK) as other:
        noted = ticket()
        await one.enter(Entry(noted))
        one.note(noted.after(TicketTrigger.SENT, CLOCK.at()))
        await asyncio.gather(one.enter(Entry(ticket())), one.write(executed(noted)))
        there = await other.ticket(noted.ticket_id)
        assert there is not None
        assert there.state is TicketState.EXECUTED


async def test_without_a_database_nothing_is_entered_and_it_is_taken_up_again(
    tmp_path: Path,
) -> None:
    url = journal_url(tmp_path)
    (tmp_path / "journal.sqlite3").mkdir()
    async with Journal(url, clock=CLOCK) as journal:
        assert journal.failure is not None
        with pytest.raises(JournalDown):
            await journal.enter(Entry(ticket()))
        (tmp_path / "journal.sqlite3").rmdir()
        await wait_until(lambda: journal.failure is None)
        assert await journal.enter(Entry(ticket()))


async def test_a_step_that_cannot_be_stored_is_stored_when_the_database_is_back(
    url: SecretStr,
) -> None:
    async with Journal(url, clock=CLOCK) as journal:
        stored = ticket()
        await journal.enter(Entry(stored))
        await run(url, "ALTER TABLE tickets RENAME TO hidden")
        with pytest.raises(JournalDown):
            await journal.write(executed(stored))
        with pytest.raises(JournalDown):
            await journal.enter(Entry(ticket()))
        await run(url, "ALTER TABLE hidden RENAME TO tickets")
        await wait_until(lambda: journal.failure is None)
        done = await journal.settled(stored.ticket_id, 5.0)
        assert done is not None
        assert done.state is TicketState.EXECUTED


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "no url at all"])
def test_a_database_that_is_not_served_is_refused_with_the_cure(url: str) -> None:
    with pytest.raises(SettingsError, match=r"postgresql\+asyncpg"):
        Journal(SecretStr(url), clock=CLOCK)


async def run(url: SecretStr, statement: str) -> None:
    """Do something to the database from outside."""
    given = url.get_secret_value()
    if given.startswith("sqlite"):
        engine = create_engine(given)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()
        return
    remote = create_async_engine(given)
    async with remote.begin() as link:
        await link.execute(text(statement))
    await remote.dispose()
