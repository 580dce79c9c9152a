"""What the routes of MetaApi's REST API share: their router, their queries, their errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request

from fxpool.errors import FxPoolError
from fxpool.gateway.exact_json import ExactRoute
from fxpool.gateway.metaapi.errors import PREFIX, BadParameters
from fxpool.gateway.routes.common import new_router
from fxpool.gateway.values import iso_time
from fxpool.platforms.words import explain

ACCOUNTS: Final = f"{PREFIX}accounts"
ACCOUNT: Final = ACCOUNTS + "/{account_id}"
MAX_PAGE: Final = 1000
_MAX_OFFSET: Final = 10**9


def metaapi_router(route_class: type[ExactRoute] = ExactRoute) -> APIRouter:
    """Return a router for paths of this API."""
    return new_router("metaapi", route_class)


@contextmanager
def in_callers_words() -> Iterator[None]:
    """Turn what the mapping cannot tell yet into an answer."""
    try:
        yield
    except FxPoolError as exc:
        raise explain(exc) from exc


def number_in(request: Request, name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number of the query. Raises BadParameters."""
    text = request.query_params.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not (is_number and least <= int(text) <= most):
        raise BadParameters({name: f"send a whole number from {least} to {most}"})
    return int(text)


def page_of(request: Request) -> tuple[int, int]:
    """Return offset and limit. Raises BadParameters."""
    offset = number_in(request, "offset", 0, least=0, most=_MAX_OFFSET)
    return offset, number_in(request, "limit", MAX_PAGE, least=1, most=MAX_PAGE)


def time_of(name: str, text: str) -> datetime:
    """Return an ISO 8601 time. Raises BadParameters."""
    try:
        return iso_time(text.replace(" ", "+"))
    except ValueError as exc:
        raise BadParameters({name: str(exc)}) from exc
