"""Our results of open positions beside the broker's own: what differs, and from which readings.

The broker's number is of some moment between question and answer, so ours is read at both ends. A
number of the broker's that lies between them, or a rounding away, agrees. What lies outside is
asked again at once, because a price may have gone to and fro: only what stays outside differs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import structlog

from fxpool.account.book import AccountBook
from fxpool.account.reads import AccountReads
from fxpool.clock import Clock
from fxpool.domain.trades import UnrealisedProfit
from fxpool.errors import FxPoolError

CHECK_EVERY: Final = 60.0
"""Seconds between checks of an account with open positions."""

TRIES: Final = 3
"""How often what differs is asked in one check."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProfitDifference:
    """One position whose result we compute otherwise than the broker.

    Attributes:
        ours: gross, at the end of the last question. ``lowest`` and ``highest`` at its two ends.
        costs: swap and commission as the book has them; ``theirs_costs`` the broker's.
    """

    position_id: int
    ours: Decimal
    lowest: Decimal
    highest: Decimal
    theirs: Decimal
    costs: Decimal
    theirs_costs: Decimal


def differences(
    before: Mapping[int, Decimal],
    after: Mapping[int, Decimal],
    theirs: Mapping[int, UnrealisedProfit],
    costs: Mapping[int, Decimal],
) -> dict[int, ProfitDifference]:
    """Return what differs by more than a rounding, by position id; ``before`` and ``after`` are
    our gross results at both ends of the question. Positions that are not in all are left out."""
    found: dict[int, ProfitDifference] = {}
    for position_id, profit in theirs.items():
        if not (position_id in before and position_id in after and position_id in costs):
            continue
        ends = sorted((before[position_id], after[position_id]))
        their_costs = profit.net - profit.gross
        is_equal = (
            ends[0] - profit.unit <= profit.gross <= ends[1] + profit.unit
            and abs(their_costs - costs[position_id]) <= profit.unit
        )
        if not is_equal:
            found[position_id] = ProfitDifference(
                position_id=position_id,
                ours=after[position_id],
                lowest=ends[0],
                highest=ends[1],
                theirs=profit.gross,
                costs=costs[position_id],
                theirs_costs=their_costs,
            )
    return found


class ProfitCheck:
    """Compares the results of one account with the broker's, on a timer.

    Attributes:
        differs: what differed at the last check, by position id.
        checks, failed: how many checks were made, and how many could not be.
    """

    def __init__(
        self,
        key: str,
        book: AccountBook,
        *,
        clock: Clock,
        reads: Callable[[], AccountReads | None],
        every: float = CHECK_EVERY,
    ) -> None:
        """``reads`` returns None while the account is not live."""
        self.differs: dict[int, ProfitDifference] = {}
        self.checks = 0
        self.failed = 0
        self._key = key
        self._book = book
        self._clock = clock
        self._reads = reads
        self._every = every

    async def run(self) -> None:
        """Check every so often, while positions are open, until cancelled."""
        while True:
            await self._clock.sleep(self._every)
            reads = self._reads()
            if reads is None:
                continue
            if not self._book.positions:
                self.differs = {}
                continue
            try:
                await self.check(reads.unrealised)
            except FxPoolError as exc:
                self.failed += 1
                log.info("results are not compared", account=self._key, error=str(exc))

    async def check(self, ask: Callable[[], Awaitable[dict[int, UnrealisedProfit]]]) -> None:
        """Compare all open positions now. Raises what asking raises."""
        found: dict[int, ProfitDifference] | None = None
        for _ in range(TRIES):
            before = self._gross()
            theirs = await ask()
            seen = differences(before, self._gross(), theirs, self._costs())
            found = seen if found is None else {i: one for i, one in seen.items() if i in found}
            if not found:
                break
        self.checks += 1
        self._tell(found or {})

    def _gross(self) -> dict[int, Decimal]:
        """Our gross results, of positions that can be valued."""
        return {
            position_id: gross
            for position_id in self._book.positions
            if (gross := self._book.gross(position_id)) is not None
        }

    def _costs(self) -> dict[int, Decimal]:
        return {i: one.swap + one.commission for i, one in self._book.positions.items()}

    def _tell(self, found: dict[int, ProfitDifference]) -> None:
        for position_id, one in found.items():
            if position_id not in self.differs:
                log.warning(
                    "result differs from the broker's",
                    account=self._key,
                    position=position_id,
                    ours=str(one.ours),
                    theirs=str(one.theirs),
                    our_costs=str(one.costs),
                    their_costs=str(one.theirs_costs),
                )
        self.differs = found
