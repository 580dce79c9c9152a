"""Account reads: information, positions, orders, lists."""

from __future__ import annotations

from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import AccountPositions, answers
from fxpool.gateway.routes.common import (
    ENVIRONMENT_PARAMETER,
    ForAccount,
    OnPlatform,
    new_router,
)
from fxpool.mapping.formats import (
    AccountInformation,
    OrderList,
    PositionList,
)
from fxpool.mapping.pool_formats import AccountListing, AccountSummary
from fxpool.platforms.base import Platform, PlatformError

router = new_router("accounts")


@router.get("/accounts", responses=answers(dict[str, AccountListing]))
@performs(Operation.READ)
async def list_accounts(platform: OnPlatform) -> Response:
    """The configured accounts, without secrets."""
    return answer(await platform.accounts())


@router.get("/accounts/summary", responses=answers(dict[str, AccountSummary]))
@performs(Operation.READ)
async def summarise_accounts(platform: OnPlatform) -> Response:
    """Balance and state of every account; one in error has no balance."""
    return answer(await platform.accounts_summary())


@router.get(
    "/account/{account_id}",
    responses=answers(AccountInformation),
    openapi_extra=ENVIRONMENT_PARAMETER,
)
@router.get("/accounts/{account_id}/info", responses=answers(AccountInformation))
@performs(Operation.READ)
async def read_account(account_id: str, query: ForAccount, platform: OnPlatform) -> Response:
    """An account with its equity, from the live book."""
    information = await platform.account_information(account_id, environment=query.environment)
    return answer(information)


@router.get("/positions/all", responses=answers(dict[str, AccountPositions]))
@performs(Operation.READ)
async def read_all_positions(platform: OnPlatform) -> Response:
    """The open positions of every account; one in error has no ``positions``."""
    accounts = await platform.accounts()
    return answer({account: await _positions_or_error(platform, account) for account in accounts})


@router.get("/positions/{account_id}", responses=answers(PositionList))
@router.get("/accounts/{account_id}/positions", responses=answers(PositionList))
@performs(Operation.READ)
async def read_positions(account_id: str, platform: OnPlatform) -> Response:
    """All open positions, true at ``asOf``; never an empty list for "not known"."""
    return answer(await platform.positions(account_id))


@router.get("/orders/{account_id}", responses=answers(OrderList))
@router.get("/accounts/{account_id}/orders", responses=answers(OrderList))
@performs(Operation.READ)
async def read_orders(account_id: str, platform: OnPlatform) -> Response:
    """All pending orders; the protection of positions is not among them."""
    return answer(await platform.orders(account_id))


async def _positions_or_error(platform: Platform, account: str) -> AccountPositions:
    try:
        listed = await platform.positions(account)
    except PlatformError as error:
        return AccountPositions(error=error.detail, count=None)
    return AccountPositions(count=listed["count"], positions=listed["positions"])
