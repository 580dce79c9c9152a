"""SQLite as a database of ours: one thread writes, one reads, one tidies the log behind them.

Work is a plain function of a SQLAlchemy connection, run whole in a thread of its own: a thread for
each statement costs an order 2 ms, measured. SQLite is set to lose nothing that was committed, even
with the power (WAL, synchronous FULL), and a writing transaction takes its lock at once, so that
two processes never deadlock over it.

What a commit costs is forcing the log to the disk, and nothing else may be added to it. A log that
grows makes the file system force its own journal too (20 KiB appended took 1.4 times as long as
written over, measured); so the log is given its size once, and used again from its beginning.
Moving its pages into the database file, which forces two files, is done behind the writer's back.
SQLite begins the log again only when all of it was moved, which a writer that rarely rests prevents
(it grew by 30 MB a second, measured); so the writer itself moves the rest, between transactions.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from fxpool.errors import SettingsError
from fxpool.store.worker import Worker

T = TypeVar("T")

BUSY_SECONDS: Final = 5
"""How long one process waits for another's write to the same file."""

LOG_BYTES: Final = 4 << 20
"""The size that the log is given; it grows on when more than this is written in one go."""

MAX_KEPT_LOG_BYTES: Final = 4 * LOG_BYTES
"""What the log may keep on the disk of a size that it grew to."""

WRITES_PER_TIDYING: Final = 150
"""An order is about four pages of 4 KiB, and a step of it three: these fill half of the log."""

_PAUSE_SECONDS: Final = 0.05
"""Between tries to switch a new file to WAL."""

log = structlog.get_logger(__name__)


class SqliteDatabase:
    """One SQLite file; implements ``database.Database``."""

    def __init__(self, url: URL, file: Path) -> None:
        """The file's folder is made. Raises SettingsError."""
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise SettingsError(
                f"the folder {file.parent} for the order journal cannot be made: "
                f"{exc.strerror or exc}; set CTRADER_DATA_DIR to another one"
            ) from exc
        self.file: Final = file.resolve()  # as SQLite names its log: all processes know it by that
        self._log_file = self.file.with_name(f"{self.file.name}-wal")
        self._engine = create_engine(url)
        self._writing = self._engine.execution_options(writes=True)
        self._connection: Connection | None = None  # the writer's own
        self._looking: Connection | None = None  # the reader's own, for ``look``
        self._untidied = 0
        self._reader = Worker("journal-read")
        self._writer = Worker("journal-write")
        self._tidier = ThreadPoolExecutor(1, thread_name_prefix="journal-tidy")
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work; never waits for a write."""

        def run() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        return await self._reader.run(run)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """Run work of one ``Stored`` statement, as ``read`` does, without a transaction: taking a
        connection out for one and giving it back costs an order twice what the statement does."""
        return await self._reader.run(partial(self._look, work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work and commit it; durable when this returns."""
        return await self._writer.run(partial(self._write, work))

    async def store(self, work: Callable[[Connection], T]) -> T:
        """Run work of nothing but ``Stored`` statements and commit it, as ``write`` does.

        The transaction is the driver's: SQLAlchemy's around it costs an order twice what it does.
        """
        return await self._writer.run(partial(self._write, work, _DriversOwn))

    async def close(self) -> None:
        """Finish what runs, then close the file."""
        self._reader.close()
        self._writer.close()
        self._tidier.shutdown()
        self._disconnect()
        self._stop_looking()
        self._engine.dispose()

    def _look(self, work: Callable[[Connection], T]) -> T:
        if self._looking is None:
            self._looking = self._engine.connect()
        try:
            return work(self._looking)
        except sqlite3.Error as exc:
            self._stop_looking()
            raise DBAPIError(None, None, exc) from exc

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.close()
            self._looking = None

    def _write(
        self,
        work: Callable[[Connection], T],
        transaction: Callable[[Connection], AbstractContextManager[object]] = Connection.begin,
    ) -> T:
        """Run one transaction, on a connection that is kept from one to the next."""
        if self._connection is None:
            self._connection = self._writing.connect()
            self._size_log(_driver(self._connection))
        try:
            with transaction(self._connection):
                result = work(self._connection)
        except sqlite3.Error as exc:
            self._disconnect()
            raise DBAPIError(None, None, exc) from exc
        except BaseException:
            self._disconnect()  # what state it is in is not known
            raise
        self._untidied += 1
        if self._untidied >= WRITES_PER_TIDYING:
            self._untidied = 0
            self._tidier.submit(self._tidy_behind)
        return result

    def _tidy_behind(self) -> None:
        """Tidy beside the writer, in the tidier's thread; then have the writer do the little that
        it wrote meanwhile, since the log begins again only when nothing is left."""
        self._tidy()
        self._writer.soon(self._tidy)

    def _tidy(self) -> None:
        """Move what the log holds into the database file; what somebody still reads stays."""
        try:
            with self._engine.connect() as connection:
                _driver(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        except (SQLAlchemyError, sqlite3.Error) as exc:  # the log grows on, and is tried again
            log.warning("journal log not tidied", error=str(exc))

    def _size_log(self, driver: Any) -> None:
        """Give the log its size, unless it has it: a large table that does not fit into the cache
        is written to it, and then never was. SQLite writes over it from the next transaction on.
        """
        if self._log_file.exists() and self._log_file.stat().st_size >= LOG_BYTES // 2:
            return
        (usual,) = driver.execute("PRAGMA cache_size").fetchone()
        driver.execute("PRAGMA cache_size=8")
        driver.execute("BEGIN IMMEDIATE")
        try:
            driver.execute("CREATE TABLE log_filler (content)")
            driver.execute("INSERT INTO log_filler VALUES (zeroblob(?))", (LOG_BYTES,))
        except sqlite3.OperationalError as exc:  # no room for it: it grows as far as it can
            log.warning("journal log not sized", error=str(exc))
        finally:
            if driver.in_transaction:  # a full disk has ended it
                driver.execute("ROLLBACK")
        driver.execute(f"PRAGMA cache_size={usual}")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _DriversOwn:
    """A transaction of the driver's own, which SQLAlchemy does not know of."""

    def __init__(self, connection: Connection) -> None:
        self._driver = _driver(connection)

    def __enter__(self) -> None:
        self._driver.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._driver.execute("COMMIT")  # after an error the connection is closed


def _driver(connection: Connection) -> Any:
    """Return the driver's connection, for what may not run in a transaction."""
    return connection.connection.dbapi_connection


def _prepare(connection: Any, _record: object) -> None:
    """Set the pragmas, and leave transactions to us: the driver would begin them late."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA wal_autocheckpoint=0")
    cursor.execute(f"PRAGMA journal_size_limit={MAX_KEPT_LOG_BYTES}")
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


def _begin(connection: Connection) -> None:
    """Begin with the driver's own call: SQLAlchemy's costs an order several times as much."""
    writes = connection.get_execution_options().get("writes", False)
    _driver(connection).execute("BEGIN IMMEDIATE" if writes else "BEGIN")
