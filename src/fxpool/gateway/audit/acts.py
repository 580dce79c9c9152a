"""Acts of the command line: one line each, written before the command ends."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fxpool.domain.audit import AuditEvent
from fxpool.gateway.audit.setup import anchor_from, audit_store_from
from fxpool.redaction import hidden
from fxpool.settings import Settings


async def write_act(settings: Settings, action: str, **details: Any) -> None:
    """Append what the command line did, as its user, and keep the head.

    Raises AuditDown, SecretError and SettingsError: the act is done, its line is not written.
    """
    store, anchor = audit_store_from(settings), anchor_from(settings)
    told: Mapping[str, Any] = {name: hidden(value) for name, value in details.items()}
    event = AuditEvent(
        at=datetime.now(UTC),
        subject="command line",
        name=_user(),
        action=action,
        outcome="done",
        details=told,
    )
    try:
        await anchor.keep(await store.append(await anchor.make_key(), _instance(settings), [event]))
    finally:
        await anchor.close()
        await store.close()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _instance(settings: Settings) -> str:
    return f"{settings.instance_name} (command line)"
