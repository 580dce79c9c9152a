"""The order journal: tickets and their keys, stored durably before anything may leave.

One task writes. It takes all that waits and commits it in one transaction (group commit), so that
many orders at once share the price of reaching the disk; callers of ``enter`` and ``write`` return
when their part is durable. An order without a key is durable in the intent log already and waits
for no transaction: it comes into the database with its result, or in NOTE_SECONDS. A key must be
seen by all processes at once, which the database alone can do. Decides nothing about orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import structlog
from pydantic import SecretStr
from sqlalchemy import Connection, delete, select

from fxpool.background import Background
from fxpool.clock import Clock
from fxpool.domain.tickets import Entry, Ticket, TicketState, TicketTrigger
from fxpool.errors import JournalDown, PoolBusy
from fxpool.store.batches import Batch, Logged, Step, Waiting, probe
from fxpool.store.database import make_database, migrate, reason_of
from fxpool.store.intent_log import IntentLog, abandoned, clear_unfinished
from fxpool.store.rows import milliseconds, row_of
from fxpool.store.statements import ABANDONED_TICKETS, FREED_KEYS, STEP, step_of
from fxpool.store.tables import ORDER_KEYS, TICKETS
from fxpool.store.ticket_reads import TicketReads, translated

MAX_WAITING: Final = 1000
"""Intents that may wait for the disk; further ones are refused rather than sent blind."""

NOTE_SECONDS: Final = 0.2
"""How long what nobody waits for may stay outside the database."""

TAKE_OVER_SECONDS: Final = 5.0
"""How often intents are looked for that a process left behind which is gone."""

KEPT: Final = timedelta(days=30)
"""How long a finished ticket is kept."""

PURGE_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger(__name__)


class Journal(TicketReads):
    """The journal of one process; several processes may share a database. ``async with`` it.

    Attributes:
        told: called with why nothing can be stored, and with None once it can; its owner may
            replace it.
    """

    def __init__(self, url: SecretStr, *, clock: Clock, max_waiting: int = MAX_WAITING) -> None:
        """``url`` is an SQLAlchemy URL. Raises SettingsError."""
        super().__init__(make_database(url), clock)
        self._max_waiting = max_waiting
        self._entries: list[Waiting] = []
        self._logged: dict[str, Logged] = {}
        self._steps: dict[str, Step] = {}
        self._log: IntentLog | None = None
        self._wake = asyncio.Event()
        self._closing = False
        self._is_prepared = False
        self._failure: str | None = "the journal is not open"
        self.told: Callable[[str | None], None] = lambda _: None
        self._timer: asyncio.TimerHandle | None = None
        self._are_notes_due = False
        self._writer: asyncio.Task[None] | None = None
        self._background = Background(clock)
        self._left_behind: str | None = None

    @property
    def failure(self) -> str | None:
        """Why nothing can be stored now; None while all is well."""
        return self._failure

    @property
    def left_behind(self) -> str | None:
        """Why orders that processes left behind which are gone cannot be taken over; None while
        there are none."""
        return self._left_behind

    @property
    def work_failure(self) -> str | None:
        """Which work of the journal beside its writing failed; None if all does well."""
        return self._background.failure

    async def __aenter__(self) -> Self:
        """Bring the tables up to date and begin to write. While the database is down every
        ``enter`` is refused; it is tried again until it is there."""
        try:
            await self._prepare()
        except JournalDown as exc:
            self._down(str(exc))
            self._wake.set()
        else:
            self._failure = None
        self._writer = asyncio.create_task(self._write_forever(), name="journal-writer")
        self._background.keep(self._take_over_forever, "journal-take-over")
        self._background.keep(self._purge_forever, "journal-purge")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Write what waits, then close."""
        self._closing = True
        self._wake.set()
        await self._background.close()
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None
        self._failure = "the journal is closed"
        if self._log is not None:
            self._log.close()
            self._log = None
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
        if entry.key is None and self._log is not None and not self._closing:
            page = await self._log.put(entry.ticket)
            if page is not None:
                self._logged[entry.ticket.ticket_id] = Logged(entry.ticket, page)
                self._write_soon()
                return True
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._entries.append((entry, done))
        self._wake.set()
        return await done

    def note(self, ticket: Ticket) -> None:
        """Store a step that nobody waits for, in NOTE_SECONDS at the latest."""
        self._put(ticket, frees_key=False)
        self._write_soon()

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
        logged = self._logged.get(ticket.ticket_id)
        if logged is not None:
            await self.write(self._newest(logged.ticket))

        def work(connection: Connection) -> bool:
            change = STEP.where(TICKETS.c.state == expected.value)
            is_stored = connection.execute(change, step_of(ticket)).rowcount > 0
            if is_stored and frees_key:
                FREED_KEYS.run(connection, [{"of_ticket": ticket.ticket_id}])
            return is_stored

        async with translated():
            is_stored = await self._database.write(work)
        self._notify(ticket.ticket_id)
        return is_stored

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
                await self._prepare()
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

    async def _prepare(self) -> None:
        """Bring the tables up to date, take over what is left behind, begin an intent log."""
        if self._is_prepared:
            return
        async with translated():
            await migrate(self._database)
            if self._database.file is not None:
                await self._take_over(self._database.file)
                await self._begin_log(self._database.file)
        self._is_prepared = True

    async def _begin_log(self, file: Path) -> None:
        try:
            clear_unfinished(file, clock=self._clock)
            self._log = await asyncio.to_thread(IntentLog.create, file, clock=self._clock)
        except OSError as exc:
            log.warning("no intent log: orders wait for the database", error=reason_of(exc))

    async def _commit(self, batch: Batch) -> list[bool]:
        """Store a batch in one transaction; return which entries got their key."""
        now_ms, was_down = milliseconds(self._clock.at()), self._failure is not None

        def work(connection: Connection) -> list[bool]:
            if was_down:
                probe(connection)
            return batch.store(connection, now_ms)

        return await self._database.store(work)

    def _take(self) -> Batch:
        """Take what is to be written now. No order waits for what nobody waits for."""
        entries = [(entry, done) for entry, done in self._entries if not done.done()]
        steps, logged = self._steps, self._logged
        left_steps, left_logged = dict[str, Step](), dict[str, Logged]()
        if entries and not (self._are_notes_due or self._closing):
            left_steps = {i: step for i, step in steps.items() if not step.is_waited_for}
            steps = {i: step for i, step in steps.items() if step.is_waited_for}
            left_logged = {i: ticket for i, ticket in logged.items() if i not in steps}
            logged = {i: ticket for i, ticket in logged.items() if i in steps}
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._entries, self._logged, self._steps = [], left_logged, left_steps
        self._are_notes_due = False
        return Batch(entries, logged, steps)

    def _committed(self, batch: Batch, verdicts: list[bool]) -> None:
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
        for logged in batch.logged.values():
            if self._log is not None:
                self._log.free(logged.page)
        for step in batch.steps.values():
            for waiter in step.done:
                if not waiter.done():
                    waiter.set_result(None)
            self._notify(step.ticket.ticket_id)

    def _failed(self, batch: Batch, error: Exception) -> None:
        self._down(reason_of(error))
        down = f"the order journal is down: {self._failure}"
        for _, done in [*batch.entries, *self._entries]:
            if not done.done():
                done.set_exception(JournalDown(down))
        self._entries = []
        self._logged = {**batch.logged, **self._logged}
        for ticket_id, step in batch.steps.items():
            for waiter in step.done:
                if not waiter.done():
                    waiter.set_exception(JournalDown(down))
            newer = self._steps.get(ticket_id)
            if newer is None:
                self._steps[ticket_id] = Step(step.ticket, step.frees_key)
            else:
                newer.frees_key = newer.frees_key or step.frees_key

    def _down(self, why: str) -> None:
        """Take note of a failure; it is told when it is news."""
        if why != self._failure:
            log.critical("journal is down", error=why)
            self.told(why)
        self._failure = why

    def _put(self, ticket: Ticket, *, frees_key: bool) -> Step:
        step = self._steps.get(ticket.ticket_id)
        if step is None:
            step = self._steps[ticket.ticket_id] = Step(ticket, frees_key)
        else:
            step.ticket, step.frees_key = ticket, step.frees_key or frees_key
        return step

    def _write_soon(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(NOTE_SECONDS, self._write_notes)

    def _write_notes(self) -> None:
        self._timer, self._are_notes_due = None, True
        if self._steps or self._logged:
            self._wake.set()

    def _newest(self, ticket: Ticket) -> Ticket:
        step = self._steps.get(ticket.ticket_id)
        return ticket if step is None else step.ticket

    # Small parts

    async def _take_over_forever(self) -> None:
        while True:
            await self._clock.sleep(TAKE_OVER_SECONDS)
            file = self._database.file
            if file is None:
                return
            try:
                async with translated():
                    await self._take_over(file)
            except JournalDown as exc:
                log.warning("intents not taken over", error=str(exc))
                self._left_behind = str(exc)
            else:
                self._left_behind = None

    async def _take_over(self, file: Path) -> None:
        """Store what processes that are gone have left on its way into the database."""
        with abandoned(file) as tickets:
            if tickets:
                rows = [row_of(ticket) for ticket in tickets]
                await self._database.store(
                    lambda connection: ABANDONED_TICKETS.run(connection, rows)
                )
                log.warning("intents taken over", count=len(tickets))

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

        async with translated():
            await self._database.write(work)
