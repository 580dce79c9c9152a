"""The unified client: one set of calls for the accounts of all platforms."""

from fxpool.client.handler import StreamingHandler
from fxpool.client.issues import ConnectionIssue, Notifier
from fxpool.client.routes import RoutingFile
from fxpool.client.streaming import StreamingConnection
from fxpool.client.streams import EventStream, PriceEvent
from fxpool.client.sync import SyncPoolClient
from fxpool.client.unified import UnifiedPoolClient

__all__ = [
    "ConnectionIssue",
    "EventStream",
    "Notifier",
    "PriceEvent",
    "RoutingFile",
    "StreamingConnection",
    "StreamingHandler",
    "SyncPoolClient",
    "UnifiedPoolClient",
]
