"""A symbol -> MetaApi's symbol specification. Pure.

Lots are what callers count: ``multiplier`` of the broker's lots each. Prices count in the symbol's
tick, which is also MetaApi's point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Final

from fxpool.domain.accounts import MarginMode, Trader
from fxpool.domain.market_hours import Holiday, MarketHours
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbol_terms import DistanceUnit, SwapType, SymbolGroup, SymbolTerms
from fxpool.domain.symbols import Asset, CommissionType, Symbol, TickValues, TradingMode
from fxpool.mapping.metaapi import lots
from fxpool.mapping.sessions import sessions_of
from fxpool.mapping.symbol_formats import HolidayInfo, SymbolSpecification, SymbolTermsInfo

ORDER_TYPES: Final = (
    "SYMBOL_ORDER_MARKET",
    "SYMBOL_ORDER_LIMIT",
    "SYMBOL_ORDER_STOP",
    "SYMBOL_ORDER_STOP_LIMIT",
    "SYMBOL_ORDER_SL",
    "SYMBOL_ORDER_TP",
)
FILLING_MODES: Final = ("SYMBOL_FILLING_IOC",)
EXPIRATION_MODES: Final = ("SYMBOL_EXPIRATION_GTC", "SYMBOL_EXPIRATION_SPECIFIED")

_COMMISSION_DIGITS: Final = {
    CommissionType.USD_PER_MILLION_USD: 8,
    CommissionType.USD_PER_LOT: 8,
    CommissionType.PERCENTAGE_OF_VALUE: 5,
    CommissionType.QUOTE_CURRENCY_PER_LOT: 8,
}
"""Decimal digits of ``preciseTradingCommissionRate``; the result of the third is percent."""

_FEE_PERCENT_DIGITS: Final = 2
_PERCENTAGE_DISTANCE: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class SpecificationContext:
    """What a specification needs beyond the symbol.

    Attributes:
        shown_name, account: the names that callers use.
        group: where it stands in the broker's tree, None where it has no category.
        quote, ticks: the newest quote and what a tick of a broker lot is worth; None while unknown.
    """

    shown_name: str
    account: str
    multiplier: Decimal
    trader: Trader
    assets: Mapping[int, Asset]
    group: SymbolGroup | None
    quote: LiveQuote | None
    ticks: TickValues | None
    at: datetime


def symbol_specification(symbol: Symbol, of: SpecificationContext) -> SymbolSpecification:
    """Return a symbol's specification."""
    terms, light = symbol.terms, symbol.light
    row = SymbolSpecification(
        symbol=of.shown_name,
        description=light.description,
        digits=symbol.digits,
        point=float(symbol.tick_size),
        tickSize=float(symbol.tick_size),
        pipSize=float(symbol.pip_size),
        minVolume=_lots(symbol, symbol.min_volume_cents, of.multiplier),
        maxVolume=_lots(symbol, symbol.max_volume_cents, of.multiplier),
        volumeStep=_lots(symbol, symbol.step_volume_cents, of.multiplier),
        contractSize=float(symbol.units_per_lot * of.multiplier),
        profitTickValue=None if of.ticks is None else float(of.ticks.profit * of.multiplier),
        lossTickValue=None if of.ticks is None else float(of.ticks.loss * of.multiplier),
        fillingModes=list(FILLING_MODES),
        executionMode="SYMBOL_TRADE_EXECUTION_MARKET",
        tradeMode=_trade_mode(symbol),
        quoteSessions=None if symbol.hours is None else sessions_of(symbol.hours, of.at),
        tradeSessions=None if symbol.hours is None else sessions_of(symbol.hours, of.at),
        allowedOrderTypes=list(ORDER_TYPES),
        allowedExpirationModes=list(EXPIRATION_MODES),
        orderGTCMode="SYMBOL_ORDERS_GTC",
        priceCalculationMode=_calculation_mode(of.group),
        initialMargin=0.0,
        maintenanceMargin=0.0,
        swapMode=_swap_mode(terms, swap_free=of.trader.swap_free),
        swapLong=_swap(symbol, terms.swap_long),
        swapShort=_swap(symbol, terms.swap_short),
        swapRollover3Days=terms.swap_triple_day.name,
        stopsLevel=_stops_level(symbol, of.quote),
        freezeLevel=0.0,
        account_id=of.account,
        ctrader=_terms_info(symbol, of),
    )
    if of.group is not None:
        row["path"] = "\\".join(filter(None, (of.group.asset_class, of.group.category)))
    if (base := of.assets.get(light.base_asset_id)) is not None:
        row["baseCurrency"] = row["marginCurrency"] = base.name
    if (quote := of.assets.get(light.quote_asset_id)) is not None:
        row["profitCurrency"] = quote.name
    if of.trader.margin_mode is MarginMode.NET:
        row["hedgedMargin"] = 0.0
    elif of.trader.margin_mode is MarginMode.MAX:
        row["hedgedMargin"] = row["contractSize"]
        row["hedgedMarginUsesLargerLeg"] = True
    return row


def _lots(symbol: Symbol, volume_cents: int | None, multiplier: Decimal) -> float | None:
    return None if volume_cents is None else lots(volume_cents, symbol, multiplier)


def _trade_mode(symbol: Symbol) -> str:
    match symbol.trading_mode:
        case TradingMode.ENABLED:
            word = "LONGONLY" if symbol.short_selling is False else "FULL"
        case TradingMode.CLOSE_ONLY:
            word = "CLOSEONLY"
        case (
            TradingMode.DISABLED_WITH_PENDINGS_EXECUTION
            | TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION
        ):
            word = "DISABLED"
    return f"SYMBOL_TRADE_MODE_{word}"


def _calculation_mode(group: SymbolGroup | None) -> str:
    if group is None or group.asset_class is None:
        return "SYMBOL_CALC_MODE_UNKNOWN"
    is_forex = group.asset_class.casefold() in {"forex", "fx"}
    return "SYMBOL_CALC_MODE_FOREX" if is_forex else "SYMBOL_CALC_MODE_CFDLEVERAGE"


def _swap_mode(terms: SymbolTerms, *, swap_free: bool) -> str:
    if swap_free:
        return "SYMBOL_SWAP_MODE_DISABLED"
    in_percent = terms.swap_type is SwapType.PERCENTAGE
    return "SYMBOL_SWAP_MODE_INTEREST_CURRENT" if in_percent else "SYMBOL_SWAP_MODE_POINTS"


def _swap(symbol: Symbol, rate: Decimal | None) -> float | None:
    """Return a swap rate in the unit of the swap mode: points, or percent a year."""
    if rate is None:
        return None
    if symbol.terms.swap_type is SwapType.PIPS:
        rate = rate.scaleb(symbol.digits - symbol.pip_position)
    return float(rate)


def _stops_level(symbol: Symbol, quote: LiveQuote | None) -> float | None:
    """Return how far protection stays from the market in points; None for a share of a price that
    is not known."""
    distance = max(symbol.stop_loss_distance, symbol.take_profit_distance)
    if distance == 0 or symbol.terms.distance_unit is DistanceUnit.POINTS:
        return float(distance)
    price = None if quote is None else quote.ask_price
    if price is None:
        return None
    points = price * distance * _PERCENTAGE_DISTANCE / symbol.tick_size
    return float(points.to_integral_value(ROUND_CEILING))


def _terms_info(symbol: Symbol, of: SpecificationContext) -> SymbolTermsInfo:
    terms = symbol.terms
    rate = Decimal(symbol.precise_commission_rate)
    return SymbolTermsInfo(
        symbolId=symbol.symbol_id,
        name=symbol.name,
        category=None if of.group is None else of.group.category,
        assetClass=None if of.group is None else of.group.asset_class,
        lotSize=float(symbol.units_per_lot),
        multiplier=float(of.multiplier),
        pipPosition=symbol.pip_position,
        measurementUnits=symbol.measurement_units,
        tradingMode=symbol.trading_mode.name,
        shortSelling=symbol.short_selling,
        leverageId=symbol.leverage_id,
        commissionType=symbol.commission_type.name,
        commissionRate=float(rate.scaleb(-_COMMISSION_DIGITS[symbol.commission_type])),
        minCommission=None if terms.min_commission is None else float(terms.min_commission),
        minCommissionAsset=terms.min_commission_asset,
        conversionFeePercent=float(
            Decimal(symbol.conversion_fee_rate).scaleb(-_FEE_PERCENT_DIGITS)
        ),
        swapType=terms.swap_type.name,
        swapLong=None if terms.swap_long is None else float(terms.swap_long),
        swapShort=None if terms.swap_short is None else float(terms.swap_short),
        swapPeriodHours=terms.swap_period_hours,
        swapTimeMinutes=terms.swap_time_minutes,
        skipSwapPeriods=terms.skip_swap_periods,
        chargeSwapAtWeekends=terms.charges_swap_at_weekends,
        rolloverCommission=terms.rollover_commission,
        rolloverCommission3Days=terms.rollover_triple_day.name,
        skipRolloverDays=terms.skip_rollover_days,
        distanceUnit=terms.distance_unit.name,
        slDistance=symbol.stop_loss_distance,
        tpDistance=symbol.take_profit_distance,
        gslDistance=terms.gsl_distance,
        gslCharge=terms.gsl_charge,
        guaranteedStopLoss=terms.guaranteed_stop_loss,
        maxExposure=terms.max_exposure,
        scheduleTimeZone=None if symbol.hours is None else symbol.hours.zone.key,
        holidays=_holidays(symbol.hours),
    )


def _holidays(hours: MarketHours | None) -> list[HolidayInfo]:
    return [] if hours is None else [_holiday(holiday) for holiday in hours.holidays]


def _holiday(holiday: Holiday) -> HolidayInfo:
    return HolidayInfo(
        name=holiday.name,
        date=holiday.day.isoformat(),
        recurring=holiday.is_recurring,
        startSecond=holiday.start_second,
        endSecond=holiday.end_second,
        timeZone=holiday.zone.key,
    )
