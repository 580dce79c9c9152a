"""Which deals of a position closed which: the oldest opening volume goes first. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from fxpool.openapi.proto.model_pb2 import ProtoOADealOffset
from fxpool.simulator.engine.model import Deal
from fxpool.simulator.protocol.executions import to_double


class Match(NamedTuple):
    """A volume that one deal opened and another closed."""

    opening: Deal
    closing: Deal
    volume: int


def matches(deals: Iterable[Deal]) -> list[Match]:
    """Match the deals of one position, given oldest first."""
    waiting: deque[tuple[Deal, int]] = deque()
    found = []
    for deal in deals:
        closed = 0 if deal.close is None else deal.close.closed_volume
        rest = closed
        while rest and waiting:
            opening, left = waiting.popleft()
            volume = min(rest, left)
            found.append(Match(opening, deal, volume))
            rest -= volume
            if left > volume:
                waiting.appendleft((opening, left - volume))
        if deal.filled_volume > closed:
            waiting.append((deal, deal.filled_volume - closed))
    return found


def offset(deal: Deal, volume: int) -> ProtoOADealOffset:
    """Return a deal's part in a match as the wire shows it."""
    return ProtoOADealOffset(
        dealId=deal.deal_id,
        volume=volume,
        executionTimestamp=deal.executed_ms,
        executionPrice=to_double(deal.price),
    )
