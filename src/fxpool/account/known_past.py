"""An account's past when its book was whole for the first time: later deals are news. Pure.

The broker's clock and ours may be hours apart, so ours decides nothing where the broker's own words
do: the versions of the balance, and what was open. Knows nothing of requests, nor of what was told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fxpool.account.book import AccountBook
from fxpool.domain.trades import Deal

_CLOCK_BEHIND: Final = timedelta(seconds=2)
"""How far the broker's clock may be behind ours where only clocks can tell."""


@dataclass(frozen=True, slots=True)
class KnownPast:
    """A moment of an account.

    Attributes:
        at: when that was, by our clock.
        version: of the balance then; None where the broker told none.
        open: the positions that were open, by id, and when they changed last by the broker's clock.
    """

    at: datetime
    version: int | None
    open: Mapping[int, datetime | None]

    @classmethod
    def of(cls, book: AccountBook, at: datetime) -> KnownPast:
        """Return the present of a book. Raises NotReady for one that is not whole."""
        positions = {i: position.updated_at for i, position in book.positions.items()}
        return cls(at, book.balance_version or None, positions)

    def news(self, deals: Sequence[Deal]) -> list[Deal]:
        """Return those of some deals that were executed after this moment, in their order.

        Of a position that was not open all are, or none: it ended before, or began after.
        """
        ended = {d.position_id for d in deals if d.position_id not in self.open and self._is_old(d)}
        return [d for d in deals if d.position_id not in ended and self._is_news(d)]

    def _is_news(self, deal: Deal) -> bool:
        if self._version_of(deal) is not None:
            return not self._is_old(deal)
        if deal.position_id not in self.open:
            return True
        changed_at = self.open[deal.position_id]
        return self._is_later(deal) if changed_at is None else changed_at < deal.executed_at

    def _is_old(self, deal: Deal) -> bool:
        """Whether a deal closed something before this moment."""
        version = self._version_of(deal)
        if version is not None and self.version is not None:
            return version <= self.version
        return deal.close is not None and not self._is_later(deal)

    def _version_of(self, deal: Deal) -> int | None:
        return None if deal.close is None else deal.close.balance_version

    def _is_later(self, deal: Deal) -> bool:
        """Whether the clocks say so, where the broker says nothing better."""
        return deal.executed_at >= self.at - _CLOCK_BEHIND
