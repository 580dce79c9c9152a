"""What guards must not forget at a restart: latches, what a person forgave, the day's balance.

A small file; one that cannot be read stops the start, because to go on would be to forget.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from fxpool.domain.equity import rescaled
from fxpool.domain.guards import GuardKind
from fxpool.errors import SettingsError
from fxpool.files import replace_durably

GUARDS_FILE: Final = "guards.json"
"""Its name in the data folder."""


@dataclass(frozen=True, slots=True)
class Latch:
    """A limit that was reached, and when (ISO 8601, UTC), until a person resets it."""

    reason: str
    since: str


@dataclass(frozen=True, slots=True)
class Forgiven:
    """A loss that a person's reset does not count any more, as long as the footing is the same."""

    anchor_ms: int
    amount: int


@dataclass(slots=True)
class GuardMemory:
    """What is known of one account's guards, by kind of limit.

    Attributes:
        day_ms, day_balance: a day, and the balance when it began or was first looked at.
        digits: of all amounts, None before ``count_in``.
    """

    latches: dict[str, Latch] = field(default_factory=dict)
    forgiven: dict[str, Forgiven] = field(default_factory=dict)
    day_ms: int = 0
    day_balance: int = 0
    digits: int | None = None

    def count_in(self, digits: int) -> None:
        """Say how many digits the amounts from now on have; those that are known follow."""
        if self.digits is not None and digits != self.digits:
            by = digits - self.digits
            self.day_balance = rescaled(self.day_balance, by)
            self.forgiven = {
                kind: Forgiven(one.anchor_ms, rescaled(one.amount, by))
                for kind, one in self.forgiven.items()
            }
        self.digits = digits

    def latch(self, kind: GuardKind) -> Latch | None:
        return self.latches.get(kind.value)


class GuardStore:
    """The memories of all accounts, in a file if a path is given."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises SettingsError for a file that is there and cannot be read."""
        self._path = path
        self._accounts: dict[str, GuardMemory] = {}
        if path is not None:
            self._read(path)

    def of(self, account_key: str) -> GuardMemory:
        """Return an account's memory; ``save`` keeps what is changed in it."""
        return self._accounts.setdefault(account_key, GuardMemory())

    def save(self) -> None:
        """Keep all memories. Raises OSError."""
        if self._path is None:
            return
        content = {key: asdict(memory) for key, memory in self._accounts.items()}
        replace_durably(self._path, json.dumps(content, indent=2).encode())

    def _read(self, path: Path) -> None:
        try:
            content: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
            self._accounts = {key: _memory(fields) for key, fields in content.items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise SettingsError(
                f"{path}: the guards of this pool cannot be read ({type(exc).__name__}): mend the "
                "file, or delete it if no guard has tripped"
            ) from exc


def _memory(fields: dict[str, Any]) -> GuardMemory:
    return GuardMemory(
        latches={kind: Latch(**latch) for kind, latch in fields["latches"].items()},
        forgiven={kind: Forgiven(**one) for kind, one in fields["forgiven"].items()},
        day_ms=int(fields["day_ms"]),
        day_balance=int(fields["day_balance"]),
        digits=fields.get("digits"),
    )
