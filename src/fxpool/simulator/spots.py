"""Who hears which quotes, and the frames that tell them. Pure; frames go to whoever subscribed.

A quote is encoded once per account, however many connections serve it, and only where somebody
subscribed. As on a real server, an event carries only the sides that changed.
"""

from __future__ import annotations

from typing import Protocol

from fxpool.openapi import encode_frame
from fxpool.openapi.proto.hot_pb2 import SpotEnvelope
from fxpool.openapi.proto.messages_pb2 import ProtoOASpotEvent
from fxpool.openapi.registry import SPOT_EVENT
from fxpool.simulator.engine.rates import Quote


class Subscriber(Protocol):
    """Whoever takes frames: a connection."""

    def write(self, frame: bytes) -> None:
        """Take a whole frame for sending."""
        ...


class _Stream:
    """One account's quotes of one symbol; its message is reused for every event."""

    __slots__ = ("_envelope", "_event", "_with_time", "subscribers")

    def __init__(self, account_id: int, symbol_id: int, *, with_time: bool) -> None:
        event = ProtoOASpotEvent(ctidTraderAccountId=account_id, symbolId=symbol_id)
        self._envelope = SpotEnvelope(payloadType=SPOT_EVENT, payload=event)
        self._event = self._envelope.payload
        self._with_time = with_time
        self.subscribers: list[Subscriber] = []

    def frame(self, bid: int | None, ask: int | None, at_ms: int) -> bytes:
        event = self._event
        if bid is None:
            event.ClearField("bid")
        else:
            event.bid = bid
        if ask is None:
            event.ClearField("ask")
        else:
            event.ask = ask
        if self._with_time:
            event.timestamp = at_ms
        return encode_frame(self._envelope.SerializeToString())


class Spots:
    """Subscriptions by symbol, account and wish for timestamps."""

    def __init__(self) -> None:
        self._streams: dict[int, dict[tuple[int, bool], _Stream]] = {}

    def subscribe(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, *, with_time: bool
    ) -> None:
        """Send ``subscriber`` the account's quotes of a symbol from now on."""
        streams = self._streams.setdefault(symbol_id, {})
        key = (account_id, with_time)
        if key not in streams:
            streams[key] = _Stream(account_id, symbol_id, with_time=with_time)
        streams[key].subscribers.append(subscriber)

    def unsubscribe(self, subscriber: Subscriber, account_id: int, symbol_id: int) -> bool:
        """Stop sending; return whether there was a subscription."""
        streams = self._streams.get(symbol_id, {})
        for key in ((account_id, False), (account_id, True)):
            stream = streams.get(key)
            if stream is not None and subscriber in stream.subscribers:
                stream.subscribers.remove(subscriber)
                if not stream.subscribers:
                    del streams[key]
                return True
        return False

    def is_subscribed(self, subscriber: Subscriber, account_id: int, symbol_id: int) -> bool:
        """Whether ``subscriber`` hears the account's quotes of a symbol."""
        streams = self._streams.get(symbol_id, {})
        return any(
            subscriber in streams[key].subscribers
            for key in ((account_id, False), (account_id, True))
            if key in streams
        )

    def has_subscribers(self, symbol_id: int) -> bool:
        """Whether anybody hears this symbol."""
        return bool(self._streams.get(symbol_id))

    def publish(self, symbol_id: int, bid: int | None, ask: int | None, at_ms: int) -> None:
        """Send the changed sides of a quote to all who subscribed; None is an unchanged side."""
        for stream in self._streams.get(symbol_id, {}).values():
            frame = stream.frame(bid, ask, at_ms)
            for subscriber in stream.subscribers:
                subscriber.write(frame)

    def snapshot(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, quote: Quote, at_ms: int
    ) -> None:
        """Send one subscriber both sides: the technical event that follows a subscription."""
        for key, stream in self._streams.get(symbol_id, {}).items():
            if key[0] == account_id and subscriber in stream.subscribers:
                subscriber.write(stream.frame(quote.bid, quote.ask, at_ms))
