"""The kill switch: nothing is opened while it stands; closing and cancelling stay allowed."""

from __future__ import annotations

from starlette.responses import Response

from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import OnPlatform, new_router
from fxpool.gateway.schemas import HaltBody
from fxpool.mapping.formats import HaltState

router = new_router("safety")

_HALT_STATE = answers(HaltState)


@router.post("/halt", responses=_HALT_STATE)
async def halt_all(platform: OnPlatform, body: HaltBody | None = None) -> Response:
    """Stop every account from opening anything."""
    return answer(await platform.halt(reason=body.reason if body else ""))


@router.post("/resume", responses=_HALT_STATE)
async def resume_all(platform: OnPlatform) -> Response:
    """End every halt."""
    return answer(await platform.resume())


@router.post("/accounts/{account_id}/halt", responses=_HALT_STATE)
async def halt_account(
    account_id: str, platform: OnPlatform, body: HaltBody | None = None
) -> Response:
    """Stop an account from opening anything."""
    return answer(await platform.halt(account_id, reason=body.reason if body else ""))


@router.post("/accounts/{account_id}/resume", responses=_HALT_STATE)
async def resume_account(account_id: str, platform: OnPlatform) -> Response:
    """End an account's own halt; the halt of all, if there is one, stays."""
    return answer(await platform.resume(account_id))
