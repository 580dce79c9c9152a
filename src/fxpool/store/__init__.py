"""What must survive a restart: the order journal, in SQL. Knows no wire and no caller's format."""

from fxpool.store.journal import Journal
from fxpool.store.ticket_reads import KeyHolder

__all__ = ["Journal", "KeyHolder"]
