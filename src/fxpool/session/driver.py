"""Runs a session machine on a link. The only module of its package with a loop under it.

It holds no decision: bytes go to the machine, the machine's events go to futures and the observer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from google.protobuf.message import Message

from fxpool.clock import Clock
from fxpool.errors import FxPoolError, LinkError, LinkLost, RequestError
from fxpool.openapi.proto.messages_pb2 import ProtoOAApplicationAuthReq, ProtoOASpotEvent
from fxpool.session.alarm import Alarm
from fxpool.session.link import Link
from fxpool.session.machine import (
    AccountLost,
    Ended,
    Event,
    Finished,
    Pushed,
    SessionMachine,
    Timing,
)
from fxpool.session.phase import AccountPhase
from fxpool.session.trade import TradeEvents

Reply = Message | TradeEvents
"""The answer to a request; for an order request the execution events that it caused."""

SpotSink = Callable[[ProtoOASpotEvent], None]


class SessionObserver(Protocol):
    """Who is told what a session hears. Called in the socket's turn of the loop: never blocks.

    Attributes:
        spot_sinks: where each account's quotes go. Read for every quote; the observer's to change.
    """

    @property
    def spot_sinks(self) -> Mapping[int, SpotSink]: ...

    def sink_failed(self, account_id: int, error: Exception) -> None:
        """An account's spot sink raised: a bug, which must not end the other accounts' session."""
        ...

    def pushed(self, account_id: int, message: Message) -> None:
        """A message about an account that no request waited for, or an execution event."""
        ...

    def finished(self, payload_type: int, error: RequestError | None) -> None:
        """A request of this type is over; its future is done already."""
        ...

    def account_lost(self, account_id: int, error: FxPoolError) -> None:
        """The broker does not serve the account on this session any more."""
        ...

    def writable_again(self) -> None:
        """``Session.is_writable`` is True again."""
        ...

    def ended(self, error: FxPoolError) -> None:
        """The session is over. Told once, after every request on the wire was abandoned."""
        ...


class Session:
    """One authenticated conversation with the broker."""

    def __init__(
        self,
        link: Link,
        observer: SessionObserver,
        *,
        clock: Clock,
        request_ids: Iterator[str],
        timing: Timing,
    ) -> None:
        self._link = link
        self._observer = observer
        self._clock = clock
        self._machine: SessionMachine[asyncio.Future[Reply]] = SessionMachine(
            clock.now(), request_ids=request_ids, timing=timing
        )
        self._alarm = Alarm(clock, self._on_time)
        self._error: FxPoolError | None = None
        self._wrote_in_this_turn = False

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return self._machine.in_flight

    @property
    def is_writable(self) -> bool:
        """Whether the link takes bytes; what is sent all the same waits in our memory."""
        return self._link.is_writable

    def serves(self, account_id: int) -> bool:
        """Whether the account is authorised on this session."""
        return self._machine.account_phase(account_id) is AccountPhase.AUTHORISED

    async def run(self) -> None:
        """Serve the session until it ends, then raise what ended it. Cancelling ends it too."""
        try:
            self._link.attach(self)
            await self._alarm.run()
        finally:
            self.end(LinkLost("we closed the session"))
        if self._error is not None:
            raise self._error

    def send(self, message: Message, deadline: float, reply: asyncio.Future[Reply]) -> None:
        """Put a request on the wire now; ``reply`` is resolved by its answer or its error.

        Raises RequestNotSent and LocalProtocolError; ``reply`` is untouched then.
        """
        self._machine.request(message, reply, self._clock.now(), deadline)
        self._flush()
        self._alarm.bring_forward(deadline)

    async def authenticate(self, client_id: str, client_secret: str, deadline: float) -> None:
        """Introduce the application. Raises RequestError; AuthRefused if it is not welcome."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        message = ProtoOAApplicationAuthReq(clientId=client_id, clientSecret=client_secret)
        self.send(message, deadline, reply)
        await reply

    def end(self, error: FxPoolError) -> None:
        """End the session and its link, once; the first error stands."""
        self._apply(self._machine.end(error))

    def data_received(self, data: bytes) -> None:
        """Take bytes from the link."""
        self._apply(self._machine.receive(data, self._clock.now()))

    def writable_again(self) -> None:
        """Hear from the link that it takes bytes again."""
        self._observer.writable_again()

    def link_ended(self, error: LinkError) -> None:
        """Hear from the link that it is over."""
        self.end(error)

    def _on_time(self, now: float) -> float:
        self._apply(self._machine.time_passed(now))
        self._flush()
        return self._machine.next_deadline()

    def _flush(self) -> None:
        """Write a turn's first request at once, and the others of the turn together after it:
        each write is a TLS record and a system call."""
        if self._wrote_in_this_turn:
            return
        data = self._machine.data_to_send()
        if data:
            self._link.send(data)
            self._wrote_in_this_turn = True
            asyncio.get_running_loop().call_soon(self._turn_is_over)

    def _turn_is_over(self) -> None:
        self._wrote_in_this_turn = False
        data = self._machine.data_to_send()
        if data:
            self._link.send(data)

    def _apply(self, events: Iterable[Event[asyncio.Future[Reply]]]) -> None:
        sinks = self._observer.spot_sinks
        for event in events:
            if type(event) is ProtoOASpotEvent:
                account_id = event.ctidTraderAccountId
                sink = sinks.get(account_id)
                if sink is None:
                    continue
                try:
                    sink(event)
                except Exception as exc:  # our consumer's bug; the observer logs it
                    self._observer.sink_failed(account_id, exc)
            elif isinstance(event, Finished):
                self._finish(event)
            elif isinstance(event, Pushed):
                self._observer.pushed(event.account_id, event.message)
            elif isinstance(event, AccountLost):
                self._observer.account_lost(event.account_id, event.error)
            elif isinstance(event, Ended):
                self._close(event.error)

    def _finish(self, event: Finished[asyncio.Future[Reply]]) -> None:
        outcome, reply = event.outcome, event.tag
        error = outcome if isinstance(outcome, RequestError) else None
        if not reply.done():  # done means that its caller was cancelled
            if isinstance(outcome, RequestError):
                reply.set_exception(outcome)
            else:
                reply.set_result(outcome)
        self._observer.finished(event.payload_type, error)

    def _close(self, error: FxPoolError) -> None:
        self._error = error
        self._alarm.stop()
        self._link.abort()
        self._observer.ended(error)
