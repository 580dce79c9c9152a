"""Who hears which quotes and live bars, and the frames that tell them. Pure.

A quote is encoded once per account and wish, however many connections serve it, and only where
somebody subscribed. As on a real server, an event carries only the sides that changed, and the
forming bars of the periods that were asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from fxpool.openapi import encode_frame
from fxpool.openapi.proto.hot_pb2 import SpotEnvelope
from fxpool.openapi.proto.messages_pb2 import ProtoOASpotEvent
from fxpool.openapi.registry import SPOT_EVENT
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.market.archive import Archive
from fxpool.simulator.market.periods import Period
from fxpool.simulator.profile import LiveBarClose, Profile, SessionClose
from fxpool.simulator.protocol import market_data


class Subscriber(Protocol):
    """Whoever takes frames: a connection."""

    def write(self, frame: bytes) -> None:
        """Take a whole frame for sending."""
        ...


class _Wish(NamedTuple):
    """What a subscriber wants to hear of an account's symbol."""

    account_id: int
    with_quotes: bool
    with_time: bool
    periods: tuple[Period, ...] = ()


class _Stream:
    """All subscribers of a symbol with one wish; its message is reused for every event."""

    __slots__ = ("_archive", "_envelope", "_event", "_profile", "_wish", "subscribers")

    def __init__(self, symbol_id: int, wish: _Wish, archive: Archive, profile: Profile) -> None:
        event = ProtoOASpotEvent(ctidTraderAccountId=wish.account_id, symbolId=symbol_id)
        self._envelope = SpotEnvelope(payloadType=SPOT_EVENT, payload=event)
        self._event = self._envelope.payload
        self._archive = archive
        self._profile = profile
        self._wish = wish
        self.subscribers: list[Subscriber] = []

    def send(self, bid: int | None, ask: int | None, at_ms: int) -> None:
        """Tell all subscribers the changed sides of a quote, and the bars that it changed."""
        if bid is None and not self._wish.with_quotes:
            return
        if self._wish.periods:
            self._set_bars(is_bid_new=bid is not None)
        if self._profile.session_close is SessionClose.EACH_EVENT:
            self._set_session_close(at_ms)
        frame = self._frame(bid, ask, at_ms)
        for subscriber in self.subscribers:
            subscriber.write(frame)

    def send_first(self, subscriber: Subscriber, quote: Quote, at_ms: int) -> None:
        """Tell one subscriber both sides, as after a subscription."""
        del self._event.trendbar[:]
        if self._profile.session_close is not SessionClose.NEVER:
            self._set_session_close(at_ms)
        subscriber.write(self._frame(quote.bid, quote.ask, at_ms))
        self._event.ClearField("sessionClose")

    def _frame(self, bid: int | None, ask: int | None, at_ms: int) -> bytes:
        event = self._event
        if bid is None or not self._wish.with_quotes:
            event.ClearField("bid")
        else:
            event.bid = bid
        if ask is None or not self._wish.with_quotes:
            event.ClearField("ask")
        else:
            event.ask = ask
        if self._wish.with_time:
            event.timestamp = at_ms
        return encode_frame(self._envelope.SerializeToString())

    def _set_bars(self, *, is_bid_new: bool) -> None:
        del self._event.trendbar[:]
        if not is_bid_new:
            return
        told = self._profile.live_bar_close
        for period in self._wish.periods:
            live = self._archive.live_bar(period)
            if live is not None:
                bar, previous_close = live
                present = bar.close if told is LiveBarClose.PRESENT else None
                close = max(previous_close, bar.low) if told is LiveBarClose.STALE else present
                self._event.trendbar.append(market_data.live_bar(bar, period, close))

    def _set_session_close(self, at_ms: int) -> None:
        close = self._archive.session_close(at_ms)
        if close is not None:
            self._event.sessionClose = close


class Spots:
    """Subscriptions to quotes and live bars."""

    def __init__(self, archives: Mapping[int, Archive], profile: Profile) -> None:
        self._archives = archives
        self._profile = profile
        self._streams: dict[int, dict[_Wish, _Stream]] = {}
        self._wishes: dict[tuple[Subscriber, int], dict[int, _Wish]] = {}

    # -- quotes ------------------------------------------------------------------------------

    def subscribe(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, *, with_time: bool
    ) -> None:
        """Send ``subscriber`` the account's quotes of a symbol from now on."""
        wish = self._wish(subscriber, account_id, symbol_id)
        periods = () if wish is None else wish.periods
        self._set(subscriber, symbol_id, _Wish(account_id, True, with_time, periods))

    def unsubscribe(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, *, keeps_bars: bool = False
    ) -> bool:
        """Stop the quotes, and the live bars unless they are kept; return whether there were."""
        wish = self._wish(subscriber, account_id, symbol_id)
        if wish is None or not wish.with_quotes:
            return False
        keeps = keeps_bars and bool(wish.periods)
        self._leave(subscriber, symbol_id, wish)
        if keeps:
            self._set(subscriber, symbol_id, wish._replace(with_quotes=False))
        return True

    def drop(self, subscriber: Subscriber, account_id: int) -> None:
        """Stop all quotes and bars of an account on one connection."""
        for symbol_id, wish in list(self._wishes.get((subscriber, account_id), {}).items()):
            self._leave(subscriber, symbol_id, wish)

    def is_subscribed(self, subscriber: Subscriber, account_id: int, symbol_id: int) -> bool:
        """Whether ``subscriber`` hears the account's quotes of a symbol."""
        wish = self._wish(subscriber, account_id, symbol_id)
        return wish is not None and wish.with_quotes

    def count(self, subscriber: Subscriber) -> int:
        """Return how many subscriptions a connection has."""
        return sum(len(wishes) for (one, _), wishes in self._wishes.items() if one is subscriber)

    def has_subscribers(self, symbol_id: int) -> bool:
        """Whether anybody hears this symbol."""
        return bool(self._streams.get(symbol_id))

    # -- bars --------------------------------------------------------------------------------

    def subscribe_bars(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, period: Period, at_ms: int
    ) -> None:
        """Let the quotes of a subscription carry the forming bar of a period, too.

        There has to be a subscription to the quotes.
        """
        wish = self._wishes[subscriber, account_id][symbol_id]
        self._archives[symbol_id].follow(period, at_ms)
        periods = tuple(sorted({*wish.periods, period}))
        self._set(subscriber, symbol_id, wish._replace(periods=periods))

    def unsubscribe_bars(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, period: Period
    ) -> bool:
        """Stop a period's bars; return whether there was a subscription."""
        wish = self._wish(subscriber, account_id, symbol_id)
        if wish is None or period not in wish.periods:
            return False
        rest = tuple(one for one in wish.periods if one is not period)
        if rest or wish.with_quotes:
            self._set(subscriber, symbol_id, wish._replace(periods=rest))
        else:
            self._leave(subscriber, symbol_id, wish)
        return True

    def periods(
        self, subscriber: Subscriber, account_id: int, symbol_id: int
    ) -> tuple[Period, ...]:
        """Return the periods whose bars a subscriber hears."""
        wish = self._wish(subscriber, account_id, symbol_id)
        return () if wish is None else wish.periods

    # -- telling -----------------------------------------------------------------------------

    def publish(self, symbol_id: int, bid: int | None, ask: int | None, at_ms: int) -> None:
        """Send the changed sides of a quote to all who subscribed; None is an unchanged side."""
        streams = self._streams.get(symbol_id)
        if streams:
            for stream in streams.values():
                stream.send(bid, ask, at_ms)

    def snapshot(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, quote: Quote, at_ms: int
    ) -> None:
        """Send one subscriber both sides: the technical event that follows a subscription."""
        wish = self._wishes[subscriber, account_id][symbol_id]
        self._streams[symbol_id][wish].send_first(subscriber, quote, at_ms)

    # -- inside ------------------------------------------------------------------------------

    def _wish(self, subscriber: Subscriber, account_id: int, symbol_id: int) -> _Wish | None:
        return self._wishes.get((subscriber, account_id), {}).get(symbol_id)

    def _set(self, subscriber: Subscriber, symbol_id: int, wish: _Wish) -> None:
        """Move a subscriber to the stream of its wish."""
        old = self._wish(subscriber, wish.account_id, symbol_id)
        if old is not None:
            self._leave(subscriber, symbol_id, old)
        streams = self._streams.setdefault(symbol_id, {})
        if wish not in streams:
            streams[wish] = _Stream(symbol_id, wish, self._archives[symbol_id], self._profile)
        streams[wish].subscribers.append(subscriber)
        self._wishes.setdefault((subscriber, wish.account_id), {})[symbol_id] = wish

    def _leave(self, subscriber: Subscriber, symbol_id: int, wish: _Wish) -> None:
        stream = self._streams[symbol_id][wish]
        stream.subscribers.remove(subscriber)
        if not stream.subscribers:
            del self._streams[symbol_id][wish]
        key = (subscriber, wish.account_id)
        del self._wishes[key][symbol_id]
        if not self._wishes[key]:
            del self._wishes[key]
