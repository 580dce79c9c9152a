"""What readings of a polled account do not show any more, looked up until the past proves its end.

A terminal that has just come back may show less than there is, and to a caller a list without a
position says that it closed. So what is gone without a proof is doubted for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from fxpool.clock import Clock
from fxpool.errors import NotReady
from fxpool.platforms.metaapi.differences import Reading
from fxpool.platforms.metaapi.feed import MetaApiFeed
from fxpool.platforms.metaapi.model import Deal
from fxpool.platforms.metaapi.way import Way

DOUBT_SECONDS: Final = 60.0
"""After that what is shown counts: not every broker keeps every deal. From then on its end is
looked up once in so long, where looks cost credits."""

LOOK_SECONDS: Final = 1.0
"""Between looks that callers ask for; they cost credits."""


class Proofs:
    """The search for the ends of what is gone, for one account."""

    def __init__(self, key: str, way: Way, feed: MetaApiFeed, *, clock: Clock) -> None:
        self._key, self._way, self._feed, self._clock = key, way, feed, clock
        self._since: dict[tuple[str, str], float] = {}
        self._looked_at = clock.now() - LOOK_SECONDS
        self._turn = asyncio.Lock()

    def noticed(self, reading: Reading) -> bool:
        """Take note of what the newest reading does not show; whether something is gone by it."""
        gone = [("position", key) for key in self._feed.gone_positions]
        gone += [("order", key) for key in self._feed.gone_orders]
        is_more = not self._since.keys() >= set(gone)
        if is_more:  # nobody has looked for it yet
            self._looked_at = self._clock.now() - LOOK_SECONDS
        self._since = {each: self._since.get(each, reading.began) for each in gone}
        return is_more

    async def look(self) -> None:
        """Look up the end of what is gone, once in a while. Raises kinds of FxPoolError."""
        async with self._turn:
            is_cheap = not self._way.offers.history
            is_due = self._clock.now() - self._looked_at >= DOUBT_SECONDS
            if is_cheap or is_due or any(map(self._is_doubted, self._since)):
                await self._look()

    async def require(self) -> None:
        """Return if no position is doubted. Raises NotReady while one is, and what ``look``
        raises."""
        if not self._way.offers.history:
            return  # such a pool tells closed trades minutes later
        async with self._turn:
            is_due = self._clock.now() - self._looked_at >= LOOK_SECONDS
            if is_due and self._doubted():
                await self._look()
        if doubted := self._doubted():
            raise NotReady(
                f"position {', '.join(doubted)} is not shown any more, and no deal proves yet "
                "that it closed",
                phase="synchronising",
            )

    def _doubted(self) -> list[str]:
        """Return the positions that may be open though they are not shown."""
        return [key for key in self._feed.gone_positions if self._is_doubted(("position", key))]

    def _is_doubted(self, each: tuple[str, str]) -> bool:
        now = self._clock.now()
        return now - self._since.get(each, now) < DOUBT_SECONDS

    async def _look(self) -> None:
        feed, way = self._feed, self._way
        for key, position in tuple(feed.gone_positions.items()):
            deals = await way.deals_of_position(self._key, key)
            end = end_of(deals, position.volume)
            if end is not None and key in feed.gone_positions:  # else it is shown again by now
                feed.closed(position, end, deals)
        for key, order in tuple(feed.gone_orders.items()):
            past = await way.orders_of_ticket(self._key, key)
            if key in feed.gone_orders:
                feed.ended(order, past)
        self._looked_at = self._clock.now()


def end_of(deals: Sequence[Deal], volume: Decimal = Decimal(0)) -> Deal | None:
    """Return the deal that closed a position, None if its deals leave volume.

    A pool may tell closings only; then those of ``volume``, what is known of the position, end it.
    """
    left = volume if all(deal.closes for deal in deals) else Decimal(0)
    last = None
    for deal in sorted(deals, key=lambda deal: deal.time):
        if deal.closes:
            last = deal
        if deal.turns:
            left = deal.volume - left
        else:
            left += -deal.volume if deal.closes else deal.volume
    return last if left <= 0 else None
