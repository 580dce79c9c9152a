"""One client's connection at the broker: frames in, frames out. No socket and no clock in here.

Who may ask what, in which order, and how refusals travel: the Open API help pages, and what users
of live servers report where those are silent.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import DecodeError, Message

from fxpool.errors import FrameTooLarge
from fxpool.openapi import (
    HEARTBEAT_FRAME,
    MESSAGE_BY_PAYLOAD_TYPE,
    TRADING_REQUESTS,
    FrameDecoder,
    decode,
    encode,
    encode_frame,
)
from fxpool.openapi.frames import PREFIX_BYTES
from fxpool.openapi.proto.common_pb2 import ProtoErrorRes, ProtoMessage
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountDisconnectEvent,
    ProtoOAClientDisconnectEvent,
    ProtoOAErrorRes,
    ProtoOANewOrderReq,
    ProtoOAOrderErrorEvent,
)
from fxpool.openapi.registry import HEARTBEAT_EVENT
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.handlers import HANDLERS, Call
from fxpool.simulator.limits import RateLimit
from fxpool.simulator.protocol.newer_fields import with_newer_fields
from fxpool.simulator.refusal import Carrier, Refusal, invalid_request, not_authorised
from fxpool.simulator.switches import LimitedAt, Maintenance, MaintenanceUnit, RefreshReply
from fxpool.simulator.venue import Away, Venue

log = logging.getLogger(__name__)

APPLICATION_AUTH_REQ = 2100
VERSION_REQ = 2104
REFRESH_TOKEN_REQ = 2173
MAX_REQUEST_BYTES = 1024 * 1024
MAX_EXCESS = 1000
"""Requests that wait for the rate at most; more are refused."""


class Outlet(Protocol):
    """The link under a conversation."""

    def write(self, frame: bytes) -> None:
        """Take a whole frame for sending."""
        ...

    def close(self) -> None:
        """Close the link, after what was written."""
        ...

    def write_later(self, frame: bytes, seconds: float) -> Callable[[], bool]:
        """Take a whole frame for sending after a while.

        Returns what takes it back, and says whether it had not left yet.
        """
        ...

    def cut(self) -> None:
        """Close the link at once; what was written may be lost."""
        ...

    def suffer(self, fault: Fault) -> None:
        """Let a fault of links strike."""
        ...


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of the answers to the request that is being carried out."""

    request_id: str
    is_lost: bool = False
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class _Late:
    """An answer that leaves at ``due``, in monotonic seconds, unless it is taken back."""

    request_id: str
    account_id: int | None
    due: float
    take_back: Callable[[], bool]


class Conversation:
    """A connection's state: its application, the accounts authorised on it, its rate.

    Attributes:
        is_live: which environment's port it came to.
        is_authenticated: whether its application is known.
        account_ids: the accounts authorised on it.
    """

    def __init__(self, venue: Venue, outlet: Outlet, *, is_live: bool, now: float) -> None:
        self.venue = venue
        self.is_live = is_live
        self.is_authenticated = False
        self.account_ids: dict[int, str] = {}
        self._outlet = outlet
        self._decoder = FrameDecoder(max_frame_bytes=MAX_REQUEST_BYTES)
        self._limit = RateLimit(venue.profile)
        self._heard_at = self._sent_at = self._now = now
        self._fate: _Fate | None = None
        self._late: list[_Late] = []
        self._held: bytes | None = None
        self._excess: deque[tuple[ProtoMessage, Message]] = deque()
        self._at_ms = venue.opened_ms
        self._is_cut = False
        self._number = next(venue.connection_numbers)
        venue.listeners.append(self)

    def opened(self) -> None:
        """Begin, or end at once where there are too many connections (SW-05)."""
        profile = self.venue.profile
        limit = profile.max_connections
        if profile.connections_limited_at is not LimitedAt.CONNECT or limit is None:
            return
        if len(self.venue.listeners) > limit:
            text = "Limit of connections is reached"
            self.send(ProtoErrorRes(errorCode="CONNECTIONS_LIMIT_EXCEEDED", description=text))
            self.close()

    # -- what the link tells -----------------------------------------------------------------

    def receive(self, data: bytes, now: float, at_ms: int) -> None:
        """Take bytes from the client, and answer every request that they complete."""
        self._heard_at = self._now = now
        self._at_ms = at_ms
        try:
            payloads = self._decoder.feed(data)
        except FrameTooLarge as exc:
            self.send(ProtoErrorRes(errorCode="FRAME_TOO_LONG", description=str(exc)))
            self.close()
            return
        for payload in payloads:
            if self._is_cut:
                return
            self._handle(payload, at_ms)

    def time_passed(self, now: float) -> None:
        """Keep the idle rules: heartbeats after own silence, a cut after the client's (SW-04)."""
        self._now = now
        profile = self.venue.profile
        if now - self._heard_at >= profile.idle_timeout:
            log.info("simulator: a silent client is cut after %.0f s", profile.idle_timeout)
            self._end_idle()
        elif now - self._sent_at >= profile.heartbeat_after:
            self.write(HEARTBEAT_FRAME)
        self._answer_excess()

    def lost(self) -> None:
        """Forget the connection; its link is gone."""
        if self in self.venue.listeners:
            self.venue.listeners.remove(self)
        for account_id in list(self.account_ids):
            self.end_account(account_id, notify=False)

    # -- what the broker tells ---------------------------------------------------------------

    def send(self, message: Message, request_id: str = "") -> None:
        """Send a message, unless it answers a request whose answer is to be late or lost."""
        if self.venue.profile.sends_unknown_fields:
            message = with_newer_fields(message)
        frame, fate = encode(message, request_id), self._fate
        if fate is None or request_id != fate.request_id or not request_id:
            self.write(frame)
        elif fate.delay and not self._is_cut:
            take_back = self._outlet.write_later(frame, fate.delay)
            due, account_id = self._now + fate.delay, _account_id(message)
            self._late = [one for one in self._late if one.due > self._now]
            self._late.append(_Late(request_id, account_id, due, take_back))

    def write(self, frame: bytes) -> None:
        """Send a whole frame; faults of events strike here."""
        if self._is_cut:
            return
        if self.venue.faults.is_any_event_struck:
            self._write_struck(frame)
        else:
            self._put(frame)
        if self._held is not None and self._held is not frame:
            held, self._held = self._held, None
            self._put(held)

    def _write_struck(self, frame: bytes) -> None:
        envelope = decode(frame[PREFIX_BYTES:])
        account_id = getattr(envelope.message, "ctidTraderAccountId", 0)
        fault = self.venue.faults.of_event(envelope.payload_type, account_id)
        kind = None if fault is None else fault.kind
        if fault is not None and kind is FaultKind.DELAY_EVENTS:
            self._outlet.write_later(frame, fault.seconds)
        elif kind is FaultKind.REORDER_EVENTS and self._held is None:
            self._held = frame
        elif kind is not FaultKind.LOSE_EVENTS:
            self._put(frame)
            if kind is FaultKind.DUPLICATE_EVENTS:
                self._put(frame)

    def _put(self, frame: bytes) -> None:
        self._sent_at = self._now
        if self.venue.transcript is not None:
            self.venue.transcript.note(self._number, frame, is_from_client=False)
        self._outlet.write(frame)

    def end_account(self, account_id: int, *, notify: bool) -> None:
        """End an account's session here; ``notify`` sends 2164."""
        if self.account_ids.pop(account_id, None) is None:
            return
        self.venue.spots.drop(self, account_id)
        self.venue.depths.drop(self, account_id)
        self.venue.pnl.unsubscribe(self, account_id)
        if notify:
            self.send(ProtoOAAccountDisconnectEvent(ctidTraderAccountId=account_id))

    def fail_requests(self, account_ids: Sequence[int]) -> None:
        """Tell an error to the requests of these accounts whose answers are under way (SW-09)."""
        refusal = not_authorised(self.venue.profile.unauthorised_account.value)
        failed: dict[str, int | None] = {}
        for late in self._late:
            if late.account_id in account_ids and late.take_back():
                failed[late.request_id] = late.account_id
        self._late = [one for one in self._late if one.request_id not in failed]
        for request_id, account_id in failed.items():
            answer = _refusal_message(0, refusal, account_id)
            self.write(encode(answer, request_id))

    def close(self) -> None:
        """Close the link after what was written."""
        self._is_cut = True
        self.lost()
        self._outlet.close()

    def cut(self) -> None:
        """Close the link without a word."""
        self._is_cut = True
        self.lost()
        self._outlet.cut()

    def suffer(self, fault: Fault) -> None:
        """Let a fault of links strike this one; a link that is half open is lost to us."""
        if fault.kind is FaultKind.CUT:
            self.cut()
            return
        if fault.kind is FaultKind.HALF_OPEN:
            self._is_cut = True
            self.lost()
        self._outlet.suffer(fault)

    def _end_idle(self) -> None:
        if not self.venue.profile.tells_idle_cut:
            self.cut()
            return
        self.send(ProtoOAClientDisconnectEvent(reason="No activity"))
        self.close()

    # -- requests ----------------------------------------------------------------------------

    def _handle(self, payload: bytes, at_ms: int) -> None:
        if self.venue.transcript is not None:
            self.venue.transcript.note(self._number, encode_frame(payload), is_from_client=True)
        try:
            envelope = ProtoMessage.FromString(payload)
        except DecodeError:
            log.warning("simulator: %d bytes that are no envelope end a connection", len(payload))
            self.close()
            return
        if envelope.payloadType == HEARTBEAT_EVENT:
            return
        try:
            request = self._parse(envelope)
        except Refusal as refusal:
            self._refuse(envelope, refusal, None)
            return
        self._meet_faults(envelope, request, at_ms)

    def _meet_faults(self, envelope: ProtoMessage, request: Message, at_ms: int) -> None:
        """Carry out a request; a fault may take its answers, or the link."""
        payload_type = envelope.payloadType
        fault = self.venue.faults.of_request(payload_type, request, self._symbol_name(request))
        if fault is not None and fault.kind is FaultKind.REFUSE:
            self._refuse(envelope, _asked_refusal(fault), _account_id(request))
            return
        cuts = fault is not None and fault.kind is FaultKind.CUT_BEFORE_ANSWER
        if payload_type in TRADING_REQUESTS and not cuts:
            chance = self.venue.profile.cut_write_chance
            cuts = self.venue.faults.happens(chance, FaultKind.CUT_BEFORE_ANSWER.value)
        self._fate = self._fate_of(envelope, fault, is_cut=cuts)
        try:
            self._answer(envelope, request, at_ms)
        finally:
            self._fate = None
        if cuts:
            self.cut()

    def _fate_of(
        self, envelope: ProtoMessage, fault: Fault | None, *, is_cut: bool
    ) -> _Fate | None:
        request_id, profile = envelope.clientMsgId, self.venue.profile
        if is_cut or (fault is not None and fault.kind is FaultKind.SWALLOW_ANSWERS):
            return _Fate(request_id, is_lost=True)
        if fault is not None:
            return _Fate(request_id, delay=fault.seconds)
        if envelope.payloadType != REFRESH_TOKEN_REQ:
            return None
        if profile.refresh_reply is RefreshReply.LOST:
            self.venue.faults.struck["refresh_reply_lost"] += 1
            return _Fate(request_id, is_lost=True)
        if profile.refresh_reply is RefreshReply.LATE:
            return _Fate(request_id, delay=profile.refresh_delay)
        return None

    def _answer(self, envelope: ProtoMessage, request: Message, at_ms: int) -> None:
        request_id, payload_type = envelope.clientMsgId, envelope.payloadType
        account_id = _account_id(request)
        if self.venue.away is not None and self._answer_away(envelope, account_id):
            return
        try:
            self._check_application(payload_type)
            if not self._is_admitted(envelope, request):
                return
            handler = _handler(payload_type)
            answer = handler(Call(self, self.venue, request_id, at_ms), request)
        except Refusal as refusal:
            self._refuse(envelope, refusal, account_id)
            return
        if answer is not None:
            self.send(answer, request_id)

    def _refuse(self, envelope: ProtoMessage, refusal: Refusal, account_id: int | None) -> None:
        answer = _refusal_message(envelope.payloadType, refusal, account_id)
        self.send(answer, envelope.clientMsgId)

    def _is_admitted(self, envelope: ProtoMessage, request: Message) -> bool:
        """Count a request. Raises Refusal beyond the rate, unless the excess waits (SW-15)."""
        limit = self.venue.limits.limit(self._limit, _account_id(request) or 0)
        waits = self.venue.profile.queues_excess and (
            self._excess or not limit.has_room(envelope.payloadType, self._now)
        )
        if waits and len(self._excess) < MAX_EXCESS:
            self._excess.append((envelope, request))
            return False
        limit.admit(envelope.payloadType, self._now)
        return True

    def _answer_excess(self) -> None:
        """Answer the requests that wait for the rate, as many as it allows now."""
        waiting, self._excess = self._excess, deque()
        while waiting and not self._is_cut:
            envelope, request = waiting.popleft()
            self._answer(envelope, request, self._at_ms)
            if self._excess:
                break
        self._excess.extend(waiting)

    def _answer_away(self, envelope: ProtoMessage, account_id: int | None) -> bool:
        """Say that the broker is away; return False for what is answered all the same (SW-59)."""
        away = self.venue.away
        if away is None or (away.form is Maintenance.DROPS_ACCOUNTS and account_id is None):
            return False
        self.venue.faults.struck[FaultKind.MAINTENANCE.value] += 1
        answer = _away_message(away, account_id, self.venue.profile.maintenance_unit)
        self.send(answer, envelope.clientMsgId)
        return True

    def _symbol_name(self, request: Message) -> str:
        if not isinstance(request, ProtoOANewOrderReq):
            return ""
        symbol = self.venue.engine.symbols.get(request.symbolId)
        return "" if symbol is None else symbol.name

    def _parse(self, envelope: ProtoMessage) -> Message:
        message_class = MESSAGE_BY_PAYLOAD_TYPE.get(envelope.payloadType)
        if message_class is None:
            raise _unsupported(envelope.payloadType)
        try:
            request = message_class.FromString(envelope.payload)
        except DecodeError as exc:
            raise invalid_request("The payload does not parse") from exc
        if not request.IsInitialized():
            raise invalid_request(f"Message missing required fields: {_missing_fields(request)}")
        return request

    def _check_application(self, payload_type: int) -> None:
        if payload_type == VERSION_REQ and self.venue.profile.answers_version_early:
            return
        if not self.is_authenticated and payload_type != APPLICATION_AUTH_REQ:
            raise Refusal(
                "CH_CLIENT_NOT_AUTHENTICATED",
                "Channel is not authenticated",
                carrier=Carrier.ERROR_RES,
            )


def _account_id(request: Message) -> int | None:
    account_id: int | None = getattr(request, "ctidTraderAccountId", None)
    return account_id


def _asked_refusal(fault: Fault) -> Refusal:
    """Return the refusal that a rule asks for; a rate limit's is no business of orders."""
    is_rate = fault.code in {"BLOCKED_PAYLOAD_TYPE", "REQUEST_FREQUENCY_EXCEEDED"}
    carrier = Carrier.ERROR_RES if is_rate else Carrier.ORDER_ERROR
    return Refusal(fault.code, fault.text, carrier=carrier, retry_after=fault.retry_after or None)


def _away_message(away: Away, account_id: int | None, unit: MaintenanceUnit) -> Message:
    """Return what a client is told: message 50 where no account is named, else 2142 (SW-27)."""
    if away.form is Maintenance.DROPS_ACCOUNTS:
        return ProtoOAErrorRes(
            ctidTraderAccountId=account_id,
            errorCode="CANT_ROUTE_REQUEST",
            description="Cannot route request",
        )
    code, text = "SERVER_IS_UNDER_MAINTENANCE", "Server is under maintenance"
    if account_id is None:
        return ProtoErrorRes(
            errorCode=code, description=text, maintenanceEndTimestamp=away.until_ms
        )
    divisor = 1000 if unit is MaintenanceUnit.DOCUMENTED else 1
    return ProtoOAErrorRes(
        ctidTraderAccountId=account_id,
        errorCode=code,
        description=text,
        maintenanceEndTimestamp=away.until_ms // divisor,
    )


def _handler(payload_type: int) -> Callable[[Call, Message], Message | None]:
    handler = HANDLERS.get(payload_type)
    if handler is None:
        raise _unsupported(payload_type)
    return handler


def _missing_fields(request: Message) -> str:
    fields = request.DESCRIPTOR.fields
    return ", ".join(
        one.name for one in fields if one.is_required and not request.HasField(one.name)
    )


def _unsupported(payload_type: int) -> Refusal:
    return Refusal(
        "UNSUPPORTED_MESSAGE",
        f"The simulator does not serve payload type {payload_type} yet",
        carrier=Carrier.ERROR_RES,
    )


def _refusal_message(payload_type: int, refusal: Refusal, account_id: int | None) -> Message:
    if payload_type in TRADING_REQUESTS and refusal.carrier is Carrier.ORDER_ERROR:
        return ProtoOAOrderErrorEvent(
            ctidTraderAccountId=account_id,
            errorCode=refusal.code,
            orderId=refusal.order_id,
            positionId=refusal.position_id,
            description=refusal.text,
        )
    return ProtoOAErrorRes(
        ctidTraderAccountId=account_id,
        errorCode=refusal.code,
        description=refusal.text,
        retryAfter=refusal.retry_after,
    )
