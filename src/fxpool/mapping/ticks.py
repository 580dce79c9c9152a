"""Historical tick data -> ticks. Pure.

Source: ProtoOATickData: the first element of an answer is whole, each other one is the difference
to the one before it, in time and in price; the newest come first.
"""

from __future__ import annotations

from fxpool.domain.ticks import QuoteSide, Tick
from fxpool.openapi.proto.model_pb2 import ProtoOATickData


class TickDecoder:
    """Sums up the elements of one answer, in their order."""

    def __init__(self, side: QuoteSide) -> None:
        self._side = side
        self._timestamp_ms = 0
        self._price = 0

    def next(self, row: ProtoOATickData) -> Tick:
        """Return the tick that an element means."""
        self._timestamp_ms += row.timestamp
        self._price += row.tick
        return Tick(self._timestamp_ms, self._side, self._price)
