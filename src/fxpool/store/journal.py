"""The order journal: tickets and their keys, stored durably before anything may leave.

One task writes. It takes all that waits and commits it in one transaction (group commit), so that
many orders at once share the price of reaching the disk; callers of ``enter`` and ``write`` return
when their part is durable. It decides nothing about orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final, Self

import structlog
from pydantic import SecretStr
from sqlalchemy import Connection, Select, delete, select
from sqlalchemy.exc import SQLAlchemyError

from fxpool.clock import Clock
from fxpool.domain.tickets import Entry, Ticket, TicketKind, TicketState, TicketTrigger, received
from fxpool.errors import JournalDown, PoolBusy
from fxpool.store.database import make_database, migrate, reason_of
from fxpool.store.rows import instant, milliseconds, row_of, ticket_of
from fxpool.store.statements import (
    FREED_KEYS,
    GONE_TICKETS,
    HOLDER,
    NEW_TICKETS,
    STEP,
    STEPS,
    claim,
    step_of,
)
from fxpool.store.tables import ORDER_KEYS, TICKETS

MAX_WAITING: Final = 1000
"""Intents that may wait for the disk; further ones are refused rather than sent blind."""

NOTE_SECONDS: Final = 0.2
"""How long a step that nobody waits for may stay in memory."""

POLL_SECONDS: Final = 0.1
"""How often a waiter looks for what another process wrote."""

KEPT: Final = timedelta(days=30)
"""How long a finished ticket is kept."""

PURGE_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
MAX_LISTED: Final = 500

_EPOCH: Final = instant(0)
_PROBE: Final = {"probe": "x" * 20_000}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The ticket that claimed a key last; ``is_free`` says that the next request may claim it."""

    ticket: Ticket
    attempt: int
    is_free: bool


@dataclass(slots=True)
class _Step:
    """A stored ticket's newer state that is to be written."""

    ticket: Ticket
    frees_key: bool
    done: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for it, or for its key."""
        return self.frees_key or bool(self.done)


@dataclass(frozen=True, slots=True)
class _Batch:
    entries: list[tuple[Entry, asyncio.Future[bool]]]
    steps: dict[str, _Step]

    def __bool__(self) -> bool:
        return bool(self.entries or self.steps)


class Journal:
    """The journal of one process; several processes may share a database. ``async with`` it.

    Attributes:
        told: called with why nothing can be stored, and with None once it can; its owner may
            replace it.
    """

    def __init__(self, url: SecretStr, *, clock: Clock, max_waiting: int = MAX_WAITING) -> None:
        """``url`` is an SQLAlchemy URL. Raises SettingsError."""
        self._database = make_database(url)
        self._clock = clock
        self._max_waiting = max_waiting
        self._entries: list[tuple[Entry, asyncio.Future[bool]]] = []
        self._steps: dict[str, _Step] = {}
        self._watchers: dict[str, list[asyncio.Future[None]]] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._is_migrated = False
        self._failure: str | None = "the journal is not open"
        self.told: Callable[[str | None], None] = lambda _: None
        self._timer: asyncio.TimerHandle | None = None
        self._are_notes_due = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def failure(self) -> str | None:
        """Why nothing can be stored now; None while all is well."""
        return self._failure

    async def __aenter__(self) -> Self:
        """Bring the tables up to date and begin to write. While the database is down every
        ``enter`` is refused; it is tried again until it is there."""
        try:
            await self._migrate()
        except JournalDown as exc:
            self._down(str(exc))
            self._wake.set()
        else:
            self._failure = None
        self._tasks = [
            asyncio.create_task(self._write_forever(), name="journal-writer"),
            asyncio.create_task(self._purge_forever(), name="journal-purge"),
        ]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Write what waits, then close."""
        if self._tasks:
            writer, purge = self._tasks
            self._closing = True
            self._wake.set()
            purge.cancel()
            await asyncio.gather(writer, purge, return_exceptions=True)
            self._tasks = []
        self._failure = "the journal is closed"
        if self._timer is not None:
            self._timer.cancel()
        await self._database.close()

    # Writing

    async def enter(self, entry: Entry) -> bool:
        """Store a ticket durably; its frame may leave once this has returned True.

        False: another request holds the key. Raises JournalDown, and PoolBusy when too many
        intents wait; both were not stored.
        """
        if self._failure is not None:
            raise JournalDown(f"the order journal is down: {self._failure}")
        if len(self._entries) >= self._max_waiting:
            raise PoolBusy(f"{len(self._entries)} orders wait for the order journal")
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._entries.append((entry, done))
        self._wake.set()
        return await done

    def note(self, ticket: Ticket) -> None:
        """Store a step that nobody waits for, in NOTE_SECONDS at the latest."""
        self._put(ticket, frees_key=False)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(NOTE_SECONDS, self._write_notes)

    async def write(self, ticket: Ticket, *, frees_key: bool = False) -> None:
        """Store a step durably; ``frees_key`` leaves its key to the next request.

        Raises JournalDown if that is not possible now; the step is kept, and stored later.
        """
        done = asyncio.get_running_loop().create_future()
        self._put(ticket, frees_key=frees_key).done.append(done)
        self._wake.set()
        await done

    async def settle(
        self, ticket: Ticket, expected: TicketState, *, frees_key: bool = False
    ) -> bool:
        """Store a step of a ticket unless another process was faster: whether it was stored.

        For tickets that no request of this process holds. Raises JournalDown.
        """

        def work(connection: Connection) -> bool:
            change = STEP.where(TICKETS.c.state == expected.value)
            is_stored = connection.execute(change, step_of(ticket)).rowcount > 0
            if is_stored and frees_key:
                FREED_KEYS.run(connection, [{"of_ticket": ticket.ticket_id}])
            return is_stored

        async with _translated():
            is_stored = await self._database.write(work)
        self._notify(ticket.ticket_id)
        return is_stored

    # Reading

    async def holder(self, account: str, key: str) -> KeyHolder | None:
        """Return who claimed a key last, None if nobody did. Raises JournalDown."""
        for row in await self._rows(HOLDER, {"of_account": account, "of_key": key}):
            ticket = self._newest(row)
            is_old = row["expires_ms"] <= milliseconds(self._clock.at())
            is_over = is_old and not ticket.state.is_open  # else its order may still be live
            return KeyHolder(ticket, row["attempt"], row["is_free"] or is_over)
        return None

    async def ticket(self, ticket_id: str) -> Ticket | None:
        """Return a ticket, None if there is none. Raises JournalDown."""
        for row in await self._rows(select(TICKETS).where(TICKETS.c.ticket_id == ticket_id)):
            return self._newest(row)
        return None

    async def tickets(
        self,
        accounts: Collection[str],
        states: Collection[TicketState] | None = None,
        limit: int = MAX_LISTED,
    ) -> list[Ticket]:
        """Return the tickets of accounts, newest first, ``limit`` at most. Raises JournalDown."""
        query = select(TICKETS).where(TICKETS.c.account.in_(list(accounts)))
        if states is not None:
            query = query.where(TICKETS.c.state.in_([state.value for state in states]))
        newest_first = query.order_by(TICKETS.c.received_ms.desc(), TICKETS.c.ticket_id)
        found = [self._newest(row) for row in await self._rows(newest_first.limit(limit))]
        # A step that is not written yet may have led out of the states that were asked for.
        return [ticket for ticket in found if states is None or ticket.state in states]

    async def closes(self, account: str, since: datetime) -> list[Ticket]:
        """Return the closes of an account that were received since then, of all processes.

        Raises JournalDown.
        """
        query = select(TICKETS).where(
            TICKETS.c.account == account,
            TICKETS.c.kind == TicketKind.CLOSE.value,
            TICKETS.c.received_ms >= milliseconds(since),
        )
        return [self._newest(row) for row in await self._rows(query)]

    async def settled(self, ticket_id: str, timeout: float) -> Ticket | None:
        """Wait until it is known what became of a ticket, or ``timeout`` seconds; return it as it
        is then, None if there is none. Raises JournalDown."""
        deadline = self._clock.now() + timeout
        while True:
            ticket = await self.ticket(ticket_id)
            left = deadline - self._clock.now()
            if ticket is None or not ticket.state.is_open or left <= 0:
                return ticket
            await self._changed(ticket_id, min(left, POLL_SECONDS))

    # The writer

    async def _write_forever(self) -> None:
        failures = 0
        while True:
            if not self._closing:
                await self._wake.wait()
            self._wake.clear()
            batch = self._take()
            if not batch and self._closing:
                return
            try:
                await self._migrate()
                verdicts = await self._commit(batch)
            except Exception as exc:  # drivers raise what they like; the writer must go on
                self._failed(batch, exc)
                if self._closing:
                    return
                await self._clock.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
                self._wake.set()
            else:
                failures = 0
                self._committed(batch, verdicts)

    async def _migrate(self) -> None:
        if not self._is_migrated:
            async with _translated():
                await migrate(self._database)
            self._is_migrated = True

    async def _commit(self, batch: _Batch) -> list[bool]:
        """Store a batch in one transaction; return which entries got their key."""
        now_ms, was_down = milliseconds(self._clock.at()), self._failure is not None

        def work(connection: Connection) -> list[bool]:
            if was_down:
                _probe(connection)
            verdicts = [claim(connection, entry, now_ms) for entry, _ in batch.entries]
            pairs = zip(batch.entries, verdicts, strict=True)
            rows = [row_of(entry.ticket) for (entry, _), is_ours in pairs if is_ours]
            if rows:
                NEW_TICKETS.run(connection, rows)
            steps = [step_of(step.ticket) for step in batch.steps.values()]
            if steps:
                STEPS.run(connection, steps)
            freed = [{"of_ticket": i} for i, step in batch.steps.items() if step.frees_key]
            if freed:
                FREED_KEYS.run(connection, freed)
            return verdicts

        return await self._database.store(work)

    def _take(self) -> _Batch:
        """Take what is to be written now. No order waits for steps that nobody waits for."""
        entries = [(entry, done) for entry, done in self._entries if not done.done()]
        steps, left = self._steps, dict[str, _Step]()
        if entries and not (self._are_notes_due or self._closing):
            left = {i: step for i, step in steps.items() if not step.is_waited_for}
            steps = {i: step for i, step in steps.items() if step.is_waited_for}
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._entries, self._steps, self._are_notes_due = [], left, False
        return _Batch(entries, steps)

    def _committed(self, batch: _Batch, verdicts: list[bool]) -> None:
        if self._failure is not None:
            self._failure = None
            log.info("journal is up again")
            self.told(None)
        for (entry, done), is_ours in zip(batch.entries, verdicts, strict=True):
            if not done.done():
                done.set_result(is_ours)
            elif is_ours:  # who asked has left, and will not send it
                gone = entry.ticket.after(
                    TicketTrigger.NOT_SENT, self._clock.at(), "the caller left before it was sent"
                )
                self._put(gone, frees_key=True)
                self._wake.set()
        for step in batch.steps.values():
            for waiter in step.done:
                if not waiter.done():
                    waiter.set_result(None)
            self._notify(step.ticket.ticket_id)

    def _failed(self, batch: _Batch, error: Exception) -> None:
        self._down(reason_of(error))
        down = f"the order journal is down: {self._failure}"
        for _, done in [*batch.entries, *self._entries]:
            if not done.done():
                done.set_exception(JournalDown(down))
        self._entries = []
        for ticket_id, step in batch.steps.items():
            for waiter in step.done:
                if not waiter.done():
                    waiter.set_exception(JournalDown(down))
            newer = self._steps.get(ticket_id)
            if newer is None:
                self._steps[ticket_id] = _Step(step.ticket, step.frees_key)
            else:
                newer.frees_key = newer.frees_key or step.frees_key

    def _down(self, why: str) -> None:
        """Take note of a failure; it is told when it is news."""
        if why != self._failure:
            log.critical("journal is down", error=why)
            self.told(why)
        self._failure = why

    def _put(self, ticket: Ticket, *, frees_key: bool) -> _Step:
        step = self._steps.get(ticket.ticket_id)
        if step is None:
            step = self._steps[ticket.ticket_id] = _Step(ticket, frees_key)
        else:
            step.ticket, step.frees_key = ticket, step.frees_key or frees_key
        return step

    def _write_notes(self) -> None:
        self._timer, self._are_notes_due = None, True
        if self._steps:
            self._wake.set()

    # Small parts

    async def _purge_forever(self) -> None:
        while True:
            try:
                await self._purge()
            except JournalDown as exc:
                log.warning("journal purge", error=str(exc))
            await self._clock.sleep(PURGE_SECONDS)

    async def _purge(self) -> None:
        """Forget keys that are over and tickets that are old; open tickets and their keys stay."""
        now = self._clock.at()
        is_old = TICKETS.c.updated_ms < milliseconds(now - KEPT)
        open_states = [state.value for state in TicketState if state.is_open]

        def work(connection: Connection) -> None:
            unsettled = select(TICKETS.c.ticket_id).where(TICKETS.c.state.in_(open_states))
            over = ORDER_KEYS.c.expires_ms < milliseconds(now)
            left = ORDER_KEYS.c.ticket_id.not_in(unsettled)
            connection.execute(delete(ORDER_KEYS).where(over & left))
            done = TICKETS.c.state.not_in(open_states)
            connection.execute(delete(TICKETS).where(is_old & done))

        async with _translated():
            await self._database.write(work)

    async def _rows(
        self, query: Select[Any], values: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:

        def work(connection: Connection) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(query, values).mappings()]

        async with _translated():
            return await self._database.read(work)

    def _newest(self, row: dict[str, Any]) -> Ticket:
        """Return a row's ticket, with a step of it that is not written yet."""
        step = self._steps.get(row["ticket_id"])
        return ticket_of(row) if step is None else step.ticket

    async def _changed(self, ticket_id: str, seconds: float) -> None:
        """Return when this process has written the ticket, or after ``seconds``."""
        change = asyncio.get_running_loop().create_future()
        self._watchers.setdefault(ticket_id, []).append(change)
        try:
            async with asyncio.timeout(seconds):
                await change
        except TimeoutError:
            pass
        finally:
            watchers = self._watchers.get(ticket_id, [])
            if change in watchers:
                watchers.remove(change)
            if not watchers:
                self._watchers.pop(ticket_id, None)

    def _notify(self, ticket_id: str) -> None:
        for change in self._watchers.pop(ticket_id, []):
            if not change.done():
                change.set_result(None)


def _probe(connection: Connection) -> None:
    """Write as much as orders need and take it back: on a full disk a transaction of nothing
    succeeds, and the journal would call itself well until the next order."""
    probe = received(f"probe-{token_hex(16)}", "", TicketKind.PLACE, _EPOCH, intent=_PROBE)
    NEW_TICKETS.run(connection, [row_of(probe)])
    GONE_TICKETS.run(connection, [{"of_ticket": probe.ticket_id}])


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn a database's errors into ours."""
    try:
        yield
    except (SQLAlchemyError, OSError) as exc:
        raise JournalDown(f"the order journal is down: {reason_of(exc)}") from exc
