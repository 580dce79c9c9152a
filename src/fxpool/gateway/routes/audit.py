"""The audit log, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from fxpool.domain.permissions import Operation
from fxpool.errors import AuditDown
from fxpool.gateway.access import performs
from fxpool.gateway.access.gatekeeper import caller_of
from fxpool.gateway.audit.trail import AuditTrail
from fxpool.gateway.audit.views import AuditList, audit_list
from fxpool.gateway.exact_json import answer
from fxpool.gateway.openapi import answers
from fxpool.gateway.routes.common import new_router
from fxpool.platforms.base import PlatformError
from fxpool.store.audit import AuditQuery

router = new_router("audit")

MAX_LINES = 500


async def _trail(request: Request) -> AuditTrail:
    trail: AuditTrail | None = request.app.trail
    if trail is None:
        raise PlatformError(404, "NOT_FOUND", "this gateway keeps no audit log")
    return trail


OnTrail = Annotated[AuditTrail, Depends(_trail)]


@router.get("/audit", responses=answers(AuditList))
@performs(Operation.OPERATE)
async def read_audit(
    request: Request,
    trail: OnTrail,
    *,
    account: Annotated[str | None, Query(max_length=128, description="one account only")] = None,
    subject: Annotated[str | None, Query(max_length=256, description="one caller only")] = None,
    ticket: Annotated[str | None, Query(max_length=64, description="one order only")] = None,
    since: Annotated[datetime | None, Query(description="this time or later")] = None,
    until: Annotated[datetime | None, Query(description="before this time")] = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**53, description="`next` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LINES)] = 100,
) -> Response:
    """Who did what, from where and with which outcome; newest first. Times are UTC."""
    wanted = AuditQuery(
        accounts=_accounts(request, account),
        subject=subject,
        ticket=ticket,
        since=_aware(since, "since"),
        until=_aware(until, "until"),
        below=before,
        limit=limit,
    )
    try:
        return answer(audit_list(await trail.lines(wanted), limit))
    except AuditDown as exc:
        raise PlatformError(503, "AUDIT_DOWN", f"network: {exc}", retryable=True) from exc


def _accounts(request: Request, account: str | None) -> frozenset[str] | None:
    """Return of which accounts the caller may see lines; None for all lines."""
    mine = caller_of(request.scope).principal.permissions.accounts
    if account is None:
        return mine
    try:
        key = request.app.platform.key_of(account)
    except PlatformError:
        key = account  # one that was configured once has lines still
    return frozenset({key}) if mine is None else mine & {key}


def _aware(at: datetime | None, name: str) -> datetime | None:
    if at is not None and at.tzinfo is None:
        text = f"{name}: give a time with its zone, such as 2027-03-02T09:15:00Z"
        raise PlatformError(422, "INVALID_REQUEST", text)
    return at
