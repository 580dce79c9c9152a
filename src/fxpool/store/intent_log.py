"""The intent log: orders on their way into the database, each forced to the disk in one write.

A transaction keeps an order waiting for two threads, SQL and the disk; a record here for the disk
alone. What the log holds of an order is its ticket, from before its frame may leave until the
database has it. So what is found in the log of a process that is gone is what the database lacks,
and what is found in those of living ones is on its way there.

One file per process, beside the database and locked while the process lives: pages that are written
over, since a file that grows is forced at twice the price. Knows no transaction.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

import msgspec
import structlog

from fxpool.clock import Clock
from fxpool.domain.tickets import Ticket
from fxpool.errors import JournalDown
from fxpool.files import sync_folder
from fxpool.store.worker import Worker

PAGE_BYTES: Final = 4096
"""A record has a page to itself, so that a torn write touches no other one."""

PAGES: Final = 64
"""Orders that may be on their way at once; further ones wait for the database itself."""

SPARE_BYTES: Final = 16 << 20
"""With less room than this on the disk, orders wait for the database: the log has its room, but an
order whose result could not be stored is not to be sent."""

SLOW_SECONDS: Final = 0.001
"""A disk that takes longer is kept from the loop, which serves all accounts: its writes are made in
a thread of their own, two wake-ups away."""

STALL_SECONDS: Final = 0.02
"""A disk that takes this long is kept from the loop at once; of shorter slow writes one is let pass
after QUICK_WRITES that were not, since every disk has some."""

QUICK_WRITES: Final = 50
"""So many in a row must have been quick before they are made in the loop's own thread."""

_MARK: Final = b"FXI1"
_HEAD: Final = struct.Struct("<4sII")  # mark, length of the record, CRC-32 of the record
_BLANK: Final = bytes(_HEAD.size)
_UNFINISHED: Final = ".new"
_UNFINISHED_SECONDS: Final = 60.0

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Ticket).decode

log = structlog.get_logger(__name__)


class IntentLog:
    """The log of this process."""

    def __init__(self, path: Path, file: int, *, clock: Clock) -> None:
        """``file`` is the open and locked file of ``create``."""
        self._path = path
        self._file = file
        self._clock = clock
        self._forced = os.open(path, os.O_WRONLY | os.O_DSYNC)
        self._free = list(range(PAGES))
        self._to_prove = QUICK_WRITES
        self._quick_writes = 0
        self._has_room = self._is_roomy()
        self._worker = Worker("intent-log")

    @classmethod
    def create(cls, database: Path, *, clock: Clock) -> Self:
        """Make a log beside a database's file. Blocks; raises OSError."""
        path = database.with_name(f"{database.name}-intents-{token_hex(8)}")
        unfinished = path.with_name(path.name + _UNFINISHED)
        file = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(file, bytes(PAGE_BYTES * PAGES))
            os.fsync(file)
            unfinished.rename(path)  # whole and locked from the moment at which others see it
            sync_folder(path.parent)
            return cls(path, file, clock=clock)
        except BaseException:
            os.close(file)
            with suppress(FileNotFoundError):
                unfinished.unlink()
            raise

    async def put(self, ticket: Ticket) -> int | None:
        """Store a ticket durably; return its page, which is its own until ``free``.

        None if that is not possible: there is no room, here or on the disk, or the write failed.
        """
        record = _encode(ticket)
        if not self._has_room:  # else it is looked at when an order is through, not on its way
            self._has_room = self._is_roomy()
        if not self._free or not self._has_room or len(record) > PAGE_BYTES - _HEAD.size:
            return None
        page = self._free.pop()
        data = _HEAD.pack(_MARK, len(record), zlib.crc32(record)) + record
        try:
            if self._to_prove:
                seconds = await self._worker.run(partial(self._write, page, data))
            else:
                seconds = self._write(page, data)
        except asyncio.CancelledError:  # nobody sends it; this comes after the write
            self._worker.soon(partial(self._blank, page))
            raise
        except OSError as exc:  # what is on the page now is not known: it is not used again
            log.warning("intent not logged", error=str(exc))
            return None
        self._took(seconds)
        return page

    def free(self, page: int) -> None:
        """Give a page back: the database has its ticket, or nobody sends it.

        The blank need not be forced: what comes back after the power was lost, the database has.
        """
        if self._to_prove:
            self._worker.soon(partial(self._blank, page))
        else:
            self._blank(page)

    def close(self) -> None:
        """Let go of the file; remove it if the database has all that it held."""
        self._worker.close()
        if len(self._free) == PAGES:
            self._path.unlink(missing_ok=True)
        os.close(self._forced)
        os.close(self._file)

    def _blank(self, page: int) -> None:
        began = self._clock.now()
        try:
            os.pwrite(self._file, _BLANK, page * PAGE_BYTES)
        except OSError as exc:  # the page is not used again
            log.warning("intent not removed", error=str(exc))
        else:
            self._free.append(page)
        self._has_room = self._is_roomy()
        seconds = self._clock.now() - began
        if seconds > SLOW_SECONDS:  # a quick one proves nothing: it is not forced
            self._took(seconds)

    def _took(self, seconds: float) -> None:
        """Learn from how long the disk took whether the loop's thread may write to it."""
        if seconds <= SLOW_SECONDS:
            self._quick_writes += 1
            self._to_prove = max(0, self._to_prove - 1)
            return
        if seconds > STALL_SECONDS or self._quick_writes < QUICK_WRITES:
            self._to_prove = QUICK_WRITES
        self._quick_writes = 0

    def _write(self, page: int, data: bytes) -> float:
        """Return how many seconds it took."""
        began = self._clock.now()
        os.pwrite(self._forced, data, page * PAGE_BYTES)
        return self._clock.now() - began

    def _is_roomy(self) -> bool:
        found = os.fstatvfs(self._file)
        return found.f_bavail * found.f_frsize >= SPARE_BYTES


def logged(database: Path) -> list[Ticket]:
    """Return the tickets that are on their way into a database, of all processes, as they were when
    they were journaled.

    To miss none, read this before the database. Blocks; raises OSError and JournalDown.
    """
    tickets = []
    for path in _logs_of(database):
        with suppress(FileNotFoundError):  # its process has just ended, and stored all it held
            tickets += _tickets_in(path.read_bytes(), path)
    return tickets


@contextmanager
def abandoned(database: Path) -> Iterator[list[Ticket]]:
    """Yield the tickets in the logs of processes that are gone, for the block to store; when it
    ends well, those logs are removed. Blocks; raises OSError and JournalDown."""
    tickets, taken = [], []
    try:
        for path in _logs_of(database):
            file = _take(path)
            if file is not None:
                taken.append((path, file))
                tickets += _tickets_in(path.read_bytes(), path)
        yield tickets
        for path, _ in taken:
            path.unlink()
    finally:
        for _, file in taken:
            os.close(file)


def clear_unfinished(database: Path, *, clock: Clock) -> None:
    """Remove logs whose processes died while they made them. Blocks; raises OSError."""
    for path in database.parent.glob(f"{database.name}-intents-*{_UNFINISHED}"):
        with suppress(FileNotFoundError):
            if clock.at().timestamp() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                path.unlink()


def _logs_of(database: Path) -> list[Path]:
    found = database.parent.glob(f"{database.name}-intents-*")
    return [path for path in found if path.suffix != _UNFINISHED]


def _take(path: Path) -> int | None:
    """Return a log's locked file; None if its process lives, or another has just taken it."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    if os.fstat(file).st_nlink == 0:  # it was removed between the two calls
        os.close(file)
        return None
    return file


def _tickets_in(data: bytes, path: Path) -> list[Ticket]:
    tickets = []
    for start in range(0, len(data) - _HEAD.size, PAGE_BYTES):
        mark, length, checksum = _HEAD.unpack_from(data, start)
        record = data[start + _HEAD.size : start + _HEAD.size + length]
        # One that is not whole is just being written, or was when the power was lost: its frame
        # has not left.
        if mark == _MARK and zlib.crc32(record) == checksum:
            tickets.append(_ticket_of(record, path))
    return tickets


def _ticket_of(record: bytes, path: Path) -> Ticket:
    try:
        return _decode(record)
    except msgspec.DecodeError as exc:
        raise JournalDown(
            f"the intent log {path} holds an order that this version of fxpool cannot read "
            f"({exc}): start the version that wrote it once, then this one"
        ) from exc
