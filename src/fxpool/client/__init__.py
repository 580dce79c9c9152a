"""The unified client: one set of calls for the accounts of all platforms."""

from fxpool.client.streams import EventStream, PriceEvent
from fxpool.client.unified import UnifiedPoolClient

__all__ = ["EventStream", "PriceEvent", "UnifiedPoolClient"]
