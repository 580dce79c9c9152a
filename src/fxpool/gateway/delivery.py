"""From a subscription to its client: at once while the client reads, else in a task's own time.

What becomes ready in one turn of the loop for any number of clients is written by one pump, in the
next turn; no task is woken for it. A client whose buffer is full is left out until it has room
again: meanwhile its events wait in its subscription, which has a bound and a rule for when it is
reached. Knows nothing of why a stream begins or ends.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from fxpool.clock import Clock
from fxpool.gateway.event_links import EventLink
from fxpool.gateway.frames import Form, SharedFrames
from fxpool.gateway.metrics import Metrics
from fxpool.platforms.base import Subscription

MOST_PER_TURN: Final = 200
"""Streams written to in one turn of the loop: a millisecond or two, so that an order that arrives
meanwhile need not wait for thousands of them."""


class Pump:
    """Has streams write what became ready, all of them once per turn of the loop.

    Attributes:
        frames: the bytes that they share.
    """

    def __init__(self) -> None:
        self.frames = SharedFrames()
        self._ready: list[Delivery] = []

    def add(self, delivery: Delivery) -> None:
        """Take note that a stream has something to write."""
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._turn)
        self._ready.append(delivery)

    def _turn(self) -> None:
        now, self._ready = self._ready[:MOST_PER_TURN], self._ready[MOST_PER_TURN:]
        if self._ready:
            asyncio.get_running_loop().call_soon(self._turn)
        # All is made before anything is written: to alternate with the kernel costs a sixth more.
        taken = [(delivery, data) for delivery in now if (data := delivery.take_ready())]
        for delivery, data in taken:
            try:
                delivery.write(data)
            except Exception as exc:  # a callback's outermost frame: that stream's task raises it
                delivery.fail(exc)


class Delivery:
    """Carries what one subscription has ready to one client.

    Attributes:
        subscription: what it carries.
        write: the link's.
    """

    __slots__ = (
        "_clock",
        "_failure",
        "_form",
        "_is_with_task",
        "_link",
        "_metrics",
        "_pause_seconds",
        "_pump",
        "_work",
        "subscription",
        "write",
    )

    def __init__(
        self,
        subscription: Subscription,
        link: EventLink,
        form: Form,
        *,
        pause_seconds: float,
        pump: Pump,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        """``pause_seconds`` is the least time between two writes."""
        self.subscription, self._link, self._form = subscription, link, form
        self.write = link.write
        self._pump, self._clock, self._metrics = pump, clock, metrics
        self._pause_seconds = pause_seconds
        self._is_with_task = False  # else the pump writes
        self._work = _new_future()  # done when there is work for the task
        self._failure: Exception | None = None

    async def run(self) -> None:
        """Deliver until cancelled. Raises what ended the subscription, and ClientGone."""
        async with self.subscription:
            self.subscription.on_ready(partial(self._pump.add, self))
            try:
                while True:
                    await self._work
                    self._work = _new_future()
                    await self._write_until_empty()
                    self._is_with_task = False
            finally:
                self._is_with_task = True

    def take_ready(self) -> bytes:
        """Return what is to be written now; nothing if it is left to the task."""
        if self._is_with_task:
            return b""
        if self._pause_seconds or not self._link.can_write:
            self._leave_to_task()
            return b""
        try:
            return self._take()
        except Exception as exc:  # a callback's outermost frame: the task raises it
            self.fail(exc)
            return b""

    def fail(self, failure: Exception) -> None:
        """Have ``run`` raise this."""
        self._failure = failure
        self._leave_to_task()

    def _leave_to_task(self) -> None:
        self._is_with_task = True
        if not self._work.done():
            self._work.set_result(None)

    async def _write_until_empty(self) -> None:
        """Write at the client's pace."""
        if self._failure is not None:
            raise self._failure
        while True:
            while not self._link.can_write:
                await self._link.drain()
            data = self._take()
            if not data:
                return
            self._link.write(data)
            if self._pause_seconds:
                await self._clock.sleep(self._pause_seconds)

    def _take(self) -> bytes:
        events = self.subscription.take()
        if not events:
            return b""
        self._metrics.events += len(events)
        return self._pump.frames.of(events, self._form)


def _new_future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()
