"""Messages as JSON objects, with the numbers that a live server sends. Pure.

Enums and int64 are plain JSON numbers, doubles are decimals, and a message's own payloadType is not
repeated inside its payload. Source: logs of live JSON sessions that
users have published.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

_ENVELOPE_FIELD = "payloadType"


def to_json(message: Message) -> dict[str, Any]:
    """Return the fields that are present, by name."""
    found = {}
    for field, value in message.ListFields():
        if field.name == _ENVELOPE_FIELD and field.has_default_value:
            continue
        found[field.name] = _value(field, value)
    return found


def from_json(message_class: type[Message], values: dict[str, Any]) -> Message:
    """Return a message; fields that the schema does not have are ignored.

    A required field may be missing, which whoever carries the request out has to notice.
    Raises ValueError for a value that its field cannot hold.
    """
    message = message_class()
    try:
        ParseDict(values, message, ignore_unknown_fields=True)
    except (ParseError, TypeError, AttributeError, OverflowError) as exc:
        raise ValueError(str(exc)) from exc
    return message


def _value(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is None:
        return list(value) if field.is_repeated else value
    return [to_json(one) for one in value] if field.is_repeated else to_json(value)
