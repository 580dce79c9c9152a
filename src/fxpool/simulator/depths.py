"""Who hears whose depth, and the frames that tell it. Pure.

A book of levels is kept only while somebody subscribed; it begins again after the last one left.
"""

from __future__ import annotations

from collections.abc import Mapping

from fxpool.openapi import encode
from fxpool.simulator.engine.rates import Quote
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.market.depth import DepthBook
from fxpool.simulator.protocol import market_data
from fxpool.simulator.spots import Subscriber


class _Market:
    """One symbol's book, and its subscribers by account."""

    __slots__ = ("book", "subscribers")

    def __init__(self, symbol: Symbol) -> None:
        self.book = DepthBook(symbol)
        self.subscribers: dict[int, list[Subscriber]] = {}


class Depths:
    """Subscriptions to depth, by symbol and account."""

    def __init__(self, symbols: Mapping[int, Symbol]) -> None:
        self._symbols = symbols
        self._markets: dict[int, _Market] = {}

    def subscribe(
        self, subscriber: Subscriber, account_id: int, symbol_id: int, quote: Quote | None
    ) -> None:
        """Send ``subscriber`` all levels now, and what changes from now on."""
        market = self._markets.get(symbol_id)
        if market is None:
            market = self._markets[symbol_id] = _Market(self._symbols[symbol_id])
            if quote is not None:
                market.book.move(quote.bid, quote.ask)
        market.subscribers.setdefault(account_id, []).append(subscriber)
        if levels := market.book.levels():
            subscriber.write(encode(market_data.depth_event(account_id, symbol_id, levels, [])))

    def unsubscribe(self, subscriber: Subscriber, account_id: int, symbol_id: int) -> bool:
        """Stop sending; return whether there was a subscription."""
        if not self.is_subscribed(subscriber, account_id, symbol_id):
            return False
        market = self._markets[symbol_id]
        market.subscribers[account_id].remove(subscriber)
        if not market.subscribers[account_id]:
            del market.subscribers[account_id]
        if not market.subscribers:
            del self._markets[symbol_id]
        return True

    def drop(self, subscriber: Subscriber, account_id: int) -> None:
        """Stop all of an account's depth on one connection."""
        for symbol_id in list(self._markets):
            self.unsubscribe(subscriber, account_id, symbol_id)

    def is_subscribed(self, subscriber: Subscriber, account_id: int, symbol_id: int) -> bool:
        """Whether ``subscriber`` hears the account's depth of a symbol."""
        market = self._markets.get(symbol_id)
        return market is not None and subscriber in market.subscribers.get(account_id, ())

    def publish(self, symbol_id: int, bid: int, ask: int) -> None:
        """Move a symbol's levels to a new quote, and tell what changed."""
        market = self._markets.get(symbol_id)
        if market is None:
            return
        changed, gone = market.book.move(bid, ask)
        for account_id, subscribers in market.subscribers.items():
            frame = encode(market_data.depth_event(account_id, symbol_id, changed, gone))
            for subscriber in subscribers:
                subscriber.write(frame)
