"""Orders on their way into the database, in a file of their own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from fxpool.clock import SystemClock
from fxpool.domain.tickets import Ticket, TicketKind, TicketTrigger, received
from fxpool.errors import JournalDown
from fxpool.store import intent_log
from fxpool.store.intent_log import (
    PAGE_BYTES,
    PAGES,
    IntentLog,
    abandoned,
    clear_unfinished,
    logged,
)

NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
NUMBERS = count(1)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """The file of a database; the log only takes its name."""
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def log(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IntentLog]:
    """A log on a disk that need not prove anything."""
    monkeypatch.setattr(intent_log, "QUICK_WRITES", 0)
    made = IntentLog.create(database, clock=SystemClock())
    yield made
    made.close()


def ticket(comment: str = "") -> Ticket:
    """Return a ticket that is to be journaled."""
    intent = {"volume": 0.1, "order": {"comment": comment, "prices": [1.5, None]}}
    fresh = received(
        f"t{next(NUMBERS)}", "alpha", TicketKind.PLACE, NOW, intent=intent, asked="desk"
    )
    return fresh.after(TicketTrigger.JOURNALED, NOW + timedelta(milliseconds=3))


def files(database: Path) -> list[str]:
    return sorted(path.name for path in database.parent.iterdir())


async def test_a_ticket_is_read_as_it_was_put_until_its_page_is_free(
    database: Path, log: IntentLog
) -> None:
    first, second = ticket("Zürich"), ticket()
    pages = [await log.put(each) for each in (first, second)]
    assert None not in pages
    assert sorted(logged(database), key=lambda each: each.ticket_id) == [first, second]
    log.free(pages[0] or 0)
    assert logged(database) == [second]


async def test_a_page_is_used_again_and_shows_nothing_of_what_it_held(
    database: Path, log: IntentLog
) -> None:
    page = await log.put(ticket("x" * 3000))
    assert page is not None
    log.free(page)
    short = ticket()
    assert await log.put(short) == page
    assert logged(database) == [short]


def test_each_write_of_a_record_is_forced_to_the_disk(log: IntentLog) -> None:
    assert fcntl.fcntl(log._forced, fcntl.F_GETFL) & os.O_DSYNC == os.O_DSYNC


async def test_a_record_that_is_not_whole_is_none(database: Path, log: IntentLog) -> None:
    whole, torn = ticket(), ticket("torn")
    await log.put(whole)
    page = await log.put(torn)
    assert page is not None
    (file,) = database.parent.iterdir()
    with file.open("r+b") as found:
        found.seek(page * PAGE_BYTES + 100)
        found.write(b"\0")
    assert logged(database) == [whole]


async def test_without_room_nothing_is_put(log: IntentLog) -> None:
    assert await log.put(ticket("x" * PAGE_BYTES)) is None
    pages = [await log.put(ticket()) for _ in range(PAGES + 1)]
    assert len(set(pages[:-1])) == PAGES
    assert pages[-1] is None


async def test_while_the_disk_is_nearly_full_nothing_is_put(
    log: IntentLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await log.put(ticket())
    assert page is not None
    with monkeypatch.context() as patch:
        patch.setattr(intent_log, "SPARE_BYTES", 1 << 62)  # no disk has so much
        log.free(page)
        assert await log.put(ticket()) is None
    assert await log.put(ticket()) is not None


async def test_a_write_that_fails_is_told_and_its_page_is_left_alone(
    log: IntentLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        read_only = os.open("/dev/null", os.O_RDONLY)
        patch.setattr(log, "_forced", read_only)  # writing to it fails as on a broken disk
        assert await log.put(ticket()) is None
        os.close(read_only)
    pages = [await log.put(ticket()) for _ in range(PAGES)]
    assert pages[-1] is None
    assert None not in pages[:-1]


class SteppingClock(SystemClock):
    """Each look at it takes ``step`` seconds; knows the threads that looked."""

    def __init__(self) -> None:
        self.step = 0.0
        self.threads: list[str] = []
        self._now = 0.0

    def now(self) -> float:  # type: ignore[override] # a function there
        self.threads.append(threading.current_thread().name)
        self._now += self.step
        return self._now


async def test_only_a_disk_that_has_proved_quick_is_written_to_in_the_loops_thread(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intent_log, "QUICK_WRITES", 2)
    clock = SteppingClock()
    log = IntentLog.create(database, clock=clock)
    loop, own = threading.current_thread().name, "intent-log"

    async def put() -> str:
        """Return the thread that it was written in."""
        clock.threads.clear()
        assert await log.put(ticket()) is not None
        return clock.threads[0]

    try:
        assert [await put() for _ in range(3)] == [own, own, loop]
        clock.step = 1.0
        assert [await put() for _ in range(4)] == [loop, own, own, own]
        clock.step = 0.0
        assert [await put() for _ in range(3)] == [own, own, loop]
    finally:
        log.close()


async def test_one_slow_write_in_a_while_is_let_pass_and_a_second_one_is_not(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intent_log, "QUICK_WRITES", 2)
    clock = SteppingClock()
    log = IntentLog.create(database, clock=clock)
    loop, own = threading.current_thread().name, "intent-log"

    async def threads(*seconds: float) -> list[str]:
        """Return the threads of writes that take so long."""
        found = []
        for clock.step in seconds:
            clock.threads.clear()
            assert await log.put(ticket()) is not None
            found.append(clock.threads[0])
        return found

    try:
        assert await threads(0.0, 0.0) == [own, own]
        assert await threads(0.005, 0.0, 0.0, 0.005, 0.0) == [loop] * 5
        assert await threads(0.005, 0.0, 0.0, 0.0) == [loop, own, own, loop]
    finally:
        log.close()


async def test_a_page_that_is_given_back_slowly_counts_too(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intent_log, "QUICK_WRITES", 1)
    clock = SteppingClock()
    log = IntentLog.create(database, clock=clock)
    try:
        pages = [await log.put(ticket()) for _ in range(2)]
        clock.step = 1.0
        log.free(pages[0] or 0)
        clock.step = 0.0
        clock.threads.clear()
        await log.put(ticket())
        assert set(clock.threads) == {"intent-log"}
    finally:
        log.close()


async def test_who_leaves_during_the_write_leaves_nothing(database: Path) -> None:
    log = IntentLog.create(database, clock=SystemClock())
    asking = asyncio.create_task(log.put(ticket()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    log.close()  # after the write
    assert files(database) == []


async def test_what_a_process_left_behind_is_taken_over_once(database: Path) -> None:
    living = IntentLog.create(database, clock=SystemClock())
    gone = IntentLog.create(database, clock=SystemClock())
    left, kept = ticket(), ticket()
    await gone.put(left)
    await living.put(kept)
    gone.close()
    with pytest.raises(RuntimeError, match="not stored"), abandoned(database):
        raise RuntimeError("not stored")
    with abandoned(database) as tickets, abandoned(database) as by_another:
        assert (tickets, by_another) == ([left], [])
    with abandoned(database) as tickets:
        assert tickets == []
    assert logged(database) == [kept]
    living.close()


async def test_a_log_that_holds_nothing_is_removed_when_it_is_closed(database: Path) -> None:
    log = IntentLog.create(database, clock=SystemClock())
    page = await log.put(ticket())
    assert page is not None
    log.free(page)
    log.close()
    assert files(database) == []


async def test_a_log_of_another_version_is_kept_and_named(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = IntentLog.create(database, clock=SystemClock())
    monkeypatch.setattr(intent_log, "_encode", lambda _: b'{"of": "another time"}')
    await log.put(ticket())
    log.close()
    (name,) = files(database)
    with pytest.raises(JournalDown, match=f"{name} holds .* start the version"):
        logged(database)
    assert files(database) == [name]


def test_what_was_not_finished_in_time_is_cleared_away(database: Path) -> None:
    old, new = (
        database.with_name(f"{database.name}-intents-{which}.new") for which in ("old", "new")
    )
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    clear_unfinished(database, clock=SystemClock())
    assert files(database) == [new.name]
    assert logged(database) == []


def test_a_log_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        IntentLog.create(tmp_path / "nowhere" / "journal.sqlite3", clock=SystemClock())
    with pytest.raises(OSError, match="name too long"):
        IntentLog.create(tmp_path / ("j" * 245), clock=SystemClock())
    assert list(tmp_path.iterdir()) == []
