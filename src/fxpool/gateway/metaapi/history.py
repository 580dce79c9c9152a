"""Deals and orders of the past in MetaApi's paths: by ticket, by position, by time."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.metaapi.common import ACCOUNT, metaapi_router, page_of, time_of
from fxpool.gateway.openapi import metaapi_answers
from fxpool.gateway.routes.common import OnPlatform, query_parameters
from fxpool.mapping.metaapi_formats import MetaApiDeal, MetaApiOrder
from fxpool.platforms.records import OfPosition, OfTicket, OfTime

router = metaapi_router()

_DEALS: Final = metaapi_answers(list[MetaApiDeal])
_ORDERS: Final = metaapi_answers(list[MetaApiOrder])
_PAGE: Final = query_parameters(
    offset="how many to leave out; default 0", limit="how many at most; default and most 1000"
)


@router.get(f"{ACCOUNT}/history-deals/ticket/{{ticket}}", responses=_DEALS)
@performs(Operation.READ)
async def read_deal(account_id: str, ticket: str, platform: OnPlatform) -> Response:
    """The deal with an id, in a list."""
    return answer(await platform.deals(account_id, OfTicket(ticket)))


@router.get(f"{ACCOUNT}/history-deals/position/{{position_id}}", responses=_DEALS)
@performs(Operation.READ)
async def read_deals_of_position(
    account_id: str, position_id: str, platform: OnPlatform
) -> Response:
    """All deals of a position, oldest first."""
    return answer(await platform.deals(account_id, OfPosition(position_id)))


@router.get(
    f"{ACCOUNT}/history-deals/time/{{start}}/{{end}}", responses=_DEALS, openapi_extra=_PAGE
)
@performs(Operation.READ)
async def read_deals_of_time(
    account_id: str, start: str, end: str, request: Request, platform: OnPlatform
) -> Response:
    """Deals and cash operations from ``start`` up to, not including, ``end``, oldest first."""
    return answer(await platform.deals(account_id, _of_time(start, end, request)))


@router.get(f"{ACCOUNT}/history-orders/ticket/{{ticket}}", responses=_ORDERS)
@performs(Operation.READ)
async def read_past_order(account_id: str, ticket: str, platform: OnPlatform) -> Response:
    """The order with an id if it is done, in a list."""
    return answer(await platform.past_orders(account_id, OfTicket(ticket)))


@router.get(f"{ACCOUNT}/history-orders/position/{{position_id}}", responses=_ORDERS)
@performs(Operation.READ)
async def read_orders_of_position(
    account_id: str, position_id: str, platform: OnPlatform
) -> Response:
    """All orders of a position that are done, oldest first."""
    return answer(await platform.past_orders(account_id, OfPosition(position_id)))


@router.get(
    f"{ACCOUNT}/history-orders/time/{{start}}/{{end}}", responses=_ORDERS, openapi_extra=_PAGE
)
@performs(Operation.READ)
async def read_orders_of_time(
    account_id: str, start: str, end: str, request: Request, platform: OnPlatform
) -> Response:
    """Orders that were done from ``start`` up to, not including, ``end``, oldest first."""
    return answer(await platform.past_orders(account_id, _of_time(start, end, request)))


def _of_time(start: str, end: str, request: Request) -> OfTime:
    offset, limit = page_of(request)
    return OfTime(time_of("startTime", start), time_of("endTime", end), offset, limit)
