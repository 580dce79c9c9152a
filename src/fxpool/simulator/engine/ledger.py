"""An account's money: the balance and every entry that ever changed it. Pure."""

from __future__ import annotations

from fxpool.simulator.engine.model import CashEntry


class Ledger:
    """Balance in 1/100 of the deposit asset; the version counts its changes."""

    def __init__(self) -> None:
        self.balance = 0
        self.version = 0
        self.cash_entries: list[CashEntry] = []

    def realise(self, amount: int) -> None:
        """Book the result of a closing deal: gross, swap, commission and fee together."""
        self.balance += amount
        self.version += 1

    def deposit(
        self, entry_id: int, delta: int, at_ms: int, *, unrealised: int, note: str
    ) -> CashEntry:
        """Book money that came (or, negative, went), and return its entry."""
        self.balance += delta
        self.version += 1
        equity = self.balance + unrealised
        entry = CashEntry(entry_id, self.balance, delta, equity, at_ms, self.version, note)
        self.cash_entries.append(entry)
        return entry
