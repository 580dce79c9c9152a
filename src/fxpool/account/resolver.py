"""Settles unknown tickets of one account by what the broker shows. Never sends an order.

A ticket is settled by the order that carries its client order id; or, after a settle time, by two
complete readings that do not show it. A reading that fails or is cut short shows nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from fxpool.account.driver import Account
from fxpool.account.evidence import SKEW, Finding, Records, find, shown_closes
from fxpool.account.journal import TicketJournal
from fxpool.account.phase import Phase
from fxpool.account.reads import AccountReads
from fxpool.account.tickets import Tickets
from fxpool.account.unheld import READINGS, Search, UnheldTickets
from fxpool.clock import Clock
from fxpool.domain.tickets import Ticket, TicketTrigger
from fxpool.domain.trades import Deal
from fxpool.errors import MappingError
from fxpool.pool import TRADE_SECONDS

SETTLE_SECONDS: Final = 5.0
"""How long after it was lost an order may still come to light at the broker."""

GONE_SECONDS: Final = TRADE_SECONDS + 5.0
"""Age at which no process can still be waiting for an answer, so a ticket without a holder here is
nobody's. Until then another process that shares the journal may hold it."""

LOOK_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses between readings for one ticket. None goes past the moment from which readings count."""

CONFIRM_SECONDS: Final = 1.0
"""Pause between the readings that must miss an order."""

Teller = Callable[[Ticket, Finding, tuple[Deal, ...]], Awaitable[Mapping[str, Any]]]
"""Makes what callers are told of a settled order."""


class Resolver:
    """Looks for the tickets of one account that nobody holds any more."""

    def __init__(
        self,
        account: Account,
        tickets: Tickets,
        journal: TicketJournal,
        tell: Teller,
        *,
        clock: Clock,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._account = account
        self._journal = journal
        self._unheld = UnheldTickets(tickets, journal, clock=clock, gone_seconds=GONE_SECONDS)
        self._tell = tell
        self._clock = clock
        self._settle = timedelta(seconds=settle_seconds)
        self._searches: dict[str, Search] = {}

    async def resolve(self, open_tickets: Sequence[Ticket]) -> None:
        """Go one step further with the open tickets of the account. Raises JournalDown, and what
        reading raises: nothing is concluded then."""
        mine = [ticket for ticket in open_tickets if self._unheld.is_ours(ticket)]
        self._searches = {
            ticket.ticket_id: self._searches.get(ticket.ticket_id, Search()) for ticket in mine
        }
        now = self._clock.now()
        due = [ticket for ticket in mine if self._searches[ticket.ticket_id].due <= now]
        for index, ticket in enumerate(due):
            if self._unheld.is_abandoned(ticket):
                due[index] = await self._unheld.declare_lost(ticket)
        if due and self._account.state.phase is Phase.LIVE:
            await self._look(due)

    async def _look(self, due: Sequence[Ticket]) -> None:
        began = self._clock.at()
        for ticket in due:
            search = self._searches[ticket.ticket_id]
            pause = LOOK_SECONDS[min(search.looks, len(LOOK_SECONDS) - 1)]
            search.due = self._clock.now() + self._unheld.pause(ticket, pause, self._settle)
            search.looks += 1
        reads = AccountReads(self._account.channel)
        snapshot = await reads.snapshot()
        snapshot.require_positions()
        since = min(ticket.received_at for ticket in due) - SKEW
        listed = await reads.orders_since(since, began)
        orders = {order.order_id: order for order in [*snapshot.orders, *listed.orders]}
        # Read after the orders, so that each of ours has its ticket, whichever process sent it.
        closes = shown_closes(orders, await self._journal.closes(self._account.key, since))
        resting = {order.order_id for order in snapshot.orders}
        unreadable = [
            order
            for order in [*snapshot.unreadable, *listed.unreadable]
            if order.order_id not in resting
        ]
        positions = {position.position_id: position for position in snapshot.positions}
        records = Records(positions, orders, closes, unreadable)
        for ticket in due:
            finding = find(ticket, records)
            if finding is None:
                await self._absent(ticket, began >= self._unheld.quiet_since(ticket) + self._settle)
            elif finding.trigger is not None:
                await self._found(reads, ticket, finding)
            elif finding.is_doubt:
                await self._unheld.note(ticket, finding.text)

    async def _found(self, reads: AccountReads, ticket: Ticket, finding: Finding) -> None:
        deals: tuple[Deal, ...] = ()
        order = finding.order
        if order is not None and order.executed_volume_cents and order.position_id is not None:
            try:
                of_position = await reads.deals_of(order.position_id)
            except MappingError as exc:  # the tickets of other positions are settled on
                text = f"the deals of position {order.position_id} cannot be read: {exc}"
                await self._unheld.note(ticket, text)
                return
            deals = tuple(
                d for d in of_position if d.order_id == order.order_id and d.status.executed
            )
            if sum(deal.filled_volume_cents for deal in deals) < order.executed_volume_cents:
                return  # the history lags behind the order: look again
        if finding.trigger is not None:
            result = await self._tell(ticket, finding, deals)
            await self._unheld.settle(ticket, finding.trigger, finding.text, result)

    async def _absent(self, ticket: Ticket, is_settled: bool) -> None:
        search = self._searches[ticket.ticket_id]
        search.absences = search.absences + 1 if is_settled else 0
        if search.absences < READINGS:
            if is_settled:
                search.due = self._clock.now() + CONFIRM_SECONDS
            return
        text = f"{READINGS} complete readings of the broker's orders do not show it"
        finding = Finding(TicketTrigger.ABSENT, text)
        await self._unheld.settle(
            ticket, TicketTrigger.ABSENT, text, await self._tell(ticket, finding, ())
        )
