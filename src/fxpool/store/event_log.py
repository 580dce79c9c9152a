"""The event log: what the numbered events of a gateway leave behind for its next life.

An *epoch* is one unbroken numbering. A gateway that ended in order goes on with the numbers it had;
one that was killed may have told events that nobody wrote down, so its next life begins a new epoch
and a position of the old one is only good if the log still has it.

``ProcessEventLog`` leaves nothing; ``store.redis.event_log`` is the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One numbered event; ``body`` is its JSON."""

    account: str
    epoch: str
    seq: int
    body: bytes


@dataclass(frozen=True, slots=True)
class LoggedPast:
    """What a log has when a process begins.

    Attributes:
        epoch: the numbering to use from now on.
        sequences: the last number per account in it.
        events: what can be replayed, oldest first and without a hole per account and epoch.
        standings: how accounts stood when the last process ended in order.
    """

    epoch: str
    sequences: Mapping[str, int] = field(default_factory=dict)
    events: Sequence[LoggedEvent] = ()
    standings: Mapping[str, str] = field(default_factory=dict)


class EventLog(Protocol):
    """Takes numbered events in order."""

    @property
    def failure(self) -> str | None:
        """Why the log is not whole; None if it is."""
        ...

    @property
    def waiting(self) -> int:
        """How many events are not written yet."""
        ...

    @property
    def lost(self) -> int:
        """How many events were told and will never be written."""
        ...

    async def open(self) -> LoggedPast:
        """Begin; a log that cannot be reached is no error, and leaves nothing."""
        ...

    def append(self, event: LoggedEvent) -> None:
        """Take an event. Never waits: while it cannot be written it is buffered, within bounds."""
        ...

    async def close(self, sequences: Mapping[str, int], standings: Mapping[str, str]) -> None:
        """Write what is buffered, and per account the last number and how it stands; all for a
        while only."""
        ...


class ProcessEventLog:
    """Leaves nothing: every life of the process is an epoch of its own."""

    failure = None
    waiting = lost = 0

    def __init__(self, new_epoch: Callable[[], str]) -> None:
        self._new_epoch = new_epoch

    async def open(self) -> LoggedPast:
        return LoggedPast(self._new_epoch())

    def append(self, event: LoggedEvent) -> None:
        """Forget it: the process has it in memory."""

    async def close(self, sequences: Mapping[str, int], standings: Mapping[str, str]) -> None:
        """Do nothing."""
