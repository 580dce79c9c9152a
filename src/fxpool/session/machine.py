"""One application's conversation with the broker, many accounts on it. Pure.

Bytes and times go in, events and bytes come out. It correlates requests with their answers, keeps
their deadlines, sends heartbeats and notices silence. It knows no socket, task, clock or pace.

Source: Open API help, "Connection" and "Application and account authentication"; refusals and
session ends as recorded from live servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from fxpool.errors import (
    ApplicationDisconnected,
    AuthRefused,
    FxPoolError,
    HeartbeatMissed,
    LinkLost,
    LocalProtocolError,
    RemoteProtocolError,
    RequestAbandoned,
    RequestError,
    RequestNotSent,
    RequestRefused,
    RequestTimedOut,
)
from fxpool.openapi import (
    HEARTBEAT_FRAME,
    MESSAGE_BY_PAYLOAD_TYPE,
    SPOT_PREFIX,
    TRADING_REQUESTS,
    FrameDecoder,
    Reaction,
    Unknown,
    answer_type,
    decode,
    encode,
    parse_spot,
    payload_type_of,
    reaction_to,
)
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAAccountDisconnectEvent,
    ProtoOAAccountLogoutReq,
    ProtoOAAccountsTokenInvalidatedEvent,
    ProtoOAApplicationAuthReq,
    ProtoOAClientDisconnectEvent,
    ProtoOAExecutionEvent,
    ProtoOASpotEvent,
)
from fxpool.session.phase import (
    AccountPhase,
    AccountTrigger,
    Phase,
    Trigger,
    next_account_phase,
    next_phase,
)
from fxpool.session.refusal import refusal_in
from fxpool.session.trade import Trade, TradeEvents

Tag = TypeVar("Tag")
"""What the caller knows a request by; handed back untouched when the request is over."""

_ACCOUNT_FIELD: Final = "ctidTraderAccountId"
_WITH_ACCOUNT: Final = frozenset(
    number
    for number, message in MESSAGE_BY_PAYLOAD_TYPE.items()
    if _ACCOUNT_FIELD in message.DESCRIPTOR.fields_by_name
)
_APPLICATION_AUTH: Final = payload_type_of(ProtoOAApplicationAuthReq())
_ACCOUNT_AUTH: Final = payload_type_of(ProtoOAAccountAuthReq())
_ACCOUNT_IS_GONE: Final = frozenset({Reaction.REAUTHORISE_ACCOUNT, Reaction.TOKEN})
_EVENTS: Final = frozenset(
    number
    for number, message in MESSAGE_BY_PAYLOAD_TYPE.items()
    if message.__name__.endswith("Event")
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds.

    Attributes:
        heartbeat_every: how long we stay silent at most; the broker asks for 10.
        silence_limit: how long the broker may stay silent; its own heartbeats come every 25 to 30.
    """

    heartbeat_every: float = 10.0
    silence_limit: float = 60.0


@dataclass(slots=True)
class Finished(Generic[Tag]):
    """A request is over.

    Attributes:
        tag: as given with the request.
        payload_type: of the request.
        outcome: the answer, the execution events of an order request, or the error.
    """

    tag: Tag
    payload_type: int
    outcome: Message | TradeEvents | RequestError


@dataclass(slots=True)
class Pushed:
    """A message about an account that the broker sent by itself, or an execution event."""

    account_id: int
    message: Message


@dataclass(slots=True)
class AccountLost:
    """The broker does not serve this account on this session any more."""

    account_id: int
    error: FxPoolError


@dataclass(slots=True)
class Ended:
    """The session is over; no event follows."""

    error: FxPoolError


Event = ProtoOASpotEvent | Finished[Tag] | Pushed | AccountLost | Ended
"""A spot event travels bare: thousands a second arrive."""


@dataclass(slots=True)
class _Pending(Generic[Tag]):
    tag: Tag
    payload_type: int
    answer_type: int | None
    account_id: int | None
    trade: Trade | None


class SessionMachine(Generic[Tag]):
    """The protocol's side of one session, from a connected link to its end.

    Attributes:
        unknown_messages: how many messages of an unknown payload type were ignored.
        stray_answers: how many answers came for requests that nobody waits for any more.
    """

    def __init__(self, now: float, *, request_ids: Iterator[str], timing: Timing) -> None:
        self.phase = Phase.CONNECTED
        self.unknown_messages = 0
        self.stray_answers = 0
        self._request_ids = request_ids
        self._timing = timing
        self._accounts: dict[int, AccountPhase] = {}
        self._frames = FrameDecoder()
        self._outbound: list[bytes] = []
        self._pending: dict[str, _Pending[Tag]] = {}
        self._deadlines: list[tuple[float, str]] = []
        self._sent_at = now
        self._heard_at = now

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return len(self._pending)

    def account_phase(self, account_id: int) -> AccountPhase:
        """Return how far an account is on this session."""
        return self._accounts.get(account_id, AccountPhase.ABSENT)

    def request(self, message: Message, tag: Tag, now: float, deadline: float) -> None:
        """Put a request on the wire; ``Finished`` with ``tag`` follows in any case.

        Raises RequestNotSent if the session or the account is not ready for it, or the deadline has
        passed; LocalProtocolError for a message that is no request or lacks a required field.
        """
        number = payload_type_of(message)
        account_id = getattr(message, _ACCOUNT_FIELD) if number in _WITH_ACCOUNT else None
        answer = answer_type(number)
        if answer is None and number not in TRADING_REQUESTS:
            raise LocalProtocolError(f"{type(message).__name__} is no request")
        trade = Trade(message) if answer is None else None
        self._check_ready(message, account_id, now, deadline)
        request_id = next(self._request_ids)
        frame = encode(message, request_id)
        if trade is None:
            self._note_sent(message, account_id)
        self._pending[request_id] = _Pending(tag, number, answer, account_id, trade)
        heappush(self._deadlines, (deadline, request_id))
        self._outbound.append(frame)
        self._sent_at = now

    def receive(self, data: bytes, now: float) -> Iterator[Event[Tag]]:
        """Yield what the bytes say, in their order. A broken protocol ends the session.

        Consume it whole. One event at a time, since a read can hold thousands of quotes and a
        list of them would not fit the processor's cache: a third slower, measured.
        """
        self._heard_at = now
        try:
            for payload in self._frames.feed(data):
                if payload.startswith(SPOT_PREFIX):
                    yield parse_spot(payload).payload
                    continue
                if self.phase is not Phase.ENDED:
                    yield from self._take(payload)
                if self.phase is Phase.ENDED:
                    return
        except DecodeError as exc:
            broken = RemoteProtocolError("a spot event does not parse")
            broken.__cause__ = exc
            yield from self.end(broken)
        except RemoteProtocolError as exc:
            yield from self.end(exc)

    def time_passed(self, now: float) -> list[Event[Tag]]:
        """Return what is over by now; a heartbeat may wait in ``data_to_send`` afterwards."""
        if self.phase is Phase.ENDED:
            return []
        events: list[Event[Tag]] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, request_id = heappop(self._deadlines)
            pending = self._pending.get(request_id)
            if pending is not None:
                error = RequestTimedOut("no answer before the deadline")
                self._finish(request_id, pending, error, events)
        if now >= self._heard_at + self._timing.silence_limit:
            seconds = self._timing.silence_limit
            events += self.end(HeartbeatMissed(f"the broker was silent for {seconds:g} s"))
        elif now >= self._sent_at + self._timing.heartbeat_every:
            self._outbound.append(HEARTBEAT_FRAME)
            self._sent_at = now
        return events

    def next_deadline(self) -> float:
        """Return when ``time_passed`` is due, in monotonic seconds."""
        while self._deadlines and self._deadlines[0][1] not in self._pending:
            heappop(self._deadlines)
        due = min(
            self._sent_at + self._timing.heartbeat_every,
            self._heard_at + self._timing.silence_limit,
        )
        return min(due, self._deadlines[0][0]) if self._deadlines else due

    def data_to_send(self) -> bytes:
        """Return the bytes to put on the link now; they count as sent."""
        outbound = self._outbound
        if not outbound:
            return b""
        data = outbound[0] if len(outbound) == 1 else b"".join(outbound)
        outbound.clear()
        return data

    def end(self, error: FxPoolError) -> list[Event[Tag]]:
        """End the session: what was on the wire is abandoned, its outcome unknown."""
        if self.phase is Phase.ENDED:
            return []
        self.phase = next_phase(self.phase, Trigger.FINISHED)
        events: list[Event[Tag]] = [
            Finished(pending.tag, pending.payload_type, _abandoned(error))
            for pending in self._pending.values()
        ]
        self._pending.clear()
        self._deadlines.clear()
        self._outbound.clear()
        self._accounts.clear()
        events.append(Ended(error))
        return events

    def _check_ready(
        self, message: Message, account_id: int | None, now: float, deadline: float
    ) -> None:
        if deadline <= now:
            raise RequestNotSent("its deadline passed before it was sent")
        if isinstance(message, ProtoOAApplicationAuthReq):
            next_phase(self.phase, Trigger.APPLICATION_AUTH_SENT)
            return
        if self.phase is not Phase.READY:
            raise RequestNotSent(f"the session is {self.phase.value}, not ready")
        if account_id is None:
            return
        phase = self.account_phase(account_id)
        if isinstance(message, ProtoOAAccountAuthReq):
            next_account_phase(phase, AccountTrigger.AUTH_SENT)
        elif phase is not AccountPhase.AUTHORISED:
            raise RequestNotSent(f"account {account_id} is {phase.value} on this session")

    def _note_sent(self, message: Message, account_id: int | None) -> None:
        if isinstance(message, ProtoOAApplicationAuthReq):
            self.phase = next_phase(self.phase, Trigger.APPLICATION_AUTH_SENT)
        elif account_id is None:
            return
        elif isinstance(message, ProtoOAAccountAuthReq):
            self._move(account_id, AccountTrigger.AUTH_SENT)
        elif isinstance(message, ProtoOAAccountLogoutReq):
            self._move(account_id, AccountTrigger.LOGOUT_SENT)

    def _move(self, account_id: int, trigger: AccountTrigger) -> None:
        phase = next_account_phase(self.account_phase(account_id), trigger)
        if phase is AccountPhase.ABSENT:
            self._accounts.pop(account_id, None)
        else:
            self._accounts[account_id] = phase

    def _take(self, payload: bytes) -> list[Event[Tag]]:
        events: list[Event[Tag]] = []
        envelope = decode(payload)
        message = envelope.message
        if isinstance(message, Unknown):
            self.unknown_messages += 1
        elif isinstance(message, ProtoOAExecutionEvent):
            self._take_execution(message, envelope.request_id, events)
        elif (pending := self._pending.get(envelope.request_id)) is not None:
            self._take_answer(envelope.request_id, pending, message, envelope.payload_type, events)
        else:
            self._take_push(message, envelope.payload_type, events)
        return events

    def _take_execution(
        self, event: ProtoOAExecutionEvent, request_id: str, events: list[Event[Tag]]
    ) -> None:
        events.append(Pushed(event.ctidTraderAccountId, event))
        if request_id:  # an id that nobody waits for is another client's, or too late
            pending = self._pending.get(request_id)
        else:
            request_id, pending = self._claimed(event)
        if pending is None or pending.trade is None:
            return
        outcome = pending.trade.take(event)
        if outcome is not None:
            self._finish(request_id, pending, outcome, events)

    def _claimed(self, event: ProtoOAExecutionEvent) -> tuple[str, _Pending[Tag] | None]:
        for request_id, pending in self._pending.items():
            if (
                pending.trade is not None
                and pending.account_id == event.ctidTraderAccountId
                and pending.trade.claims(event)
            ):
                return request_id, pending
        return "", None

    def _take_answer(
        self,
        request_id: str,
        pending: _Pending[Tag],
        message: Message,
        payload_type: int,
        events: list[Event[Tag]],
    ) -> None:
        error = refusal_in(message, writing=pending.trade is not None)
        if error is not None:
            outcome = error if pending.trade is None else pending.trade.refused(error)
            self._finish(request_id, pending, outcome, events)
        elif payload_type == pending.answer_type:
            self._finish(request_id, pending, message, events)
        else:
            self._take_push(message, payload_type, events)

    def _take_push(self, message: Message, payload_type: int, events: list[Event[Tag]]) -> None:
        if isinstance(message, ProtoOASpotEvent):
            events.append(message)
        elif isinstance(message, ProtoOAAccountDisconnectEvent):
            error = LinkLost("the broker ended the account's session")
            self._lose(message.ctidTraderAccountId, error, events)
        elif isinstance(message, ProtoOAAccountsTokenInvalidatedEvent):
            for account_id in message.ctidTraderAccountIds:
                lost = LinkLost(f"the account's token was invalidated: {message.reason}")
                self._lose(account_id, lost, events)
        elif isinstance(message, ProtoOAClientDisconnectEvent):
            reason = f"the broker cut the application off: {message.reason}"
            events += self.end(ApplicationDisconnected(reason))
        elif payload_type in _EVENTS:
            if payload_type in _WITH_ACCOUNT:
                events.append(Pushed(getattr(message, _ACCOUNT_FIELD), message))
        else:
            self.stray_answers += 1

    def _lose(self, account_id: int, error: FxPoolError, events: list[Event[Tag]]) -> None:
        before = self.account_phase(account_id)
        self._move(account_id, AccountTrigger.DROPPED)
        if before is AccountPhase.AUTHORISED:
            events.append(AccountLost(account_id, error))

    def _finish(
        self,
        request_id: str,
        pending: _Pending[Tag],
        outcome: Message | TradeEvents | RequestError,
        events: list[Event[Tag]],
    ) -> None:
        del self._pending[request_id]
        events.append(Finished(pending.tag, pending.payload_type, outcome))
        if pending.payload_type == _APPLICATION_AUTH:
            accepted = _is_success(outcome)
            trigger = Trigger.APPLICATION_ACCEPTED if accepted else Trigger.APPLICATION_REFUSED
            self.phase = next_phase(self.phase, trigger)
        elif pending.payload_type == _ACCOUNT_AUTH and pending.account_id is not None:
            accepted = _is_success(outcome)
            moved = AccountTrigger.ACCEPTED if accepted else AccountTrigger.FAILED
            self._move(pending.account_id, moved)
        if isinstance(outcome, AuthRefused):
            self._heed(outcome, pending, events)

    def _heed(self, error: AuthRefused, pending: _Pending[Tag], events: list[Event[Tag]]) -> None:
        """Draw the session's own conclusions from a refused request."""
        reaction = reaction_to(error.code, error.text)
        if reaction is Reaction.REAUTHORISE_APPLICATION:
            events += self.end(LinkLost(f"the broker does not know our application: {error}"))
        elif reaction in _ACCOUNT_IS_GONE and pending.account_id is not None:
            self._lose(pending.account_id, error, events)


def _is_success(outcome: Message | TradeEvents | RequestError) -> bool:
    """Whether an authorisation holds now; a repeated one is refused as being so already."""
    if isinstance(outcome, RequestRefused):
        return reaction_to(outcome.code, outcome.text) is Reaction.ALREADY_SO
    return not isinstance(outcome, RequestError)


def _abandoned(error: FxPoolError) -> RequestAbandoned:
    abandoned = RequestAbandoned(f"the session ended before the answer: {error}")
    abandoned.__cause__ = error
    return abandoned
