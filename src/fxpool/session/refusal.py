"""Which of our errors an error answer becomes. Pure.

Three message types refuse a request by themselves: ProtoErrorRes, ProtoOAErrorRes and
ProtoOAOrderErrorEvent. The fourth carrier, an execution event, is judged in ``trade.py``.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.message import Message

from fxpool.errors import (
    AuthRefused,
    Maintenance,
    OutcomeUnclear,
    RateLimited,
    RequestRefused,
    TradeRefused,
)
from fxpool.openapi import Reaction, reaction_to
from fxpool.openapi.proto.common_pb2 import ProtoErrorRes
from fxpool.openapi.proto.messages_pb2 import ProtoOAErrorRes, ProtoOAOrderErrorEvent
from fxpool.redaction import without_known

_MILLISECONDS_FROM: Final = 100_000_000_000
"""Epoch seconds reach this in the year 5138: what is larger is milliseconds."""

_AUTHORISATION: Final = frozenset(
    {
        Reaction.TOKEN,
        Reaction.REAUTHORISE_ACCOUNT,
        Reaction.REAUTHORISE_APPLICATION,
        Reaction.FATAL,
    }
)


def refused(
    code: str,
    text: str = "",
    *,
    writing: bool,
    retry_after: float | None = None,
    maintenance_end: float | None = None,
) -> RequestRefused:
    """Return the error for a broker's error code.

    ``writing`` says that the request would have changed an order or a position; the error is then
    OutcomeUnclear where the code leaves open whether it did.
    """
    reaction = reaction_to(code, text, writing=writing)
    text = without_known(text)
    kind: type[RequestRefused] = TradeRefused if writing else RequestRefused
    if reaction is Reaction.UNKNOWN_OUTCOME:
        kind = OutcomeUnclear
    elif reaction is Reaction.RATE:
        kind = RateLimited
    elif code == "SERVER_IS_UNDER_MAINTENANCE":
        kind = Maintenance
    elif reaction in _AUTHORISATION and code != "UNSUPPORTED_MESSAGE":  # about us, not the message
        kind = AuthRefused
    return kind(code, text, retry_after=retry_after, maintenance_end=maintenance_end)


def refusal_in(message: Message, *, writing: bool) -> RequestRefused | None:
    """Return the error that an error message carries, or None if it is no error message.

    ``maintenanceEndTimestamp`` is milliseconds in ProtoErrorRes and seconds in ProtoOAErrorRes by
    the schema's comments; the magnitude decides, since servers were seen to differ.
    """
    if isinstance(message, ProtoOAOrderErrorEvent):
        return refused(message.errorCode, message.description, writing=writing)
    if not isinstance(message, ProtoErrorRes | ProtoOAErrorRes):
        return None
    retry_after = maintenance_end = None
    if isinstance(message, ProtoOAErrorRes) and message.HasField("retryAfter"):
        retry_after = float(message.retryAfter)
    if message.HasField("maintenanceEndTimestamp"):
        stamp = message.maintenanceEndTimestamp
        maintenance_end = stamp / 1000 if stamp >= _MILLISECONDS_FROM else float(stamp)
    return refused(
        message.errorCode,
        message.description,
        writing=writing,
        retry_after=retry_after,
        maintenance_end=maintenance_end,
    )
