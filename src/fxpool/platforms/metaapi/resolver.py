"""Settles unknown tickets of one polled account by what MetaApi shows. Never sends an order.

A ticket is called absent when two complete readings miss it that began a settle time after nobody
could send it any more; MetaApi may carry a request out long after its answer was lost, so that
time is long. Where a way tells no history, absence proves nothing and the ticket stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from fxpool.account import ORDER, Tickets
from fxpool.account.evidence import SKEW
from fxpool.account.unheld import READINGS, Search, UnheldTickets
from fxpool.clock import Clock
from fxpool.domain.tickets import Ticket, TicketKind, TicketTrigger
from fxpool.errors import TradeRefused
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.evidence import Found, Records, doubt, find
from fxpool.platforms.metaapi.http import TRADE_SECONDS
from fxpool.platforms.metaapi.model import Deal, Order, TradeAnswer
from fxpool.platforms.metaapi.new_orders import MetaApiOrders
from fxpool.platforms.metaapi.orders import NUMBERS
from fxpool.platforms.metaapi.proofs import end_of
from fxpool.platforms.metaapi.served import Polling
from fxpool.platforms.trade_answers import absent
from fxpool.platforms.words import Call, explain, refusal
from fxpool.store import Journal

GONE_SECONDS: Final = TRADE_SECONDS + 5.0
"""Age at which no process can still be waiting for an answer."""

LOOK_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses between readings for one ticket, which cost credits. None goes past the moment from which
readings count."""


class MetaApiResolver:
    """Looks for the tickets of one account that nobody holds any more."""

    def __init__(
        self,
        account: MetaApiAccount,
        orders: MetaApiOrders,
        tickets: Tickets,
        journal: Journal,
        *,
        clock: Clock,
        pace: Polling,
    ) -> None:
        self._account = account
        self._orders = orders
        self._journal = journal
        self._unheld = UnheldTickets(tickets, journal, clock=clock, gone_seconds=GONE_SECONDS)
        self._clock = clock
        self._settle = timedelta(seconds=pace.settle_seconds)
        self._confirm_seconds = pace.confirm_seconds
        self._searches: dict[str, Search] = {}

    async def resolve(self, open_tickets: Sequence[Ticket]) -> None:
        """Go one step further with the open tickets of the account. Raises JournalDown, and what
        reading raises: nothing is concluded then."""
        now = self._clock.now()
        mine = [ticket for ticket in open_tickets if self._unheld.is_ours(ticket)]
        self._searches = {t.ticket_id: self._searches.get(t.ticket_id, Search()) for t in mine}
        due = [ticket for ticket in mine if self._searches[ticket.ticket_id].due <= now]
        if not due:
            return
        for ticket in due:
            search = self._searches[ticket.ticket_id]
            pause = LOOK_SECONDS[min(search.looks, len(LOOK_SECONDS) - 1)]
            search.due = now + self._unheld.pause(ticket, pause, self._settle)
            search.looks += 1
        due = [
            await self._unheld.declare_lost(t) if self._unheld.is_abandoned(t) else t for t in due
        ]
        began = self._clock.at()
        records = await self._records(min(ticket.received_at for ticket in due), due)
        for ticket in due:
            found = find(ticket, records)
            if found is not None:
                await self._settle_as(ticket, found)
            elif why := doubt(ticket, records):
                await self._unheld.note(ticket, why)
            elif self._account.way.offers.history:
                is_settled = began >= self._unheld.quiet_since(ticket) + self._settle
                await self._absent(ticket, is_settled)

    async def _records(self, since: datetime, due: Sequence[Ticket]) -> Records:
        reading = await self._account.read()
        past: tuple[Order, ...] = ()
        if self._account.way.offers.history:
            now = self._clock.at() + SKEW
            past = tuple(await self._account.way.past_orders(self._account.key, since - SKEW, now))
        others = await self._journal.tickets({self._account.key}, None)
        ids = {ticket.ticket_id for ticket in due}
        claimed = {
            str(ticket.result[name])
            for ticket in others
            if ticket.result is not None and ticket.ticket_id not in ids
            for name in ("positionId", "orderId")
            if name in ticket.result
        }
        return Records(reading, past, frozenset(claimed), await self._ends(reading, due))

    async def _ends(self, reading: Reading, due: Sequence[Ticket]) -> dict[str, Deal]:
        """Return the last deals of positions that are in question, and proved to be closed."""
        if not self._account.way.offers.closes:
            return {}
        kinds = {TicketKind.AMEND_POSITION, TicketKind.CLOSE}
        asked = {str(t.intent["positionId"]) for t in due if t.kind in kinds}
        ends: dict[str, Deal] = {}
        for key in asked - reading.positions.keys():
            end = end_of(await self._account.way.deals_of_position(self._account.key, key))
            if end is not None:
                ends[key] = end
        return ends

    async def _settle_as(self, ticket: Ticket, found: Found) -> None:
        result = await self._told(ticket, found)
        await self._unheld.settle(ticket, found.trigger, found.text, result)

    async def _told(self, ticket: Ticket, found: Found) -> Mapping[str, Any]:
        """Return what callers are told of a ticket that was unknown."""
        if found.trigger is TicketTrigger.REFUSED:
            result = refusal(explain(TradeRefused("ORDER_REJECTED", found.text), Call.CHANGE))
        elif found.trigger is TicketTrigger.ABSENT:
            result = refusal(absent(ticket.kind, found.text))
        elif ticket.kind is TicketKind.PLACE:
            answer = TradeAnswer(
                numeric_code=10009,
                string_code="TRADE_RETCODE_DONE",
                message=found.text,
                order_id=found.order_id,
                position_id=found.position_id,
            )
            result = await self._orders.told(_body(ticket.intent[ORDER]), answer)
        else:
            result = TradeResult(success=True, outcome="executed", message=found.text)
        return result | TradeResult(ticketId=ticket.ticket_id)

    async def _absent(self, ticket: Ticket, is_settled: bool) -> None:
        search = self._searches[ticket.ticket_id]
        search.absences = search.absences + 1 if is_settled else 0
        if is_settled:
            search.due = self._clock.now() + self._confirm_seconds
        if search.absences >= READINGS:
            text = f"{READINGS} complete readings of positions and orders do not show it"
            found = Found(TicketTrigger.ABSENT, text)
            await self._settle_as(ticket, found)


def _body(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as it was sent: the journal keeps exact numbers as texts."""
    return {
        name: Decimal(value) if name in NUMBERS and isinstance(value, str) else value
        for name, value in stored.items()
    }
