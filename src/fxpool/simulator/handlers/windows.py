"""The time windows of history requests: what bounds make sense, and which are too wide."""

from __future__ import annotations

from typing import Protocol

from fxpool.simulator.handlers.call import Call
from fxpool.simulator.profile import WindowError
from fxpool.simulator.refusal import Carrier, Refusal, invalid_request

LATEST_MS = 2_147_483_646_000
"""The largest bound that the protocol allows."""

WEEK_MS = 604_800_000
"""The widest window of ticks, deals, orders and cash flow, as documented."""

_PROXY_LIMIT_MS = 720 * 3_600_000


class Bounded(Protocol):
    """A request with a window in epoch milliseconds; both bounds are inside it."""

    @property
    def fromTimestamp(self) -> int: ...  # noqa: N802 - the wire's name

    @property
    def toTimestamp(self) -> int: ...  # noqa: N802 - the wire's name


def window(request: Bounded) -> tuple[int, int]:
    """Return the bounds of a request; an absent end is the end of time. Raises Refusal."""
    first, last = request.fromTimestamp, request.toTimestamp or LATEST_MS
    if not 0 <= first <= last <= LATEST_MS:
        raise incorrect_boundaries()
    return first, last


def check_width(call: Call, request: Bounded, documented_ms: int) -> None:
    """Raise Refusal where a window is too wide, if such windows are not truncated (SW-17)."""
    if not (request.fromTimestamp and request.toTimestamp):
        return
    width, told = request.toTimestamp - request.fromTimestamp, call.venue.profile.too_wide_window
    if told is WindowError.INCORRECT_BOUNDARIES and width > documented_ms:
        raise incorrect_boundaries()
    if told is WindowError.INVALID_REQUEST and width > _PROXY_LIMIT_MS:
        raise invalid_request("The requested period is longer than PT720H")


def incorrect_boundaries() -> Refusal:
    """Return the refusal of a window that makes no sense."""
    return Refusal("INCORRECT_BOUNDARIES", "Incorrect boundaries", carrier=Carrier.ERROR_RES)
