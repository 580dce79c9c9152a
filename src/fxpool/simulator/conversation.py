"""One client's connection at the broker: frames in, frames out. No socket and no clock in here.

Who may ask what, in which order, and how refusals travel: ctrader-open-api.md 2.3, 2.4 and 6.5.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from google.protobuf.message import DecodeError, Message

from fxpool.errors import FrameTooLarge
from fxpool.openapi import (
    HEARTBEAT_FRAME,
    MESSAGE_BY_PAYLOAD_TYPE,
    TRADING_REQUESTS,
    FrameDecoder,
    encode,
)
from fxpool.openapi.proto.common_pb2 import ProtoErrorRes, ProtoMessage
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountDisconnectEvent,
    ProtoOAErrorRes,
    ProtoOAOrderErrorEvent,
)
from fxpool.openapi.registry import HEARTBEAT_EVENT
from fxpool.simulator.handlers import HANDLERS, Call
from fxpool.simulator.limits import RateLimit
from fxpool.simulator.refusal import Carrier, Refusal, invalid_request
from fxpool.simulator.venue import Venue

log = logging.getLogger(__name__)

APPLICATION_AUTH_REQ = 2100
MAX_REQUEST_BYTES = 1024 * 1024


class Outlet(Protocol):
    """The link under a conversation."""

    def write(self, frame: bytes) -> None:
        """Take a whole frame for sending."""
        ...

    def close(self) -> None:
        """Close the link, after what was written."""
        ...

    def cut(self) -> None:
        """Close the link at once; what was written may be lost."""
        ...


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
        self._lost_request_id: str | None = None
        self._is_cut = False
        venue.listeners.append(self)

    # -- what the link tells -----------------------------------------------------------------

    def receive(self, data: bytes, now: float, at_ms: int) -> None:
        """Take bytes from the client, and answer every request that they complete."""
        self._heard_at = self._now = now
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
            self.cut()
        elif now - self._sent_at >= profile.heartbeat_after:
            self.write(HEARTBEAT_FRAME)

    def lost(self) -> None:
        """Forget the connection; its link is gone."""
        if self in self.venue.listeners:
            self.venue.listeners.remove(self)
        for account_id in list(self.account_ids):
            self.end_account(account_id, notify=False)

    # -- what the broker tells ---------------------------------------------------------------

    def send(self, message: Message, request_id: str = "") -> None:
        """Send a message, unless it answers a request whose answer is to be lost."""
        if request_id and request_id == self._lost_request_id:
            return
        self.write(encode(message, request_id))

    def write(self, frame: bytes) -> None:
        """Send a whole frame."""
        if not self._is_cut:
            self._sent_at = self._now
            self._outlet.write(frame)

    def end_account(self, account_id: int, *, notify: bool) -> None:
        """End an account's session here; ``notify`` sends 2164."""
        if self.account_ids.pop(account_id, None) is None:
            return
        for symbol_id in self.venue.engine.symbols:
            self.venue.spots.unsubscribe(self, account_id, symbol_id)
        if notify:
            self.send(ProtoOAAccountDisconnectEvent(ctidTraderAccountId=account_id))

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

    # -- requests ----------------------------------------------------------------------------

    def _handle(self, payload: bytes, at_ms: int) -> None:
        try:
            envelope = ProtoMessage.FromString(payload)
        except DecodeError:
            log.warning("simulator: %d bytes that are no envelope end a connection", len(payload))
            self.close()
            return
        if envelope.payloadType == HEARTBEAT_EVENT:
            return
        faults = self.venue.faults
        if faults.takes_link(envelope.payloadType):
            self._answer_nothing(envelope, at_ms)
            self.cut()
        elif faults.takes_answer(envelope.payloadType):
            self._answer_nothing(envelope, at_ms)
        else:
            self._answer(envelope, at_ms)

    def _answer_nothing(self, envelope: ProtoMessage, at_ms: int) -> None:
        """Carry out a request whose answer the client shall not see."""
        self._lost_request_id = envelope.clientMsgId
        try:
            self._answer(envelope, at_ms)
        finally:
            self._lost_request_id = None

    def _answer(self, envelope: ProtoMessage, at_ms: int) -> None:
        request_id, payload_type = envelope.clientMsgId, envelope.payloadType
        account_id: int | None = None
        try:
            request = self._parse(envelope)
            account_id = getattr(request, "ctidTraderAccountId", None)
            self._check_application(payload_type)
            self._limit.admit(payload_type, self._now)
            handler = _handler(payload_type)
            answer = handler(Call(self, self.venue, request_id, at_ms), request)
        except Refusal as refusal:
            answer = _refusal_message(payload_type, refusal, account_id)
        if answer is not None:
            self.send(answer, request_id)

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
        if not self.is_authenticated and payload_type != APPLICATION_AUTH_REQ:
            raise Refusal(
                "CH_CLIENT_NOT_AUTHENTICATED",
                "Channel is not authenticated",
                carrier=Carrier.ERROR_RES,
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
