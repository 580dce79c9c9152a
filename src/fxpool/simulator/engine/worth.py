"""What an account is worth at the present quotes, and the margin that it needs. Pure and exact.

Formulas: the Open API help pages on profit and margin, checked on recorded trades.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Protocol

from fxpool.simulator.engine import margin
from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.engine.floor import Floor
from fxpool.simulator.engine.holdings import Holdings, Prices
from fxpool.simulator.engine.ledger import Ledger
from fxpool.simulator.engine.model import Lot, Position, Side
from fxpool.simulator.engine.rules import MarginBasis


class Account(Protocol):
    """What has to be known of an account to value it."""

    spec: AccountSpec
    floor: Floor
    ledger: Ledger
    holdings: Holdings


class Worth:
    """The valuation of one account; it changes nothing."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def prices(self, symbol_id: int, side: Side) -> Prices:
        """Return what values positions of a symbol and side now."""
        rates, symbol = self._account.floor.rates, self._account.floor.symbols[symbol_id]
        ends = (symbol.quote_asset_id, self._account.spec.deposit_asset_id)
        return Prices(
            rates.quote(symbol_id).price_for(side.opposite),
            rates.profit_rate(*ends, gaining=True),
            rates.profit_rate(*ends, gaining=False),
        )

    def unrealised(self, position: Position) -> tuple[int, int]:
        """Return gross and net profit of an open position; net is without the closing side."""
        holding = self._account.holdings.of(position.symbol_id, position.side)
        gross = holding.gross_of(position, self.prices(position.symbol_id, position.side))
        return gross, gross + position.swap + position.commission

    def unrealised_total(self) -> int:
        """Return the net profit of all open positions."""
        gross = 0
        for symbol_id in self._account.holdings.symbol_ids():
            for side in Side:
                holding = self._account.holdings.of(symbol_id, side)
                if holding:
                    gross += holding.gross(self.prices(symbol_id, side))
        return gross + self._account.holdings.accrued

    def equity(self) -> int:
        """Return the balance and all profit, with the bonus where the broker counts it (SW-51)."""
        bonus = self._account.ledger.bonus if self._account.floor.rules.bonus_counts else 0
        return self._account.ledger.balance + bonus + self.unrealised_total()

    def margin_total(self) -> int:
        """Return the margin of all open positions, as the account combines both sides."""
        held = self._account.holdings
        return sum(
            self._combined(
                held.of(symbol_id, Side.BUY).margin, held.of(symbol_id, Side.SELL).margin
            )
            for symbol_id in held.symbol_ids()
        )

    def free_margin(self) -> int:
        """Return equity less used margin."""
        return self.equity() - self.margin_total()

    def expected_margin(self, symbol_id: int, side: Side, volume: int) -> int:
        """Return the margin that a position of ``volume``, opened now, would hold."""
        lots = (self.lot(symbol_id, side, volume),)
        held = self._account.holdings.of(symbol_id, side)
        return margin.leveraged_margin(
            lots, self._account.spec.leverage_cents, self.tiers(symbol_id), held.usd
        )

    def extra_margin(self, symbol_id: int, side: Side, volume: int) -> int:
        """Return by how much opening ``volume`` now would raise the account's margin."""
        margins = {one: self._account.holdings.of(symbol_id, one).margin for one in Side}
        before = self._combined(margins[Side.BUY], margins[Side.SELL])
        margins[side] += self.expected_margin(symbol_id, side, volume)
        return self._combined(margins[Side.BUY], margins[Side.SELL]) - before

    def exposure(self, symbol_id: int) -> Fraction:
        """Return what is held of a symbol on both sides, in dollars at opening."""
        return sum((self._account.holdings.of(symbol_id, side).usd for side in Side), Fraction())

    def lot(self, symbol_id: int, side: Side, volume: int) -> Lot:
        """Return a lot of ``volume`` at the market."""
        symbol, rates = self._account.floor.symbol(symbol_id), self._account.floor.rates
        selling = side is Side.SELL
        base, deposit = symbol.base_asset_id, self._account.spec.deposit_asset_id
        return Lot(
            volume,
            rates.quote(symbol_id).price_for(side),
            rates.rate(base, deposit, selling=selling),
            rates.rate(base, rates.usd_asset_id, selling=selling),
        )

    def _combined(self, buys: int, sells: int) -> int:
        return margin.combined(self._account.spec.margin_mode, buys, sells)

    def tiers(self, symbol_id: int) -> tuple[margin.Tier, ...]:
        leverage_id = self._account.floor.symbols[symbol_id].leverage_id
        return () if leverage_id is None else self._account.floor.tiers.get(leverage_id, ())

    def margin_of(self, position: Position, usd_before: Fraction = Fraction()) -> int:
        leverage, tiers = self._account.spec.leverage_cents, self.tiers(position.symbol_id)
        lots = self._margin_lots(position)
        leveraged = margin.leveraged_margin(lots, leverage, tiers, usd_before)
        stop_loss = position.levels.stop_loss
        if not position.levels.is_guaranteed or stop_loss is None:
            return leveraged
        loss_rate = self.prices(position.symbol_id, position.side).loss_rate
        guaranteed = margin.guaranteed_margin(position.lots, stop_loss, loss_rate)
        return margin.limited_risk_margin(self._account.spec, leveraged, guaranteed)

    def _margin_lots(self, position: Position) -> tuple[Lot, ...]:
        """Return lots at the rates that their margin is worked out with.

        Tiers are filled by the dollars of the opening in any case.
        """
        if self._account.floor.rules.margin_basis is MarginBasis.AT_OPENING:
            return position.lots
        symbol = self._account.floor.symbols[position.symbol_id]
        rate = self._account.floor.rates.rate(
            symbol.base_asset_id,
            self._account.spec.deposit_asset_id,
            selling=position.side is Side.SELL,
        )
        return tuple(replace(lot, margin_rate=rate) for lot in position.lots)
