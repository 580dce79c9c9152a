"""A past as large as one likes, written down in a moment: rows as an account reads them.

Drawn, not traded: the simulator's engine makes true pasts (``harness.past``), at some thousand
deals a second. Here only the books balance: each closing deal leads to the balance of the next.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from fxpool.domain.cash import CashOperation
from fxpool.domain.trades import CashFlow, CloseDetail, Deal, DealStatus, Side
from fxpool.history.record import Entry

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
TWO_YEARS = timedelta(days=730)

_LOT_CENTS = 10_000_000


def large_past(deals: int, *, seed: int = 1, span: timedelta = TWO_YEARS) -> list[Entry]:
    """Return ``deals`` deals, half of them closing, with a transfer every thousand of them, by
    time. A fifth of the positions is closed in two parts."""
    writer = _Writer(Random(seed), span / deals)
    writer.transfer(Decimal(1_000_000))
    while writer.deals < deals:
        writer.trade()
        if writer.chance.random() < 0.002:
            writer.transfer(Decimal(writer.chance.choice([-500, 1000])))
    return writer.entries


class _Writer:
    def __init__(self, chance: Random, step: timedelta) -> None:
        self.chance = chance
        self.entries: list[Entry] = []
        self.deals = 0
        self._step = step
        self._at = BEGIN
        self._balance = Decimal(0)
        self._version = 0
        self._id = 0

    def transfer(self, delta: Decimal) -> None:
        self._move(delta)
        operation = CashOperation.DEPOSIT if delta > 0 else CashOperation.WITHDRAW
        self.entries.append(
            CashFlow(self._next(), delta, self._balance, self._version, self._at, operation)
        )

    def trade(self) -> None:
        """Open a position and close it, in one part or in two."""
        position, side = self._next(), self.chance.choice([Side.BUY, Side.SELL])
        symbol, lots = self.chance.randint(1, 5), self.chance.randint(1, 5)
        self._deal(position, side, symbol, lots, closes=False)
        parts = [lots - 1, 1] if lots > 1 and self.chance.random() < 0.25 else [lots]
        for part in parts:
            self._deal(position, side.opposite, symbol, part, closes=True)

    def _deal(self, position: int, side: Side, symbol: int, lots: int, *, closes: bool) -> None:
        self._at += self._step
        self.deals += 1
        close = None
        if closes:
            profit = Decimal(self.chance.randint(-9_000, 10_500) * lots).scaleb(-2)
            swap = Decimal(self.chance.randint(-200, 20)).scaleb(-2)
            commission = Decimal(-7 * lots)
            self._move(profit + swap + commission)
            close = CloseDetail(
                entry_price=Decimal("1.1"),
                gross_profit=profit,
                swap=swap,
                commission=commission,
                conversion_fee=Decimal(0),
                balance=self._balance,
                balance_version=self._version,
                closed_volume_cents=lots * _LOT_CENTS,
                quote_to_deposit_rate=None,
            )
        self.entries.append(
            Deal(
                deal_id=self._next(),
                order_id=self._id,
                position_id=position,
                symbol_id=symbol,
                side=side,
                status=DealStatus.FILLED,
                volume_cents=lots * _LOT_CENTS,
                filled_volume_cents=lots * _LOT_CENTS,
                price=Decimal("1.1") + Decimal(self.chance.randint(-99, 99)).scaleb(-5),
                commission=Decimal(0),
                margin_rate=None,
                executed_at=self._at,
                close=close,
            )
        )

    def _move(self, delta: Decimal) -> None:
        self._balance += delta
        self._version += 1

    def _next(self) -> int:
        self._id += 1
        return self._id
