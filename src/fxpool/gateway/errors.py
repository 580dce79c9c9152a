"""One table from failures to answers: every body that is not a success is made here.

``detail`` is always one string, because callers search it for words; a validation error names the
field and the cure in it.

Source: callers of the older pools read ``detail`` first, then ``error``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from fxpool.gateway.metaapi import errors as metaapi
from fxpool.mapping.spellings import missing
from fxpool.platforms.base import PlatformError

STATUSES: Final = frozenset({400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504})
"""Of all errors that ``/openapi.json`` tells of."""

_OF_PAGES: Final = frozenset({410})
"""Of what is no call: a link that was used up."""

REQUEST_ID_HEADER: Final = "X-Request-ID"
REQUEST_ID: Final = "request_id"
"""The name of a request's id in ``scope["state"]``, where the edge leaves it."""

_NO_JSON_OBJECT: Final = (
    "the body must be a JSON object; send one, with the header Content-Type: application/json"
)
_PLACES: Final = frozenset({"body", "query", "path", "header"})


def error_response(
    error: PlatformError, scope: Scope, *, extra: Mapping[str, Any] | None = None
) -> Response:
    """Return the answer for an error; ``extra`` are further fields of the body."""
    request_id = request_id_of(scope)
    status = error.status
    body = {
        "detail": error.detail,
        "error": error.detail,
        "code": error.code,
        "retryable": error.retryable,
        "requestId": request_id,
        **(extra or {}),
    }
    if error.outcome is not None:
        body["outcome"] = error.outcome
    headers = {REQUEST_ID_HEADER: request_id} if error.status == 500 else {}
    if error.status in (429, 503):
        headers["Retry-After"] = str(metaapi.seconds_to_wait(error))
    if metaapi.is_metaapi(scope):
        status = metaapi.status_of(error)
        body |= metaapi.error_body(error, scope["app"].clock.at())
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


def request_id_of(scope: Scope) -> str:
    """Return the id that the edge gave to a request."""
    request_id: str = scope["state"][REQUEST_ID]
    return request_id


def explain_validation(errors: Sequence[Any]) -> str:
    """Return pydantic's errors as one text: each field, what is wrong, what to send."""
    return "; ".join(_sentence(error) for error in errors)


def _path_of(error: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in error["loc"] if part not in _PLACES)


def _sentence(error: Mapping[str, Any]) -> str:
    path = [str(part) for part in error["loc"] if part not in _PLACES]
    message = error["msg"].removeprefix("Value error, ")
    if not path:
        is_ours = error["type"] == "value_error"
        return message if is_ours else _NO_JSON_OBJECT
    if error["type"] == "missing":
        return missing(path[0])
    word = "invalid volume, " if path[0] == "volume" else ""
    return f"{'.'.join(path)}: {word}{message}"


def _of_platform(error: PlatformError, scope: Scope) -> Response:
    return error_response(_documented(error), scope)


def _documented(error: PlatformError) -> PlatformError:
    """Return an error with a status that our document tells of: a pool behind us, which an account
    may be served by, answers with others too."""
    if error.status not in STATUSES | _OF_PAGES:
        error.detail, error.status = f"{error.detail} (answered {error.status})", 502
    return error


def _of_validation(error: RequestValidationError, scope: Scope) -> Response:
    errors = error.errors()
    answer = PlatformError(
        422,
        "INVALID_REQUEST",
        explain_validation(errors),
        parameters={_path_of(each): _sentence(each) for each in errors},
    )
    return error_response(answer, scope)


def _of_http(error: HTTPException, scope: Scope) -> Response:
    phrase = HTTPStatus(error.status_code).phrase
    is_bare = error.detail == phrase
    where = f"{phrase}: {scope['method']} {URL(scope=scope).path}"
    answer = PlatformError(
        error.status_code,
        phrase.upper().replace(" ", "_").replace("-", "_"),
        where if is_bare else str(error.detail),
    )
    response = error_response(answer, scope)
    response.headers.update(error.headers or {})
    return response


def answer_our_bug(error: Exception, scope: Scope) -> Response:
    """Answer for what nobody foresaw; a call that may have traded says that it is unclear."""
    detail = f"internal error ({type(error).__name__}); quote the requestId"
    outcome = None if scope["method"] == "GET" else "unknown"
    answer = PlatformError(500, "INTERNAL_ERROR", detail)
    return error_response(answer, scope, extra={"outcome": outcome} if outcome else None)


ANSWERED: Final = (PlatformError, RequestValidationError, HTTPException)
"""What a route may raise; anything else is a bug of ours."""


def answer_error(error: Exception, scope: Scope) -> Response:
    """Return the answer for an error that is one of ANSWERED."""
    match error:
        case PlatformError():
            return _of_platform(error, scope)
        case RequestValidationError():
            return _of_validation(error, scope)
        case HTTPException():
            return _of_http(error, scope)
    raise TypeError(f"no answer for {error!r}")


def add_error_handlers(app: FastAPI) -> None:
    """Give every failure of an app's routes its uniform body."""

    async def answer(request: Request, error: Exception) -> Response:
        return answer_error(error, request.scope)

    for kind in ANSWERED:
        app.add_exception_handler(kind, answer)
