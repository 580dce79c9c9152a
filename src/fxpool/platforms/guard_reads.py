"""The calls about loss limits, as every platform offers them; part of ``base.Platform``."""

from __future__ import annotations

from typing import Protocol

from fxpool.mapping.formats import GuardList


class GuardReads(Protocol):
    """What limits an account has, and how it stands to them. All raise PlatformError."""

    async def guards(self, account: str) -> GuardList:
        """Return how an account stands to its limits; without limits the list is empty."""
        ...

    async def reset_guards(self, account: str, *, by: str = "") -> GuardList:
        """End the latches of an account's limits; ``by`` is the person who does so.

        What was lost so far counts no more until the next day, or a new peak.
        """
        ...
