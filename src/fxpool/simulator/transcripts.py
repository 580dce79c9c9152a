"""Transcripts: what went over the wire as lines of JSON, played again and compared.

A line holds one message, as readable JSON and as its bytes; secrets are replaced by a word. A
transcript is played against a broker without sockets, so that equal behaviour gives equal lines.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message

from fxpool.clock import Clock
from fxpool.errors import RemoteProtocolError, SettingsError
from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE, FrameDecoder, decode, encode
from fxpool.openapi.envelope import Unknown
from fxpool.openapi.frames import PREFIX_BYTES
from fxpool.simulator.conversation import Conversation
from fxpool.simulator.fault_kinds import Fault
from fxpool.simulator.venue import Venue
from fxpool.simulator.wires.json_form import to_json

HIDDEN: Final = "hidden"
_SECRETS: Final = ("accessToken", "refreshToken", "clientSecret")

IGNORED: Final = frozenset(
    {
        *("orderId", "positionId", "dealId", "clientMsgId", "balanceVersion"),
        *("openTimestamp", "closeTimestamp", "createTimestamp", "executionTimestamp"),
        *("utcLastUpdateTimestamp", "timestamp", "lastClosingDealTimestamp"),
        *("lastBalanceUpdateTimestamp", "registrationTimestamp", "changeBalanceTimestamp"),
    }
)
"""Fields that two plays of one conversation may differ in: ids and times."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a transcript.

    Attributes:
        at: seconds since the transcript began.
        connection: a number for the connection; the first is 1.
        payload: the message's bytes, secrets replaced.
    """

    at: float
    connection: int
    is_from_client: bool
    payload_type: int
    request_id: str
    payload: bytes

    def values(self) -> dict[str, Any]:
        """Return the message as a JSON object; nothing for a type that the schema lacks."""
        message_class = MESSAGE_BY_PAYLOAD_TYPE.get(self.payload_type)
        return {} if message_class is None else to_json(message_class.FromString(self.payload))


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a played conversation is not the recorded one; ``line`` counts from 1."""

    line: int
    what: str


class Recorder:
    """Writes a transcript while the conversation goes on."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Begin a new file, for its owner only. Raises SettingsError where it cannot be had."""
        self._clock = clock
        self._began = clock.now()
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as exc:
            raise SettingsError(f"{path} cannot be written: {exc.strerror}") from exc
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")

    def note(self, connection: int, frame: bytes, *, is_from_client: bool) -> None:
        """Write a line for a frame; what does not parse is told by its size only."""
        told: dict[str, Any] = {
            "at": round(self._clock.now() - self._began, 6),
            "connection": connection,
            "from": "client" if is_from_client else "server",
        }
        try:
            told |= _told(frame[PREFIX_BYTES:])
        except RemoteProtocolError:
            told["unreadable_bytes"] = len(frame) - PREFIX_BYTES
        self._file.write(json.dumps(told) + "\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def read_transcript(path: Path) -> list[Line]:
    """Return a transcript's messages. Raises SettingsError, naming the line, for another file."""
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            told = json.loads(text)
            if "unreadable_bytes" not in told:
                lines.append(_line(told))
        except (ValueError, KeyError, TypeError) as exc:
            raise SettingsError(f"{path}, line {number}: no line of a transcript") from exc
    return lines


def play(lines: Iterable[Line], venue: Venue, secrets: Mapping[str, str]) -> Iterator[Line]:
    """Say what the clients said to another broker; return the transcript of that.

    ``secrets`` gives what stands in place of a hidden field, by the field's name. Time moves as
    recorded, from the venue's opening.
    """
    players: dict[int, _Player] = {}
    for line in lines:
        if not line.is_from_client:
            continue
        player = players.setdefault(line.connection, _Player(venue, line.connection))
        yield line
        player.say(_with_secrets(line, secrets), line.at)
        for one in players.values():
            yield from one.heard(line.at)


def differences(
    recorded: Iterable[Line], played: Iterable[Line], *, ignored: frozenset[str] = IGNORED
) -> list[Difference]:
    """Compare what the server said in two transcripts, connection by connection.

    Heartbeats and spot events are left out, since they come by the clock and the market.
    """
    said, heard = _by_connection(recorded), _by_connection(played)
    found = []
    for connection, expected in said.items():
        answers = heard.get(connection, [])
        for (number, one), (_, other) in zip(expected, answers, strict=False):
            if one.payload_type != other.payload_type:
                what = f"message {other.payload_type} in place of {one.payload_type}"
                found.append(Difference(number, what))
            else:
                found += _in_fields(number, one.values(), other.values(), ignored)
        if len(expected) != len(answers):
            what = f"connection {connection}: {len(answers)} messages, recorded {len(expected)}"
            found.append(Difference(expected[-1][0], what))
    return found


_BY_THE_CLOCK: Final = frozenset({51, 2131, 2155})


class _Player:
    """A client without a socket that says recorded requests."""

    def __init__(self, venue: Venue, connection: int) -> None:
        self._venue = venue
        self._connection = connection
        self._frames = FrameDecoder()
        self._payloads: list[bytes] = []
        self._conversation = Conversation(venue, self, is_live=False, now=0.0)

    def say(self, frame: bytes, at: float) -> None:
        at_ms = self._venue.opened_ms + int(at * 1000)
        self._conversation.receive(frame, at, at_ms)

    def heard(self, at: float) -> Iterator[Line]:
        payloads, self._payloads = self._payloads, []
        for payload in payloads:
            yield _line(
                {"at": at, "connection": self._connection, "from": "server", **_told(payload)}
            )

    # What a conversation does to its link:

    def write(self, frame: bytes) -> None:
        self._payloads += self._frames.feed(frame)

    def write_later(self, frame: bytes, seconds: float) -> Callable[[], bool]:
        self.write(frame)
        return lambda: False

    def close(self) -> None: ...

    def cut(self) -> None: ...

    def suffer(self, fault: Fault) -> None: ...


def _told(payload: bytes) -> dict[str, Any]:
    """Return a payload as a line's fields. Raises RemoteProtocolError."""
    envelope = decode(payload)
    told: dict[str, Any] = {"payloadType": envelope.payload_type}
    if envelope.request_id:
        told["clientMsgId"] = envelope.request_id
    if isinstance(envelope.message, Unknown):
        data = envelope.message.payload
    else:
        _hide(envelope.message)
        data = envelope.message.SerializePartialToString()
        told |= {"name": type(envelope.message).__name__, "payload": to_json(envelope.message)}
    return told | {"bytes": base64.b64encode(data).decode()}


def _line(told: Mapping[str, Any]) -> Line:
    return Line(
        told["at"],
        told["connection"],
        told["from"] == "client",
        told["payloadType"],
        told.get("clientMsgId", ""),
        base64.b64decode(told["bytes"]),
    )


def _hide(message: Message) -> None:
    for name in _SECRETS:
        if name in message.DESCRIPTOR.fields_by_name and message.HasField(name):
            setattr(message, name, HIDDEN)


def _with_secrets(line: Line, secrets: Mapping[str, str]) -> bytes:
    message = MESSAGE_BY_PAYLOAD_TYPE[line.payload_type].FromString(line.payload)
    for name in _SECRETS:
        if getattr(message, name, "") == HIDDEN and name in secrets:
            setattr(message, name, secrets[name])
    return encode(message, line.request_id)


def _by_connection(lines: Iterable[Line]) -> dict[int, list[tuple[int, Line]]]:
    found: dict[int, list[tuple[int, Line]]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.is_from_client and line.payload_type not in _BY_THE_CLOCK:
            found.setdefault(line.connection, []).append((number, line))
    return found


def _in_fields(
    line: int, one: Any, other: Any, ignored: frozenset[str], path: str = ""
) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted((one.keys() | other.keys()) - ignored):
            inner = f"{path}.{name}".lstrip(".")
            yield from _in_fields(line, one.get(name), other.get(name), ignored, inner)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from _in_fields(line, *pair, ignored, f"{path}[{index}]")
    elif one != other:
        yield Difference(line, f"{path} is {other!r}, recorded {one!r}")
