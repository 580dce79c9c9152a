"""Lines of the audit log as callers read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import msgspec

from fxpool.domain.audit import AuditLine
from fxpool.mapping.instants import iso_ms


class AuditEntry(TypedDict):
    """One act. ``digest`` is what the next line carries on."""

    seq: int
    time: str
    subject: str
    name: str
    address: str
    action: str
    account: str
    ticket: str
    requestId: str
    outcome: str
    details: dict[str, Any]
    instance: str
    digest: str


class AuditList(TypedDict):
    """A page of the audit log, newest first; ``next`` is null on the last page."""

    lines: list[AuditEntry]
    count: int
    next: int | None


def audit_list(lines: Sequence[AuditLine], limit: int) -> AuditList:
    """Return a page of lines, which were read with ``limit``."""
    following = lines[-1].seq if lines and len(lines) == limit else None
    return AuditList(lines=[entry(line) for line in lines], count=len(lines), next=following)


def entry(line: AuditLine) -> AuditEntry:
    """Return one line; what it says is what was signed."""
    event = msgspec.json.decode(line.text)
    return AuditEntry(
        seq=line.seq,
        time=iso_ms(event["at"]),
        subject=event["subject"],
        name=event["name"],
        address=event["address"],
        action=event["action"],
        account=event["account"],
        ticket=event["ticket"],
        requestId=event["requestId"],
        outcome=event["outcome"],
        details=event["details"],
        instance=line.instance,
        digest=line.digest.hex(),
    )
