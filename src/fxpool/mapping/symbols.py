"""Assets, symbols and their groups: Open API messages -> domain values. Pure.

The list says a symbol's name and assets, the full record its trading parameters: both are joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from fxpool.domain.symbol_terms import (
    ArchivedSymbol,
    DistanceUnit,
    SwapType,
    SymbolGroup,
    SymbolTerms,
    Weekday,
)
from fxpool.domain.symbols import (
    Asset,
    CommissionType,
    LeverageTier,
    LightSymbol,
    Symbol,
    TradingMode,
)
from fxpool.errors import MappingError
from fxpool.mapping.hours import market_hours_from
from fxpool.mapping.wire_fields import (
    optional_bool,
    optional_int,
    optional_price,
    required_int,
    required_text,
    schema_enum,
)
from fxpool.openapi.proto import model_pb2

_PRECISE_DIGITS: Final = 8


def asset_from(asset: model_pb2.ProtoOAAsset) -> Asset:
    """Return an asset. Assets are told apart by id: recorded lists repeat display names."""
    return Asset(
        asset_id=required_int(asset, "assetId"),
        name=required_text(asset, "name"),
        digits=optional_int(asset, "digits"),
    )


def light_symbol_from(light: model_pb2.ProtoOALightSymbol) -> LightSymbol:
    """Return a symbol of the symbol list, enabled or not."""
    return LightSymbol(
        symbol_id=required_int(light, "symbolId"),
        name=required_text(light, "symbolName"),
        enabled=light.enabled,
        base_asset_id=required_int(light, "baseAssetId"),
        quote_asset_id=required_int(light, "quoteAssetId"),
        category_id=optional_int(light, "symbolCategoryId"),
        description=light.description,
    )


def symbol_from(light: LightSymbol, full: model_pb2.ProtoOASymbol) -> Symbol:
    """Return a symbol with its trading parameters. Raises MappingError if the two records are not
    of one symbol."""
    if full.symbolId != light.symbol_id:
        raise MappingError(f"parameters of symbol {full.symbolId}, not of {light.symbol_id}")
    return Symbol(
        light=light,
        digits=required_int(full, "digits"),
        pip_position=required_int(full, "pipPosition"),
        lot_size_cents=required_int(full, "lotSize"),
        min_volume_cents=optional_int(full, "minVolume"),
        max_volume_cents=optional_int(full, "maxVolume"),
        step_volume_cents=optional_int(full, "stepVolume"),
        trading_mode=schema_enum(full, "tradingMode", TradingMode),
        short_selling=optional_bool(full, "enableShortSelling"),
        commission_type=schema_enum(full, "commissionType", CommissionType),
        precise_commission_rate=full.preciseTradingCommissionRate,
        conversion_fee_rate=full.pnlConversionFeeRate,
        leverage_id=optional_int(full, "leverageId"),
        stop_loss_distance=full.slDistance,
        take_profit_distance=full.tpDistance,
        measurement_units=full.measurementUnits,
        terms=symbol_terms_from(full),
        hours=market_hours_from(full),
    )


def symbol_terms_from(full: model_pb2.ProtoOASymbol) -> SymbolTerms:
    """Return what a symbol costs and demands. Rates are doubles, read as written."""
    in_quote_currency = full.minCommissionType == model_pb2.ProtoOAMinCommissionType.QUOTE_CURRENCY
    minimum = optional_int(full, "preciseMinCommission")
    return SymbolTerms(
        swap_type=schema_enum(full, "swapCalculationType", SwapType),
        swap_long=optional_price(full, "swapLong"),
        swap_short=optional_price(full, "swapShort"),
        swap_triple_day=schema_enum(full, "swapRollover3Days", Weekday),
        swap_period_hours=optional_int(full, "swapPeriod"),
        swap_time_minutes=optional_int(full, "swapTime"),
        skip_swap_periods=optional_int(full, "skipSWAPPeriods"),
        charges_swap_at_weekends=optional_bool(full, "chargeSwapAtWeekends"),
        distance_unit=schema_enum(full, "distanceSetIn", DistanceUnit),
        guaranteed_stop_loss=optional_bool(full, "guaranteedStopLoss"),
        gsl_distance=optional_int(full, "gslDistance"),
        gsl_charge=optional_int(full, "gslCharge"),
        max_exposure=optional_int(full, "maxExposure"),
        min_commission=None if minimum is None else Decimal(minimum).scaleb(-_PRECISE_DIGITS),
        min_commission_asset=None if in_quote_currency else full.minCommissionAsset,
        rollover_commission=optional_int(full, "rolloverCommission"),
        rollover_triple_day=schema_enum(full, "rolloverCommission3Days", Weekday),
        skip_rollover_days=optional_int(full, "skipRolloverDays"),
    )


def symbol_groups_from(
    categories: Iterable[model_pb2.ProtoOASymbolCategory],
    classes: Iterable[model_pb2.ProtoOAAssetClass],
) -> dict[int, SymbolGroup]:
    """Return where symbols stand in the broker's tree, by category id."""
    names = {each.id: each.name for each in classes if each.HasField("id")}
    return {
        each.id: SymbolGroup(each.name, names.get(each.assetClassId) or None) for each in categories
    }


def archived_symbol_from(archived: model_pb2.ProtoOAArchivedSymbol) -> ArchivedSymbol:
    """Return a symbol that is listed no more."""
    return ArchivedSymbol(archived.symbolId, archived.name, archived.description)


def leverage_tiers_from(leverage: model_pb2.ProtoOADynamicLeverage) -> tuple[LeverageTier, ...]:
    """Return the tiers of a dynamic leverage, smallest volume first.

    Their leverage is read in hundredths, as recorded margins show; the schema does not say.
    """
    tiers = [
        LeverageTier(
            Decimal(required_int(tier, "volume")).scaleb(-2),
            Decimal(required_int(tier, "leverage")).scaleb(-2),
        )
        for tier in leverage.tiers
    ]
    if any(tier.leverage <= 0 for tier in tiers):
        raise MappingError(f"dynamic leverage {leverage.leverageId} has a tier without leverage")
    return tuple(sorted(tiers, key=lambda tier: tier.until_usd))
