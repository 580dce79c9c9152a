"""Symbols of an account and their names at its broker."""

from __future__ import annotations

from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import ACCOUNT_PARAMETER, ForAccount, OnPlatform, new_router
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification

router = new_router("symbols")


@router.get(
    "/symbols/mapping/{symbol:path}",
    responses=answers(SymbolMapping),
    openapi_extra=ACCOUNT_PARAMETER,
)
@performs(Operation.READ)
async def read_symbol_mapping(symbol: str, query: ForAccount, platform: OnPlatform) -> Response:
    """How a MetaTrader name is called at the broker, with its volume limits in lots."""
    return answer(await platform.symbol_mapping(symbol, query.account_id))


@router.get("/accounts/{account_id}/symbols", responses=answers(SymbolList))
@performs(Operation.READ)
async def list_symbols(account_id: str, platform: OnPlatform) -> Response:
    """The symbols of an account by MetaTrader name."""
    return answer(await platform.symbols(account_id))


@router.get(
    "/accounts/{account_id}/symbols/{symbol:path}/specification",
    responses=answers(SymbolSpecification),
)
@performs(Operation.READ)
async def read_specification(account_id: str, symbol: str, platform: OnPlatform) -> Response:
    """What may be traded of a symbol: steps, sessions, swaps, distances, tick values."""
    return answer(await platform.symbol_specification(account_id, symbol))
