"""An example of each call, as the documents show it: ``examples.json``, one request and one answer.

Tests hold every example against its shape and against what a running gateway answers, so that
none of them grows old unnoticed.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, NotRequired, TypedDict

import msgspec


class Example(TypedDict):
    """What a caller sends, where a call takes a body, and what it is answered."""

    request: NotRequired[dict[str, Any]]
    answer: Any


@cache
def examples() -> dict[str, Example]:
    """Return the examples by call, such as ``GET /account/{account_id}``; treat as read-only."""
    text = files(__package__).joinpath("examples.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Example])
