"""An account's money: balance and bonus, and every entry that ever changed them. Pure."""

from __future__ import annotations

from fxpool.simulator.engine.ids import Ids
from fxpool.simulator.engine.model import BonusEntry, CashEntry, CashKind


class Ledger:
    """Balance in 1/100 of the deposit asset; the version counts its changes.

    The first money that was recorded of an account made version 2, so it is opened with 1.

    Attributes:
        bonus: what the broker gave beside the balance.
        cash_entries, bonus_entries: oldest first.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self.balance = 0
        self.version = 1
        self.bonus = 0
        self.cash_entries: list[CashEntry] = []
        self.bonus_entries: list[BonusEntry] = []

    def realise(self, amount: int) -> None:
        """Book the result of a closing deal: gross, swap, commission and fee together."""
        self.balance += amount
        self.version += 1

    def book_cash(
        self, kind: CashKind, delta: int, at_ms: int, *, equity_before: int, note: str = ""
    ) -> CashEntry:
        """Book money that came (or, negative, went), and return its entry."""
        self.balance += delta
        self.version += 1
        entry = CashEntry(
            entry_id=self._ids.cash_entry(),
            kind=kind,
            balance=self.balance,
            delta=delta,
            equity=equity_before + delta,
            at_ms=at_ms,
            balance_version=self.version,
            note=note,
        )
        self.cash_entries.append(entry)
        return entry

    def book_bonus(self, delta: int, at_ms: int, note: str) -> BonusEntry:
        """Book a bonus given (or, negative, taken), and return its entry."""
        self.bonus += delta
        entry = BonusEntry(self._ids.bonus_entry(), self.bonus, delta, at_ms, note)
        self.bonus_entries.append(entry)
        return entry
