"""The audit log: what is told of an act, and the chain that shows when a line was changed. Pure.

Each line carries the digest of the one before it, so that none can be changed, taken out, put in or
moved unseen. The digest is keyed: who can write to the database, and has not the key, cannot make a
chain of their own. Old lines are cut off by a line that names the last of them.

What a chain cannot show is that its newest lines are missing. That is what a head is for: the
number and the digest of a line, kept in another place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

GENESIS: Final = bytes(32)
"""What stands for the digest before the first line."""

CUT: Final = "audit.cut"
"""The act of forgetting old lines; its details name the last of them as ``seq`` and ``digest``."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One act: who did what, from where, and what became of it. Holds no secret.

    Attributes:
        subject: who, for programs: ``key:3f2a9c01d4e7``, ``service``, ``gateway`` itself.
        name: who, for people.
        address: from where; empty for acts of the gateway and of the command line.
        action: what: method and route of a call, or a word such as ``access refused``.
        account: key of the account it is about; empty for none or all of them.
        ticket: id of the order ticket that tells the rest; empty without one.
        request_id: of the call; empty without one.
        outcome: done, refused, failed or unknown.
        details: what was asked, and the state before and after, as JSON.
    """

    at: datetime
    subject: str
    action: str
    outcome: str
    name: str = ""
    address: str = ""
    account: str = ""
    ticket: str = ""
    request_id: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An event in the chain.

    Attributes:
        seq: its number, one more than that of the line before.
        instance: which process wrote it.
        text: the event as it was signed.
        previous: digest of the line before; GENESIS for the first.
        found_by: the time, subject, account and ticket under which the line is searched; None
            where it was not read back.
    """

    seq: int
    instance: str
    text: str
    previous: bytes
    digest: bytes
    found_by: tuple[int, str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ended at some moment."""

    seq: int
    digest: bytes


def text_of(event: AuditEvent, at_ms: int) -> str:
    """Return an event as the JSON that is signed, with its time in epoch milliseconds."""
    fields = {
        "at": at_ms,
        "subject": event.subject,
        "name": event.name,
        "address": event.address,
        "action": event.action,
        "account": event.account,
        "ticket": event.ticket,
        "requestId": event.request_id,
        "outcome": event.outcome,
        "details": event.details,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=str)


def next_line(key: bytes, head: Head, instance: str, text: str) -> AuditLine:
    """Return the line that follows a head."""
    seq = head.seq + 1
    digest = _digest(key, seq, instance, text, head.digest)
    return AuditLine(seq, instance, text, head.digest, digest)


def _digest(key: bytes, seq: int, instance: str, text: str, previous: bytes) -> bytes:
    signed = json.dumps([seq, instance, text]).encode() + previous
    return hmac.digest(key, signed, hashlib.sha256)


class ChainCheck:
    """Walks a chain from its oldest line to its newest, and notes what is wrong with it."""

    def __init__(self, key: bytes, heads: Iterable[Head] = ()) -> None:
        """``heads`` are ends of this chain that were kept elsewhere."""
        self._key = key
        self._heads = {head.seq: head for head in heads}
        self._begin: Head | None = None
        self._cuts = [Head(0, GENESIS)]
        self._last: AuditLine | None = None
        self.count = 0
        self.faults: list[str] = []

    @property
    def head(self) -> Head | None:
        """The end of what was walked; None before the first line."""
        return None if self._last is None else Head(self._last.seq, self._last.digest)

    def walk(self, line: AuditLine) -> None:
        """Go one line on; lines come in the order of their numbers."""
        if self._last is None:
            self._begin = Head(line.seq - 1, line.previous)
        elif line.seq != self._last.seq + 1:
            self._fault(line.seq, f"lines {self._last.seq + 1} to {line.seq - 1} are missing")
        elif not hmac.compare_digest(line.previous, self._last.digest):
            self._fault(line.seq, "it does not follow the line before it")
        expected = _digest(self._key, line.seq, line.instance, line.text, line.previous)
        if not hmac.compare_digest(line.digest, expected):
            self._fault(line.seq, "it was changed, or written without the key")
        else:
            self._read(line)
        known = self._heads.pop(line.seq, None)
        if known is not None and not hmac.compare_digest(known.digest, line.digest):
            self._fault(line.seq, "it is another one than the head that was kept of it")
        self._last = line
        self.count += 1

    def finish(self) -> None:
        """Say what only shows at the end: a beginning or an end that is missing."""
        if self._begin is not None and self._begin not in self._cuts:
            self._fault(
                self._begin.seq + 1, "the lines before it are missing, and no line cut them"
            )
        oldest = 1 if self._begin is None else self._begin.seq + 1
        newest = 0 if self._last is None else self._last.seq
        for seq in sorted(self._heads):
            if seq > newest:
                self._fault(
                    seq, f"the log ends at line {newest}: the lines up to {seq} are missing"
                )
            elif seq >= oldest:
                self._fault(seq, "the line of the head that was kept is missing")

    def _read(self, line: AuditLine) -> None:
        """Look into a line that is genuine."""
        event = json.loads(line.text)
        found_by = (event["at"], event["subject"], event["account"], event["ticket"])
        if line.found_by is not None and line.found_by != found_by:
            self._fault(line.seq, "what it is searched by was changed")
        if event["action"] == CUT:
            details = event["details"]
            self._cuts.append(Head(details["seq"], bytes.fromhex(details["digest"])))

    def _fault(self, seq: int, text: str) -> None:
        self.faults.append(f"line {seq}: {text}")
