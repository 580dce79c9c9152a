"""Volume caps of a principal: what one order may have, and what all orders of a UTC day may.

The day's sum is kept in the database, taken before an order leaves and given back only where it is
certain that nothing was executed. An order of unknown outcome counts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Protocol

from fxpool.clock import Clock
from fxpool.domain.permissions import Operation, Principal, Word, decide
from fxpool.errors import AccessStoreDown
from fxpool.gateway.access.refusals import require
from fxpool.gateway.repeats import told_as_repeat
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import Platform, PlatformError
from fxpool.platforms.words import refusal
from fxpool.store.ticket_reads import MAX_LISTED

Earlier = Callable[[], Awaitable[str | None]]
"""Returns the id of the ticket that has an order's key, None if there is none. Raises
PlatformError."""


class VolumeStore(Protocol):
    """Sums of volumes per principal and day, shared by all gateways. Raise AccessStoreDown."""

    async def take_volume(self, subject: str, day: date, lots: Decimal, cap: Decimal) -> bool: ...

    async def give_back_volume(self, subject: str, day: date, lots: Decimal) -> None: ...


class VolumeCaps:
    """Holds principals to their caps."""

    def __init__(self, store: VolumeStore | None, *, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def within(
        self,
        principal: Principal,
        lots: Decimal | None,
        order: Callable[[], Awaitable[TradeResult]],
        earlier: Earlier | None = None,
    ) -> TradeResult:
        """Return what became of an order, or its refusal by a cap; then it was never begun.

        ``lots`` is None where the volume is not told in lots: that cannot be held to a cap.
        ``earlier`` tells the ticket of an order that this one may be the repeat of: the first one
        counts, so its repeat may be one too many, and is not to be called not executed.
        """
        try:
            day = await self._take(principal, lots)
        except PlatformError as refused:
            return refusal(refused) if earlier is None else await _refused(refused, earlier)
        return await self._counted(principal, day, lots, order)

    async def _take(self, principal: Principal, lots: Decimal | None) -> date | None:
        """Count an order; return the day whose sum it is in, if it is in one."""
        if lots is None:
            raise _over("a volume that is not in lots", principal, "send the volume in lots")
        require(decide(principal, Operation.PLACE, lots=lots), Operation.PLACE)
        cap = principal.permissions.max_day_lots
        if cap is None:
            return None
        day = self._clock.at().date()
        if self._store is None:
            raise PlatformError(503, "KEYS_DOWN", "no store for volumes", outcome="not_executed")
        try:
            fits = await self._store.take_volume(principal.subject, day, lots, cap)
        except AccessStoreDown as exc:
            raise PlatformError(
                503, "KEYS_DOWN", f"network: {exc}", retryable=True, outcome="not_executed"
            ) from exc
        if not fits:
            raise _over(f"{lots:f} lots more", principal, f"its cap is {cap:f} lots a day (UTC)")
        return day

    async def _counted(
        self,
        principal: Principal,
        day: date | None,
        lots: Decimal | None,
        order: Callable[[], Awaitable[TradeResult]],
    ) -> TradeResult:
        try:
            result = await order()
        except PlatformError as error:
            if error.outcome == "not_executed" or 400 <= error.status < 500:
                await self._give_back(principal, day, lots)
            raise
        if result["outcome"] == "not_executed" or result.get("duplicate", False):
            await self._give_back(principal, day, lots)
        return result

    async def _give_back(
        self, principal: Principal, day: date | None, lots: Decimal | None
    ) -> None:
        if day is None or lots is None or self._store is None:
            return
        try:
            await self._store.give_back_volume(principal.subject, day, lots)
        except AccessStoreDown:
            return  # the cap is then tighter today, never wider


async def ticket_with(platform: Platform, account: str, key: str) -> str | None:
    """Return the id of an account's newest ticket with a key, None if none has it. Raises
    PlatformError where nobody can say."""
    tickets = (await platform.tickets(account))["tickets"]
    for ticket in tickets:
        if ticket["idempotencyKey"] == key:
            return ticket["id"]
    if len(tickets) >= MAX_LISTED:
        raise PlatformError(503, "NOT_LISTED", "there are more tickets than are listed")
    return None


async def _refused(refused: PlatformError, earlier: Earlier) -> TradeResult:
    try:
        ticket_id = await earlier()
    except PlatformError:  # nobody can say, so it may be one
        return refusal(told_as_repeat(refused))
    if ticket_id is None:
        return refusal(refused)
    text = (
        f"{refused.detail}. Nothing was sent now; an order with the same key was received before: "
        f"GET /tickets/{ticket_id} says what became of it"
    )
    unclear = PlatformError(refused.status, refused.code, text, outcome="unknown")
    return refusal(unclear) | TradeResult(duplicate=True, ticketId=ticket_id)


def _over(what: str, principal: Principal, why: str) -> PlatformError:
    text = f"invalid volume: {what} is more than {principal.name} may order: {why}"
    return PlatformError(403, Word.VOLUME.value, text, outcome="not_executed")
