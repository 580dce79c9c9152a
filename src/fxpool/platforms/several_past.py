"""The calls about an account's past, records and limits.

Each passes on to the account's platform and no more.
"""

from __future__ import annotations

from fxpool.mapping import formats
from fxpool.platforms.passed_on_past import PassedOnPast
from fxpool.platforms.several_parts import OnParts


class PastCalls(OnParts, PassedOnPast):
    """Implements ``PastReads``, ``RecordReads`` and ``GuardReads``."""

    async def guards(self, account: str) -> formats.GuardList:
        return await self._of(account).guards(account)

    async def reset_guards(self, account: str, *, by: str = "") -> formats.GuardList:
        return await self._of(account).reset_guards(account, by=by)
