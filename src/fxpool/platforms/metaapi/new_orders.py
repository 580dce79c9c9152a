"""New orders of one polled account: sent once under a ticket, then looked up before the answer.

Source: MetaApi documentation, tradeRequest and tradeResponse; what callers of older pools read.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import structlog

from fxpool.account import Phase, Tickets
from fxpool.domain.tickets import Ticket
from fxpool.errors import FxPoolError
from fxpool.mapping.formats import TradeResult
from fxpool.mapping.instants import iso
from fxpool.mapping.numbers import number
from fxpool.platforms.base import TradeRequest
from fxpool.platforms.keyed_orders import KeyedOrders
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.changes import average, has_legs
from fxpool.platforms.metaapi.codes import DONE_PARTIALLY
from fxpool.platforms.metaapi.model import Position, TradeAnswer, text_id
from fxpool.platforms.metaapi.orders import not_supported, order_body
from fxpool.platforms.metaapi.sending import CONFIRM_SECONDS, Sender, carries
from fxpool.store import Journal

MARKET: Final = frozenset({"ORDER_TYPE_BUY", "ORDER_TYPE_SELL"})

log = structlog.get_logger(__name__)


class MetaApiOrders(KeyedOrders):
    """The new orders of one account."""

    def __init__(self, sender: Sender, tickets: Tickets, journal: Journal) -> None:
        super().__init__(sender.account.key, tickets, journal)
        self._sender = sender
        self._account = sender.account

    async def _send(self, request: TradeRequest, ticket: Ticket) -> TradeResult:
        self._sender.require_rights(request.environment, opens=True)
        offers = self._account.way.offers
        specification = None
        if offers.specifications:
            specification = await self._account.specification(request.symbol)
        body = order_body(request, specification, ticket.ticket_id, offers)
        if body["actionType"] not in MARKET and not offers.orders:
            raise not_supported("pending orders: this pool drops their type and price")
        known = self._account.reading
        before = frozenset() if known is None else frozenset(known.positions)
        answer = await self._sender.order(ticket, body)
        return await self.told(body, answer, before)

    async def told(
        self, body: Mapping[str, Any], answer: TradeAnswer, before: frozenset[str] = frozenset()
    ) -> TradeResult:
        """Return what a caller is told of an order that was done.

        ``before`` are the positions that were open already: none of them is taken for the new one
        by its client id, which a caller may use twice.
        """
        if body["actionType"] in MARKET:
            self._sender.executed += 1
            return await self._filled(body, answer, before)
        await self._seen(body, answer)
        return self._resting(body, answer)

    async def _seen(self, body: Mapping[str, Any], answer: TradeAnswer) -> None:
        """Wait for a reading that shows a pending order, or the position that it became."""
        order_id = text_id(answer.order_id)
        if order_id is not None:
            await self._sender.look(
                lambda seen: (
                    order_id in (seen.orders or {})
                    or any(carries(position, body) for position in seen.positions.values())
                )
            )

    async def _filled(
        self, body: Mapping[str, Any], answer: TradeAnswer, before: frozenset[str]
    ) -> TradeResult:
        order_id, position_id = text_id(answer.order_id), text_id(answer.position_id)
        position = await self._position_of(body, order_id, position_id, before)
        if position is not None:
            position_id = str(position.id)
        result = TradeResult(
            success=True,
            outcome="executed",
            symbol=body["symbol"],
            type=body["actionType"].replace("ORDER_TYPE", "POSITION_TYPE"),
            volume=float(body["volume"]),
            comment=body.get("comment", ""),
            clientId=body.get("clientId", ""),
            partial=answer.numeric_code == DONE_PARTIALLY,
            message=answer.message,
        )
        if order_id is not None:
            result["orderId"] = order_id
        if position_id is not None:
            result["positionId"] = position_id
        if position is None:
            return result | await self._of_the_past(position_id)
        price = float(position.open_price)
        result |= TradeResult(
            executedVolume=float(position.volume),
            openPrice=price,
            executedPrice=price,
            price=price,
            stopLoss=shapes.level(position.stop_loss),
            takeProfit=shapes.level(position.take_profit),
            commission=float(position.commission),
            time=iso(position.time),
        )
        return result | _protection_told(body, position)

    async def _position_of(
        self,
        body: Mapping[str, Any],
        order_id: str | None,
        position_id: str | None,
        before: frozenset[str],
    ) -> Position | None:
        """Return the position that an order opened, as soon as a reading shows it."""
        names = {name for name in (position_id, order_id) if name is not None}
        if position_id is not None:
            names = {position_id}

        def find(positions: Mapping[str, Position]) -> Position | None:
            for key, position in positions.items():
                if key in names or (key not in before and carries(position, body)):
                    return position
            return None

        try:
            reading = await self._account.until(lambda seen: find(seen.positions), CONFIRM_SECONDS)
        except FxPoolError as exc:
            log.warning("a trade was done, and cannot be read", error=str(exc))
            return None
        return None if reading is None else find(reading.positions)

    async def _of_the_past(self, position_id: str | None) -> TradeResult:
        """Return what deals tell of a position that was closed again before it was read."""
        deals = [] if position_id is None else await self._sender.deals(position_id)
        opening = [deal for deal in deals if not deal.closes and deal.price is not None]
        if not opening:
            return TradeResult()
        price = average(opening)
        return TradeResult(
            executedVolume=float(sum((deal.volume for deal in opening), Decimal(0))),
            openPrice=price,
            executedPrice=price,
            price=price,
            time=iso(opening[-1].time),
        )

    def _resting(self, body: Mapping[str, Any], answer: TradeAnswer) -> TradeResult:
        result = TradeResult(
            success=True,
            outcome="executed",
            symbol=body["symbol"],
            type=body["actionType"],
            state="ORDER_STATE_PLACED",
            openPrice=float(body["openPrice"]),
            volume=float(body["volume"]),
            stopLoss=number(body.get("stopLoss")),
            takeProfit=number(body.get("takeProfit")),
            comment=body.get("comment", ""),
            clientId=body.get("clientId", ""),
            message=answer.message,
        )
        if answer.order_id is not None:
            result["orderId"] = str(answer.order_id)
        return result

    def _is_open(self, position_id: str) -> bool:
        reading = self._account.reading
        is_live = self._account.state.phase is Phase.LIVE
        return reading is None or not is_live or position_id in reading.positions


def _protection_told(body: Mapping[str, Any], position: Position) -> TradeResult:
    wanted = {name for name in ("stopLoss", "takeProfit") if name in body}
    if not wanted:
        return TradeResult(protection="none")
    present = {"stopLoss": position.stop_loss, "takeProfit": position.take_profit}
    if all(present[name] for name in wanted) and has_legs(position, body):
        return TradeResult(protection="set")
    text = "the order was executed, and its protection is not the one that was asked for"
    return TradeResult(protection="failed", error=text, detail=text, code="PROTECTION_FAILED")
