"""Assets, symbols, their groups, and dynamic leverage."""

from __future__ import annotations

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAssetClassListReq,
    ProtoOAAssetClassListRes,
    ProtoOAAssetListReq,
    ProtoOAAssetListRes,
    ProtoOAGetDynamicLeverageByIDReq,
    ProtoOAGetDynamicLeverageByIDRes,
    ProtoOASymbolByIdReq,
    ProtoOASymbolByIdRes,
    ProtoOASymbolCategoryListReq,
    ProtoOASymbolCategoryListRes,
    ProtoOASymbolsForConversionReq,
    ProtoOASymbolsForConversionRes,
    ProtoOASymbolsListReq,
    ProtoOASymbolsListRes,
)
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.protocol import reference
from fxpool.simulator.refusal import Refusal


def _assets(call: Call, request: ProtoOAAssetListReq) -> ProtoOAAssetListRes:
    call.book(request.ctidTraderAccountId)
    return ProtoOAAssetListRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        asset=[reference.asset(one) for one in call.venue.catalogue.assets],
    )


def _symbols_list(call: Call, request: ProtoOASymbolsListReq) -> ProtoOASymbolsListRes:
    call.book(request.ctidTraderAccountId)
    catalogue = call.venue.catalogue
    archived = catalogue.archived if request.includeArchivedSymbols else ()
    return ProtoOASymbolsListRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        symbol=[reference.light_symbol(one) for one in catalogue.symbols],
        archivedSymbol=[reference.archived_symbol(one) for one in archived],
    )


def _symbols_by_id(call: Call, request: ProtoOASymbolByIdReq) -> ProtoOASymbolByIdRes:
    call.book(request.ctidTraderAccountId)
    asked = set(request.symbolId)
    archived = [one for one in call.venue.catalogue.archived if one.symbol_id in asked]
    gone = {one.symbol_id for one in archived}
    offered = call.symbols(one for one in request.symbolId if one not in gone)
    return ProtoOASymbolByIdRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        symbol=[reference.full_symbol(one) for one in offered],
        archivedSymbol=[reference.archived_symbol(one) for one in archived],
    )


def _conversion(
    call: Call, request: ProtoOASymbolsForConversionReq
) -> ProtoOASymbolsForConversionRes:
    call.book(request.ctidTraderAccountId)
    chain = call.venue.engine.rates.chain(request.firstAssetId, request.lastAssetId)
    if chain is None:
        raise Refusal("ENTITY_NOT_FOUND", "No symbols convert one asset to the other")
    return ProtoOASymbolsForConversionRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        symbol=[reference.light_symbol(one) for one in chain],
    )


def _asset_classes(call: Call, request: ProtoOAAssetClassListReq) -> ProtoOAAssetClassListRes:
    call.book(request.ctidTraderAccountId)
    return ProtoOAAssetClassListRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        assetClass=[reference.asset_class(one) for one in call.venue.catalogue.asset_classes],
    )


def _categories(call: Call, request: ProtoOASymbolCategoryListReq) -> ProtoOASymbolCategoryListRes:
    call.book(request.ctidTraderAccountId)
    return ProtoOASymbolCategoryListRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        symbolCategory=[reference.category(one) for one in call.venue.catalogue.categories],
    )


def _dynamic_leverage(
    call: Call, request: ProtoOAGetDynamicLeverageByIDReq
) -> ProtoOAGetDynamicLeverageByIDRes:
    call.book(request.ctidTraderAccountId)
    for one in call.venue.catalogue.leverages:
        if one.leverage_id == request.leverageId:
            return ProtoOAGetDynamicLeverageByIDRes(
                ctidTraderAccountId=request.ctidTraderAccountId,
                leverage=reference.dynamic_leverage(one),
            )
    raise Refusal("ENTITY_NOT_FOUND", f"Dynamic leverage {request.leverageId} not found")


REFERENCE_HANDLERS: dict[int, Handler] = {
    2112: _assets,
    2114: _symbols_list,
    2116: _symbols_by_id,
    2118: _conversion,
    2153: _asset_classes,
    2160: _categories,
    2177: _dynamic_leverage,
}
