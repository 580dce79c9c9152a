"""Failures as MetaApi's REST API tells them: its classes, its statuses, its waiting rules. Pure.

The pool's own fields stay in the body, so that one client can read both. An account that is not
connected is a 504, as callers of MetaApi expect; a 202 says that it is connected and read just now.

Source: MetaApi documentation, error model and rate limiting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.types import Scope

from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError

PREFIX: Final = "/users/current/"

_CLASSES: Final = {
    400: (3, "ValidationError"),
    401: (1, "UnauthorizedError"),
    403: (2, "ForbiddenError"),
    404: (4, "NotFoundError"),
    409: (5, "ConflictError"),
    429: (6, "TooManyRequestsError"),
    500: (7, "InternalError"),
    504: (8, "TimeoutError"),
}
_OTHER: Final = (0, "ApiError")
_MALFORMED: Final = frozenset({413, 422})
_AWAY: Final = frozenset({502, 503})
_BEING_READ: Final = frozenset({"synchronising", "live", "reading history"})
"""Phases of an account that is connected and not whole yet: the same call works in a moment."""


def is_metaapi(scope: Scope) -> bool:
    """Whether a request is for this API, behind a proxy's prefix or not."""
    return PREFIX in scope["path"]


def status_of(error: PlatformError) -> int:
    """Return the status that a failure has in this API."""
    if error.status in _MALFORMED:
        return 400
    if error.status in _AWAY:
        return 202 if error.phase in _BEING_READ else 504
    return error.status


def retry_after(error: PlatformError) -> int | None:
    """Return the seconds of the ``Retry-After`` header, None where there is none."""
    if status_of(error) not in {202, 429}:
        return None
    return seconds_to_wait(error)


def seconds_to_wait(error: PlatformError) -> int:
    """Return after how many whole seconds a call may be tried again; one where nobody knows."""
    return math.ceil(error.retry_after or 1)


def error_body(error: PlatformError, at: datetime) -> dict[str, Any]:
    """Return the fields that MetaApi's error model adds to the pool's; ``at`` is now."""
    number, name = _CLASSES.get(status_of(error), _OTHER)
    body: dict[str, Any] = {"id": number, "error": name, "message": error.detail}
    if error.status == 429:
        wait = timedelta(seconds=retry_after(error) or 0)
        body["metadata"] = {"recommendedRetryTime": iso(at + wait)}
    if error.parameters:
        body["details"] = [
            {"parameter": parameter, "message": message}
            for parameter, message in error.parameters.items()
        ]
    return body


class BadParameters(PlatformError):
    """A request whose parameters make no sense. ``parameters`` names each and what is wrong."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        text = "; ".join(f"{name}: {why}" for name, why in parameters.items())
        super().__init__(400, "INVALID_REQUEST", text, parameters=parameters)
