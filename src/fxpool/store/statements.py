"""The statements that store orders."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, or_, select, true, update
from sqlalchemy.dialects import postgresql, sqlite

from fxpool.domain.tickets import Entry, Ticket
from fxpool.store.rows import changes_of, milliseconds
from fxpool.store.stored import Stored
from fxpool.store.tables import ORDER_KEYS, TICKETS

STEP: Final = (
    update(TICKETS)
    .where(TICKETS.c.ticket_id == bindparam("of_ticket"))
    .values(
        {
            name: bindparam(f"new_{name}", type_=TICKETS.c[name].type)
            for name in ("state", "result", "evidence", "updated_ms")
        }
    )
)
"""A step of a ticket: the values of ``step_of``."""

_HOLDER: Final = (
    select(ORDER_KEYS.c.attempt, ORDER_KEYS.c.is_free, ORDER_KEYS.c.expires_ms, TICKETS)
    .join(TICKETS, TICKETS.c.ticket_id == ORDER_KEYS.c.ticket_id)
    .where(ORDER_KEYS.c.account == bindparam("of_account"), ORDER_KEYS.c.key == bindparam("of_key"))
)
HOLDER: Final = Stored(_HOLDER)
"""Who claimed a key last, with the claim."""

HOLDER_NAMES: Final = tuple(column.name for column in _HOLDER.selected_columns)

STEPS: Final = Stored(STEP)
FREED_KEYS: Final = Stored(
    update(ORDER_KEYS)
    .where(ORDER_KEYS.c.ticket_id == bindparam("of_ticket"))
    .values(is_free=true())
)
"""Leaves tickets' keys to the next request."""

GONE_TICKETS: Final = Stored(delete(TICKETS).where(TICKETS.c.ticket_id == bindparam("of_ticket")))
NEW_TICKETS: Final = Stored(TICKETS.insert())
"""The values of ``rows.row_of``."""

LOGGED_TICKETS: Final = Stored(
    sqlite.insert(TICKETS).on_conflict_do_update(
        index_elements=[TICKETS.c.ticket_id],
        set_={
            name: sqlite.insert(TICKETS).excluded[name]
            for name in ("state", "result", "evidence", "updated_ms")
        },
    )
)
"""Tickets of the intent log, as they are now; a transaction that failed may have stored them all
the same. Only a database in a file has such a log."""

ABANDONED_TICKETS: Final = Stored(sqlite.insert(TICKETS).on_conflict_do_nothing())
"""Tickets of the intent log of a process that is gone: what the database has of them is newer."""


def claim(connection: Connection, entry: Entry, now_ms: int) -> bool:
    """Claim an entry's key, if it has one and nobody holds it: whether the entry may be stored."""
    if entry.key is None or entry.expires_at is None:
        return True
    values = {
        "account": entry.ticket.account,
        "key": entry.key,
        "ticket_id": entry.ticket.ticket_id,
        "attempt": entry.attempt,
        "is_free": False,
        "expires_ms": milliseconds(entry.expires_at),
        "now_ms": now_ms,
        "last_attempt": entry.attempt - 1,
    }
    return _CLAIMS[connection.dialect.name].first(connection, values) is not None


def _claiming(insert: Any) -> Any:
    """Return the statement of a claim, made with the ``insert`` of a dialect, which has its own
    type for it."""
    columns = ORDER_KEYS.c
    is_left = or_(columns.is_free, columns.expires_ms <= bindparam("now_ms"))
    names = ("ticket_id", "attempt", "is_free", "expires_ms")
    new = insert(ORDER_KEYS)
    return new.on_conflict_do_update(
        index_elements=[columns.account, columns.key],
        set_={name: new.excluded[name] for name in names},
        where=is_left & (columns.attempt == bindparam("last_attempt")),
    ).returning(columns.ticket_id)


_CLAIMS: Final = {
    "sqlite": Stored(_claiming(sqlite.insert)),
    "postgresql": Stored(_claiming(postgresql.insert)),
}


def step_of(ticket: Ticket) -> dict[str, Any]:
    """Return the values of ``STEP`` for a ticket."""
    changes = {f"new_{name}": value for name, value in changes_of(ticket).items()}
    return {"of_ticket": ticket.ticket_id, **changes}
