"""What a trading call has stored and sent so far, for whoever answers it.

In a context variable, as the ids of a call are (``fxpool.context``): a refusal passes through many
layers as an error, and none of them has to hand it on. Knows no ticket but by its id.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class CallTickets:
    """The tickets of one call.

    Attributes:
        newest: the id of the ticket that was stored last; None if none was.
        may_have_left: whether a request of the call may have gone to the broker. What fails before
            was a question that comes first, and nothing was done.
    """

    newest: str | None = None
    may_have_left: bool = False


_OF_THIS_CALL: Final[ContextVar[CallTickets | None]] = ContextVar("fxpool_call", default=None)


@contextmanager
def taking_tickets() -> Iterator[CallTickets]:
    """Keep what the call that the block makes stores. One call within another has its own."""
    tickets = CallTickets()
    token = _OF_THIS_CALL.set(tickets)
    try:
        yield tickets
    finally:
        _OF_THIS_CALL.reset(token)


def note_ticket(ticket_id: str | None) -> None:
    """Take note that a request may leave from now on, under a stored ticket or (None) without."""
    tickets = _OF_THIS_CALL.get()
    if tickets is not None:
        tickets.may_have_left = True
        tickets.newest = ticket_id or tickets.newest
