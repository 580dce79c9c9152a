"""Where alerts are told: logged at once, queued within a bound, sent by a task of its own.

A sender that fails is tried again, then the alert is given up and counted; what trades never waits
for any of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Final, Protocol

import structlog

from fxpool.alerts.alert import Alert, Repeats, Severity, shared_mark
from fxpool.clock import Clock
from fxpool.errors import AlertNotSent
from fxpool.store.cooldowns import Cooldowns, ProcessCooldowns

MAX_WAITING: Final = 100
"""Alerts that may wait for the sender; further ones are dropped, since the first ones say why."""

RETRY_SECONDS: Final = (1.0, 5.0)
"""Pauses before an alert is tried again."""

FINISH_SECONDS: Final = 5.0
"""How long the end of the process waits for alerts that are not sent yet."""

log = structlog.get_logger(__name__)


class AlertSender(Protocol):
    """Brings alerts to people."""

    async def check(self) -> None:
        """Raise AlertNotSent if nothing can be sent as it is configured."""
        ...

    async def send(self, alert: Alert) -> None:
        """Send an alert. Raises AlertNotSent, whose text holds no secret."""
        ...


class Alerts:
    """The alerts of one process.

    Attributes:
        sent: how many were sent since the start of the process.
        failed: how many could not be.
        dropped: how many found the queue full.
    """

    def __init__(
        self, sender: AlertSender | None, *, clock: Clock, cooldowns: Cooldowns | None = None
    ) -> None:
        """Without a sender alerts are logged only. Of processes that share ``cooldowns`` one
        sends what all of them have to tell."""
        self._cooldowns = cooldowns or ProcessCooldowns(clock)
        self.sent = self.failed = self.dropped = 0
        self._sender = sender
        self._clock = clock
        self._repeats = Repeats()
        self._waiting: deque[Alert] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._failure: str | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_sent(self) -> bool:
        """Whether there is anybody to send alerts to."""
        return self._sender is not None

    @property
    def failure(self) -> str | None:
        """Why the last alert did not reach anybody; None if it did, or there was none."""
        return self._failure

    async def open(self) -> None:
        """Begin to send; a sender that cannot work shows in ``failure``. Does nothing twice."""
        self.begin()

    def begin(self) -> None:
        """Do what ``open`` does, from a call that cannot wait; a loop must run."""
        if self._sender is not None and self._sending is None:
            self._sending = asyncio.create_task(self._send_forever(self._sender), name="alerts")

    async def close(self) -> None:
        """Send what waits, for a few seconds, and end. Does nothing twice."""
        task, self._sending = self._sending, None
        if task is None:
            return
        try:
            async with asyncio.timeout(FINISH_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.warning("alerts were not sent", number=len(self._waiting))
        task.cancel()
        await asyncio.wait([task])

    def tell(self, alert: Alert) -> None:
        """Tell an alert unless it is a repetition. Never waits, never raises."""
        if not self._repeats.admits(alert, self._clock.now()):
            return
        note = log.info if alert.severity is Severity.INFO else log.warning
        note("alert", kind=alert.kind, account=alert.account, text=alert.text)
        if self._sender is None:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append(alert)
        self._idle.clear()
        self._wake.set()

    async def _send_forever(self, sender: AlertSender) -> None:
        """Send alerts until cancelled: the outermost frame of its task."""
        self._failure = await self._tried(sender.check())
        if self._failure is not None:
            log.warning("alerts cannot be sent", error=self._failure)
        while True:
            while self._waiting:
                await self._send(sender, self._waiting[0])
                self._waiting.popleft()
            self._idle.set()
            await self._wake.wait()
            self._wake.clear()

    async def _send(self, sender: AlertSender, alert: Alert) -> None:
        mark, seconds = shared_mark(alert)
        if not await self._cooldowns.begin(mark, seconds):
            return  # another process sends it
        for pause in (*RETRY_SECONDS, None):
            self._failure = await self._tried(sender.send(alert))
            if self._failure is None:
                self.sent += 1
                return
            if pause is not None:
                await self._clock.sleep(pause)
        self.failed += 1
        await self._cooldowns.end(mark)
        log.error("alert not sent", kind=alert.kind, account=alert.account, error=self._failure)

    async def _tried(self, work: Awaitable[None]) -> str | None:
        """Return why something failed; a library's own error must not end all later alerts."""
        try:
            await work
        except AlertNotSent as exc:
            return str(exc)
        except Exception as exc:  # drivers of a notification library raise what they like
            log.exception("alerts")
            return f"an internal error: {type(exc).__name__}"
        return None
