"""What a caller shows of itself: a key or a token, in a header, a subprotocol or the query. Pure.

A browser cannot set headers on a WebSocket or an event stream, so streams take a credential in the
query too. It is taken out of the query before anything can log it.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.types import Scope

from fxpool.gateway.heads import header

SUBPROTOCOL: Final = "fxpool"
"""What a WebSocket client offers beside ``bearer.<credential>``, and what the gateway chooses."""

METAAPI_HEADER: Final = "auth-token"
"""Where callers of MetaApi's REST API put their token."""

QUERY_NAME: Final = "access_token"
STREAM_PATHS: Final = frozenset({"/events", "/ws"})

_BEARER_SUBPROTOCOL: Final = "bearer."
_STATE_NAME: Final = "query_credential"
_QUERY_BYTES: Final = QUERY_NAME.encode()
_KEY_HEADERS: Final = (b"x-api-key", METAAPI_HEADER.encode())


def shown_credential(scope: Scope) -> str | None:
    """Return the key or token of a call, or None if it shows none."""
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    for name in _KEY_HEADERS:
        given = header(scope, name)
        if given is not None:
            return given
    for name in scope.get("subprotocols", ()):
        if name.startswith(_BEARER_SUBPROTOCOL):
            return str(name.removeprefix(_BEARER_SUBPROTOCOL))
    if scope["path"] in STREAM_PATHS:
        hidden: str | None = _state(scope).get(_STATE_NAME)
        return hidden
    return None


def hide_query_credential(scope: Scope) -> None:
    """Take a credential out of the query, in the server's own scope: what logs it sees none."""
    query: bytes = scope.get("query_string", b"")
    if _QUERY_BYTES not in query:
        return
    fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    given = [value for name, value in fields if name == QUERY_NAME]
    rest = [field for field in fields if field[0] != QUERY_NAME]
    scope["query_string"] = urlencode(rest).encode()
    if given:
        _state(scope)[_STATE_NAME] = given[-1]


def _state(scope: Scope) -> dict[str, Any]:
    state: dict[str, Any] = scope.setdefault("state", {})
    return state
