"""Which payload type carries which message, and which answer belongs to which request.

Read off the compiled schema: a message's own ``payloadType`` field has its number as default,
so that a message added to the .proto files is known here without a second list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf.internal import api_implementation
from google.protobuf.message import Message

from fxpool.errors import SettingsError
from fxpool.openapi.proto import common_pb2, messages_pb2

if api_implementation.Type() != "upb":
    raise SettingsError(
        "protobuf runs on its pure-Python fallback, ten times slower than the native one: "
        "reinstall the protobuf package for this Python, and unset "
        "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"
    )


def _by_payload_type() -> dict[int, type[Message]]:
    found: dict[int, type[Message]] = {}
    for module in (common_pb2, messages_pb2):
        for name, descriptor in module.DESCRIPTOR.message_types_by_name.items():
            field = descriptor.fields_by_name.get("payloadType")
            if field is not None and field.has_default_value:
                found[field.default_value] = getattr(module, name)
    return found


MESSAGE_BY_PAYLOAD_TYPE: Final[Mapping[int, type[Message]]] = _by_payload_type()
PAYLOAD_TYPE_BY_MESSAGE: Final[Mapping[type[Message], int]] = {
    message: number for number, message in MESSAGE_BY_PAYLOAD_TYPE.items()
}

HEARTBEAT_EVENT: Final = 51
EXECUTION_EVENT: Final = 2126
SPOT_EVENT: Final = 2131

TRADING_REQUESTS: Final = frozenset({2106, 2108, 2109, 2110, 2111})
"""Requests without an answer message: they finish by execution events."""

HISTORICAL_REQUESTS: Final = frozenset({2133, 2137, 2143, 2145, 2175, 2179, 2183})
"""Paced by the broker's slower limit; the widest reading of the sources (SW-14)."""

_ODD_ANSWERS = {2135: 2165, 2136: 2166}  # the other answers are the request's number plus one


def answer_type(request_type: int) -> int | None:
    """Return the payload type that answers a request, or None for trading requests and events."""
    if request_type in TRADING_REQUESTS:
        return None
    number = _ODD_ANSWERS.get(request_type, request_type + 1)
    request, answer = MESSAGE_BY_PAYLOAD_TYPE.get(request_type), MESSAGE_BY_PAYLOAD_TYPE.get(number)
    if request is None or answer is None or not request.__name__.endswith("Req"):
        return None
    return number if answer.__name__.endswith("Res") else None


def payload_type_of(message: Message) -> int:
    """Return the payload type of a message. Raises KeyError for one that is never sent alone."""
    return PAYLOAD_TYPE_BY_MESSAGE[type(message)]
