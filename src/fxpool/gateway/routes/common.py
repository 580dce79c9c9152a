"""What all routes need: a router for exact JSON, and the gateway that a request came to."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from fxpool.gateway.access.gatekeeper import guarded
from fxpool.gateway.exact_json import ExactRoute
from fxpool.gateway.schemas import AccountQuery
from fxpool.platforms.base import Platform


def new_router(tag: str, route_class: type[ExactRoute] = ExactRoute) -> APIRouter:
    """Return a router whose routes read exact JSON."""
    return APIRouter(route_class=route_class, default_response_class=Response, tags=[tag])


async def _platform(request: Request) -> Platform:
    return guarded(request.scope)


async def _account_query(request: Request) -> AccountQuery:
    try:
        return AccountQuery.model_validate(dict(request.query_params))
    except ValidationError as exc:
        raise RequestValidationError(exc.errors()) from exc


OnPlatform = Annotated[Platform, Depends(_platform)]
ForAccount = Annotated[AccountQuery, Depends(_account_query)]


def query_parameters(**descriptions: str) -> dict[str, Any]:
    """Return the OpenAPI text of query parameters that a route reads on its own."""
    return {
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string"}, "description": text}
            for name, text in descriptions.items()
        ]
    }


ACCOUNT_PARAMETER = query_parameters(account_id="one account only; also accountId")
ENVIRONMENT_PARAMETER = query_parameters(environment="demo or live; reads are served anyway")
