"""Trading calls on one cTrader account: callers' words in, TradeResult out.

Rights, limits and names are checked here; ``account.Trading`` knows what is sent and what became of
it. All raise kinds of FxPoolError, for the platform to put into words.

Source: MetaApi documentation, tradeResponse; what callers of the older pools send and read.
"""

from __future__ import annotations

from decimal import Decimal

from fxpool.account import Closed, Placed, Protection, Trading
from fxpool.domain.accounts import AccessRights
from fxpool.domain.requests import KEEP, REMOVE, OrderIntent, ProtectionLeg
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Deal, Position
from fxpool.errors import RequestRefused, TradeRefused, TradingHalted
from fxpool.mapping import metaapi
from fxpool.mapping.formats import TradeResult
from fxpool.mapping.instants import iso
from fxpool.mapping.numbers import number
from fxpool.openapi import says_gone
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.ctrader_orders import (
    Entry,
    changed_volume_cents,
    order_intent,
    protection_levels,
)
from fxpool.platforms.operator_alerts import OperatorAlerts
from fxpool.platforms.rights import no_rights, require_environment
from fxpool.platforms.words import Call, explain, refusal


class CTraderTrades:
    """The trading calls of one account."""

    def __init__(self, account: CTraderAccount, trading: Trading, alerts: OperatorAlerts) -> None:
        self._account = account
        self._alerts = alerts
        self._trading = trading
        self.executed = 0
        """Orders and closes that the broker executed, wholly or partly."""

    async def execute(self, request: TradeRequest, client_order_id: str) -> TradeResult:
        """Place an order of any type; the broker knows it by ``client_order_id``."""
        by_name = request.allow_unsynchronized
        self._require_rights(request.environment, opens=True, allow_unsynchronized=by_name)
        intent, _ = await order_intent(self._account, request, client_order_id)
        is_trusted = self._is_live and not self._account.live.book.unreadable_orders
        placed = await self._trading.place(
            intent, allow_unsynchronized=by_name, last_check=self._require_no_halt
        )
        return _said(await self.told(placed, intent), is_trusted=is_trusted)

    async def told(self, placed: Placed, intent: OrderIntent) -> TradeResult:
        """Return what a caller is told of an order that the broker took, and count it."""
        symbol = await self._account.live.symbol(intent.symbol_id)
        if placed.deals:
            self.executed += 1
            return self._filled(placed, symbol)
        return self._resting(placed, intent, symbol)

    async def modify_position(self, request: ProtectionRequest) -> TradeResult:
        """Set, keep (None) or remove (0) the legs of a position's protection."""
        self._require_rights(request.environment, opens=False)
        position_id = _identifier(request.position_id, "POSITION_NOT_FOUND")
        stop_loss, take_profit = request.stop_loss, request.take_profit
        known = self._account.live.book.position(position_id)
        if known is not None:
            symbol = await self._account.live.symbol(known.symbol_id)
            entry = Entry(symbol, known.side, known.price, known.volume_cents)
            stop_loss, take_profit = await protection_levels(self._account, entry, request)
        position = await self._trading.amend_position(
            position_id,
            _leg(stop_loss),
            _leg(take_profit),
            trailing=request.trailing_stop_loss,
            guaranteed=request.guaranteed_stop_loss,
        )
        return TradeResult(
            success=True,
            outcome="executed",
            positionId=str(position.position_id),
            stopLoss=number(position.stop_loss),
            takeProfit=number(position.take_profit),
            message="Position modified",
        )

    async def close_position(self, request: CloseRequest) -> TradeResult:
        """Close a position or a part of it; one that is closed already is told with its result."""
        by_name = request.allow_unsynchronized
        self._require_rights(
            request.environment, opens=False, allow_unsynchronized=by_name, reduces=True
        )
        position_id = _identifier(request.position_id, "POSITION_NOT_FOUND")
        volume, is_trusted = await self._volume_to_close(position_id, request.volume), self._is_live
        try:
            closed = await self._trading.close_position(
                position_id, volume, allow_unsynchronized=by_name
            )
        except RequestRefused as exc:
            if not says_gone(exc.code):
                raise
            return self._gone(position_id, exc)
        self.executed += 1
        return _said(self._closed(closed), is_trusted=is_trusted)

    def leaves_a_part(self, request: CloseRequest) -> bool:
        """Whether a close names a volume that is not all of its position, so that a second one
        takes more. A position that is not known here may be larger."""
        if request.volume is None:
            return False
        book, name = self._account.live.book, request.position_id
        position = book.position(int(name)) if name.isdecimal() else None
        symbol = None if position is None else book.symbols.get(position.symbol_id)
        if position is None or symbol is None:
            return True
        return not self._is_whole(position, symbol, request.volume)

    async def open_positions(self, symbol: str | None) -> list[str]:
        """Return the ids of all open positions, or of a symbol's, oldest first; of those that
        cannot be read too, which may be on any symbol.

        Raises NotReady, SymbolNotFound.
        """
        live = self._account.live
        live.require_way(reduces=True)
        wanted = None
        if symbol is not None:
            wanted = self._account.names.resolve(symbol).symbol.symbol_id
        found = {i for i, p in live.book.positions.items() if wanted in {None, p.symbol_id}}
        return [str(i) for i in sorted(found | live.unreadable_positions)]

    async def modify_order(self, change: OrderChange) -> TradeResult:
        """Change a pending order; None keeps a value. 0 for a protection side that it has is
        refused: the broker cannot remove it."""
        self._require_rights(change.environment, opens=True)
        order_id = _identifier(change.order_id, "ORDER_NOT_FOUND")
        self._account.live.require_live()
        known = self._account.live.book.orders.get(order_id)
        volume, stop_loss, take_profit = None, change.stop_loss, change.take_profit
        if known is not None and known.price is not None:
            symbol = await self._account.live.symbol(known.symbol_id)
            volume = changed_volume_cents(self._account, symbol, change)
            price = known.price if change.open_price is None else change.open_price
            entry = Entry(symbol, known.side, price, volume or known.volume_cents)
            stop_loss, take_profit = await protection_levels(self._account, entry, change)
        order = await self._trading.amend_order(
            order_id,
            price=change.open_price,
            volume_cents=volume,
            stop_loss=_leg(stop_loss),
            take_profit=_leg(take_profit),
            expires_at=change.expiration,
            trailing=change.trailing_stop_loss,
            guaranteed=change.guaranteed_stop_loss,
        )
        info = self._account.order(order)
        return TradeResult(
            success=True,
            outcome="executed",
            orderId=info["id"],
            type=info["type"],
            state=info["state"],
            symbol=info["symbol"],
            openPrice=info["openPrice"],
            volume=info["volume"],
            stopLoss=info["stopLoss"],
            takeProfit=info["takeProfit"],
            message="Order modified",
        )

    async def cancel_order(
        self, order_id: str, environment: str | None, *, allow_unsynchronized: bool = False
    ) -> TradeResult:
        """Cancel a pending order."""
        by_name = allow_unsynchronized
        self._require_rights(environment, opens=False, allow_unsynchronized=by_name, reduces=True)
        identifier, is_trusted = _identifier(order_id, "ORDER_NOT_FOUND"), self._is_live
        order = await self._trading.cancel_order(identifier, allow_unsynchronized=by_name)
        result = TradeResult(
            success=True,
            outcome="executed",
            orderId=str(order.order_id),
            state="ORDER_STATE_CANCELED",
            message="Order cancelled",
        )
        return _said(result, is_trusted=is_trusted)

    # What is refused before anything is sent

    def _require_rights(
        self,
        environment: str | None,
        *,
        opens: bool,
        allow_unsynchronized: bool = False,
        reduces: bool = False,
    ) -> None:
        config = self._account.config
        require_environment(config.key, config.environment.value, environment)
        if self._account.is_read_only:
            raise no_rights("READ_ONLY", f"read-only account {config.key}")
        self._account.live.require_way(allow_unsynchronized=allow_unsynchronized, reduces=reduces)
        rights = self._account.live.book.trader.access_rights
        if rights in {AccessRights.NO_TRADING, AccessRights.NO_LOGIN}:
            raise no_rights(rights.name, f"the broker gives {config.key} {rights.name}")
        if opens and rights is AccessRights.CLOSE_ONLY:
            raise no_rights(rights.name, f"the broker lets {config.key} only close")
        if opens:
            self._require_no_halt()

    def _require_no_halt(self) -> None:
        halt = self._account.halt
        if halt is not None:
            raise TradingHalted(halt.told(self._account.key))

    async def _volume_to_close(self, position_id: int, lots: Decimal | None) -> int | None:
        position = self._account.live.book.position(position_id)
        if lots is None or position is None:
            return None
        symbol = await self._account.live.symbol(position.symbol_id)
        if self._is_whole(position, symbol, lots):
            return None  # whatever volumes the symbol allows for new orders by now
        return symbol.volume_cents(self._broker_lots(symbol, lots))

    def _is_whole(self, position: Position, symbol: Symbol, lots: Decimal) -> bool:
        return self._broker_lots(symbol, lots) * symbol.lot_size_cents == position.volume_cents

    @property
    def _is_live(self) -> bool:
        return self._account.live.is_live

    def _broker_lots(self, symbol: Symbol, lots: Decimal) -> Decimal:
        return lots * self._account.names.multiplier(symbol.symbol_id)

    # What callers are told

    def _filled(self, placed: Placed, symbol: Symbol) -> TradeResult:
        order, position = placed.order, placed.position
        price = _average_price(placed.deals)
        result = TradeResult(
            success=True,
            outcome="executed",
            orderId=str(order.order_id),
            positionId=str(placed.deals[-1].position_id),
            dealId=str(placed.deals[-1].deal_id),
            symbol=self._account.names.mt_name(symbol.symbol_id),
            type=metaapi.direction(order.side),
            volume=self._account.lots(symbol, order.volume_cents),
            executedVolume=self._account.lots(symbol, placed.executed_volume_cents),
            openPrice=price,
            executedPrice=price,
            price=price,
            stopLoss=number(position.stop_loss) if position else None,
            takeProfit=number(position.take_profit) if position else None,
            commission=float(sum((deal.commission for deal in placed.deals), Decimal(0))),
            comment=order.comment,
            clientId=order.label,
            clientOrderId=order.client_order_id,
            time=iso(placed.deals[-1].executed_at),
            partial=placed.is_partial,
            protection=placed.protection.value,
        )
        if placed.protection is Protection.FAILED:
            self._alerts.protection_failed(
                self._account.key, result["positionId"], placed.protection_error
            )
            text = f"the order was executed, its protection was not set: {placed.protection_error}"
            result |= TradeResult(error=text, detail=text, code="PROTECTION_FAILED")
        return result

    def _resting(self, placed: Placed, intent: OrderIntent, symbol: Symbol) -> TradeResult:
        order = placed.order
        at = order.updated_at or order.opened_at
        stop_loss, take_profit = metaapi.order_levels(order)
        result = TradeResult(
            success=True,
            outcome="executed",
            orderId=str(order.order_id),
            symbol=self._account.names.mt_name(symbol.symbol_id),
            type=metaapi.order_type(order.side, order.type),
            state=metaapi.order_state(order),
            openPrice=float(order.price if order.price is not None else intent.price or 0),
            volume=self._account.lots(symbol, order.volume_cents),
            stopLoss=number(intent.stop_loss if stop_loss is None else stop_loss),
            takeProfit=number(intent.take_profit if take_profit is None else take_profit),
            comment=order.comment,
            clientId=order.label,
            clientOrderId=order.client_order_id,
        )
        if at is not None:
            result["time"] = iso(at)
        return result

    def _closed(self, closed: Closed) -> TradeResult:
        details = [deal.close for deal in closed.deals if deal.close is not None]
        symbol = self._account.live.book.symbols[closed.position.symbol_id]
        volume = sum(deal.filled_volume_cents for deal in closed.deals)
        order_id = str(closed.order.order_id)
        return TradeResult(
            success=True,
            outcome="executed",
            positionId=str(closed.position.position_id),
            order_id=order_id,
            orderId=order_id,
            dealId=str(closed.deals[-1].deal_id),
            profit=float(sum((d.net_profit for d in details), Decimal(0))),
            grossProfit=float(sum((d.gross_profit for d in details), Decimal(0))),
            swap=float(sum((d.swap for d in details), Decimal(0))),
            commission=float(sum((d.commission + d.conversion_fee for d in details), Decimal(0))),
            closePrice=_average_price(closed.deals),
            closedVolume=self._account.lots(symbol, volume),
            remainingVolume=self._account.lots(symbol, closed.remaining_volume_cents),
            partial=closed.remaining_volume_cents > 0,
            time=iso(closed.deals[-1].executed_at),
            message="Position partially closed"
            if closed.remaining_volume_cents
            else "Position closed",
        )

    def _gone(self, position_id: int, error: RequestRefused) -> TradeResult:
        result = refusal(explain(error, Call.CHANGE))
        seen = self._account.live.book.closed_position(position_id)
        if seen is None:
            return result
        result |= TradeResult(
            positionId=str(position_id),
            alreadyClosed=True,
            closeReason=seen.reason.value,
            closeTime=iso(seen.closed_at),
        )
        if seen.realised is not None:
            result["profit"] = float(seen.realised)
        return result


def _said(result: TradeResult, *, is_trusted: bool) -> TradeResult:
    """Say in a result that the account's book was not known to be the broker's when it was sent."""
    return result if is_trusted else result | TradeResult(unsynchronized=True)


def _identifier(text: str, code: str) -> int:
    if not text.isdecimal():
        raise TradeRefused(code, f"no id of this broker: {text!r}")
    return int(text)


def _leg(price: Decimal | None) -> ProtectionLeg:
    if price is None:
        return KEEP
    return price if price else REMOVE


def _average_price(deals: tuple[Deal, ...]) -> float:
    """Return the volume-weighted price of executions; that of a single one unchanged."""
    priced = [(deal.price, deal.filled_volume_cents) for deal in deals if deal.price is not None]
    if len(priced) == 1:
        return float(priced[0][0])
    total = sum((price * volume for price, volume in priced), Decimal(0))
    return float(total / sum(volume for _, volume in priced))
