"""The calls about order tickets and halts, on accounts of this process: names found, passed on."""

from __future__ import annotations

from fxpool.mapping.formats import HaltState, TicketInfo, TicketList
from fxpool.platforms.halt_desk import HaltDesk
from fxpool.platforms.served import OnServed, ServedT
from fxpool.platforms.ticket_desk import TicketDesk


class DeskCalls(OnServed[ServedT]):
    """The calls that a platform's desks answer, which it gets with its parts."""

    _desk: TicketDesk
    _halt_desk: HaltDesk

    async def halt(self, account: str | None = None, *, reason: str = "") -> HaltState:
        """Stop what opens, on an account or on all. Raises PlatformError if that is not kept."""
        return self._halt_desk.halt(self._key(account), account, reason)

    async def resume(self, account: str | None = None) -> HaltState:
        """End a halt. Raises PlatformError if that is not kept."""
        return self._halt_desk.resume(self._key(account), account)

    async def tickets(self, account: str | None = None, state: str | None = None) -> TicketList:
        """Return the order tickets of an account, or of all, newest first."""
        key = self._key(account)
        return await self._desk.tickets(self._accounts.keys() if key is None else {key}, state)

    async def ticket(self, ticket_id: str) -> TicketInfo:
        return await self._desk.ticket(ticket_id)

    async def wait_ticket(self, ticket_id: str, timeout: float) -> TicketInfo:
        """Return a ticket once it is known what became of it, or after ``timeout`` seconds."""
        return await self._desk.ticket(ticket_id, timeout)

    def _key(self, account: str | None) -> str | None:
        return None if account is None else self._accounts.find(account).key
