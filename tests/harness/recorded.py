"""Messages recorded from a live server; the data is not part of this repository."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.protobuf.message import Message

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE


@dataclass(frozen=True)
class RecordedFrame:
    """One recorded message, without its envelope."""

    payload_type: int
    note: str
    payload: bytes

    def message(self) -> Message:
        return MESSAGE_BY_PAYLOAD_TYPE[self.payload_type].FromString(self.payload)


def recorded_frames() -> list[RecordedFrame]:
    """Return the recording in the order of its arrival; skips the test where it is absent."""
    folder = os.environ.get("FXPOOL_TEST_DATA")
    if folder is None:
        pytest.skip("FXPOOL_TEST_DATA is not set: no recorded frames to read")
    rows = json.loads((Path(folder) / "recorded-frames.json").read_text())
    return [
        RecordedFrame(row["payloadType"], row["note"], base64.b64decode(row["payload"]))
        for row in rows
    ]


def recorded_message(note: str) -> Message:
    """Return the one recorded message with this note."""
    (frame,) = (frame for frame in recorded_frames() if frame.note == note)
    return frame.message()
