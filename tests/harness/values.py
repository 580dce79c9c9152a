"""Domain values for tests, with everything filled in that a test does not care about."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from fxpool.account.book import AccountBook
from fxpool.domain.accounts import AccessRights, AccountType, MarginMode, Trader
from fxpool.domain.symbol_terms import DistanceUnit, SwapType, SymbolTerms, Weekday
from fxpool.domain.symbols import CommissionType, LightSymbol, Symbol, TradingMode
from fxpool.domain.trades import (
    CloseDetail,
    Deal,
    DealStatus,
    Execution,
    ExecutionType,
    Order,
    OrderStatus,
    OrderType,
    Position,
    PositionStatus,
    Side,
    TimeInForce,
)

EUR, USD, JPY, GBP = 5, 15, 7, 9
EURUSD, USDJPY, GBPJPY = 1, 4, 8
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LOT_CENTS = 10_000_000


def at(seconds: float) -> datetime:
    """An instant so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def light(
    symbol_id: int = EURUSD, name: str = "EURUSD", base: int = EUR, quote: int = USD, **more: Any
) -> LightSymbol:
    known = {"enabled": True, "category_id": None, "description": ""} | more
    return LightSymbol(
        symbol_id=symbol_id, name=name, base_asset_id=base, quote_asset_id=quote, **known
    )


LIGHTS = (
    light(),
    light(USDJPY, "USDJPY", USD, JPY),
    light(GBPJPY, "GBPJPY", GBP, JPY),
)


def terms(**more: Any) -> SymbolTerms:
    known: dict[str, Any] = dict.fromkeys(field.name for field in fields(SymbolTerms)) | {
        "swap_type": SwapType.POINTS,
        "swap_triple_day": Weekday.WEDNESDAY,
        "distance_unit": DistanceUnit.POINTS,
        "rollover_triple_day": Weekday.MONDAY,
    }
    return SymbolTerms(**(known | more))


def symbol(of: LightSymbol | None = None, **more: Any) -> Symbol:
    known = {
        "digits": 5,
        "pip_position": 4,
        "lot_size_cents": LOT_CENTS,
        "min_volume_cents": 100_000,
        "max_volume_cents": 10_000_000_000,
        "step_volume_cents": 100_000,
        "trading_mode": TradingMode.ENABLED,
        "short_selling": True,
        "commission_type": CommissionType.USD_PER_LOT,
        "precise_commission_rate": 0,
        "conversion_fee_rate": 0,
        "leverage_id": None,
        "stop_loss_distance": 0,
        "take_profit_distance": 0,
        "measurement_units": "",
        "terms": terms(),
    } | more
    return Symbol(light=of or light(), **known)


def trader(**more: Any) -> Trader:
    known = {
        "account_id": 1,
        "login": 2,
        "broker": "ExampleMarkets",
        "balance": Decimal("1000.00"),
        "balance_version": 1,
        "bonus": Decimal(0),
        "money_digits": 2,
        "deposit_asset_id": USD,
        "leverage": Decimal(100),
        "access_rights": AccessRights.FULL_ACCESS,
        "account_type": AccountType.HEDGED,
        "margin_mode": MarginMode.SUM,
        "is_limited_risk": False,
        "swap_free": False,
    } | more
    return Trader(**known)


def position(position_id: int = 500, **more: Any) -> Position:
    known = {
        "symbol_id": EURUSD,
        "side": Side.BUY,
        "status": PositionStatus.OPEN,
        "volume_cents": 200_000,
        "price": Decimal("1.12569"),
        "stop_loss": None,
        "take_profit": None,
        "trailing_stop_loss": False,
        "guaranteed_stop_loss": False,
        "swap": Decimal(0),
        "commission": Decimal("-0.06"),
        "used_margin": Decimal("22.51"),
        "margin_rate": Decimal("1.12569"),
        "money_digits": 2,
        "label": "",
        "comment": "",
        "opened_at": at(0),
        "updated_at": at(0),
    } | more
    return Position(position_id=position_id, **known)


def created(position_id: int = 500, **more: Any) -> Position:
    """The empty position of an acceptance, and of a close that still has protection to cancel."""
    known = {
        "status": PositionStatus.CREATED,
        "volume_cents": 0,
        "price": Decimal(0),
        "commission": Decimal(0),
        "used_margin": Decimal(0),
        "updated_at": None,
    }
    return position(position_id, **known | more)


def order(order_id: int = 600, **more: Any) -> Order:
    known = {
        "position_id": 500,
        "symbol_id": EURUSD,
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "status": OrderStatus.ACCEPTED,
        "time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL,
        "volume_cents": 200_000,
        "executed_volume_cents": 0,
        "limit_price": None,
        "stop_price": None,
        "stop_loss": None,
        "take_profit": None,
        "relative_stop_loss": None,
        "relative_take_profit": None,
        "trailing_stop_loss": False,
        "guaranteed_stop_loss": False,
        "slippage_points": None,
        "execution_price": None,
        "is_closing": False,
        "is_stop_out": False,
        "client_order_id": "",
        "label": "",
        "comment": "",
        "opened_at": at(0),
        "updated_at": at(0),
        "expires_at": None,
    } | more
    return Order(order_id=order_id, **known)


def limit_order(order_id: int = 600, **more: Any) -> Order:
    known = {
        "type": OrderType.LIMIT,
        "limit_price": Decimal("1.12"),
        "time_in_force": TimeInForce.GOOD_TILL_CANCEL,
    }
    return order(order_id, **known | more)


def closing_order(order_id: int = 601, **more: Any) -> Order:
    known = {"side": Side.SELL, "is_closing": True, "status": OrderStatus.FILLED}
    return order(order_id, **known | more)


def protection(order_id: int = 602, **more: Any) -> Order:
    known = {
        "type": OrderType.STOP_LOSS_TAKE_PROFIT,
        "stop_price": Decimal("1.12469"),
        "limit_price": Decimal("1.12669"),
        "status": OrderStatus.ACCEPTED,
        "time_in_force": TimeInForce.GOOD_TILL_CANCEL,
    }
    return closing_order(order_id, **known | more)


def deal(deal_id: int = 700, **more: Any) -> Deal:
    known = {
        "order_id": 600,
        "position_id": 500,
        "symbol_id": EURUSD,
        "side": Side.BUY,
        "status": DealStatus.FILLED,
        "volume_cents": 200_000,
        "filled_volume_cents": 200_000,
        "price": Decimal("1.12569"),
        "commission": Decimal("-0.06"),
        "margin_rate": Decimal("1.12569"),
        "executed_at": at(0),
        "close": None,
    } | more
    return Deal(deal_id=deal_id, **known)


def closing_deal(
    deal_id: int = 701,
    *,
    gross: str = "1.00",
    commission: str = "-0.12",
    balance: str = "1000.88",
    version: int | None = 2,
    **more: Any,
) -> Deal:
    detail = CloseDetail(
        entry_price=Decimal("1.12569"),
        gross_profit=Decimal(gross),
        swap=Decimal(0),
        commission=Decimal(commission),
        conversion_fee=Decimal(0),
        balance=Decimal(balance),
        balance_version=version,
        closed_volume_cents=None,
        quote_to_deposit_rate=Decimal(1),
    )
    known = {"order_id": 601, "side": Side.SELL, "executed_at": at(60), "close": detail}
    return deal(deal_id, **known | more)


def execution(type: ExecutionType, **more: Any) -> Execution:  # noqa: A002 (the domain's own word)
    known = {
        "order": None,
        "position": None,
        "deal": None,
        "cash_flow": None,
        "error_code": "",
        "by_server": False,
    } | more
    return Execution(type=type, **known)


def market_open(**more: Any) -> list[Execution]:
    """The recorded sequence of a market order: accepted, filled."""
    filled = replace(order(), status=OrderStatus.FILLED, executed_volume_cents=200_000)
    return [
        execution(ExecutionType.ORDER_ACCEPTED, order=order(), position=created()),
        execution(ExecutionType.ORDER_FILLED, order=filled, position=position(**more), deal=deal()),
    ]


def live_book(
    *positions: Position, orders: tuple[Order, ...] = (), **of_trader: Any
) -> AccountBook:
    """A book that is filled and reconciled, in USD."""
    book = AccountBook()
    book.load_trader(trader(**of_trader))
    book.load_symbols(LIGHTS)
    for each in LIGHTS:
        book.add_symbol(symbol(each, digits=5 if each.symbol_id == EURUSD else 3))
    book.begin_reconcile()
    book.reconcile(positions, orders)
    return book


def replay(book: AccountBook, executions: list[Execution]) -> list[Any]:
    """Apply executions; return all events."""
    return [event for each in executions for event in book.apply_execution(each)]
