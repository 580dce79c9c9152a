"""Changes on one polled account: protection, closes, pending orders; looked up before the answer.

Source: MetaApi documentation, tradeRequest and tradeResponse; what callers of older pools read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fxpool.domain.protection import Units
from fxpool.domain.tickets import TicketKind
from fxpool.errors import NotReady, TradeRefused
from fxpool.mapping.formats import TradeResult
from fxpool.mapping.instants import iso
from fxpool.platforms.base import CloseRequest, OrderChange, ProtectionRequest
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.model import Deal, Order, Position, TradeAnswer, text_id
from fxpool.platforms.metaapi.orders import check_lots, not_supported
from fxpool.platforms.metaapi.proofs import end_of
from fxpool.platforms.metaapi.sending import Sender


class MetaApiChanges:
    """The calls on positions and pending orders of one account."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._account = sender.account

    async def modify_position(self, request: ProtectionRequest) -> TradeResult:
        """Set, keep (None) or remove (0) the legs of a position's protection.

        MetaTrader sets both legs at once, so the one that stays is sent again.
        """
        self._sender.require_rights(request.environment, opens=False)
        if request.trailing_stop_loss is not None or request.guaranteed_stop_loss is not None:
            raise not_supported("trailing and guaranteed stop losses on MetaTrader accounts")
        reading = await self._account.read()
        position = reading.positions.get(request.position_id)
        if position is None:
            await self._closings(request.position_id)
            raise TradeRefused("POSITION_NOT_FOUND", f"position not found: {request.position_id}")
        body: dict[str, Any] = {"actionType": "POSITION_MODIFY", "positionId": request.position_id}
        body |= _leg("stopLoss", request.stop_loss, request.stop_loss_units, position.stop_loss)
        body |= _leg(
            "takeProfit", request.take_profit, request.take_profit_units, position.take_profit
        )
        answer = await self._sender.change(
            TicketKind.AMEND_POSITION, body, noted=_levels_before(position, body)
        )

        def is_seen(positions: Mapping[str, Position]) -> bool:
            now = positions.get(request.position_id)
            return now is None or has_legs(now, body)

        positions = await self._sender.seen(is_seen)
        now = positions.get(request.position_id, position)
        return TradeResult(
            success=True,
            outcome="executed",
            positionId=request.position_id,
            stopLoss=shapes.level(now.stop_loss),
            takeProfit=shapes.level(now.take_profit),
            message=answer.message or "Position modified",
        )

    async def close_position(self, request: CloseRequest) -> TradeResult:
        """Close a position or a part of it; one that is closed already is told with its result."""
        self._sender.require_rights(request.environment, opens=False)
        reading = await self._account.read()
        position = reading.positions.get(request.position_id)
        if position is None:
            return await self._gone(request.position_id)
        body: dict[str, Any] = {
            "actionType": "POSITION_CLOSE_ID",
            "positionId": request.position_id,
        }
        left = Decimal(0)
        if request.volume is not None and request.volume < position.volume:
            specification = None
            if self._account.way.offers.specifications:
                specification = await self._account.specification(position.symbol)
            check_lots(request.volume, position.symbol, specification)
            body |= {"actionType": "POSITION_PARTIAL", "volume": request.volume}
            left = position.volume - request.volume
        elif request.volume is not None and request.volume > position.volume:
            raise TradeRefused(
                "TRADING_BAD_VOLUME",
                f"position {request.position_id} has {position.volume} lots, not {request.volume}",
            )
        known = (
            {str(deal.id) for deal in await self._sender.deals(request.position_id)}
            if left
            else set()
        )
        answer = await self._sender.change(
            TicketKind.CLOSE, body, noted={"left": left} if left else None, is_exit=not left
        )
        self._sender.executed += 1

        def is_seen(positions: Mapping[str, Position]) -> bool:
            now = positions.get(request.position_id)
            return now is None or (bool(left) and now.volume <= left)

        positions = await self._sender.seen(is_seen)
        now = positions.get(request.position_id)
        remaining = Decimal(0) if now is None else now.volume
        return await self._closed(position, answer, remaining, known)

    async def _closed(
        self, position: Position, answer: TradeAnswer, remaining: Decimal, known: set[str]
    ) -> TradeResult:
        order_id = text_id(answer.order_id) or ""
        result = TradeResult(
            success=True,
            outcome="executed",
            positionId=str(position.id),
            order_id=order_id,
            orderId=order_id,
            closedVolume=float(position.volume - remaining),
            remainingVolume=float(remaining),
            partial=remaining > 0,
            message="Position partially closed" if remaining else "Position closed",
        )
        deals = await self._sender.closing_deals(
            str(position.id), position.volume - remaining, known
        )
        if not deals:
            return result
        return result | TradeResult(
            dealId=str(deals[-1].id),
            profit=float(sum((deal.net_profit for deal in deals), Decimal(0))),
            grossProfit=float(sum((deal.profit for deal in deals), Decimal(0))),
            swap=float(sum((deal.swap for deal in deals), Decimal(0))),
            commission=float(sum((deal.commission for deal in deals), Decimal(0))),
            closePrice=average(deals),
            time=iso(deals[-1].time),
        )

    async def _gone(self, position_id: str) -> TradeResult:
        """Return the answer for a position that is not shown: its result, if it was one of ours.
        Raises what ``_closings`` raises."""
        closing = await self._closings(position_id)
        error = TradeRefused("POSITION_NOT_FOUND", f"position not found: {position_id}")
        if not closing:
            raise error
        last = closing[-1]
        text = f"{error.text}: it closed at {iso(last.time)}"
        return TradeResult(
            success=False,
            outcome="not_executed",
            error=text,
            detail=text,
            code="POSITION_NOT_FOUND",
            retryable=False,
            positionId=position_id,
            alreadyClosed=True,
            closeReason=shapes.close_reason(last),
            closeTime=iso(last.time),
            profit=float(sum((deal.net_profit for deal in closing), Decimal(0))),
        )

    async def _closings(self, position_id: str) -> list[Deal]:
        """Return the deals that closed a position which is not shown; none where none are told.

        Raises NotReady where its deals leave it open, and what reading them raises.
        """
        way = self._account.way
        if not way.offers.closes:
            return []
        deals = await way.deals_of_position(self._account.key, position_id)
        if deals and end_of(deals) is None:
            text = f"position {position_id} is not shown, and its deals leave it open"
            raise NotReady(text, phase="synchronising")
        return sorted((deal for deal in deals if deal.closes), key=lambda deal: deal.time)

    def leaves_a_part(self, request: CloseRequest) -> bool:
        """Whether a close names a volume: what the position has is not known before it is read."""
        return request.volume is not None

    async def open_positions(self, symbol: str | None) -> list[str]:
        """Return the ids of all open positions, or of a symbol's, oldest first."""
        reading = await self._account.read()
        found = [p for p in reading.positions.values() if symbol in {None, p.symbol}]
        return [str(position.id) for position in sorted(found, key=lambda p: p.time)]

    # Pending orders

    async def modify_order(self, change: OrderChange) -> TradeResult:
        """Change a pending order; None keeps a value, 0 removes a protection side."""
        self._sender.require_rights(change.environment, opens=True)
        self._sender.require_orders()
        if change.volume is not None:
            raise not_supported("another volume for a pending order of MetaTrader")
        if change.trailing_stop_loss is not None or change.guaranteed_stop_loss is not None:
            raise not_supported("trailing and guaranteed stop losses on MetaTrader accounts")
        reading = await self._account.read()
        order = (reading.orders or {}).get(change.order_id)
        if order is None:
            raise TradeRefused("ORDER_NOT_FOUND", change.order_id)
        price = order.open_price if change.open_price is None else change.open_price
        body: dict[str, Any] = {
            "actionType": "ORDER_MODIFY",
            "orderId": change.order_id,
            "openPrice": price,
        }
        if order.stop_limit_price is not None:
            body["stopLimitPrice"] = order.stop_limit_price
        body |= _leg("stopLoss", change.stop_loss, change.stop_loss_units, order.stop_loss)
        body |= _leg("takeProfit", change.take_profit, change.take_profit_units, order.take_profit)
        expires = change.expiration or order.expiration_time
        if expires is not None:
            body["expiration"] = {"type": "ORDER_TIME_SPECIFIED", "time": iso(expires)}
        answer = await self._sender.change(
            TicketKind.AMEND_ORDER, body, noted=_levels_before(order, body)
        )

        def is_seen(seen: Reading) -> bool:
            now = (seen.orders or {}).get(change.order_id)
            return now is None or (now.open_price == price and has_legs(now, body))

        await self._sender.look(is_seen)
        now = self._known_order(change.order_id) or order
        return TradeResult(
            success=True,
            outcome="executed",
            orderId=change.order_id,
            type=order.type,
            state="ORDER_STATE_PLACED",
            symbol=order.symbol,
            openPrice=float(price or 0),
            volume=float(order.volume),
            stopLoss=_told("stopLoss", body, now.stop_loss),
            takeProfit=_told("takeProfit", body, now.take_profit),
            message=answer.message or "Order modified",
        )

    def _known_order(self, order_id: str) -> Order | None:
        reading = self._account.reading
        return None if reading is None else (reading.orders or {}).get(order_id)

    async def cancel_order(
        self, order_id: str, environment: str | None, *, allow_unsynchronized: bool
    ) -> TradeResult:
        """Cancel a pending order; the account is read first, so ``allow_unsynchronized`` changes
        nothing here."""
        self._sender.require_rights(environment, opens=False)
        self._sender.require_orders()
        reading = await self._account.read()
        if order_id not in (reading.orders or {}):
            raise TradeRefused("ORDER_NOT_FOUND", order_id)
        body = {"actionType": "ORDER_CANCEL", "orderId": order_id}
        await self._sender.change(TicketKind.CANCEL, body, is_exit=True)
        await self._sender.look(lambda seen: order_id not in (seen.orders or {}))
        return TradeResult(
            success=True,
            outcome="executed",
            orderId=order_id,
            state="ORDER_STATE_CANCELED",
            message="Order cancelled",
        )


def _leg(
    name: str, wanted: Decimal | None, units: Units, present: Decimal | None
) -> dict[str, Any]:
    """Return one leg as it is to be: what is absent is removed there."""
    if wanted is None:
        return {name: present} if present else {}
    if not wanted:
        return {}
    leg: dict[str, Any] = {name: wanted}
    if units is not Units.PRICE:
        leg |= {f"{name}Units": units.value, "stopPriceBase": "OPEN_PRICE"}
    return leg


def has_legs(shown: Position | Order, body: Mapping[str, Any]) -> bool:
    """Whether a record has the protection of a request, as far as prices can be compared."""
    return all(
        f"{name}Units" in body or (present or None) == body.get(name)
        for name, present in (("stopLoss", shown.stop_loss), ("takeProfit", shown.take_profit))
    )


def _levels_before(shown: Position | Order, body: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the levels that legs replace which are asked for as distances."""
    legs = (("stopLoss", shown.stop_loss), ("takeProfit", shown.take_profit))
    return {f"{name}Was": level for name, level in legs if f"{name}Units" in body and level}


def _told(name: str, body: Mapping[str, Any], shown: Decimal | None) -> float | None:
    """Return a leg as a price: as it was asked for, or as it is shown for a distance."""
    return shapes.level(shown if f"{name}Units" in body else body.get(name))


def average(deals: Sequence[Deal]) -> float:
    """Return the volume-weighted price of deals; that of a single one unchanged."""
    priced = [(deal.price, deal.volume) for deal in deals if deal.price is not None]
    if len(priced) == 1:
        return float(priced[0][0])
    total = sum((price * volume for price, volume in priced), Decimal(0))
    return float(total / sum(volume for _, volume in priced))
