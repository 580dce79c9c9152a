"""Accounts as MetaApi's provisioning API lists them, and the state of each: money, positions,
orders, the time."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.metaapi.common import (
    ACCOUNT,
    ACCOUNTS,
    in_callers_words,
    metaapi_router,
    page_of,
)
from fxpool.gateway.openapi import metaapi_answers
from fxpool.gateway.routes.common import OnPlatform, query_parameters
from fxpool.mapping import metaapi_rows as rows
from fxpool.mapping.metaapi_formats import (
    MetaApiInformation,
    MetaApiOrder,
    MetaApiPosition,
    MetaApiProvisioned,
    MetaApiServerTime,
)
from fxpool.mapping.pool_formats import AccountListing
from fxpool.platforms.base import Platform, PlatformError

router = metaapi_router()

_ITEMS_VERSION: Final = "2"
"""The ``api-version`` in which the list is an object with a count."""


@router.get(
    ACCOUNTS,
    responses=metaapi_answers(list[MetaApiProvisioned]),
    openapi_extra=query_parameters(
        offset="how many to leave out; default 0",
        limit="how many at most; default 1000",
        state="only accounts in this state, such as DEPLOYED",
        connectionStatus="only accounts of this connection status, such as CONNECTED",
        query="only accounts with this text in id, name or login",
    ),
)
@performs(Operation.READ)
async def list_accounts(request: Request, platform: OnPlatform) -> Response:
    """The accounts, with the state of each; ``api-version: 2`` wraps them with their count."""
    offset, limit = page_of(request)
    listed = (await platform.accounts()).values()
    found = await asyncio.gather(*(_provisioned(platform, row) for row in listed))
    wanted = [row for row in found if _is_wanted(row, request)]
    page = wanted[offset : offset + limit]
    if request.headers.get("api-version") == _ITEMS_VERSION:
        return answer({"count": len(wanted), "items": page})
    return answer(page)


@router.get(ACCOUNT, responses=metaapi_answers(MetaApiProvisioned))
@performs(Operation.READ)
async def read_account(account_id: str, platform: OnPlatform) -> Response:
    """How an account is set up, and whether it is connected."""
    return answer(await _provisioned(platform, await _listing(platform, account_id)))


@router.get(f"{ACCOUNT}/account-information", responses=metaapi_answers(MetaApiInformation))
@performs(Operation.READ)
async def read_information(account_id: str, platform: OnPlatform) -> Response:
    """Balance, equity and margin from the live book."""
    return answer(rows.account_information(await platform.account_information(account_id)))


@router.get(f"{ACCOUNT}/positions", responses=metaapi_answers(list[MetaApiPosition]))
@performs(Operation.READ)
async def read_positions(account_id: str, platform: OnPlatform) -> Response:
    """All open positions; never an empty list for "not known"."""
    return answer(await _positions(platform, account_id))


@router.get(f"{ACCOUNT}/positions/{{position_id}}", responses=metaapi_answers(MetaApiPosition))
@performs(Operation.READ)
async def read_position(account_id: str, position_id: str, platform: OnPlatform) -> Response:
    """One open position."""
    for position in await _positions(platform, account_id):
        if position["id"] == position_id:
            return answer(position)
    raise PlatformError(404, "POSITION_NOT_FOUND", f"position not found: {position_id}")


@router.get(f"{ACCOUNT}/orders", responses=metaapi_answers(list[MetaApiOrder]))
@performs(Operation.READ)
async def read_orders(account_id: str, platform: OnPlatform) -> Response:
    """All pending orders."""
    return answer(await _orders(platform, account_id))


@router.get(f"{ACCOUNT}/orders/{{order_id}}", responses=metaapi_answers(MetaApiOrder))
@performs(Operation.READ)
async def read_order(account_id: str, order_id: str, platform: OnPlatform) -> Response:
    """One pending order."""
    for order in await _orders(platform, account_id):
        if order["id"] == order_id:
            return answer(order)
    raise PlatformError(404, "ORDER_NOT_FOUND", f"order not found: {order_id}")


@router.get(f"{ACCOUNT}/server-time", responses=metaapi_answers(MetaApiServerTime))
@performs(Operation.READ)
async def read_server_time(account_id: str, request: Request, platform: OnPlatform) -> Response:
    """The time now, and that of the account's newest quote. Brokers' times are UTC here."""
    await platform.account_information(account_id)
    summary = (await platform.accounts_summary()).get(platform.key_of(account_id))
    last_quote = None if summary is None else summary.get("lastActivity")
    return answer(rows.server_time(request.app.clock.at(), last_quote))


async def _positions(platform: Platform, account_id: str) -> list[MetaApiPosition]:
    found = await platform.positions(account_id)
    with in_callers_words():
        return [rows.position(position) for position in found["positions"]]


async def _orders(platform: Platform, account_id: str) -> list[MetaApiOrder]:
    return [rows.pending_order(order) for order in (await platform.orders(account_id))["orders"]]


async def _listing(platform: Platform, account_id: str) -> AccountListing:
    listed = (await platform.accounts()).get(platform.key_of(account_id))
    if listed is None:
        raise PlatformError(404, "ACCOUNT_NOT_FOUND", f"Account not found: {account_id}")
    return listed


async def _provisioned(platform: Platform, row: AccountListing) -> MetaApiProvisioned:
    details = (await platform.health())["details"].get(row["id"])
    try:
        information = await platform.account_information(row["id"])
    except PlatformError:
        information = None  # the connection status tells that nothing is known
    return rows.provisioned(row, "" if details is None else details["phase"], information)


def _is_wanted(row: MetaApiProvisioned, request: Request) -> bool:
    query = request.query_params
    text = query.get("query", "").lower()
    return (
        query.get("state", row["state"]) == row["state"]
        and query.get("connectionStatus", row["connectionStatus"]) == row["connectionStatus"]
        and any(text in field.lower() for field in (row["_id"], row["name"], row["login"]))
    )
