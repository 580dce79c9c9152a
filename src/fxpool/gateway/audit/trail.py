"""The audit log of one process: events are taken at once, and written by one task of its own.

No order waits for it. What an order is, its ticket holds durably before a frame leaves; its line
follows within moments, and if this process dies first, any gateway on the journal writes it from
the ticket (``_catch_up``). Other acts wait for their line with ``keep``, so that it is durable
before the caller is answered. While database or secret store are away, lines wait in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

import structlog

from fxpool.background import Background
from fxpool.clock import Clock
from fxpool.domain.audit import AuditEvent, AuditLine, Head
from fxpool.errors import AuditDown, FxPoolError, JournalDown, SecretError
from fxpool.gateway.audit.anchor import Anchor
from fxpool.store.audit import AuditQuery, SqlAuditStore

MAX_WAITING: Final = 20_000
"""Events that may wait for the database. Beyond, lines are lost, and a line tells how many."""

GATHER_SECONDS: Final = 0.1
"""How long lines that nobody waits for are gathered."""

KEEP_SECONDS: Final = 5.0
"""How long an act waits for its line at most; it is written later then."""

CHORES_SECONDS: Final = 30.0
"""How often heads are anchored, and orders without a line looked for."""

LATE: Final = timedelta(seconds=90)
"""An order's line comes with its answer; one without a line for so long has lost its process."""

OVERLAP: Final = timedelta(minutes=5)
"""How far before the newest line a new process looks for orders without one."""

_CHUNK: Final = 500
CUT_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
GATEWAY: Final = "gateway"
"""The subject of what the gateway does by itself."""

Orders = Callable[[datetime, datetime], Awaitable[list[AuditEvent]]]
"""Returns the orders whose tickets were received between two moments, as events."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Waiting:
    event: AuditEvent
    done: asyncio.Future[None] | None = None


class AuditTrail:
    """Writes and reads the audit log. ``async with`` it.

    Attributes:
        failure: why no line can be written now; None while all is well.
    """

    def __init__(
        self,
        store: SqlAuditStore,
        anchor: Anchor,
        *,
        instance: str,
        kept: timedelta,
        clock: Clock,
        orders: Orders | None = None,
    ) -> None:
        """``kept`` is how long lines stay."""
        self._store, self._anchor, self._clock = store, anchor, clock
        self._instance, self._kept, self._orders = instance, kept, orders
        self._waiting: list[_Waiting] = []
        self._lost = 0
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = False
        self._key: bytes | None = None
        self._head: Head | None = None
        self._anchored = 0
        self._since: datetime | None = None
        self._cut_at = float("-inf")
        self.failure: str | None = None
        self._chores = Background(clock)
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write_forever(), name="audit-writer")
        self._chores.keep(self._chores_forever, "audit-chores")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Write what waits, anchor the head, close."""
        await self._chores.close()
        self._closing = True
        self._wake.set()
        self._hurry.set()
        if self._writer is not None:
            await asyncio.wait([self._writer])
        with suppress(FxPoolError):  # the next process anchors it
            await self._keep_head()
        await self._anchor.close()
        await self._store.close()

    # Writing

    def note(self, event: AuditEvent) -> None:
        """Take an event; its line is written soon. Never waits."""
        self._put(_Waiting(event))

    async def keep(self, event: AuditEvent) -> None:
        """Take an event and return when its line is durable, or KEEP_SECONDS later: then it waits
        on."""
        waiting = _Waiting(event, asyncio.get_running_loop().create_future())
        self._put(waiting)
        self._hurry.set()
        assert waiting.done is not None  # noqa: S101 (made above)
        await asyncio.wait([waiting.done], timeout=KEEP_SECONDS)

    async def lines(self, wanted: AuditQuery) -> list[AuditLine]:
        """Return lines, newest first. Raises AuditDown."""
        return await self._store.lines(wanted)

    def _put(self, waiting: _Waiting) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._lost += 1
            return
        self._waiting.append(waiting)
        self._wake.set()

    async def _write_forever(self) -> None:
        failures = 0
        while True:
            if not self._closing:
                await self._wake.wait()
                await self._gather()
            self._wake.clear()
            self._hurry.clear()
            batch, self._waiting = self._waiting, []
            if not batch and self._closing:
                return
            try:
                await self._write([waiting.event for waiting in batch])
            except Exception as exc:  # drivers raise what they like; the writer must go on
                self._waiting = batch + self._waiting
                self._failed(exc)
                if self._closing:
                    log.critical("audit lines are lost", lines=len(self._waiting))
                    return
                await self._clock.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
                self._wake.set()
            else:
                failures = 0
                self._written(batch)

    async def _gather(self) -> None:
        """Let lines come together for a moment, unless somebody waits for one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await self._hurry.wait()

    async def _write(self, events: Sequence[AuditEvent]) -> None:
        if not events:
            return
        lost, self._lost = self._lost, 0
        if lost:
            events = [*events, self._own("audit lines lost", lines=lost)]
        try:
            self._head = await self._store.append(await self._ready_key(), self._instance, events)
        except BaseException:
            self._lost += lost
            raise

    def _written(self, batch: Sequence[_Waiting]) -> None:
        if self.failure is not None:
            self.failure = None
            log.info("audit log is up again")
        for waiting in batch:
            if waiting.done is not None and not waiting.done.done():
                waiting.done.set_result(None)

    def _failed(self, error: Exception) -> None:
        why = str(error) if isinstance(error, FxPoolError) else type(error).__name__
        if why != self.failure:
            log.critical("audit log is down, its lines wait", error=why)
        self.failure = why

    async def _ready_key(self) -> bytes:
        if self._key is None:
            self._key = await self._anchor.make_key()
        return self._key

    def _own(self, action: str, **details: object) -> AuditEvent:
        return AuditEvent(self._clock.at(), GATEWAY, action, "done", details=details)

    # Chores

    async def _chores_forever(self) -> None:
        while True:
            try:
                await self._catch_up()
                await self._cut()
                await self._keep_head()
            except (AuditDown, JournalDown, SecretError) as exc:
                log.warning("audit chores", error=str(exc))
            await self._clock.sleep(CHORES_SECONDS)

    async def _catch_up(self) -> None:
        """Write the lines of orders whose process died before it could."""
        if self._orders is None:
            return
        until = self._clock.at() - LATE
        if self._since is None:
            newest = await self._store.newest_at()
            self._since = until - self._kept if newest is None else min(newest, until) - OVERLAP
        found = await self._orders(self._since, until)
        for start in range(0, len(found), _CHUNK):
            part = found[start : start + _CHUNK]
            head = await self._store.append_missing(await self._ready_key(), self._instance, part)
            self._head = head or self._head
        self._since = until

    async def _cut(self) -> None:
        if self._clock.now() - self._cut_at < CUT_SECONDS:
            return
        before = self._clock.at() - self._kept
        event = self._own("audit.cut")
        await self._store.cut(await self._ready_key(), self._instance, before, event)
        self._cut_at = self._clock.now()

    async def _keep_head(self) -> None:
        head = self._head
        if head is not None and head.seq > self._anchored:
            await self._anchor.keep(head)
            self._anchored = head.seq
