"""What the stores of accounts' pasts share: a database that is migrated at the first use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from fxpool.errors import HistoryDown
from fxpool.store.database import Database, make_database, migrate


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


def put(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert rows, or replace those with the same key."""
    values = list(rows)
    if not values:
        return
    is_postgres = connection.dialect.name == "postgresql"
    insert = (postgresql.insert if is_postgres else sqlite.insert)(table)
    keys = [column.name for column in table.primary_key]
    rest = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=rest), values)
