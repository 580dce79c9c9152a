"""What the stores of accounts' pasts share: a database that is migrated at the first use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, Final, TypeVar

from pydantic import SecretStr
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from fxpool.errors import HistoryDown
from fxpool.store.database import Database, make_database, migrate

ROWS_AT_ONCE: Final = 50
"""Rows that a thread works through before it rests: less than a millisecond."""

REST_SECONDS: Final = 0.001

T = TypeVar("T")


class PastDatabase:
    """A database whose tables are made at the first use."""

    def __init__(self, url: SecretStr) -> None:
        """``url`` is an SQLAlchemy URL. Raises SettingsError."""
        self._database: Database = make_database(url)
        self._migrating = asyncio.Lock()
        self._is_migrated = False

    async def close(self) -> None:
        """Let go of the database."""
        await self._database.close()

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[Database]:
        """Give the database; raises HistoryDown where it cannot be reached."""
        try:
            async with self._migrating:
                if not self._is_migrated:
                    await migrate(self._database)
                    self._is_migrated = True
            yield self._database
        except (SQLAlchemyError, OSError) as exc:
            raise HistoryDown(f"the history's database is down: {type(exc).__name__}") from exc


def with_rests(rows: Iterable[T], at_once: int = ROWS_AT_ONCE) -> Iterator[list[T]]:
    """Yield rows in batches, with a rest after each; for a thread of a database.

    A thread that runs Python code takes the interpreter from the loop, milliseconds at a time, and
    an order that is on its way would wait for it. While it rests, the loop has it.
    """
    left = iter(rows)
    while batch := list(islice(left, at_once)):
        yield batch
        time.sleep(REST_SECONDS)  # in a thread: what it is there for is to let the loop run


def put(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows, or replace those with the same key."""
    is_postgres = connection.dialect.name == "postgresql"
    insert = (postgresql.insert if is_postgres else sqlite.insert)(table)
    keys = [column.name for column in table.primary_key]
    rest = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys}
    statement = insert.on_conflict_do_update(index_elements=keys, set_=rest)
    for batch in with_rests(rows):
        connection.execute(statement, batch)
