"""The chain of the audit log: whatever is done to a line shows, and so does a missing end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fxpool.domain.audit import (
    CUT,
    GENESIS,
    AuditEvent,
    AuditLine,
    ChainCheck,
    Head,
    next_line,
    text_of,
)

KEY = bytes(range(32))
AT = datetime(2027, 3, 2, 9, 15, tzinfo=UTC)


def chain_of(count: int, *, key: bytes = KEY) -> list[AuditLine]:
    head, lines = Head(0, GENESIS), list[AuditLine]()
    for number in range(count):
        event = AuditEvent(AT, "service", f"act {number}", "done")
        line = next_line(key, head, "one", text_of(event, number))
        lines.append(replace(line, found_by=(number, "service", "", "")))
        head = Head(line.seq, line.digest)
    return lines


def faults_of(lines: Sequence[AuditLine], *heads: Head) -> list[str]:
    check = ChainCheck(KEY, heads)
    for line in lines:
        check.walk(line)
    check.finish()
    return check.faults


def head_of(line: AuditLine) -> Head:
    return Head(line.seq, line.digest)


def test_a_chain_as_it_was_written_has_no_fault() -> None:
    lines = chain_of(5)
    assert faults_of(lines, head_of(lines[3]), head_of(lines[4])) == []
    assert faults_of([]) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"text": '{"action":"another"}'}, "it was changed, or written without the key"),
        ({"instance": "two"}, "it was changed, or written without the key"),
        ({"previous": bytes(32)}, "it does not follow the line before it"),
        ({"digest": bytes(32)}, "it was changed, or written without the key"),
        ({"found_by": (2, "somebody", "", "")}, "what it is searched by was changed"),
        ({"found_by": (9, "service", "", "")}, "what it is searched by was changed"),
    ],
)
def test_a_changed_line_is_named(change: dict[str, object], fault: str) -> None:
    lines = chain_of(5)
    lines[2] = replace(lines[2], **change)  # type: ignore[arg-type]  # any field of a line
    assert f"line 3: {fault}" in faults_of(lines)


def test_a_line_that_was_taken_out_is_missed() -> None:
    lines = chain_of(5)
    del lines[2]
    assert faults_of(lines) == ["line 4: lines 3 to 3 are missing"]


def test_two_lines_that_changed_places_show() -> None:
    lines = chain_of(5)
    one, two = lines[1], lines[2]
    lines[1], lines[2] = replace(two, seq=2), replace(one, seq=3)
    assert len(faults_of(lines)) >= 2


def test_a_whole_chain_made_without_the_key_is_no_chain() -> None:
    forged = chain_of(5, key=bytes(32))
    assert len(faults_of(forged)) == 5


def test_a_missing_end_shows_by_a_head_that_was_kept_and_not_without() -> None:
    lines = chain_of(5)
    assert faults_of(lines[:3]) == []
    (fault,) = faults_of(lines[:3], head_of(lines[4]))
    assert fault == "line 5: the log ends at line 3: the lines up to 5 are missing"


def test_an_end_that_was_written_anew_shows_by_the_head() -> None:
    lines = chain_of(3)
    event = AuditEvent(AT, "service", "nothing happened", "done")
    other = next_line(KEY, head_of(lines[1]), "one", text_of(event, 3))
    (fault,) = faults_of([*lines[:2], other], head_of(lines[2]))
    assert fault == "line 3: it is another one than the head that was kept of it"


def test_a_missing_beginning_needs_a_line_that_cut_it() -> None:
    lines = chain_of(4)
    assert faults_of(lines[2:]) == ["line 3: the lines before it are missing, and no line cut them"]

    details = {"seq": 2, "digest": lines[1].digest.hex()}
    told = AuditEvent(AT, "gateway", CUT, "done", details=details)
    cut = next_line(KEY, head_of(lines[3]), "one", text_of(told, 9))
    assert faults_of([*lines[2:], cut]) == []
    assert faults_of([lines[3], cut]) != []  # more was taken away than it says
