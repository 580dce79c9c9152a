"""The observer of an account that has several listeners: its event feed, and those of its past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fxpool.account import AccountObserver, AccountState, Phase, Trigger
from fxpool.account.events import BookEvent
from fxpool.history import HistoryKeeper, RecordedEquity

_LOSSES: Final = frozenset({Trigger.LOST, Trigger.REFUSED, Trigger.TOKEN_DEAD})


class PastFeed:
    """Tells the feed everything, as before, and the past what is its business.

    Attributes:
        keeper: of the account's past; set before anything is told.
        equity: what is recorded of its equity; None where nobody does it.
        look: compares the account with its limits; where it has none, nothing.
        quoted: the feed's own: quotes are many, and no business of the past.
    """

    keeper: HistoryKeeper

    def __init__(self, feed: AccountObserver) -> None:
        self._feed = feed
        self.equity: RecordedEquity | None = None
        self.look: Callable[[], None] = lambda: None
        self.quoted: Callable[[int], None] = feed.quoted
        self.restored: Callable[[float], None] = feed.restored

    def changed(self, events: Sequence[BookEvent]) -> None:
        self.keeper.hear(events)
        if self.equity is not None:
            self.equity.hear(events)
        self._feed.changed(events)
        self.look()

    def moved(self, trigger: Trigger, state: AccountState) -> None:
        if trigger is Trigger.SYNCHRONISED:
            self.keeper.synchronised()
        elif trigger in _LOSSES:
            self.keeper.lost()
        if self.equity is not None and state.phase is not Phase.LIVE:
            self.equity.lost()
        self._feed.moved(trigger, state)
        self.look()
