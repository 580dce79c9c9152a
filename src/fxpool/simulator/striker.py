"""Carries out the faults that strike links and the broker, at once or after a while.

Faults of requests and events are left standing in ``Faults`` until such a message comes by.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol

from fxpool.clock import Clock
from fxpool.errors import SettingsError
from fxpool.simulator.fault_kinds import LINK_FAULTS, Fault, FaultKind
from fxpool.simulator.switches import Maintenance
from fxpool.simulator.venue import Venue

log = logging.getLogger(__name__)


class Broker(Protocol):
    """What a fault can do to the broker as a whole."""

    venue: Venue

    def stall_spots(self) -> None:
        """Stop all quotes to clients."""
        ...

    def resume_spots(self) -> None:
        """Send quotes again."""
        ...

    def jump_clock(self, seconds: float) -> None:
        """Move the broker's wall clock."""
        ...

    async def begin_maintenance(self, form: Maintenance | None, seconds: float) -> None:
        """Go away in the given form, or the profile's; clients are told so many seconds."""
        ...

    async def end_maintenance(self) -> None:
        """Come back; nothing happens where the broker is not away."""
        ...


class Striker:
    """Lets faults strike one broker. Faults that begin or end later are its tasks."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def strike(self, fault: Fault) -> int | None:
        """Begin a fault; return the id of one that stands until messages come by, else None.

        Raises SettingsError for an account that the broker does not have.
        """
        if fault.account and fault.account not in self._broker.venue.engine.books:
            raise SettingsError(f"there is no account {fault.account}")
        if fault.after > 0:
            self._later(self._strike_after(fault))
            return None
        if fault.kind in LINK_FAULTS:
            self._strike_links(fault)
            return None
        return await self._strike_broker(fault)

    async def clear(self) -> None:
        """End everything that goes on: standing faults, stalls of quotes, maintenance."""
        await self.close()
        self._broker.venue.faults.clear()
        if self._broker.venue.faults.spots_stalled:
            self._broker.resume_spots()
        await self._broker.end_maintenance()

    async def close(self) -> None:
        """Forget what was to begin or end later."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _strike_links(self, fault: Fault) -> None:
        venue = self._broker.venue
        for listener in list(venue.listeners):
            if not fault.account or fault.account in listener.account_ids:
                venue.faults.struck[fault.kind.value] += 1
                listener.suffer(fault)

    async def _strike_broker(self, fault: Fault) -> int | None:
        broker, venue = self._broker, self._broker.venue
        match fault.kind:
            case FaultKind.STALL_SPOTS:
                broker.stall_spots()
                if fault.seconds > 0:
                    self._later(self._resume_after(fault.seconds))
            case FaultKind.MAINTENANCE:
                await broker.begin_maintenance(fault.maintenance, fault.seconds)
                if fault.seconds > 0:
                    self._later(self._return_after(fault.seconds))
            case FaultKind.JUMP_CLOCK:
                broker.jump_clock(fault.seconds)
            case FaultKind.DROP_ACCOUNT:
                for account_id in self._accounts(fault):
                    venue.drop_account(account_id)
            case FaultKind.INVALIDATE_TOKENS:
                for account_id in self._accounts(fault):
                    for grant in venue.tokens.of_account(account_id):
                        venue.invalidate_token(grant.access_token)
            case _:
                return venue.faults.stand(fault)
        return None

    def _accounts(self, fault: Fault) -> list[int]:
        return [fault.account] if fault.account else list(self._broker.venue.engine.books)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="simulator-fault")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("simulator: a fault could not begin or end", exc_info=error)

    async def _strike_after(self, fault: Fault) -> None:
        await self._clock.sleep(fault.after)
        await self.strike(replace(fault, after=0.0))

    async def _resume_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._broker.resume_spots()

    async def _return_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        await self._broker.end_maintenance()
