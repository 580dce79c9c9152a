"""What deeper layers tell the audit log: lines of the logger ``fxpool.audit``.

They know nothing of an audit log: guards, tokens and halts write a log line, and where a trail is
open it takes the line too. Events may come from any thread of this process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from fxpool import context
from fxpool.clock import Clock
from fxpool.domain.audit import AuditEvent
from fxpool.gateway.audit.trail import GATEWAY, AuditTrail
from fxpool.redaction import hidden

LOGGER: Final = "fxpool.audit"
_OUTCOME: Final = "outcome"
_NO_DETAIL: Final = frozenset(
    {"event", "account", "level", "logger", "timestamp", "request", "caller", "ticket", _OUTCOME}
)


class _Handler(logging.Handler):
    def __init__(self, trail: AuditTrail, clock: Clock) -> None:
        super().__init__(logging.INFO)
        self._trail, self._clock = trail, clock
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        told = record.msg if isinstance(record.msg, Mapping) else {"event": record.getMessage()}
        self._loop.call_soon_threadsafe(self._trail.note, self._event(told))

    def _event(self, told: Mapping[str, Any]) -> AuditEvent:
        ids = context.ids()
        return AuditEvent(
            at=self._clock.at(),
            subject=ids.get("caller", GATEWAY),
            action=str(told["event"]),
            outcome=str(told.get(_OUTCOME, "done")),
            account=str(told.get("account", "")),
            request_id=ids.get("request", ""),
            details={
                name: hidden(value, name) for name, value in told.items() if name not in _NO_DETAIL
            },
        )


@contextmanager
def taking_audit_logs(trail: AuditTrail, clock: Clock) -> Iterator[None]:
    """Take the lines of the logger until the block ends."""
    logger, handler = logging.getLogger(LOGGER), _Handler(trail, clock)
    level = logger.level
    logger.setLevel(logging.INFO)  # however little is to be printed, all of it is kept
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
