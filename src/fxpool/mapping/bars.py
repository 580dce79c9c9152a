"""Historical trendbars -> bars. Pure.

Source: ProtoOATrendbar: ``low`` is absolute, open, high and close are distances above it.
"""

from __future__ import annotations

from datetime import timedelta

from fxpool.domain.bars import Bar
from fxpool.errors import MappingError
from fxpool.mapping.instants import instant_from_ms
from fxpool.openapi.proto.model_pb2 import ProtoOATrendbar

_MS_PER_MINUTE = timedelta(minutes=1) // timedelta(milliseconds=1)


def bar_from(trendbar: ProtoOATrendbar) -> Bar:
    """Return a bar of the past; an absent distance is 0, as the protocol leaves zeros out.

    A high below open or close is raised to them and flagged: brokers send such bars (SW-29).
    Raises MappingError for a bar without a low or a time.
    """
    if not trendbar.HasField("low") or not trendbar.HasField("utcTimestampInMinutes"):
        raise MappingError("a trendbar has no low or no time")
    low = trendbar.low
    opened, closed = low + trendbar.deltaOpen, low + trendbar.deltaClose
    told = low + trendbar.deltaHigh
    high = max(told, opened, closed)
    return Bar(
        opened_at=instant_from_ms(trendbar.utcTimestampInMinutes * _MS_PER_MINUTE),
        open=opened,
        high=high,
        low=low,
        close=closed,
        volume=trendbar.volume,
        is_repaired=high != told,
    )
