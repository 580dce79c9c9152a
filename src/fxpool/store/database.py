"""The journal's database: SQLite or PostgreSQL behind one call, and its migrations.

Work is a plain function of a SQLAlchemy connection, run in one transaction. For SQLite it runs
whole in a thread of its own: a thread for each statement costs an order 2 ms, measured. SQLite is
set to lose nothing that was committed, even with the power (WAL, synchronous FULL), and a writing
transaction takes its lock at once, so that two processes never deadlock over it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from fxpool.errors import SettingsError

T = TypeVar("T")

BUSY_SECONDS: Final = 5
"""How long one process waits for another's write to the same SQLite file."""

CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 5
"""How long PostgreSQL may take for one statement: a server that hangs is a server that is down."""

_MIGRATION_LOCK: Final = 7_214_881_309
"""Any number, the same in every process: PostgreSQL's lock around the migrations."""

_MAX_REASON: Final = 200
_PAUSE_SECONDS: Final = 0.05
"""Between tries to switch a new file to WAL."""


class Database(Protocol):
    """Runs work in transactions. All raise what the driver raises."""

    async def read(self, work: Callable[[Connection], T]) -> T: ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work and commit it; durable when this returns."""
        ...

    async def close(self) -> None: ...


def make_database(url: SecretStr) -> Database:
    """Return the database of a URL; a SQLite file's folder is made. Raises SettingsError."""
    try:
        parsed = make_url(url.get_secret_value())
    except ArgumentError:
        raise SettingsError(
            "CTRADER_DATABASE_URL is no database URL: use postgresql+asyncpg://user@host/name, "
            "or leave it out for a file in CTRADER_DATA_DIR"
        ) from None
    if parsed.drivername == "postgresql+asyncpg":
        return _PostgresDatabase(parsed)
    if parsed.drivername != "sqlite" or not parsed.database:
        raise SettingsError(
            f"CTRADER_DATABASE_URL begins with {parsed.drivername}: use "
            "postgresql+asyncpg://user@host/name or sqlite:///file"
        )
    return _SqliteDatabase(parsed, Path(parsed.database))


async def migrate(database: Database) -> None:
    """Bring the tables up to date; processes that start together take turns."""
    await database.write(_upgrade)


def reason_of(error: Exception) -> str:
    """Return a database's error in one short line, without the statement and its values. It may
    name hosts and users, never passwords."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    return text.removeprefix(f"{type(cause)}: ")[:_MAX_REASON]


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(:number)")
        connection.execute(lock, {"number": _MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


class _PostgresDatabase:
    def __init__(self, url: URL) -> None:
        timeouts = {"timeout": CONNECT_SECONDS, "command_timeout": ANSWER_SECONDS}
        self._engine = create_async_engine(url, connect_args=timeouts)

    async def read(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


class _SqliteDatabase:
    """One thread writes and one reads, so that reads never wait for the disk."""

    def __init__(self, url: URL, file: Path) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise SettingsError(
                f"the folder {file.parent} for the order journal cannot be made: "
                f"{exc.strerror or exc}; set CTRADER_DATA_DIR to another one"
            ) from exc
        self._engine = create_engine(url)
        self._writing = self._engine.execution_options(writes=True)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal-write")
        event.listen(self._engine, "connect", _prepare_sqlite)
        event.listen(self._engine, "begin", _begin_sqlite)

    async def read(self, work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._reader, run)

    async def write(self, work: Callable[[Connection], T]) -> T:
        def run() -> T:
            with self._writing.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)

    async def close(self) -> None:
        self._reader.shutdown()
        self._writer.shutdown()
        self._engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Set the pragmas, and leave transactions to us: the driver would begin them late."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """SQLite refuses the switch at once while another process makes it, whatever the time-out."""
    for _ in range(round(BUSY_SECONDS / _PAUSE_SECONDS)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if "locked" not in str(exc):
                raise
            time.sleep(_PAUSE_SECONDS)  # in the database's own thread
        else:
            return
    cursor.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
