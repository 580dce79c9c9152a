"""New orders of one cTrader account: how they are sent, and what is told of them later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fxpool.account import ORDER, Finding, Phase, Tickets, Trading
from fxpool.domain.requests import OrderIntent
from fxpool.domain.tickets import Ticket, TicketKind, TicketTrigger
from fxpool.domain.trades import Deal
from fxpool.errors import TradeRefused
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import TradeRequest
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_trades import CTraderTrades
from fxpool.platforms.keyed_orders import KeyedOrders
from fxpool.platforms.trade_answers import absent
from fxpool.platforms.words import Call, explain, refusal
from fxpool.store import Journal


class TicketedOrders(KeyedOrders):
    """The new orders of one account."""

    def __init__(
        self,
        account: CTraderAccount,
        trades: CTraderTrades,
        trading: Trading,
        tickets: Tickets,
        journal: Journal,
    ) -> None:
        super().__init__(account.key, tickets, journal)
        self._account = account
        self._trades = trades
        self._trading = trading

    async def _send(self, request: TradeRequest, ticket: Ticket) -> TradeResult:
        return await self._trades.execute(request, ticket.client_order_id)

    def _is_open(self, position_id: str) -> bool:
        live = self._account.live
        if live.state.phase is not Phase.LIVE:
            return True
        return live.book.position(int(position_id)) is not None

    async def tell(
        self, ticket: Ticket, finding: Finding, deals: tuple[Deal, ...]
    ) -> Mapping[str, Any]:
        """Return what callers are told of a ticket that was unknown. Raises what reading raises."""
        if finding.trigger is TicketTrigger.ABSENT:
            result = refusal(absent(ticket.kind, finding.text))
        elif finding.trigger is TicketTrigger.REFUSED:
            result = refusal(explain(TradeRefused("ORDER_REJECTED", finding.text), Call.CHANGE))
        elif ticket.kind is TicketKind.PLACE:
            result = await self._told_late(ticket, finding, deals)
        else:
            result = TradeResult(success=True, outcome="executed", message=finding.text)
            if finding.order is not None:
                result["orderId"] = str(finding.order.order_id)
        return result | TradeResult(ticketId=ticket.ticket_id)

    async def _told_late(
        self, ticket: Ticket, finding: Finding, deals: tuple[Deal, ...]
    ) -> TradeResult:
        intent = msgspec.convert(ticket.intent[ORDER], OrderIntent, strict=False)
        assert finding.order is not None  # noqa: S101 (an executed order was found as one)
        placed = await self._trading.take_up(intent, finding.order, deals)
        return await self._trades.told(placed, intent)
