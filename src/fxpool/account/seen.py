"""Ids that were met before, so that a repeat is recognised; bounded."""

from __future__ import annotations

from typing import Final

REMEMBERED: Final = 10_000
"""How many ids are kept where nobody says otherwise."""


class SeenIds:
    """A set of ids that forgets the oldest when it is full."""

    __slots__ = ("_ids", "_limit")

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._ids: dict[int, None] = {}
        self._limit = limit

    def __contains__(self, identifier: int) -> bool:
        return identifier in self._ids

    def add(self, identifier: int) -> bool:
        """Remember an id; return whether it is new."""
        if identifier in self._ids:
            return False
        if len(self._ids) >= self._limit:
            del self._ids[next(iter(self._ids))]
        self._ids[identifier] = None
        return True
