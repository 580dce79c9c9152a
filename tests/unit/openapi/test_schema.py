from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from google.protobuf.message import Message

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from harness.recorded import recorded_frames

GENERATOR = Path(__file__).resolve().parents[3] / "tools" / "generate_proto.py"


def test_the_generated_code_is_what_the_schema_compiles_to() -> None:
    done = subprocess.run(  # noqa: S603 (our own script, no input from outside)
        [sys.executable, str(GENERATOR), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_recorded_messages_survive_a_round_trip_byte_for_byte() -> None:
    frames = recorded_frames()
    assert len(frames) > 10
    for frame in frames:
        message = frame.message()
        assert isinstance(message, Message)
        assert message.SerializePartialToString() == frame.payload, frame.note


def test_recorded_messages_survive_with_a_field_of_the_future() -> None:
    future = b"\xb8\x3e\x2a"  # field 999 = 42
    for frame in recorded_frames():
        message = MESSAGE_BY_PAYLOAD_TYPE[frame.payload_type].FromString(frame.payload + future)
        assert message.SerializePartialToString() == frame.payload + future, frame.note
