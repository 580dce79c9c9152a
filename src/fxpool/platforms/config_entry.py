"""One object of a configuration file, read field by field. Knows no meaning of any field but the
two that every entry of an account has."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn

from fxpool.errors import SettingsError
from fxpool.mapping.slips import slip_in
from fxpool.pool.channel import Environment

PLATFORMS: Final = frozenset({"ctrader", "metaapi", "mt4", "mt5", "dxtrade"})
"""The words for platforms; an entry without one means MetaApi."""


class Entry:
    """One object of a file, read field by field with errors that say where and what to do."""

    def __init__(self, path: Path, where: str, fields: object) -> None:
        self._path, self._where = path, where
        if not isinstance(fields, dict):
            raise SettingsError(f"{path}: {where} must be an object")
        self._fields: dict[str, Any] = fields

    def refuse(self, field: str, what: str) -> NoReturn:
        raise SettingsError(f"{self._path}: {self._where}.{field} {what}")

    def part(self, field: str) -> Entry | None:
        """Return an object inside, None if it is not there."""
        value = self._fields.get(field)
        return None if value is None else Entry(self._path, f"{self._where}.{field}", value)

    def refuse_others(self, known: AbstractSet[str]) -> None:
        """Refuse fields that nobody reads, so that a slip in a limit's name is no missing limit."""
        for field in self._fields.keys() - known:
            self.refuse(field, f"is not known: use {', '.join(sorted(known))}")

    def refuse_slips(self, names: Sequence[str]) -> None:
        """Refuse a field whose name is nearly one of these: what it was to bound would be open.
        Other names are free, since the file is shared with other programs."""
        if slip := slip_in(self._fields, names):
            field, name = slip
            self.refuse(field, f"is not known: write {name}, or give it another name")

    def platform(self) -> str:
        """Return the platform's word; without one it is ``metaapi``."""
        platform = self.text("platform").lower() or "metaapi"
        if platform not in PLATFORMS:
            self.refuse("platform", f'is "{platform}": use ctrader, metaapi, mt4, mt5 or dxtrade')
        return platform

    def environment(self, default: Environment | None = None) -> Environment:
        """Return what the entry says, else ``default``."""
        word = self.text("environment").lower() or (default or "")
        try:
            return Environment(word)
        except ValueError:
            self.refuse("environment", f'is "{word}": set it to "demo" or "live"')

    def text(self, field: str) -> str:
        """Return a text, or a whole number as text (ids are written both ways); empty if absent."""
        value = self._fields.get(field)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.refuse(field, "must be a text")
        return str(value)

    def integer(self, field: str) -> int | None:
        word = self.text(field)
        if word and not word.isdecimal():
            self.refuse(field, "must be a whole number")
        return int(word) if word else None

    def number(self, field: str) -> Decimal | None:
        value = self._fields.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
            self.refuse(field, "must be a number above 0")
        return Decimal(value)

    def flag(self, field: str, *, default: bool) -> bool:
        value = self._fields.get(field, default)
        if not isinstance(value, bool):
            self.refuse(field, "must be true or false")
        return value
