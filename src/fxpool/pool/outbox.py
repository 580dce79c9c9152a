"""Takes requests to a session at the pace that the limits allow. Admission decides, this waits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from google.protobuf.message import Message

from fxpool.clock import Clock
from fxpool.errors import FxPoolError, RateLimited, RequestError, RequestNotSent
from fxpool.openapi import payload_type_of
from fxpool.pool.admission import Admission
from fxpool.pool.channel import LastCheck, Priority
from fxpool.pool.limits import PoolLimits
from fxpool.session import Alarm, Reply, Session


@dataclass(slots=True)
class _Outgoing:
    """A request on its way to the wire."""

    message: Message
    deadline: float
    reply: asyncio.Future[Reply]
    last_check: LastCheck | None


class Outbox:
    """The way to one keeper's session, whichever it is at the moment.

    Budgets and holds outlive a session: the broker's slower quotas do too.
    """

    def __init__(self, clock: Clock, limits: PoolLimits) -> None:
        self._clock = clock
        self._admission: Admission[_Outgoing] = Admission(limits, clock.now())
        self._session: Session | None = None
        self._alarm = Alarm(clock, self._pump)
        self._closed_by: FxPoolError | None = None

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot."""
        return len(self._admission)

    def open(self, session: Session) -> Alarm:
        """Send to ``session`` from now on; whoever owns the tasks runs the alarm returned."""
        self._session = session
        self._alarm = Alarm(self._clock, self._pump)
        return self._alarm

    def close(self, error: FxPoolError) -> None:
        """Refuse what waits, and all that comes before the next ``open``."""
        self._session, self._closed_by = None, error
        for outgoing in self._admission.drain():
            _fail(outgoing.reply, RequestNotSent(f"the session ended before it was sent: {error}"))

    async def request(
        self,
        message: Message,
        *,
        timeout: float,
        priority: Priority,
        last_check: LastCheck | None = None,
    ) -> Reply:
        """Send a request as soon as the limits allow, and return its answer.

        ``last_check`` may still keep it back when its turn has come.

        Raises RequestError and its kinds, PoolBusy among them.
        """
        session = self._session
        if session is None:
            raise RequestNotSent(f"there is no session now: {self._closed_by or 'connecting'}")
        now = self._clock.now()
        deadline = now + timeout
        payload_type = payload_type_of(message)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if session.is_writable and self._admission.admit(payload_type, now):
            if last_check is not None:
                last_check()
            session.send(message, deadline, reply)
            return await reply
        outgoing = _Outgoing(message, deadline, reply, last_check)
        ticket = self._admission.queue(outgoing, payload_type, priority, deadline, now)
        self._alarm.bring_forward(self._due(session, now))
        try:
            return await reply
        finally:
            self._admission.withdraw(ticket)

    def finished(self, payload_type: int, error: RequestError | None) -> None:
        """Learn how a request of this type ended: hold the type back if the broker blocked it."""
        if error is None:
            self._admission.release(payload_type, self._clock.now())
        elif isinstance(error, RateLimited):
            self._admission.hold(payload_type, error.retry_after, self._clock.now())

    def writable_again(self) -> None:
        """Send what waited for the link."""
        self._alarm.bring_forward(self._clock.now())

    def _pump(self, now: float) -> float:
        for late in self._admission.expired(now):
            _fail(late.reply, RequestNotSent("its deadline passed while it waited for a slot"))
        session = self._session
        if session is None:
            return now
        while session.is_writable and (ready := self._admission.next(now)) is not None:
            if ready.reply.done():  # its caller was cancelled in this very turn
                continue
            try:
                if ready.last_check is not None:
                    ready.last_check()
                session.send(ready.message, ready.deadline, ready.reply)
            except FxPoolError as exc:
                _fail(ready.reply, exc)
        return self._due(session, now)

    def _due(self, session: Session, now: float) -> float:
        expires_at = self._admission.expires_at()
        return min(expires_at, self._admission.free_at(now)) if session.is_writable else expires_at


def _fail(reply: asyncio.Future[Reply], error: FxPoolError) -> None:
    if not reply.done():
        reply.set_exception(error)
