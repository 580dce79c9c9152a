"""What a trading call has stored and sent so far, for whoever answers it.

In a context variable, as the ids of a call are (``fxpool.context``): a refusal passes through many
layers as an error, and none of them has to hand it on. Knows no ticket but by its id.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Final, Self


@dataclass(slots=True)
class CallTickets:
    """The tickets of one call: what the call that a ``with`` block makes stores. A call within
    another has its own.

    Attributes:
        newest: the id of the ticket that was stored last; None if none was.
        may_have_left: whether a request of the call may have gone to the broker. What fails before
            was a question that comes first, and nothing was done.
    """

    newest: str | None = None
    may_have_left: bool = False
    _outer: Token[CallTickets | None] | None = field(default=None, init=False, repr=False)

    def __enter__(self) -> Self:
        self._outer = _OF_THIS_CALL.set(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._outer is not None:
            _OF_THIS_CALL.reset(self._outer)


_OF_THIS_CALL: Final[ContextVar[CallTickets | None]] = ContextVar("fxpool_call", default=None)


def note_ticket(ticket_id: str | None) -> None:
    """Take note that a request may leave from now on, under a stored ticket or (None) without."""
    tickets = _OF_THIS_CALL.get()
    if tickets is not None:
        tickets.may_have_left = True
        tickets.newest = ticket_id or tickets.newest
