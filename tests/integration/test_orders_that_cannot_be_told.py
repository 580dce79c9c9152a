"""Orders that left, and cannot be told: their outcome is unknown, and they keep their key."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from pathlib import Path

from fxpool.account import Answer, Tickets
from fxpool.clock import SystemClock
from fxpool.domain.tickets import Ticket, TicketState
from fxpool.errors import MappingError
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import TradeRequest
from fxpool.platforms.keyed_orders import KeyedOrders
from harness.accounts import Recorder
from harness.journals import journal_beside

ORDER = TradeRequest("EURUSD", "BUY", Decimal("0.1"), comment="Copy_40021877_L10")


class Unreadable(KeyedOrders):
    """Its orders are executed, and then something about them makes no sense."""

    def __init__(self, tickets: Tickets, *more: object) -> None:
        super().__init__("alpha", tickets, *more)  # type: ignore[arg-type] # the journal
        self.sent = 0

    async def _send(self, request: TradeRequest, ticket: Ticket) -> TradeResult:
        async def executed() -> Answer[None]:
            self.sent += 1
            return Answer(None)

        await self._tickets.send_order(executed, ticket, {})
        raise MappingError("order 1 has no time")

    def _is_open(self, position_id: str) -> bool:
        return True


async def test_an_order_that_cannot_be_told_is_unknown_and_leaves_no_key_for_a_second_one(
    tmp_path: Path,
) -> None:
    ids = (f"t{number}" for number in count(1))
    async with journal_beside(tmp_path) as journal:
        told = Recorder()
        tickets = Tickets("alpha", journal, told, clock=SystemClock(), new_id=lambda: next(ids))
        orders = Unreadable(tickets, journal)
        result = await orders.execute(ORDER)
        assert (result["success"], result["outcome"]) == (False, "unknown")
        assert [ticket.ticket_id for ticket in told.unknown] == [result["ticketId"]]
        holder = await journal.ticket(result["ticketId"])
        assert holder is not None
        assert holder.state is TicketState.UNKNOWN
        found = await journal.holder("alpha", f"comment:{ORDER.comment}")
        assert found is not None
        assert not found.is_free
        assert orders.sent == 1
