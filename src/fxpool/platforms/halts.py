"""The kill switch: for which accounts, or for all, nothing may be opened.

Kept in a small file, so that a restart does not forget it; a file that cannot be read stops the
start, because to go on would be to forget. Closing, cancelling and protecting stay allowed, and
nothing is closed by a halt: pending orders at the broker may still fill.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog

from fxpool.errors import SettingsError
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
    """The halts of one pool, in a file if a path is given."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises SettingsError for a file that is there and cannot be read."""
        self._path = path
        self._everywhere: Halt | None = None
        self._accounts: dict[str, Halt] = {}
        if path is not None:
            self._read(path)

    @property
    def everywhere(self) -> Halt | None:
        """The halt of all accounts, None if there is none."""
        return self._everywhere

    def of(self, account_key: str) -> Halt | None:
        """Return what stops an account: the halt of all, else its own, else None."""
        return self._everywhere or self._accounts.get(account_key)

    def halt(self, account_key: str | None, reason: str, at: datetime) -> None:
        """Stop an account, or with None all of them. It holds even if it cannot be stored: then
        this raises OSError all the same, because a restart would forget it."""
        halt = Halt(reason, iso(at))
        if account_key is None:
            self._everywhere = halt
        else:
            self._accounts[account_key] = halt
        log.warning("halted", account=account_key or "all", reason=reason)
        self._write()

    def resume(self, account_key: str | None) -> None:
        """End an account's own halt, or with None the halt of all and every account's own.

        Raises OSError if that cannot be stored.
        """
        if account_key is None:
            self._everywhere = None
            self._accounts.clear()
        else:
            self._accounts.pop(account_key, None)
        log.warning("resumed", account=account_key or "all")
        self._write()

    def _read(self, path: Path) -> None:
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            everywhere = content["everywhere"]
            self._everywhere = None if everywhere is None else Halt(**everywhere)
            self._accounts = {key: Halt(**halt) for key, halt in content["accounts"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise SettingsError(
                f"{path}: the halts of this pool cannot be read ({type(exc).__name__}): mend the "
                "file, or delete it if nothing is to be halted"
            ) from exc

    def _write(self) -> None:
        if self._path is None:
            return
        content = {
            "everywhere": None if self._everywhere is None else asdict(self._everywhere),
            "accounts": {key: asdict(halt) for key, halt in self._accounts.items()},
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
