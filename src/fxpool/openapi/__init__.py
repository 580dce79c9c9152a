"""Bytes <-> Open API messages: frames, envelope, registry, error codes. Pure.

No await, socket, clock or logging in here; the simulator shares this package and nothing else.
"""

from fxpool.openapi.codes import ERROR_CODES, ErrorCode, Reaction, reaction_to, says_gone
from fxpool.openapi.envelope import (
    HEARTBEAT_FRAME,
    SPOT_PREFIX,
    Envelope,
    Unknown,
    decode,
    encode,
    parse_spot,
)
from fxpool.openapi.executions import execution_kind
from fxpool.openapi.frames import FrameDecoder, encode_frame
from fxpool.openapi.registry import (
    HISTORICAL_REQUESTS,
    MESSAGE_BY_PAYLOAD_TYPE,
    TRADING_REQUESTS,
    answer_type,
    payload_type_of,
)

__all__ = [
    "ERROR_CODES",
    "HEARTBEAT_FRAME",
    "HISTORICAL_REQUESTS",
    "MESSAGE_BY_PAYLOAD_TYPE",
    "SPOT_PREFIX",
    "TRADING_REQUESTS",
    "Envelope",
    "ErrorCode",
    "FrameDecoder",
    "Reaction",
    "Unknown",
    "answer_type",
    "decode",
    "encode",
    "encode_frame",
    "execution_kind",
    "parse_spot",
    "payload_type_of",
    "reaction_to",
    "says_gone",
]
