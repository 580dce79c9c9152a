"""Assets, symbols and the trader's record as messages. Pure."""

from __future__ import annotations

from fxpool.openapi.proto.model_pb2 import (
    ProtoOAAccessRights,
    ProtoOAAccountType,
    ProtoOAArchivedSymbol,
    ProtoOAAsset,
    ProtoOAAssetClass,
    ProtoOACommissionType,
    ProtoOACtidTraderAccount,
    ProtoOADayOfWeek,
    ProtoOADynamicLeverage,
    ProtoOADynamicLeverageTier,
    ProtoOAHoliday,
    ProtoOAInterval,
    ProtoOALightSymbol,
    ProtoOALimitedRiskMarginCalculationStrategy,
    ProtoOAMinCommissionType,
    ProtoOAStopOutStrategy,
    ProtoOASwapCalculationType,
    ProtoOASymbol,
    ProtoOASymbolCategory,
    ProtoOASymbolDistanceType,
    ProtoOATotalMarginCalculationType,
    ProtoOATrader,
    ProtoOATradingMode,
)
from fxpool.simulator.catalogue import (
    BROKER_NAME,
    BROKER_TITLE,
    ArchivedSymbol,
    AssetClass,
    Category,
)
from fxpool.simulator.engine.accounts import AccountSpec, StopOutStrategy
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.money import MONEY_DIGITS
from fxpool.simulator.engine.symbols import (
    Asset,
    CommissionType,
    DynamicLeverage,
    Holiday,
    SwapKind,
    Symbol,
)

_ROUGH_COMMISSION = 1_000_000
"""What the deprecated rates leave off."""


def asset(one: Asset) -> ProtoOAAsset:
    """Return an asset as the wire shows it."""
    return ProtoOAAsset(
        assetId=one.asset_id, name=one.name, displayName=one.name, digits=one.digits
    )


def asset_class(one: AssetClass) -> ProtoOAAssetClass:
    """Return an asset class as the wire shows it."""
    return ProtoOAAssetClass(id=one.class_id, name=one.name, sortingNumber=one.class_id)


def category(one: Category) -> ProtoOASymbolCategory:
    """Return a symbol category as the wire shows it."""
    return ProtoOASymbolCategory(
        id=one.category_id,
        assetClassId=one.class_id,
        name=one.name,
        sortingNumber=one.category_id,
    )


def light_symbol(one: Symbol) -> ProtoOALightSymbol:
    """Return a symbol's entry in the symbols list: its name and assets, no trading parameters."""
    return ProtoOALightSymbol(
        symbolId=one.symbol_id,
        symbolName=one.name,
        enabled=one.is_enabled,
        baseAssetId=one.base_asset_id,
        quoteAssetId=one.quote_asset_id,
        symbolCategoryId=one.category_id,
        description=one.description,
        sortingNumber=one.symbol_id,
    )


def archived_symbol(one: ArchivedSymbol) -> ProtoOAArchivedSymbol:
    """Return a symbol of the past as the wire shows it."""
    return ProtoOAArchivedSymbol(
        symbolId=one.symbol_id,
        name=one.name,
        utcLastUpdateTimestamp=one.archived_ms,
        description=one.description,
    )


def dynamic_leverage(one: DynamicLeverage) -> ProtoOADynamicLeverage:
    """Return the tiers of a dynamic leverage as the wire shows them."""
    return ProtoOADynamicLeverage(
        leverageId=one.leverage_id,
        tiers=[
            ProtoOADynamicLeverageTier(volume=tier.volume, leverage=tier.leverage)
            for tier in one.tiers
        ],
    )


def full_symbol(one: Symbol) -> ProtoOASymbol:
    """Return a symbol's trading parameters; the wire has no name in them."""
    return ProtoOASymbol(
        symbolId=one.symbol_id,
        digits=one.digits,
        pipPosition=one.pip_position,
        enableShortSelling=one.enables_short_selling,
        guaranteedStopLoss=one.allows_guaranteed_stops,
        swapRollover3Days=ProtoOADayOfWeek.ValueType(one.swap_triple_day),
        swapLong=one.swap_long,
        swapShort=one.swap_short,
        maxVolume=one.max_volume,
        minVolume=one.min_volume,
        stepVolume=one.step_volume,
        maxExposure=one.max_exposure,
        schedule=[
            ProtoOAInterval(startSecond=hours.start_second, endSecond=hours.end_second)
            for hours in one.schedule
        ],
        commission=_rough_commission(one),
        commissionType=ProtoOACommissionType.ValueType(one.commission_type),
        slDistance=one.sl_distance,
        tpDistance=one.tp_distance,
        gslDistance=one.gsl_distance,
        gslCharge=one.gsl_charge,
        distanceSetIn=ProtoOASymbolDistanceType.ValueType(one.distance_unit),
        minCommission=one.min_commission // _ROUGH_COMMISSION,
        minCommissionType=ProtoOAMinCommissionType.ValueType(one.min_commission_type),
        minCommissionAsset=one.min_commission_asset,
        rolloverCommission=one.rollover_commission,
        skipRolloverDays=one.skip_rollover_days,
        scheduleTimeZone=one.schedule_time_zone,
        tradingMode=ProtoOATradingMode.ValueType(one.trading_mode),
        rolloverCommission3Days=ProtoOADayOfWeek.ValueType(one.rollover_triple_day),
        swapCalculationType=_swap_kind(one.swap_kind),
        lotSize=one.lot_size,
        preciseTradingCommissionRate=one.commission_rate,
        preciseMinCommission=one.min_commission,
        holiday=[_holiday(holiday) for holiday in one.holidays],
        pnlConversionFeeRate=one.pnl_conversion_fee_rate,
        leverageId=one.leverage_id,
        swapPeriod=one.swap_period_hours,
        swapTime=one.swap_time_minutes,
        skipSWAPPeriods=one.skip_swap_periods,
        chargeSwapAtWeekends=one.charges_swap_at_weekends,
        measurementUnits=one.measurement_units,
    )


def _swap_kind(kind: SwapKind) -> ProtoOASwapCalculationType.ValueType | None:
    """Return how swap is meant; recordings leave the default out."""
    return None if kind is SwapKind.PIPS else ProtoOASwapCalculationType.ValueType(kind)


def _holiday(one: Holiday) -> ProtoOAHoliday:
    return ProtoOAHoliday(
        holidayId=one.holiday_id,
        name=one.name,
        scheduleTimeZone=one.time_zone,
        holidayDate=one.day,
        isRecurring=one.is_recurring,
        startSecond=one.start_second,
        endSecond=one.end_second,
    )


def _rough_commission(one: Symbol) -> int:
    """Return the deprecated rate, as recorded: hundredths of a unit, a percentage as it is."""
    if one.commission_type is CommissionType.PERCENTAGE_OF_VALUE:
        return one.commission_rate
    return one.commission_rate // _ROUGH_COMMISSION


def trader(book: Book, registered_ms: int) -> ProtoOATrader:
    """Return an account's record; ``registered_ms`` is when the simulator opened it."""
    spec = book.spec
    return ProtoOATrader(
        ctidTraderAccountId=spec.account_id,
        balance=book.ledger.balance,
        balanceVersion=book.ledger.version or None,
        managerBonus=book.ledger.bonus or None,
        accessRights=ProtoOAAccessRights.ValueType(spec.access_rights),
        depositAssetId=spec.deposit_asset_id,
        swapFree=spec.swap_free,
        leverageInCents=spec.leverage_cents,
        totalMarginCalculationType=ProtoOATotalMarginCalculationType.ValueType(spec.margin_mode),
        maxLeverage=spec.leverage_cents,
        frenchRisk=False,
        traderLogin=spec.login,
        accountType=ProtoOAAccountType.ValueType(spec.account_type),
        brokerName=BROKER_NAME,
        registrationTimestamp=registered_ms,
        isLimitedRisk=spec.is_limited_risk,
        limitedRiskMarginCalculationStrategy=_limited_risk_margin(spec),
        moneyDigits=MONEY_DIGITS,
        fairStopOut=spec.fair_stop_out,
        stopOutStrategy=_stop_out_strategy(spec.stop_out_strategy),
    )


def _stop_out_strategy(one: StopOutStrategy) -> ProtoOAStopOutStrategy.ValueType | None:
    """Return which position a stop-out closes first; recordings leave the default out."""
    is_default = one is StopOutStrategy.MOST_MARGIN_USED_FIRST
    return None if is_default else ProtoOAStopOutStrategy.ValueType(one)


def _limited_risk_margin(
    spec: AccountSpec,
) -> ProtoOALimitedRiskMarginCalculationStrategy.ValueType | None:
    """Return the strategy of a limited-risk account; others have none."""
    if not spec.is_limited_risk:
        return None
    return ProtoOALimitedRiskMarginCalculationStrategy.ValueType(spec.limited_risk_margin)


def listed_account(book: Book) -> ProtoOACtidTraderAccount:
    """Return an account's entry in the list that a token gives access to."""
    return ProtoOACtidTraderAccount(
        ctidTraderAccountId=book.spec.account_id,
        isLive=book.spec.is_live,
        traderLogin=book.spec.login,
        brokerTitleShort=BROKER_TITLE,
    )
