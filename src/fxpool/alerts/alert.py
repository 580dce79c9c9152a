"""An alert as a value, and which one only repeats another. Pure: time comes as an argument.

Source: what chat senders of the older pools drop, texts equal up to digits within a minute.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

REPEAT_SECONDS: Final = 60.0
"""For how long a text that is equal up to its digits counts as a repetition."""

_MAX_KEPT: Final = 1000
_DIGITS: Final = re.compile(r"\d+")


class Severity(Enum):
    """How urgent an alert is."""

    INFO = "info"
    """Something that an earlier alert was about is over."""
    WARNING = "warning"
    FAILURE = "failure"
    """Money may be at risk until somebody looks."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What an operator is to hear of.

    Attributes:
        kind: a word for what happened, such as ``ticket_unknown``.
        text: one sentence, without secrets.
        account: the key of the account that it is about, None for the whole pool.
        cooldown: seconds in which no other alert of this kind and account is told.
    """

    kind: str
    text: str
    account: str | None = None
    severity: Severity = Severity.WARNING
    cooldown: float = 0.0


def shared_mark(alert: Alert) -> tuple[str, float]:
    """Return what an alert repeats in the eyes of other processes, and for how many seconds."""
    account = alert.account or "pool"
    if alert.cooldown > 0:
        return f"{account}:{alert.kind}", max(alert.cooldown, REPEAT_SECONDS)
    text = hashlib.sha256(_DIGITS.sub("0", alert.text).encode()).hexdigest()[:16]
    return f"{account}:{alert.kind}:{text}", REPEAT_SECONDS


class Repeats:
    """Knows what was told lately."""

    def __init__(self) -> None:
        self._over: dict[tuple[str | None, str], float] = {}

    def admits(self, alert: Alert, now: float) -> bool:
        """Whether an alert is news at ``now`` (monotonic seconds); if so it is taken as told."""
        marks = {(alert.account, _DIGITS.sub("0", alert.text)): REPEAT_SECONDS}
        if alert.cooldown > 0:
            marks[alert.account, f"kind {alert.kind}"] = alert.cooldown
        if any(self._over.get(mark, now) > now for mark in marks):
            return False
        if len(self._over) + len(marks) > _MAX_KEPT:
            self._forget(now)
        self._over |= {mark: now + seconds for mark, seconds in marks.items()}
        return True

    def _forget(self, now: float) -> None:
        """Drop what is over; and everything where that is not enough: a repetition is no harm."""
        self._over = {mark: over for mark, over in self._over.items() if over > now}
        if len(self._over) > _MAX_KEPT // 2:
            self._over.clear()
