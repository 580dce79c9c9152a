"""Real order journals in files of a test."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from fxpool.clock import Clock, SystemClock
from fxpool.store import Journal


def journal_url(folder: Path) -> SecretStr:
    """Return the URL of a SQLite file in a folder."""
    return SecretStr(f"sqlite:///{folder / 'journal.sqlite3'}")


def journal_beside(folder: Path, *, clock: Clock | None = None) -> Journal:
    """Return a journal in a file of a folder, not opened; two of them share the file."""
    return Journal(journal_url(folder), clock=clock or SystemClock())
