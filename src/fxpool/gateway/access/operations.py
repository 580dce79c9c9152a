"""What each route does, declared at the route: ``@performs(Operation.READ)`` below ``@router.get``.

A route without it cannot be made, so that nobody forgets to say who may call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from starlette.routing import BaseRoute, Route

from fxpool.domain.permissions import Operation
from fxpool.errors import LocalProtocolError
from fxpool.gateway.docs_page import docs_routes

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_MARK: Final = "fxpool_operation"
_OPENAPI_PATH: Final = "/openapi.json"
DOCUMENT_PATHS: Final = frozenset({_OPENAPI_PATH, *(route.path for route in docs_routes())})
"""The pages about the API; where keys are used they need one, of any role."""


def performs(operation: Operation) -> Callable[[Endpoint], Endpoint]:
    """Declare what an endpoint does; it decides who may call it and which limit counts it."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _MARK, operation)
        return endpoint

    return mark


def operation_of(endpoint: Callable[..., Any] | None, path: str) -> Operation:
    """Return what an endpoint does. Raises LocalProtocolError if it does not say."""
    operation = getattr(endpoint, _MARK, None)
    if not isinstance(operation, Operation):
        name = getattr(endpoint, "__qualname__", repr(endpoint))
        raise LocalProtocolError(
            f"route {path} ({name}) does not say what it does, so nobody can decide who may call "
            "it: put @performs(Operation.READ) or another operation below its @router line, from "
            "fxpool.gateway.access and fxpool.domain.permissions"
        )
    return operation


def each_route(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Return the routes of an app, those of the routers that it includes too."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from each_route(included.routes)


def operations_of(routes: Iterable[BaseRoute]) -> dict[str, Operation]:
    """Return the operation of every path. Raises LocalProtocolError for a route without one."""
    found: dict[str, Operation] = {}
    for route in each_route(routes):
        path = getattr(route, "path", repr(route))
        if type(route) is Route and path in DOCUMENT_PATHS:
            continue
        found[path] = operation_of(getattr(route, "endpoint", None), path)
    return found
