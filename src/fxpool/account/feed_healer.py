"""Heals one account's quotes where they stopped without a word; ``feed_watch`` decides when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

import structlog

from fxpool.account.book import AccountBook
from fxpool.account.feed_watch import (
    ANSWER_SECONDS,
    NO_PRICE,
    SILENT_SECONDS,
    FeedWatch,
    Heard,
)
from fxpool.account.reader import BookReader
from fxpool.account.reads import AccountReads
from fxpool.clock import Clock
from fxpool.domain.market_hours import Market
from fxpool.errors import FxPoolError

LOOKS_PER_SILENCE: Final = 4
"""How often quotes are looked at in the time for which they may be silent."""

log = structlog.get_logger(__name__)


class FeedHealer:
    """Looks at the quotes of an account from time to time.

    Attributes:
        resubscribed: how often silent symbols were subscribed again.
        died: how often that did not help, and the account was authorised again.
    """

    def __init__(
        self,
        key: str,
        book: AccountBook,
        reader: BookReader,
        *,
        clock: Clock,
        reads: Callable[[], AccountReads | None],
        give_up: Callable[[str], Awaitable[None]],
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        """``reads`` returns None while the account is not live; ``give_up`` is told why the feed is
        dead, and has the account authorised again."""
        self.resubscribed = 0
        self.died = 0
        self._key = key
        self._book = book
        self._reader = reader
        self._clock = clock
        self._reads = reads
        self._give_up = give_up
        self._every = min(ANSWER_SECONDS, silent_seconds / LOOKS_PER_SILENCE)
        self._watch = FeedWatch(silent_seconds)

    async def run(self) -> None:
        """Keep the quotes flowing until cancelled."""
        while True:
            await self._clock.sleep(self._every)
            reads = self._reads()
            if reads is None:
                continue
            try:
                await self._heal(reads)
            except FxPoolError as exc:  # what breaks a request here is healed by the session
                log.warning("feed not healed", account=self._key, error=str(exc))

    async def _heal(self, reads: AccountReads) -> None:
        treatment = self._watch.look(self._heard(), self._clock.now())
        if treatment.resubscribe:
            self.resubscribed += len(treatment.resubscribe)
            log.warning("silent", account=self._key, symbols=self._names(treatment.resubscribe))
            await self._reader.resubscribe(reads, treatment.resubscribe)
        if treatment.dead:
            self.died += 1
            names = self._names(treatment.dead)
            await self._give_up(
                f"quotes of {names} stopped in an open market, and a new subscription did not help"
            )

    def _heard(self) -> dict[int, Heard]:
        """Return the newest quote of each symbol that is subscribed and known to trade now."""
        at = self._clock.at()
        heard = {}
        for symbol_id in self._reader.subscribed:
            symbol = self._book.symbols.get(symbol_id)
            quote = self._book.quotes.get(symbol_id)
            if symbol is None or symbol.hours is None or symbol.hours.at(at) is not Market.OPEN:
                continue
            heard[symbol_id] = (
                Heard(-inf, NO_PRICE)
                if quote is None
                else Heard(quote.received_at, (quote.bid, quote.ask))
            )
        return heard

    def _names(self, symbol_ids: frozenset[int]) -> str:
        return ", ".join(self._book.light_symbols[symbol_id].name for symbol_id in symbol_ids)
