"""An order request's fields as JSON, for the record, in the wire's own names. Pure."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import Message

from fxpool.domain.money import decimal_from_double

_LEFT_OUT: Final = frozenset({"payloadType", "ctidTraderAccountId"})


def fields_of(request: Message) -> dict[str, Any]:
    """Return the fields that are set; prices as exact text, enums as their numbers."""
    return {
        field.name: f"{decimal_from_double(value):f}" if isinstance(value, float) else value
        for field, value in request.ListFields()
        if field.name not in _LEFT_OUT
    }
