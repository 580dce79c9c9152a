"""Which quoted symbols are silent for too long, and what is to be done about it. Pure.

A quiet symbol and a dead feed look alike, so the broker is asked: after each subscription it sends
the latest quote at once. A symbol that was silent for a while is subscribed again. It is dead if no
quote follows, or if one follows that we had missed and then silence again; then its account is to
be authorised again, not too often. A symbol that was never quoted on this session, while others of
the account are, is not dead: the broker has no price of it.

Only symbols whose market is known to be open are watched. Source: Open API, SubscribeSpots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

SILENT_SECONDS: Final = 60.0
"""Silence after which a symbol is subscribed again; one that trades little is quiet so long too."""

ANSWER_SECONDS: Final = 5.0
"""How long the quote that follows a subscription may take."""

REAUTHORISE_EVERY: Final = 300.0
"""Seconds between two new authorisations of an account for a dead feed: each interrupts it."""

Price = tuple[int | None, int | None]
"""Bid and ask as the wire's integers."""

NO_PRICE: Final[Price] = (None, None)
"""Of a symbol that was not quoted on this session."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest quote of a symbol, and when it came (monotonic seconds)."""

    at: float
    price: Price


@dataclass(frozen=True, slots=True)
class Treatment:
    """What the feed needs now: symbols to subscribe again, and symbols that are dead."""

    resubscribe: frozenset[int]
    dead: frozenset[int]


@dataclass(slots=True)
class _Symbol:
    """What is known of one symbol's silences.

    Attributes:
        quiet_since: the last quote, or when the market was seen open.
        asked: what was known when it was subscribed again, until an answer comes.
        asked_at: when that was.
        missed_at: when a new subscription brought a quote that we had missed, if that was the last
            thing heard.
    """

    quiet_since: float
    asked: Heard | None = None
    asked_at: float = 0.0
    missed_at: float | None = None

    def hear(self, heard: Heard) -> None:
        """Learn from the newest quote."""
        if heard.at <= self.quiet_since:
            return
        self.quiet_since = heard.at
        is_answer = self.asked is not None
        was_missed = self.asked is not None and heard.price != self.asked.price
        self.asked = None
        self.missed_at = heard.at if is_answer and was_missed else None


class FeedWatch:
    """The silences of one account's quotes; times are monotonic seconds."""

    def __init__(self, silent_seconds: float = SILENT_SECONDS) -> None:
        self._silent_seconds = silent_seconds
        self._answer_seconds = min(ANSWER_SECONDS, silent_seconds)
        self._symbols: dict[int, _Symbol] = {}
        self._reauthorised_at = -inf

    def look(self, heard: Mapping[int, Heard], now: float) -> Treatment:
        """Return what is to be done; ``heard`` holds each symbol that should be quoted now."""
        for symbol_id in self._symbols.keys() - heard.keys():
            del self._symbols[symbol_id]
        resubscribe, dead = set(), set()
        for symbol_id, newest in heard.items():
            symbol = self._symbols.setdefault(symbol_id, _Symbol(now))
            symbol.hear(newest)
            if self._is_dead(symbol, now):
                if newest.price == NO_PRICE and _is_any_heard(heard, symbol.quiet_since):
                    symbol.asked, symbol.quiet_since = None, now
                else:
                    dead.add(symbol_id)
            elif symbol.asked is None and now - symbol.quiet_since >= self._silent_seconds:
                symbol.asked, symbol.asked_at = newest, now
                resubscribe.add(symbol_id)
        return Treatment(frozenset(resubscribe), self._unless_too_often(dead, now))

    def _is_dead(self, symbol: _Symbol, now: float) -> bool:
        if symbol.asked is not None:
            return now - symbol.asked_at >= self._answer_seconds
        return symbol.missed_at is not None and now - symbol.missed_at >= self._silent_seconds

    def _unless_too_often(self, dead: set[int], now: float) -> frozenset[int]:
        if not dead or now - self._reauthorised_at < REAUTHORISE_EVERY:
            return frozenset()
        self._reauthorised_at = now
        self._symbols.clear()
        return frozenset(dead)


def _is_any_heard(heard: Mapping[int, Heard], since: float) -> bool:
    return any(newest.at > since for newest in heard.values())
