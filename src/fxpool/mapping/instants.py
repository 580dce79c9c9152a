"""Epoch milliseconds <-> aware UTC datetimes <-> ISO text, exactly. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def instant_from_ms(milliseconds: int) -> datetime:
    """Return an aware UTC datetime from epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def ms_from_instant(at: datetime) -> int:
    """Return epoch milliseconds from an aware datetime; what is finer is cut off."""
    return (at - _EPOCH) // _MILLISECOND


def whole_ms(at: datetime) -> datetime:
    """Return the first whole millisecond at or after an instant."""
    return at + (_EPOCH - at) % _MILLISECOND


def iso(at: datetime) -> str:
    """Return an instant as callers read it: ``2026-03-02T09:15:27.481Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def iso_ms(milliseconds: int) -> str:
    """Return epoch milliseconds as ``iso`` does; cheap for many instants of the same second."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
