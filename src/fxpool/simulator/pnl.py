"""The stream of unrealised profit per account (messages 2189 to 2193), where it is served (SW-24).

Pure. An account's profit is told when it was subscribed, and at each look at the time at which it
has changed: how often a real server tells it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping

from fxpool.openapi import encode
from fxpool.openapi.proto.messages_pb2 import ProtoOAv1PnLChangeEvent
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.money import MONEY_DIGITS
from fxpool.simulator.spots import Subscriber


class PnlStream:
    """Who hears the profit of which account; ``books`` are all accounts by id."""

    def __init__(self, books: Mapping[int, Book]) -> None:
        self._books = books
        self._subscribers: dict[int, list[Subscriber]] = {}
        self._told: dict[int, tuple[int, int]] = {}

    def is_subscribed(self, subscriber: Subscriber, account_id: int) -> bool:
        """Whether ``subscriber`` hears the profit of an account."""
        return subscriber in self._subscribers.get(account_id, ())

    def subscribe(self, subscriber: Subscriber, account_id: int) -> None:
        """Tell ``subscriber`` the profit now, and when it changes."""
        self._subscribers.setdefault(account_id, []).append(subscriber)
        profit = self._told[account_id] = self._profit(account_id)
        subscriber.write(_frame(account_id, profit))

    def unsubscribe(self, subscriber: Subscriber, account_id: int) -> bool:
        """Stop telling; return whether there was a subscription."""
        if not self.is_subscribed(subscriber, account_id):
            return False
        subscribers = self._subscribers[account_id]
        subscribers.remove(subscriber)
        if not subscribers:
            del self._subscribers[account_id], self._told[account_id]
        return True

    def publish(self) -> None:
        """Tell the profits that have changed."""
        for account_id, subscribers in self._subscribers.items():
            profit = self._profit(account_id)
            if profit != self._told[account_id]:
                self._told[account_id] = profit
                frame = _frame(account_id, profit)
                for subscriber in subscribers:
                    subscriber.write(frame)

    def _profit(self, account_id: int) -> tuple[int, int]:
        """Return gross and net of all open positions."""
        book = self._books[account_id]
        profits = [book.worth.unrealised(one) for one in book.positions.values()]
        return sum(gross for gross, _ in profits), sum(net for _, net in profits)


def _frame(account_id: int, profit: tuple[int, int]) -> bytes:
    gross, net = profit
    return encode(
        ProtoOAv1PnLChangeEvent(
            ctidTraderAccountId=account_id,
            grossUnrealizedPnL=gross,
            netUnrealizedPnL=net,
            moneyDigits=MONEY_DIGITS,
        )
    )
