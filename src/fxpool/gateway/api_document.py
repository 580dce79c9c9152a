"""What FastAPI cannot know of ``/openapi.json``: statuses, errors, keys, spellings, examples.

FastAPI makes the document of routes and bodies, ``openapi`` adds the shapes of answers; this adds
what holds for all calls. It knows no route by name but the aliases of the older pools.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from fxpool.gateway.edge import PROXY_PREFIX
from fxpool.gateway.errors import REQUEST_ID_HEADER
from fxpool.gateway.examples import examples
from fxpool.gateway.metaapi.errors import error_body as metaapi_error_body
from fxpool.mapping.spellings import spellings
from fxpool.platforms.base import PlatformError

Document = dict[str, Any]

ALIASES: Final = {
    "/accounts/{account_id}/info": "/account/{account_id}",
    "/accounts/{account_id}/positions": "/positions/{account_id}",
    "/accounts/{account_id}/orders": "/orders/{account_id}",
    "/order/limit": "/trade/limit",
    "/order/stop": "/trade/stop",
    "/stats": "/pool/stats",
}
"""Paths of the older pools, and the call that each is another name of."""

_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a key, or a token (JWT)"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_KEYS: Final[list[dict[str, list[str]]]] = [{"bearer": []}, {"apiKey": []}, {}]
"""Either way, or none where the gateway listens on this machine only and has no key."""

_ACCEPTED: Final = 202
_BAD_REQUEST: Final = 400
_ERRORS: Final = {
    400: ("BAD_REQUEST", "the body is not valid JSON: byte 17", "The body cannot be read"),
    401: ("UNAUTHORIZED", "authentication failed: send the key", "No key, or one that has ended"),
    403: ("FORBIDDEN", "account disabled: this key is read-only", "The key does not allow it"),
    404: ("ACCOUNT_NOT_FOUND", "Account not found: ct-demo-omega", "What is named is not there"),
    408: ("REQUEST_TOO_SLOW", "network: the body took longer than 10 s", "Sent too slowly"),
    409: ("ACCOUNT_AMBIGUOUS", "12345 names two accounts", "What is named is not unique"),
    413: ("CONTENT_TOO_LARGE", "the body exceeds 1048576 bytes", "The body is too large"),
    422: ("INVALID_REQUEST", "volume: invalid volume, send a number", "A field makes no sense"),
    429: ("RATE_LIMITED", "network: too many requests", "Too many calls; see Retry-After"),
    500: ("INTERNAL_ERROR", "internal error; quote the requestId", "A bug of ours"),
    501: ("NOT_SUPPORTED", "not supported: pending orders of this pool", "Not on this platform"),
    502: ("UNSUPPORTED_MESSAGE", "UNSUPPORTED_MESSAGE: not on this server", "The broker refused"),
    503: ("NOT_READY", "network: reconnecting, attempt 4", "Not now; see Retry-After"),
    504: ("TIMEOUT", "timeout: no response from the broker", "The broker did not answer"),
}
"""Code, text and meaning of an error of each status."""

_LATER: Final = frozenset({202, 429, 503})
_RETRYABLE: Final = frozenset({408, 429, 503, 504})
_OF_ALL: Final = frozenset({403, 408, 429, 500, 503})
_OF_THE_PLATFORM: Final = frozenset({401, 404, 409, 501, 502, 504})
_OF_BODIES: Final = frozenset({400, 413, 422})
_OF_METAAPI: Final = frozenset({400, 401, 403, 404, 408, 409, 429, 500, 501, 504})
"""Beside 202; docs/metaapi.md says what each means there."""

_AT: Final = datetime(2026, 3, 2, 9, 15, 27, 481_000, UTC)


def error_example(status: int) -> Document:
    """Return an error body as callers get it."""
    code, text, _ = _ERRORS[status]
    return {
        "detail": text,
        "error": text,
        "code": code,
        "retryable": status in _RETRYABLE,
        "requestId": "0d4f6c1e9b",
    }


def metaapi_error_example(status: int) -> Document:
    """Return an error body of MetaApi's REST API as callers get it."""
    is_read = status == _ACCEPTED
    code, text, _ = _ERRORS[503 if is_read else status]
    parameters = {"volume": "send a number"} if status == _BAD_REQUEST else None
    phase = "synchronising" if is_read else ""
    error = PlatformError(
        503 if is_read else status, code, text, phase=phase, parameters=parameters
    )
    base = error_example(503 if is_read else status)
    return base | metaapi_error_body(error, _AT)


def complete_calls(document: Document, open_paths: frozenset[str]) -> Document:
    """Add to a document what holds for all of its calls; ``open_paths`` need no key."""
    document["servers"] = [
        {"url": "/", "description": "this gateway"},
        {"url": PROXY_PREFIX, "description": "behind a proxy that keeps the prefix"},
    ]
    document["components"]["securitySchemes"] = _SECURITY
    document["security"] = _KEYS
    for path, method, operation in _operations(document):
        if path in open_paths:
            operation["security"] = []
        _add_errors(operation, is_open=path in open_paths)
        _name_spellings(document, operation)
        _add_examples(operation, f"{method.upper()} {ALIASES.get(path, path)}")
        if path in ALIASES:
            operation["description"] = f"The same as {ALIASES[path]}."
    return document


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _name_spellings(document: Document, operation: Document) -> None:
    """Say which other names the fields of a call's body may have."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for choice in body.get("schema", {}).get("anyOf", [body.get("schema", {})]):
        shape = choice.get("$ref", "").rpartition("/")[2]
        fields = document["components"]["schemas"].get(shape, {}).get("properties", {})
        for name, field in fields.items():
            if others := [spelling for spelling in spellings(name) if spelling != name]:
                field["x-spellings"] = others


def _add_errors(operation: Document, *, is_open: bool) -> None:
    """Give each status that a call may have its body and example, in place of ``default``."""
    responses = operation["responses"]
    headers = {REQUEST_ID_HEADER: {"schema": {"type": "string"}}}
    for response in responses.values():
        response.setdefault("headers", headers)
    schema = responses.pop("default")["content"]["application/json"]["schema"]
    is_ours = schema["$ref"].endswith("/ErrorBody")
    if is_ours:
        statuses = _OF_ALL if is_open else _OF_ALL | _OF_THE_PLATFORM
        if "requestBody" in operation:
            statuses |= _OF_BODIES
        elif operation.get("parameters"):
            statuses |= {422}
        known = {int(status): "content" in told for status, told in responses.items()}
        statuses |= {status for status, is_whole in known.items() if status >= _BAD_REQUEST}
        statuses -= {status for status, is_whole in known.items() if is_whole}
    else:
        statuses = _OF_METAAPI | ({_ACCEPTED} & {int(status) for status in responses})
    for status in sorted(statuses):
        told = responses.get(str(status)) or {"description": _ERRORS[status][2]}
        example = error_example(status) if is_ours else metaapi_error_example(status)
        responses[str(status)] = told | {
            "content": {"application/json": {"schema": schema, "example": example}},
            "headers": headers | _RETRY_AFTER if status in _LATER else headers,
        }


_RETRY_AFTER: Final = {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}}


def _add_examples(operation: Document, call: str) -> None:
    example = examples().get(call)
    if example is None:
        return
    answer = operation["responses"]["200"]["content"]["application/json"]
    answer["example"] = example["answer"]
    if "request" not in example or "requestBody" not in operation:
        return
    request = example["request"]
    operation["requestBody"]["content"]["application/json"]["examples"] = {
        "snake_case": {"value": {snake_case(name): value for name, value in request.items()}},
        "camelCase": {"value": {camel_case(name): value for name, value in request.items()}},
    }


def snake_case(name: str) -> str:
    """Return a field's name as Python callers write it."""
    return re.sub(r"([A-Z])", lambda letter: f"_{letter[1].lower()}", name)


def camel_case(name: str) -> str:
    """Return a field's name as JavaScript callers write it."""
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name)
