"""The kill switch: for which accounts, or for all, nothing may be opened.

Kept in a small file, so that a restart does not forget it and other processes with the same data
folder hear of it; a file that cannot be read stops the start, because to go on would be to forget.
Closing, cancelling and protecting stay allowed, and nothing is closed by a halt: pending orders at
the broker may still fill.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from fxpool.errors import SettingsError
from fxpool.files import replace_durably
from fxpool.mapping.instants import iso

HALTS_FILE: Final = "halts.json"
"""Its name in the data folder."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Halt:
    """A halt that stands: why, and since when (ISO 8601, UTC)."""

    reason: str
    since: str

    def told(self, account_key: str) -> str:
        """Return what a caller hears whose order it stops."""
        why = f" ({self.reason})" if self.reason else ""
        return f"trading halted: {account_key} may only close since {self.since}{why}"


class Halts:
    """The halts of one pool, in a file if a path is given.

    Processes that share the file share the halts: it is looked at again whenever it has changed.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Raises SettingsError for a file that is there and cannot be read."""
        self._path = path
        self._everywhere: Halt | None = None
        self._accounts: dict[str, Halt] = {}
        self._seen: tuple[int, ...] | None = None
        self._unstored: dict[str | None, Halt] = {}
        if path is not None:
            self._read(path)

    @property
    def everywhere(self) -> Halt | None:
        """The halt of all accounts, None if there is none."""
        self._look()
        return self._everywhere

    def of(self, account_key: str) -> Halt | None:
        """Return what stops an account: the halt of all, else its own, else None."""
        self._look()
        return self._everywhere or self._accounts.get(account_key)

    def halt(self, account_key: str | None, reason: str, at: datetime) -> None:
        """Stop an account, or with None all of them. It holds even if it cannot be stored: then
        this raises OSError all the same, because a restart would forget it."""
        log.warning("halted", account=account_key or "all", reason=reason)
        self._unstored[account_key] = Halt(reason, iso(at))
        self._keep(self._add_unstored)

    def resume(self, account_key: str | None) -> None:
        """End an account's own halt, or with None the halt of all and every account's own.

        Raises OSError if that cannot be stored; then it ends here only, and until another process
        stores something.
        """
        log.warning("resumed", account=account_key or "all")
        self._keep(partial(self._remove, account_key))

    def _add_unstored(self) -> None:
        for account_key, halt in self._unstored.items():
            if account_key is None:
                self._everywhere = halt
            else:
                self._accounts[account_key] = halt

    def _remove(self, account_key: str | None) -> None:
        if account_key is None:
            self._everywhere = None
            self._accounts.clear()
            self._unstored.clear()
        else:
            self._accounts.pop(account_key, None)
            self._unstored.pop(account_key, None)

    def _look(self) -> None:
        """Take over what another process has stored; what could not be stored here stays.

        A file that cannot be read changes nothing, nor does one that is gone: both would be to
        forget.
        """
        path = self._path
        stamp = None if path is None else _stamp(path)
        if path is None or stamp in {self._seen, None}:
            return
        try:
            self._read(path)
        except SettingsError as exc:
            self._seen = stamp
            log.critical("halts stay as they were", error=str(exc))
        self._add_unstored()

    def _keep(self, change: Callable[[], None]) -> None:
        """Make a change and store it, with what other processes have stored. Raises OSError."""
        change()
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._look()
                change()
                self._write(self._path)
        self._unstored.clear()

    def _read(self, path: Path) -> None:
        stamp = _stamp(path)
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            everywhere = content["everywhere"]
            halt = None if everywhere is None else Halt(**everywhere)
            accounts = {key: Halt(**halt) for key, halt in content["accounts"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise SettingsError(
                f"{path}: the halts of this pool cannot be read ({type(exc).__name__}): mend the "
                "file, or delete it if nothing is to be halted"
            ) from exc
        self._everywhere, self._accounts, self._seen = halt, accounts, stamp

    def _write(self, path: Path) -> None:
        content = {
            "everywhere": None if self._everywhere is None else asdict(self._everywhere),
            "accounts": {key: asdict(halt) for key, halt in self._accounts.items()},
        }
        replace_durably(path, json.dumps(content, indent=2).encode())
        self._seen = _stamp(path)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Return what differs after each change of a file that is replaced; None for no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
