"""The journal's database: SQLite or PostgreSQL behind one call, and its migrations.

Work is a plain function of a SQLAlchemy connection, run in one transaction.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from fxpool.errors import SettingsError
from fxpool.store.sqlite import SqliteDatabase
from fxpool.tls import client_context, unchecked_context

T = TypeVar("T")

CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 5
"""How long PostgreSQL may take for one statement: a server that hangs is a server that is down."""

_MIGRATION_LOCK: Final = 7_214_881_309
"""Any number, the same in every process: PostgreSQL's lock around the migrations."""

_MAX_REASON: Final = 200


class Database(Protocol):
    """Runs work in transactions. All raise what the driver raises."""

    @property
    def file(self) -> Path | None:
        """The file of a database of this machine alone; None for one that others reach too."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T: ...

    async def look(self, work: Callable[[Connection], T]) -> T:
        """As ``read``, for work that runs one ``stored.Stored``."""
        ...

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work and commit it; durable when this returns."""
        ...

    async def store(self, work: Callable[[Connection], T]) -> T:
        """As ``write``, for work that runs nothing but ``stored.Stored``."""
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
        return _PostgresDatabase(*postgres_tls(parsed))
    if parsed.drivername != "sqlite" or not parsed.database:
        raise SettingsError(
            f"CTRADER_DATABASE_URL begins with {parsed.drivername}: use "
            "postgresql+asyncpg://user@host/name or sqlite:///file"
        )
    return SqliteDatabase(parsed, Path(parsed.database))


def postgres_tls(url: URL) -> tuple[URL, ssl.SSLContext | str | None]:
    """Return a URL without libpq's ``sslmode`` and ``sslrootcert``, and what they mean.

    None where the URL names no mode; the driver then speaks TLS if the server does. Raises
    SettingsError. Source: PostgreSQL, libpq, "SSL Mode Descriptions".
    """
    mode, file = (_one(url, name) for name in ("sslmode", "sslrootcert"))
    url = url.difference_update_query(["sslmode", "sslrootcert"])
    if mode is None and file is None:
        return url, None
    if mode in _UNPROTECTED and file is None:
        return url, mode
    if mode not in _PROTECTED:
        raise SettingsError(
            f"CTRADER_DATABASE_URL: sslmode is {mode!r}; use one of "
            f"{', '.join(_UNPROTECTED + _PROTECTED)}, the last three with sslrootcert"
        )
    if mode == "require" and file is None:
        return url, unchecked_context()
    context = client_context(None if file is None else Path(file), variable="sslrootcert")
    context.check_hostname = mode == "verify-full"
    return url, context


def _one(url: URL, name: str) -> str | None:
    values = url.normalized_query.get(name, ())
    return values[-1] if values else None


_UNPROTECTED: Final = ("disable", "allow", "prefer")
_PROTECTED: Final = ("require", "verify-ca", "verify-full")

_MIGRATING: Final = threading.Lock()
"""Alembic keeps what it works on in its modules: in one process, one database after the other."""


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
    with _MIGRATING:
        command.upgrade(config, "head")


class _PostgresDatabase:
    file = None

    def __init__(self, url: URL, tls: ssl.SSLContext | str | None) -> None:
        arguments: dict[str, Any] = {"timeout": CONNECT_SECONDS, "command_timeout": ANSWER_SECONDS}
        if tls is not None:
            arguments["ssl"] = tls
        self._engine = create_async_engine(url, connect_args=arguments)
        event.listen(self._engine.sync_engine, "checkout", _require_open)

    async def read(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def look(self, work: Callable[[Connection], T]) -> T:
        return await self.read(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def store(self, work: Callable[[Connection], T]) -> T:
        return await self.write(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _require_open(
    connection: DBAPIConnection, entry: ConnectionPoolEntry, proxy: PoolProxiedConnection
) -> None:
    """Have a connection that its server ended replaced before any work begins on it.

    Unlike a ping before each transaction it costs no round trip; a connection that is lost
    without a word still fails at its first statement.
    """
    driver = entry.driver_connection
    if driver is not None and driver.is_closed():
        raise DisconnectionError("the server ended this connection")
