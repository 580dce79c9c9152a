"""The kill switch and loss limits: what stops opening. Closing and cancelling stay allowed."""

from __future__ import annotations

from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.gateway.access import performs
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import OnPlatform, new_router
from fxpool.gateway.schemas import GuardResetBody, HaltBody
from fxpool.mapping.formats import GuardList, HaltState

router = new_router("safety")

_HALT_STATE = answers(HaltState)


@router.post("/halt", responses=_HALT_STATE)
@performs(Operation.HALT)
async def halt_all(platform: OnPlatform, body: HaltBody | None = None) -> Response:
    """Stop every account from opening anything."""
    return answer(await platform.halt(reason=body.reason if body else ""))


@router.post("/resume", responses=_HALT_STATE)
@performs(Operation.OPERATE)
async def resume_all(platform: OnPlatform) -> Response:
    """End every halt."""
    return answer(await platform.resume())


@router.post("/accounts/{account_id}/halt", responses=_HALT_STATE)
@performs(Operation.HALT)
async def halt_account(
    account_id: str, platform: OnPlatform, body: HaltBody | None = None
) -> Response:
    """Stop an account from opening anything."""
    return answer(await platform.halt(account_id, reason=body.reason if body else ""))


@router.post("/accounts/{account_id}/resume", responses=_HALT_STATE)
@performs(Operation.OPERATE)
async def resume_account(account_id: str, platform: OnPlatform) -> Response:
    """End an account's own halt; the halt of all, if there is one, stays."""
    return answer(await platform.resume(account_id))


@router.get("/accounts/{account_id}/guards", responses=answers(GuardList))
@performs(Operation.READ)
async def read_guards(account_id: str, platform: OnPlatform) -> Response:
    """The account's loss limits and how it stands to them; ``unknown`` is never ``ok``."""
    return answer(await platform.guards(account_id))


@router.post("/accounts/{account_id}/guards/reset", responses=answers(GuardList))
@performs(Operation.OPERATE)
async def reset_guards(
    account_id: str, platform: OnPlatform, body: GuardResetBody | None = None
) -> Response:
    """End the latches of limits that were reached; the account may open again."""
    return answer(await platform.reset_guards(account_id, by=body.by if body else ""))
