"""From a subscription to its client: at once while the client reads, else in a task's own time.

What becomes ready in one turn of the loop for any number of clients is written by one pump, in the
next turn; no task is woken for it. Clients that have been sent the same stand in rows (``rows``),
which the pump looks at instead of each of them. A client whose buffer is full is left out until it
has room again: meanwhile its events wait in its subscription, which has a bound and a rule for when
it is reached. Knows nothing of why a stream begins or ends.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, Final

from fxpool.clock import Clock
from fxpool.gateway.event_links import EventLink
from fxpool.gateway.frames import Form, SharedFrames
from fxpool.gateway.metrics import Metrics
from fxpool.gateway.rows import MOST_IN_ROW, Row, Rows
from fxpool.platforms.base import SharedQueue, Subscription

MOST_PER_TURN: Final = MOST_IN_ROW
"""Streams written to in one turn of the loop, so that an order that arrives meanwhile need not wait
for thousands of them."""


class Pump:
    """Has streams write what became ready, all of them once per turn of the loop.

    Attributes:
        frames: the bytes that they share.
        metrics: counts what is written.
        rows: where those stand that have been sent the same.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.frames, self.metrics = SharedFrames(), metrics
        self.rows = Rows(self.frames, metrics, self.add)
        self._ready: list[Delivery | Row] = []

    def add(self, ready: Delivery | Row) -> None:
        """Take note that there is something to write."""
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._turn)
        self._ready.append(ready)

    def _turn(self) -> None:
        now = self._due()
        if self._ready:
            asyncio.get_running_loop().call_soon(self._turn)
        # All is made before anything is written: to alternate with the kernel costs a sixth more.
        taken = [(each, data) for each in now if (data := each.take_ready())]
        for each, data in taken:
            each.write(data)
        for each, _ in taken:
            if isinstance(each, Delivery):
                each.step_in()

    def _due(self) -> list[Delivery | Row]:
        """Return whose turn it is, in the order in which they became ready."""
        count = clients = 0
        for each in self._ready:
            clients += each.clients
            if count and clients > MOST_PER_TURN:
                break
            count += 1
        now, self._ready = self._ready[:count], self._ready[count:]
        return now


class Delivery:
    """Carries what one subscription has ready to one client.

    Attributes:
        link: the client's.
        subscription: what it carries.
        clients: that it is one, where rows are many.
    """

    __slots__ = (
        "_clock",
        "_failure",
        "_form",
        "_is_with_task",
        "_pause_seconds",
        "_pump",
        "_queue",
        "_row",
        "_work",
        "link",
        "subscription",
    )

    clients: ClassVar = 1

    def __init__(
        self,
        subscription: Subscription,
        link: EventLink,
        form: Form,
        *,
        pause_seconds: float,
        pump: Pump,
        clock: Clock,
    ) -> None:
        """``pause_seconds`` is the least time between two writes."""
        self.subscription, self.link, self._form = subscription, link, form
        self._pump, self._clock = pump, clock
        self._pause_seconds = pause_seconds
        self._is_with_task = False  # else the pump writes
        self._work = _new_future()  # done when there is work for the task
        self._failure: Exception | None = None
        self._queue: SharedQueue | None = None  # what takes it into a row
        self._row: Row | None = None

    async def run(self) -> None:
        """Deliver until cancelled. Raises what ended the subscription, and ClientGone."""
        async with self.subscription:
            self._queue = None if self._pause_seconds else self.subscription.shared()
            self.subscription.on_ready(self._wake)
            try:
                while True:
                    await self._work
                    self._work = _new_future()
                    await self._write_until_empty()
                    self._is_with_task = False
            finally:
                self.leave_to_task()

    def take_ready(self) -> bytes:
        """Return what is to be written now; nothing if it is left to the task."""
        if self._is_with_task:
            return b""
        if self._pause_seconds or not self.link.can_write:
            self.leave_to_task()
            return b""
        try:
            return self._take()
        except Exception as exc:  # a callback's outermost frame: the task raises it
            self.fail(exc)
            return b""

    def write(self, data: bytes) -> None:
        """Write what was taken."""
        try:
            self.link.write(data)
        except Exception as exc:  # a callback's outermost frame: the task raises it
            self.fail(exc)

    def step_in(self) -> None:
        """Go into a row, if all was written and there is one."""
        if self._queue is not None and self._row is None and not self._is_with_task:
            self._row = self._pump.rows.place(self, self._queue, self._form)

    def leave_to_task(self) -> None:
        """Have what is ready written at the client's own pace."""
        self._is_with_task = True
        self._step_out()
        if not self._work.done():
            self._work.set_result(None)

    def fail(self, failure: Exception) -> None:
        """Have ``run`` raise this."""
        self._failure = failure
        self.leave_to_task()

    def _wake(self) -> None:
        """Something is ready for this client alone, or for all where it stands in no row."""
        self._step_out()
        self._pump.add(self)

    def _step_out(self) -> None:
        if self._row is not None and self._queue is not None:
            row, self._row = self._row, None
            row.remove(self, self._queue)

    async def _write_until_empty(self) -> None:
        """Write at the client's pace."""
        if self._failure is not None:
            raise self._failure
        while True:
            while not self.link.can_write:
                await self.link.drain()
            data = self._take()
            if not data:
                return
            self.link.write(data)
            if self._pause_seconds:
                await self._clock.sleep(self._pause_seconds)

    def _take(self) -> bytes:
        events = self.subscription.take()
        if not events:
            return b""
        self._pump.metrics.events += len(events)
        return self._pump.frames.of(events, self._form)


def _new_future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()
