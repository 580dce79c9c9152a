"""All tickets of a platform: looked up for callers, and seen through until each is settled.

Nothing here decides what became of an order (``Resolves``), nor sends anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final, Protocol

import structlog

from fxpool.clock import Clock
from fxpool.domain.order_keys import OrderKey
from fxpool.domain.tickets import Ticket, TicketState
from fxpool.errors import FxPoolError
from fxpool.mapping.formats import TicketInfo, TicketList, TicketStep
from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError
from fxpool.platforms.operator_alerts import OperatorAlerts
from fxpool.platforms.words import explain
from fxpool.store import Journal

LOOK_SECONDS: Final = 5.0
"""How often the journal is looked through for tickets that nobody holds."""

SEARCH_SECONDS: Final = 0.2
"""The same, while there are some that changed lately."""

LATELY: Final = timedelta(minutes=1)

MAX_WAIT_SECONDS: Final = 60.0

_OPEN: Final = tuple(
    state for state in TicketState if state.is_open and state is not TicketState.RECEIVED
)

log = structlog.get_logger(__name__)


class Resolves(Protocol):
    """What settles the tickets of one account by what its broker shows (``account.Resolver``)."""

    async def resolve(self, open_tickets: Sequence[Ticket]) -> None:
        """Go one step further with the open tickets of the account; never send anything."""
        ...


class TellsOfTickets(Protocol):
    """The event feed of one account."""

    def told_of_ticket(self, kind: str, ticket: TicketInfo) -> None:
        """Tell what happened to an order ticket. Never waits."""
        ...


class TicketDesk:
    """The tickets of some accounts.

    Attributes:
        lost: tickets whose outcome became unknown since the start of the process.
        exits_unjournaled: closes and cancels that left without a ticket since then.
    """

    def __init__(self, journal: Journal, *, clock: Clock) -> None:
        self.lost = 0
        self.exits_unjournaled = 0
        self._unknown: set[str] = set()
        self._failing: dict[str, str] = {}
        self._journal = journal
        self._clock = clock
        self._resolvers: dict[str, Resolves] = {}
        self._wake = asyncio.Event()

    def add(self, account: str, resolver: Resolves) -> None:
        """See the tickets of an account through."""
        self._resolvers[account] = resolver

    @property
    def unknown(self) -> int:
        """How many tickets are of unknown outcome now."""
        return len(self._unknown)

    @property
    def failure(self) -> str | None:
        """Which accounts' tickets cannot be settled for an internal error; None for none."""
        told = (f"those of {account} fail ({error})" for account, error in self._failing.items())
        return "; ".join(told) or None

    def note_lost(self, ticket: Ticket) -> None:
        """Take note that a ticket became unknown."""
        self.lost += 1
        self._unknown.add(ticket.ticket_id)
        self._wake.set()

    def note_resolved(self, ticket: Ticket) -> None:
        """Take note that it is known what became of a ticket."""
        self._unknown.discard(ticket.ticket_id)

    async def see_through(self) -> None:
        """Settle what is open, until cancelled: the outermost frame of its task."""
        while True:
            pause = LOOK_SECONDS
            try:
                if await self._look():
                    pause = SEARCH_SECONDS
            except FxPoolError as exc:
                log.warning("looking for tickets", error=str(exc))
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    async def _look(self) -> bool:
        """Go one step further with every open ticket; return whether any changed lately."""
        found = await self._journal.tickets(self._resolvers.keys(), _OPEN)
        by_account: dict[str, list[Ticket]] = {}
        for ticket in found:
            by_account.setdefault(ticket.account, []).append(ticket)
        self._unknown = {t.ticket_id for t in found if t.state is TicketState.UNKNOWN}
        await asyncio.gather(
            *(self._resolve(account, tickets) for account, tickets in by_account.items())
        )
        lately = self._clock.at() - LATELY
        return any(ticket.updated_at > lately for ticket in found)

    async def _resolve(self, account: str, tickets: Sequence[Ticket]) -> None:
        try:
            await self._resolvers[account].resolve(tickets)
        except FxPoolError as exc:
            log.warning("resolving tickets", account=account, error=str(exc))
        except Exception as exc:  # the tickets of other accounts must be settled on
            log.exception("resolving tickets", account=account)
            self._failing[account] = type(exc).__name__
        else:
            self._failing.pop(account, None)

    # For callers

    async def tickets(self, accounts: Collection[str], state: str | None) -> TicketList:
        """Return tickets, newest first. Raises PlatformError."""
        states = None if state is None else [_state(state)]
        try:
            found = await self._journal.tickets(accounts, states)
        except FxPoolError as exc:
            raise explain(exc) from exc
        return TicketList(tickets=[ticket_info(ticket) for ticket in found], count=len(found))

    async def ticket(self, ticket_id: str, timeout: float = 0.0) -> TicketInfo:
        """Return one ticket, waiting up to ``timeout`` seconds for its outcome.

        Raises PlatformError.
        """
        try:
            found = await self._journal.settled(ticket_id, min(timeout, MAX_WAIT_SECONDS))
        except FxPoolError as exc:
            raise explain(exc) from exc
        if found is None or found.account not in self._resolvers:
            raise PlatformError(404, "TICKET_NOT_FOUND", f"no ticket has the id {ticket_id}")
        return ticket_info(found)


class TicketEvents:
    """Tells subscribers, the desk and operators what happens to the tickets of one account."""

    def __init__(self, feed: TellsOfTickets, desk: TicketDesk, alerts: OperatorAlerts) -> None:
        self._feed = feed
        self._desk = desk
        self._alerts = alerts

    def ticket_unknown(self, ticket: Ticket) -> None:
        self._desk.note_lost(ticket)
        self._feed.told_of_ticket("ticketUnknown", ticket_info(ticket))
        self._alerts.ticket_unknown(ticket)

    def ticket_resolved(self, ticket: Ticket) -> None:
        self._desk.note_resolved(ticket)
        self._feed.told_of_ticket("ticketResolved", ticket_info(ticket))
        self._alerts.ticket_resolved(ticket)

    def exit_unjournaled(self, ticket: Ticket, why: str) -> None:
        self._desk.exits_unjournaled += 1
        self._alerts.exit_unjournaled(ticket, why)


def ticket_info(ticket: Ticket) -> TicketInfo:
    """Return a ticket as callers see it."""
    key = OrderKey.from_stored(ticket.key)
    return TicketInfo(
        id=ticket.ticket_id,
        accountId=ticket.account,
        kind=ticket.kind.value,
        state=ticket.state.value,
        outcome=ticket.state.outcome,
        resolved=ticket.is_resolved,
        idempotencyKey=None if key is None else key.text,
        clientOrderId=ticket.client_order_id or None,
        intent=dict(ticket.intent),
        result=None if ticket.result is None else dict(ticket.result),
        evidence=[
            TicketStep(time=iso(step.at), state=step.state.value, text=step.text)
            for step in ticket.evidence
        ],
        receivedTime=iso(ticket.received_at),
        updatedTime=iso(ticket.updated_at),
    )


def _state(word: str) -> TicketState:
    try:
        return TicketState(word.lower())
    except ValueError:
        words = ", ".join(state.value for state in TicketState)
        raise PlatformError(
            422, "INVALID_REQUEST", f"state: {word!r:.40} is none of {words}"
        ) from None
