"""The head of a request as the edge needs it: each header by one look-up. Pure.

Access, the rules for browsers and routes ask for a dozen headers that most requests do not have. To
go through the list of pairs for each of them would cost an order more than to read it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.types import Scope

_STATE: Final = "head"


def head_of(scope: Scope) -> Mapping[bytes, bytes]:
    """Return the first value of each header, by its name in small letters."""
    state = scope.setdefault("state", {})
    found: Mapping[bytes, bytes] | None = state.get(_STATE)
    if found is None:
        found = state[_STATE] = dict(reversed(scope["headers"]))
    return found


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first value of a header, None if it was not sent."""
    value = head_of(scope).get(name)
    return None if value is None else value.decode("latin-1")
