"""One thread that makes calls, one after the other, for callers of an event loop.

What an executor adds to a call (a lock, a condition, a second future that is told of the first)
took an order 90 us beyond the two wake-ups, measured. Knows nothing of what it calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

import structlog

T = TypeVar("T")

_Call = tuple[Callable[[], Any], "asyncio.Future[Any] | None"]

log = structlog.get_logger(__name__)


class Worker:
    """A thread, made when it is first needed."""

    def __init__(self, name: str) -> None:
        self._calls: Final[SimpleQueue[_Call | None]] = SimpleQueue()
        self._name = name
        self._thread: Thread | None = None
        self._is_closed = False

    async def run(self, call: Callable[[], T]) -> T:
        """Return what a call returns, or raise what it raises. It is made in any case, also for a
        caller that is cancelled meanwhile. Raises RuntimeError after ``close``."""
        if self._is_closed:
            raise RuntimeError(f"{self._name} is closed")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._start()
        self._calls.put((call, done))
        return await done

    def soon(self, call: Callable[[], object]) -> None:
        """Have a call made after those that wait. Nobody waits for it: what it raises is logged.
        After ``close`` it is not made. From any thread, once there was a call; before, from the
        loop's."""
        if not self._is_closed:
            self._start()
            self._calls.put((call, None))

    def close(self) -> None:
        """Make the calls that wait, then end."""
        self._is_closed = True
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            call, done = given
            try:
                result = call()
            except BaseException as exc:  # its caller handles it, whatever it is
                if done is None:
                    log.exception("background call", worker=self._name)
                else:
                    _tell(done, done.set_exception, exc)
            else:
                if done is not None:
                    _tell(done, done.set_result, result)


def _tell(done: asyncio.Future[Any], tell: Callable[[Any], object], what: object) -> None:
    with suppress(RuntimeError):  # the loop has ended, so nobody waits any more
        done.get_loop().call_soon_threadsafe(_unless_over, done, tell, what)


def _unless_over(done: asyncio.Future[Any], tell: Callable[[Any], object], what: object) -> None:
    if not done.done():  # its caller was cancelled
        tell(what)
