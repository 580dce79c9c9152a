"""What an account needs of the order journal; ``store.Journal`` is one, and the account's core does
not load a database for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fxpool.domain.tickets import Entry, Ticket, TicketState


class TicketJournal(Protocol):
    """Tickets stored durably before anything may leave. All raise JournalDown."""

    async def enter(self, entry: Entry) -> bool:
        """Store a ticket; its frame may leave once this has returned True.

        False: another request holds the key. Raises PoolBusy when too many intents wait.
        """
        ...

    def note(self, ticket: Ticket) -> None:
        """Store a step that nobody waits for, soon."""
        ...

    async def write(self, ticket: Ticket, *, frees_key: bool = False) -> None:
        """Store a step durably; ``frees_key`` leaves its key to the next request."""
        ...

    async def settle(
        self, ticket: Ticket, expected: TicketState, *, frees_key: bool = False
    ) -> bool:
        """Store a step of a ticket unless another process was faster: whether it was stored."""
        ...

    async def closes(self, account: str, since: datetime) -> Sequence[Ticket]:
        """Return the closes of an account that were received since then, of all processes."""
        ...
