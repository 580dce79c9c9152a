"""Access in front of the app, for HTTP and WebSocket alike. It is on the path of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.types import Scope

from fxpool import context
from fxpool.domain.permissions import Operation, decide
from fxpool.gateway.access.access import Access, Caller
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.access.refusals import require
from fxpool.gateway.errors import error_response
from fxpool.gateway.rate_limits import RateLimits
from fxpool.platforms.base import PlatformError

if TYPE_CHECKING:
    from fxpool.gateway.app import Gateway

CALLER: Final = "caller"
"""The name in ``scope["state"]`` under which routes find who calls."""

NOTE: Final = "audit"
"""The name there under which is left what the audit log is to write down; absent without one."""

_UNKNOWN: Final = frozenset({401, 403})


class Gatekeeper:
    """Lets in whom Access admits, and tells routes who it is."""

    def __init__(self, access: Access, rates: RateLimits) -> None:
        self._access, self._rates = access, rates

    async def refusal(self, scope: Scope) -> Response | None:
        """Return None if a call may go on, or the answer that refuses it."""
        try:
            caller = await self._access.admit(scope)
        except PlatformError as refused:
            return error_response(await self._counted(refused, scope), scope)
        scope["state"][CALLER] = caller
        context.add(caller=caller.principal.subject)
        return None

    async def _counted(self, refusal: PlatformError, scope: Scope) -> PlatformError:
        """Return the refusal, or that there were too many of them from one place."""
        if refusal.status not in _UNKNOWN:
            return refusal
        return await self._rates.stranger(self._access.origin_of(scope).text) or refusal


async def admit(scope: Scope, operation: Operation) -> None:
    """Return if a call's role allows what its route does, and no limit is broken.

    Raises PlatformError. On which account is the guard's to decide.
    """
    caller = caller_of(scope)
    require(decide(caller.principal, operation), operation)
    rates: RateLimits = scope["app"].rates
    await rates.call(operation, caller.principal, caller.origin.text)


def guarded(scope: Scope) -> GuardedPlatform:
    """Return the platform as the caller may use it: all that a route or a stream gets of it."""
    app: Gateway = scope["app"]
    return app.guarded(caller_of(scope).principal, scope["state"].get(NOTE))


def tell_audit(scope: Scope, **facts: Any) -> None:
    """Leave what the audit log is to write down of a call, where one is kept: ``action`` makes a
    read one that is written down, ``after`` is the state that it led to."""
    note: dict[str, Any] | None = scope["state"].get(NOTE)
    if note is not None:
        note |= facts


def caller_of(scope: Scope) -> Caller:
    """Return who calls."""
    caller: Caller = scope["state"][CALLER]
    return caller
