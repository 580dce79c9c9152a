"""MetaApi's credits: what each call costs, and how reads wait so that trades need not.

MetaApi counts credits per application, per server and per account over several windows, and
documents no price list; the costs below are those that its error messages were seen to name, the
rest is estimated high. A trade never waits: it leaves a debt, and the reads after it wait longer.
"""

from __future__ import annotations

import asyncio
from typing import Final

from fxpool.clock import Clock
from fxpool.pool.rate import TokenBucket

READ: Final = 50.0
SYMBOLS: Final = 500.0
HISTORY: Final = 75.0
TRADE: Final = 10.0
"""What calls cost, in credits."""

TRADE_RESERVE: Final = 100.0
"""What reads leave for trades."""

_BURST_SECONDS: Final = 10.0


class Credits:
    """The credits that one application may spend; every call takes its own."""

    def __init__(self, per_second: float, *, clock: Clock) -> None:
        self._clock = clock
        burst = max(per_second * _BURST_SECONDS, SYMBOLS + TRADE_RESERVE)
        self._bucket = TokenBucket(per_second, burst, clock.now())
        self._turn = asyncio.Lock()

    async def for_read(self, cost: float) -> None:
        """Wait, first come first served, until a read may leave."""
        async with self._turn:
            while pause := self._bucket.wait(self._clock.now(), cost + TRADE_RESERVE):
                await self._clock.sleep(pause)
            self._bucket.take(self._clock.now(), cost)

    def for_trade(self) -> None:
        """Spend a trade's credits, there or not."""
        self._bucket.take(self._clock.now(), TRADE)
