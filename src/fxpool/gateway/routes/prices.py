"""Quotes: of one symbol, and of all that are subscribed."""

from __future__ import annotations

from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import ACCOUNT_PARAMETER, ForAccount, OnPlatform, new_router
from fxpool.mapping.formats import PriceInfo

router = new_router("prices")


@router.get("/prices", responses=answers(dict[str, PriceInfo]))
@performs(Operation.READ)
async def read_prices(platform: OnPlatform) -> Response:
    """The newest quote of every symbol that has one; empty is a true answer here."""
    return answer(await platform.prices())


@router.get("/prices/{symbol:path}", responses=answers(PriceInfo), openapi_extra=ACCOUNT_PARAMETER)
@performs(Operation.READ)
async def read_price(symbol: str, query: ForAccount, platform: OnPlatform) -> Response:
    """The newest quote; without an account the freshest of all accounts, which it names."""
    return answer(await platform.price(symbol, query.account_id))
