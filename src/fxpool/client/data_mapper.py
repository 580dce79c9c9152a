"""DataMapper: messages of the Open API in the shapes that callers of the older mapper read.

A face of ``mapping`` with the older names, for programs that speak the Open API themselves; the
pool's own answers do not pass here. Pure: symbols come in once, quotes and time as arguments.

Source: the data mapper of the older pools.
"""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypedDict

from fxpool.client.trade_data import trade_request
from fxpool.domain.accounts import AccountTotals
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbol_names import SymbolNames, SymbolRule
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Deal, Execution, ExecutionType, OrderStatus
from fxpool.errors import MappingError
from fxpool.mapping import from_wire, metaapi
from fxpool.mapping.formats import AccountInformation, OrderInfo, PositionInfo, PriceInfo
from fxpool.mapping.instants import iso
from fxpool.openapi.proto import messages_pb2, model_pb2
from fxpool.platforms.base import TradeRequest

_STATES: Final = {
    OrderStatus.ACCEPTED: "ORDER_STATE_PLACED",
    OrderStatus.FILLED: "ORDER_STATE_FILLED",
    OrderStatus.REJECTED: "ORDER_STATE_REJECTED",
    OrderStatus.EXPIRED: "ORDER_STATE_EXPIRED",
    OrderStatus.CANCELLED: "ORDER_STATE_CANCELED",
}
_CANCELS: Final = {ExecutionType.ORDER_CANCELLED, ExecutionType.ORDER_EXPIRED}


class SymbolInfo(TypedDict):
    """A symbol as the older mapper told it; volumes and sizes in lots and units."""

    symbol: str
    tickSize: float
    minVolume: float | None
    maxVolume: float | None
    volumeStep: float | None
    contractSize: float
    pipPosition: int
    digits: int
    spreadFloating: bool
    bid: float | None
    ask: float | None
    profitCurrency: str


class ExecutionInfo(TypedDict):
    """An execution as the older mapper told it; what the event does not say is null."""

    id: str
    type: str
    symbol: str
    magic: int
    orderId: str | None
    positionId: str | None
    volume: float
    price: float | None
    commission: float
    swap: float
    profit: float
    time: str
    clientId: str
    comment: str


class DataMapper:
    """Maps the messages of one account, whose symbols it knows."""

    def __init__(
        self,
        symbols: Iterable[Symbol],
        *,
        account: str,
        asset_names: Mapping[int, str],
        rules: Sequence[SymbolRule] = (),
        broker: str = "",
    ) -> None:
        """``asset_names`` are the broker's, by id; ``rules`` are those of symbols.json."""
        self._symbols = {symbol.symbol_id: symbol for symbol in symbols}
        self._account, self._assets = account, asset_names
        lights = [symbol.light for symbol in self._symbols.values()]
        self._names = SymbolNames(lights, rules, asset_names=asset_names, broker=broker)

    # Messages

    def map_position(
        self,
        message: model_pb2.ProtoOAPosition,
        quote: LiveQuote | None = None,
        gross: Decimal | None = None,
    ) -> PositionInfo:
        """Return an open position; ``gross`` is its unrealised result, where it is known.

        Raises MappingError for a message that makes no sense.
        """
        position = from_wire.position_from(message)
        symbol, name, multiplier = self._known(position.symbol_id)
        return metaapi.position_info(
            position,
            symbol,
            account=self._account,
            symbol_name=name,
            quote=quote,
            gross=gross,
            realised=None,
            ticks=None,
            multiplier=multiplier,
        )

    def map_order(
        self, message: model_pb2.ProtoOAOrder, quote: LiveQuote | None = None
    ) -> OrderInfo:
        """Return a pending order. Raises MappingError."""
        order = from_wire.order_from(message)
        symbol, name, multiplier = self._known(order.symbol_id)
        told = metaapi.told_order(
            order,
            symbol,
            account=self._account,
            symbol_name=name,
            quote=quote,
            multiplier=multiplier,
        )
        return metaapi.order_info(told)

    def map_order_request(self, data: Mapping[str, Any]) -> TradeRequest:
        """Return the order that a caller's trade object asks for.

        Raises PlatformError 422: a word that is no action is refused, never a SELL.
        """
        return trade_request(data)

    def map_order_state(self, status: int) -> str:
        """Return MetaApi's word for the Open API's number. Raises MappingError for another one."""
        try:
            return _STATES[OrderStatus(status)]
        except ValueError:
            raise MappingError(f"{status} is no order status of the Open API") from None

    def map_account_info(
        self,
        message: model_pb2.ProtoOATrader,
        totals: AccountTotals,
        *,
        environment: str,
        open_positions: int,
        at: datetime,
    ) -> AccountInformation:
        """Return an account with what it is worth, which a trader message does not tell.

        Raises MappingError, and NotReady while ``totals`` miss the equity or the margin.
        """
        trader = from_wire.trader_from(message)
        return metaapi.account_information(
            shown_id=self._account,
            name=self._account,
            environment=environment,
            simulated=False,
            broker=trader.broker or "",
            login="" if trader.login is None else str(trader.login),
            currency=self._asset(trader.deposit_asset_id),
            trader=trader,
            totals=totals,
            open_positions=open_positions,
            investor_mode=False,
            halted=False,
            at=at,
        )

    def map_symbol_info(self, symbol_id: int, quote: LiveQuote | None = None) -> SymbolInfo:
        """Return what may be traded of a symbol. Raises MappingError for one that is not known."""
        symbol, name, multiplier = self._known(symbol_id)

        def lots(cents: int | None) -> float | None:
            return None if cents is None else metaapi.lots(cents, symbol, multiplier)

        def price(side: Decimal | None) -> float | None:
            return None if side is None else float(side)

        return SymbolInfo(
            symbol=name,
            tickSize=float(symbol.tick_size),
            minVolume=lots(symbol.min_volume_cents),
            maxVolume=lots(symbol.max_volume_cents),
            volumeStep=lots(symbol.step_volume_cents),
            contractSize=float(symbol.units_per_lot * multiplier),
            pipPosition=symbol.pip_position,
            digits=symbol.digits,
            spreadFloating=True,
            bid=price(None if quote is None else quote.bid_price),
            ask=price(None if quote is None else quote.ask_price),
            profitCurrency=self._asset(symbol.light.quote_asset_id),
        )

    def map_execution_event(self, message: messages_pb2.ProtoOAExecutionEvent) -> ExecutionInfo:
        """Return what an execution did. Raises MappingError for one without order and deal."""
        execution = from_wire.execution_from(message)
        deal, order = execution.deal, execution.order
        about = deal or order
        if about is None:
            raise MappingError(f"a {execution.type.name} event is about no order")
        symbol, name, multiplier = self._known(about.symbol_id)
        close = None if deal is None else deal.close
        cents = deal.filled_volume_cents if deal else order.volume_cents if order else 0
        price = deal.price if deal else order.price if order else None
        at = deal.executed_at if deal else order.updated_at or order.opened_at if order else None
        if at is None:
            raise MappingError(f"a {execution.type.name} event has no time")
        return ExecutionInfo(
            id=str(deal.deal_id if deal else about.order_id),
            type=_kind(execution, deal),
            symbol=name,
            magic=metaapi.magic(order.label if order else ""),
            orderId=str(about.order_id),
            positionId=None if about.position_id is None else str(about.position_id),
            volume=metaapi.lots(cents, symbol, multiplier),
            price=None if price is None else float(price),
            commission=0.0 if close is None else float(close.commission + close.conversion_fee),
            swap=0.0 if close is None else float(close.swap),
            profit=0.0 if close is None else float(close.gross_profit),
            time=iso(at),
            clientId=order.label if order else "",
            comment=order.comment if order else "",
        )

    def map_price_data(
        self, quote: LiveQuote, *, now: float, at: datetime, stale: bool = False
    ) -> PriceInfo:
        """Return a quote; ``now`` and ``at`` are the present. Raises NoQuote without both sides."""
        symbol, name, multiplier = self._known(quote.symbol_id)
        return metaapi.price_info(
            quote,
            symbol,
            account=self._account,
            symbol_name=name,
            ticks=None,
            now=now,
            at=at,
            stale=stale,
            multiplier=multiplier,
        )

    # Names

    def get_symbol_mapping(self, mt5_symbol: str) -> str:
        """Return the broker's name of a symbol. Raises SymbolNotFound."""
        return self._names.resolve(mt5_symbol).symbol.name

    def get_all_symbols(self) -> list[str]:
        """Return the MetaTrader names of all symbols."""
        return sorted(self._names.mt_name(symbol_id) for symbol_id in self._symbols)

    def _known(self, symbol_id: int) -> tuple[Symbol, str, Decimal]:
        symbol = self._symbols.get(symbol_id)
        if symbol is None:
            raise MappingError(f"symbol {symbol_id} is not among those of {self._account}")
        return symbol, self._names.mt_name(symbol_id), self._names.multiplier(symbol_id)

    def _asset(self, asset_id: int) -> str:
        try:
            return self._assets[asset_id]
        except KeyError:
            raise MappingError(f"asset {asset_id} has no name") from None

    mapPosition = map_position
    mapOrder = map_order
    mapOrderRequest = map_order_request
    mapOrderState = map_order_state
    mapAccountInfo = map_account_info
    mapSymbolInfo = map_symbol_info
    mapExecutionEvent = map_execution_event
    mapPriceData = map_price_data
    getSymbolMapping = get_symbol_mapping
    getAllSymbols = get_all_symbols


def _kind(execution: Execution, deal: Deal | None) -> str:
    """Return the older word for an execution, else the broker's own."""
    if deal is not None:
        return "POSITION_OPEN" if deal.close is None else "POSITION_CLOSE"
    return "ORDER_CANCEL" if execution.type in _CANCELS else execution.type.name
