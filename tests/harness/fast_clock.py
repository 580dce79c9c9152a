"""A clock that runs faster than the machine's, the same in all processes that share its start.

Deadlines of minutes are then met in seconds, with the product's own numbers.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class FastClock:
    """Implements ``fxpool.clock.Clock``.

    Attributes:
        began: epoch seconds at which its wall clock agreed with the machine's.
        speed: how many of its seconds pass in one of the machine's.
    """

    began: float
    speed: float

    def now(self) -> float:
        return time.monotonic() * self.speed

    def at(self) -> datetime:
        passed = (time.time() - self.began) * self.speed
        return datetime.fromtimestamp(self.began + passed, UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


@dataclass(frozen=True, slots=True)
class CalendarClock(FastClock):
    """A fast clock whose wall clock runs faster still, for what takes days.

    Attributes:
        days_per_second: how many days pass in one of the machine's seconds.
        days_behind: how many days ago it began, so that what is made then is valid by now too.
    """

    days_per_second: float = 1.0
    days_behind: float = 0.0

    def at(self) -> datetime:
        days = (time.time() - self.began) * self.days_per_second - self.days_behind
        return datetime.fromtimestamp(self.began + days * 86_400, UTC)
