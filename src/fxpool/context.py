"""What a call carries with it: ids that every log line about it shows, and that tickets keep.

They are in a context variable, so that no layer has to hand them on; a task that a call starts has
them too. Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

_NOTHING: Final[Mapping[str, str]] = {}
_IDS: Final[ContextVar[Mapping[str, str]]] = ContextVar("fxpool_ids", default=_NOTHING)


class call:  # noqa: N801 (used as a function; a generator costs every order some microseconds)
    """Show a request's id, and what is added meanwhile, until the block ends."""

    __slots__ = ("_ids", "_token")

    def __init__(self, request_id: str) -> None:
        self._ids: Mapping[str, str] = {"request": request_id}

    def __enter__(self) -> None:
        self._token = _IDS.set(self._ids)

    def __exit__(self, *exc_info: object) -> None:
        _IDS.reset(self._token)


def add(**ids: str) -> None:
    """Show further ids until the call ends: ``caller``, ``account``, ``ticket``. Outside of a call
    nothing is kept."""
    known = _IDS.get()
    if known:
        _IDS.set({**known, **ids})


def take_up(ids: Mapping[str, str]) -> None:
    """Show the ids of a call whose block has ended, in a task that goes on for it."""
    _IDS.set(ids)


def ids() -> Mapping[str, str]:
    """Return the ids of the call that is being served; empty outside of one."""
    return _IDS.get()


def asker() -> str:
    """Return who asked for what is being done, in words; empty outside of a call."""
    known = _IDS.get()
    if not known:
        return ""
    return f"asked by {known.get('caller', 'somebody')}, request {known['request']}"
