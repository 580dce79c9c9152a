"""MetaApi's deals as a record of the past, so that all platforms share one set of formulas. Pure.

MetaTrader takes the commission of an entry when it is made; the record counts it with the close,
so that a trade is won or lost with all its costs. Balances follow from the present one backwards.
A history that begins with nothing is complete: its first balance is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from fxpool.domain import trades as domain
from fxpool.domain.cash import CashOperation
from fxpool.domain.trades import CashFlow, CloseDetail, DealStatus, Side
from fxpool.errors import MappingError
from fxpool.history import AccountRecord
from fxpool.history.record import order_of
from fxpool.platforms.metaapi.model import Deal, Id

_LOT: Final = Decimal(100_000_000)
"""Lots are counted in hundred-millionths, so that every MetaTrader volume is whole."""

ZERO: Final = Decimal(0)
_CREDIT: Final = frozenset({"DEAL_TYPE_CREDIT", "DEAL_TYPE_BONUS"})
"""Moves credit, not the balance."""

_SIDES: Final = {"DEAL_TYPE_BUY": Side.BUY, "DEAL_TYPE_SELL": Side.SELL}
_CANCELLED: Final = frozenset({"DEAL_TYPE_BUY_CANCELED", "DEAL_TYPE_SELL_CANCELED"})


@dataclass(frozen=True, slots=True)
class Ledger:
    """An account's past.

    Attributes:
        record: what the formulas read; symbols have numbers there.
        symbols: those numbers.
        deals: the deals themselves by id.
        openings: the first deal of each position.
        open_commission: what was taken for entering what is still open, and is not in the record.
        is_whole: whether the history leads from nothing to the present balance.
    """

    record: AccountRecord
    symbols: dict[str, int]
    deals: dict[int, Deal]
    openings: dict[int, Deal]
    open_commission: Decimal
    is_whole: bool


@dataclass(slots=True)
class _Holding:
    """What is open of a position: its volume, what it cost to enter, and its average price."""

    volume: Decimal = ZERO
    price: Decimal = ZERO
    commission: Decimal = ZERO


@dataclass(slots=True)
class _Writer:
    balance: Decimal
    symbols: dict[str, int] = field(default_factory=dict)
    holdings: dict[int, _Holding] = field(default_factory=dict)

    def entry(self, deal: Deal) -> domain.Deal | CashFlow:
        side = _SIDES.get(deal.type)
        return self._cash(deal) if side is None else self._deal(deal, side)

    def _cash(self, deal: Deal) -> CashFlow:
        delta = deal.net_profit
        self.balance += delta
        if deal.type == "DEAL_TYPE_BALANCE":
            operation = CashOperation.DEPOSIT if delta >= 0 else CashOperation.WITHDRAW
        else:
            operation = CashOperation.DEPOSIT_SWAP if delta >= 0 else CashOperation.WITHDRAW_SWAP
        return CashFlow(_number(deal.id), delta, self.balance, None, deal.time, operation)

    def _deal(self, deal: Deal, side: Side) -> domain.Deal:
        position_id = _number(deal.position_id)
        holding = self.holdings.setdefault(position_id, _Holding())
        close = None
        opened = deal.volume
        if deal.closes:
            closed = min(deal.volume, holding.volume) or deal.volume
            opened = deal.volume - closed
            close = self._close(deal, holding, closed)
        if opened:
            total = holding.volume + opened
            price = deal.price or ZERO
            holding.price = (holding.price * holding.volume + price * opened) / total
            holding.volume = total
            holding.commission += ZERO if deal.closes else deal.commission
        return domain.Deal(
            deal_id=_number(deal.id),
            order_id=0 if deal.order_id is None else _number(deal.order_id),
            position_id=position_id,
            symbol_id=self.symbols.setdefault(deal.symbol, len(self.symbols) + 1),
            side=side,
            status=DealStatus.FILLED,
            volume_cents=int(deal.volume * _LOT),
            filled_volume_cents=int(deal.volume * _LOT),
            price=deal.price,
            commission=deal.commission,
            margin_rate=None,
            executed_at=deal.time,
            close=close,
        )

    def _close(self, deal: Deal, holding: _Holding, closed: Decimal) -> CloseDetail:
        share = holding.commission
        if holding.volume > closed:
            share = round(holding.commission * closed / holding.volume, 2)
        holding.commission -= share
        entry_price = holding.price if holding.volume else deal.price or ZERO
        holding.volume = max(ZERO, holding.volume - closed)
        commission = deal.commission + share
        self.balance += deal.profit + deal.swap + commission
        return CloseDetail(
            entry_price=entry_price,
            gross_profit=deal.profit,
            swap=deal.swap,
            commission=commission,
            conversion_fee=ZERO,
            balance=self.balance,
            balance_version=None,
            closed_volume_cents=int(closed * _LOT),
            quote_to_deposit_rate=None,
        )


def ledger_of(deals: Sequence[Deal], balance: Decimal) -> Ledger:
    """Return all deals of an account as a record that ends at the present ``balance``.

    Raises MappingError for a deal whose ids are no numbers.
    """
    counted = [deal for deal in deals if deal.type not in _CREDIT and deal.type not in _CANCELLED]
    counted.sort(key=lambda deal: (deal.time, deal.closes, _number(deal.id)))
    start = balance - sum((deal.net_profit for deal in counted), ZERO)
    writer, record = _Writer(start), AccountRecord()
    for entry in sorted(map(writer.entry, counted), key=order_of):
        if not record.has(entry):
            record.take(entry)
    by_id = {_number(deal.id): deal for deal in counted}
    entries = [deal for deal in reversed(counted) if deal.position_id and not deal.closes]
    openings = {_number(deal.position_id): deal for deal in entries}
    open_commission = sum((held.commission for held in writer.holdings.values()), ZERO)
    return Ledger(record, writer.symbols, by_id, openings, open_commission, is_whole=start == 0)


def lots(volume: int) -> Decimal:
    """Return a volume of the record in lots."""
    return Decimal(volume) / _LOT


def _number(value: Id | None) -> int:
    text = "" if value is None else str(value)
    if not text.isdecimal():
        raise MappingError(f"a deal names {text or 'no position'} where a number is expected")
    return int(text)
