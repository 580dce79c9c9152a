"""An account that writes down what the pool tells it."""

from __future__ import annotations

from google.protobuf.message import Message

from fxpool.errors import FxPoolError
from fxpool.openapi.proto.messages_pb2 import ProtoOASpotEvent


class RecordingListener:
    """Implements ``fxpool.pool.AccountListener``.

    Attributes:
        heard: names of the calls except spot and push, oldest first.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.spots: list[ProtoOASpotEvent] = []
        self.pushes: list[Message] = []
        self.errors: list[FxPoolError] = []

    def authorised(self) -> None:
        self.heard.append("authorised")

    def spot(self, event: ProtoOASpotEvent) -> None:
        self.spots.append(event)

    def push(self, message: Message) -> None:
        self.pushes.append(message)

    def lost(self, error: FxPoolError) -> None:
        self.heard.append("lost")
        self.errors.append(error)

    def refused(self, error: FxPoolError) -> None:
        self.heard.append("refused")
        self.errors.append(error)
