"""The state before a change, as the audit log tells it; read from what the platform knows anyway.

What cannot be read is left out: the line says then what was asked and answered only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from fxpool.platforms.base import Platform, PlatformError

BEFORE: Final = "before"
_POSITION: Final = ("symbol", "volume", "stopLoss", "takeProfit")
_ORDER: Final = ("symbol", "volume", "openPrice", "stopLoss", "takeProfit")


class StateBefore:
    """Writes into the note of one call; without a note nothing is read."""

    def __init__(self, platform: Platform, note: dict[str, Any] | None) -> None:
        self._platform, self._note = platform, note

    async def position(self, account: str, position_id: str) -> None:
        """Note a position's volume and protection."""
        if self._note is not None:
            await self._keep(self._position(account, position_id))

    async def order(self, account: str, order_id: str) -> None:
        """Note a pending order's price, volume and protection."""
        if self._note is not None:
            await self._keep(self._order(account, order_id))

    async def halts(self, account: str | None) -> None:
        """Note why an account, or all, are halted; empty for those that are not."""
        if self._note is not None:
            await self._keep(self._halts(account))

    async def guards(self, account: str) -> None:
        """Note how an account stands to its loss limits."""
        if self._note is not None:
            await self._keep(self._guards(account))

    async def _keep(self, state: Awaitable[Mapping[str, Any] | None]) -> None:
        try:
            found = await state
        except PlatformError:
            return
        if found is not None and self._note is not None:
            self._note[BEFORE] = found

    async def _position(self, account: str, position_id: str) -> Mapping[str, Any] | None:
        rows = (await self._platform.positions(account))["positions"]
        return _row(rows, position_id, _POSITION)

    async def _order(self, account: str, order_id: str) -> Mapping[str, Any] | None:
        return _row((await self._platform.orders(account))["orders"], order_id, _ORDER)

    async def _halts(self, account: str | None) -> Mapping[str, Any]:
        details = (await self._platform.health())["details"]
        if account is not None:
            return {"halted": details[self._platform.key_of(account)].get("halted", "")}
        return {key: row["halted"] for key, row in details.items() if "halted" in row}

    async def _guards(self, account: str) -> Mapping[str, Any]:
        guards = (await self._platform.guards(account))["guards"]
        return {guard["guard"]: guard["state"] for guard in guards}


def _row(rows: Any, row_id: str, names: tuple[str, ...]) -> Mapping[str, Any] | None:
    for row in rows:
        if row["id"] == row_id:
            return {name: row.get(name) for name in names}
    return None
