"""SQLite's own refusals, in the middle of our transactions: a pragma before what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection

from fxpool.store.sqlite import SqliteDatabase

Call = Callable[[Any], None]
"""A function of the driver's connection."""


@contextmanager
def before_sqlite_writes(call: Call, *, after: Call = lambda _: None) -> Iterator[None]:
    """Have ``call`` made at the begin of every writing transaction, and ``after`` when its work is
    done or has failed, in each way that a database has to write."""

    def around(original: Any) -> Any:
        async def write(self: SqliteDatabase, work: Callable[[Connection], Any]) -> Any:
            def limited(connection: Connection) -> Any:
                driver = connection.connection.driver_connection
                call(driver)
                try:
                    return work(connection)
                finally:
                    after(driver)

            return await original(self, limited)

        return write

    with pytest.MonkeyPatch.context() as patch:
        for name in ("write", "store"):
            patch.setattr(SqliteDatabase, name, around(getattr(SqliteDatabase, name)))
        yield
