"""Assets, symbols and the trader's record as messages. Pure."""

from __future__ import annotations

from fxpool.openapi.proto.model_pb2 import (
    CURRENCY,
    ENABLED,
    FULL_ACCESS,
    SUM,
    SYMBOL_DISTANCE_IN_POINTS,
    WEDNESDAY,
    ProtoOAAccountType,
    ProtoOAAsset,
    ProtoOAAssetClass,
    ProtoOACommissionType,
    ProtoOACtidTraderAccount,
    ProtoOAInterval,
    ProtoOALightSymbol,
    ProtoOASymbol,
    ProtoOASymbolCategory,
    ProtoOATrader,
)
from fxpool.simulator.catalogue import BROKER_NAME, BROKER_TITLE, AssetClass, Category
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.money import MONEY_DIGITS
from fxpool.simulator.engine.symbols import Asset, CommissionType, Symbol


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
        enabled=True,
        baseAssetId=one.base_asset_id,
        quoteAssetId=one.quote_asset_id,
        symbolCategoryId=one.category_id,
        description=one.description,
        sortingNumber=one.symbol_id,
    )


def full_symbol(one: Symbol) -> ProtoOASymbol:
    """Return a symbol's trading parameters; the wire has no name in them."""
    return ProtoOASymbol(
        symbolId=one.symbol_id,
        digits=one.digits,
        pipPosition=one.pip_position,
        enableShortSelling=True,
        guaranteedStopLoss=False,
        swapRollover3Days=WEDNESDAY,
        swapLong=one.swap_long,
        swapShort=one.swap_short,
        maxVolume=one.max_volume,
        minVolume=one.min_volume,
        stepVolume=one.step_volume,
        schedule=[
            ProtoOAInterval(startSecond=hours.start_second, endSecond=hours.end_second)
            for hours in one.schedule
        ],
        commission=_rough_commission(one),
        commissionType=ProtoOACommissionType.ValueType(one.commission_type),
        slDistance=0,
        tpDistance=0,
        gslDistance=0,
        gslCharge=0,
        distanceSetIn=SYMBOL_DISTANCE_IN_POINTS,
        minCommission=0,
        minCommissionType=CURRENCY,
        minCommissionAsset="USD",
        rolloverCommission=0,
        skipRolloverDays=3,
        scheduleTimeZone=one.schedule_time_zone,
        tradingMode=ENABLED,
        rolloverCommission3Days=WEDNESDAY,
        lotSize=one.lot_size,
        preciseTradingCommissionRate=one.commission_rate,
        preciseMinCommission=0,
        pnlConversionFeeRate=one.pnl_conversion_fee_rate,
        swapPeriod=24,
        swapTime=1259,
        skipSWAPPeriods=0,
        chargeSwapAtWeekends=False,
        measurementUnits=one.measurement_units,
    )


def _rough_commission(one: Symbol) -> int:
    """Return the deprecated rate, as recorded: hundredths of a unit, a percentage as it is."""
    if one.commission_type is CommissionType.PERCENTAGE_OF_VALUE:
        return one.commission_rate
    return one.commission_rate // 1_000_000


def trader(book: Book, registered_ms: int) -> ProtoOATrader:
    """Return an account's record; ``registered_ms`` is when the simulator opened it."""
    spec = book.spec
    return ProtoOATrader(
        ctidTraderAccountId=spec.account_id,
        balance=book.ledger.balance,
        balanceVersion=book.ledger.version or None,
        accessRights=FULL_ACCESS,
        depositAssetId=spec.deposit_asset_id,
        swapFree=False,
        leverageInCents=spec.leverage_cents,
        totalMarginCalculationType=SUM,
        maxLeverage=spec.leverage_cents,
        frenchRisk=False,
        traderLogin=spec.login,
        accountType=ProtoOAAccountType.ValueType(spec.account_type),
        brokerName=BROKER_NAME,
        registrationTimestamp=registered_ms,
        isLimitedRisk=False,
        moneyDigits=MONEY_DIGITS,
        fairStopOut=False,
    )


def listed_account(book: Book) -> ProtoOACtidTraderAccount:
    """Return an account's entry in the list that a token gives access to."""
    return ProtoOACtidTraderAccount(
        ctidTraderAccountId=book.spec.account_id,
        isLive=book.spec.is_live,
        traderLogin=book.spec.login,
        brokerTitleShort=BROKER_TITLE,
    )
