"""Depth events of the wire -> domain values. Pure; prices stay integers in 1/100000."""

from __future__ import annotations

from fxpool.domain.depth import DepthChange, DepthLevel
from fxpool.domain.trades import Side
from fxpool.errors import MappingError
from fxpool.openapi.proto import messages_pb2, model_pb2


def depth_from(event: messages_pb2.ProtoOADepthEvent) -> DepthChange:
    """Return what changed in a depth. Raises MappingError for a level without one price."""
    return DepthChange(
        symbol_id=event.symbolId,
        changed=tuple(_depth_level(quote) for quote in event.newQuotes),
        gone=frozenset(event.deletedQuotes),
    )


def _depth_level(quote: model_pb2.ProtoOADepthQuote) -> DepthLevel:
    is_bid = quote.HasField("bid")
    if is_bid is quote.HasField("ask"):
        raise MappingError(f"depth quote {quote.id} is neither a bid nor an offer")
    side = Side.BUY if is_bid else Side.SELL
    return DepthLevel(quote.id, side, quote.bid if is_bid else quote.ask, quote.size)
