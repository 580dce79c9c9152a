"""What must survive a restart: the order journal, in SQL. Knows no wire and no caller's format."""

from fxpool.store.journal import Entry, Journal, KeyHolder

__all__ = ["Entry", "Journal", "KeyHolder"]
