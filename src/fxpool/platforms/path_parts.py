"""Names, and what is wanted of the past, as parts of a path to another server. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fxpool.mapping.instants import iso
from fxpool.platforms.base import PlatformError
from fxpool.platforms.records import OfPosition, OfTicket, OfTime, Wanted

_STEPS: Final = frozenset({"", ".", ".."})


def path_part(name: str) -> str:
    """Return a name as one part of a path.

    Raises PlatformError for one that would lead elsewhere: HTTP clients and proxies walk dots and
    drop what is empty, so that the halt of an account named ``..`` were that of all.
    """
    if not _STEPS.isdisjoint(name.split("/")):
        text = f"{name!r} is no name: it has an empty part, '.' or '..' between slashes"
        raise PlatformError(422, "INVALID_REQUEST", text, outcome="not_executed")
    return quote(name, safe="")


def path_of(wanted: Wanted) -> str:
    """Return the end of MetaApi's path for what is wanted, without the page."""
    match wanted:
        case OfTicket(ticket):
            return f"ticket/{path_part(ticket)}"
        case OfPosition(position_id):
            return f"position/{path_part(position_id)}"
        case OfTime(begin, end):
            return f"time/{iso(begin)}/{iso(end)}"


def page_of(wanted: Wanted) -> dict[str, str]:
    """Return the query of MetaApi's path for what is wanted."""
    if isinstance(wanted, OfTime):
        return {"offset": str(wanted.offset), "limit": str(wanted.limit)}
    return {}
