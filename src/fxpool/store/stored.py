"""Statements that are made once: making one costs more than running it.

On SQLite they go to its driver by themselves. What SQLAlchemy does around a statement there costs
several times what the statement does, with an order waiting for it, or for the processor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite

_SQLITE: Final = sqlite.dialect(paramstyle="named")


class Stored:
    """A statement for rows of named values: texts, integers, truths, bytes and None only."""

    def __init__(self, statement: Any) -> None:
        self.statement = statement
        self._text = str(statement.compile(dialect=_SQLITE))

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each row."""
        if connection.dialect.name == "sqlite":
            _driver(connection).executemany(self._text, rows)
        else:
            connection.execute(self.statement, rows)

    def first(self, connection: Connection, row: Mapping[str, Any]) -> Sequence[Any] | None:
        """Run it for one row; return the first row of its result, None if there is none."""
        if connection.dialect.name == "sqlite":
            found = _driver(connection).execute(self._text, row).fetchall()
            return found[0] if found else None
        return connection.execute(self.statement, row).first()


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
