"""Transcripts: a conversation is written, played against another broker, and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fxpool.errors import SettingsError
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.simulator.transcripts import (
    HIDDEN,
    Line,
    Recorder,
    differences,
    play,
    read_transcript,
)
from fxpool.simulator.venue import Venue
from harness.clock import ManualClock
from harness.terminal import ACCOUNT, EURUSD, NO_LIMITS, TOKEN, Terminal, make_venue

SECRETS = {"clientSecret": "secret", "accessToken": TOKEN, "refreshToken": "refresh-of-the-test"}


def recorded(path: Path, venue: Venue) -> list[Line]:
    """Let a client trade a little, and return the transcript of it."""
    recorder = Recorder(path, ManualClock())
    venue.transcript = recorder
    terminal = Terminal(venue)
    terminal.authenticate()
    terminal.authorise()
    terminal.ask_all(m.ProtoOASubscribeSpotsReq(ctidTraderAccountId=ACCOUNT, symbolId=[EURUSD]))
    position = terminal.order(relativeStopLoss=5000)[1][0].position
    terminal.ask_all(
        m.ProtoOAClosePositionReq(
            ctidTraderAccountId=ACCOUNT, positionId=position.positionId, volume=100_000
        )
    )
    recorder.close()
    return read_transcript(path)


def test_a_recorded_conversation_is_the_same_when_it_is_played(tmp_path: Path) -> None:
    lines = recorded(tmp_path / "wire", make_venue())
    assert {line.payload_type for line in lines} >= {2100, 2101, 2126, 2131}
    played = list(play(lines, make_venue(), SECRETS))
    assert differences(lines, played) == []
    assert len(played) == len(lines)


def test_another_behaviour_is_named_by_line_and_field(tmp_path: Path) -> None:
    lines = recorded(tmp_path / "wire", make_venue())
    rules = replace(NO_LIMITS.rules, shows_created_position=False)
    other = make_venue(replace(NO_LIMITS, rules=rules))
    found = differences(lines, play(lines, other, SECRETS))
    assert found
    assert all("position" in one.what for one in found)


def test_missing_messages_are_a_difference(tmp_path: Path) -> None:
    lines = recorded(tmp_path / "wire", make_venue())
    (found, *_) = differences(lines, lines[:2])
    assert "connection 1: 1 messages" in found.what


def test_secrets_are_hidden_in_the_file_and_put_back_in_the_play(tmp_path: Path) -> None:
    lines = recorded(tmp_path / "wire", make_venue())
    assert lines[0].values()["clientSecret"] == HIDDEN
    assert TOKEN not in (tmp_path / "wire").read_text()
    refused = differences(lines, play(lines, make_venue(), {}))
    assert "message 2142 in place of 2101" in [one.what for one in refused]


def test_another_file_is_no_transcript(tmp_path: Path) -> None:
    path = tmp_path / "wire"
    path.write_text('{"at": 1}\n')
    with pytest.raises(SettingsError, match="line 1: no line of a transcript"):
        read_transcript(path)


def test_a_transcript_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        Recorder(tmp_path / "missing" / "wire", ManualClock())
