"""Single deals and orders of one cTrader account's past, its depth, and margins of orders.

What the broker tells by itself is asked there; deals by id and by time, and orders by position and
time, come from the kept past, which is whole or NotReady.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, TypeVar

from fxpool.account.positions import close_reason
from fxpool.clock import Clock
from fxpool.domain.past import Past
from fxpool.domain.trades import CashFlow, Deal, Order, OrderStatus
from fxpool.errors import MappingError, RequestRefused
from fxpool.history import HistoryKeeper
from fxpool.mapping.instants import iso
from fxpool.mapping.metaapi import price_number
from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiDeal,
    MetaApiMargin,
    MetaApiOrder,
)
from fxpool.mapping.metaapi_history import book_level, cash_entity, deal_entity, order_entity
from fxpool.mapping.metaapi_rows import broker_time
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.history_rows import cash_id, cash_type
from fxpool.platforms.past_symbols import PastSymbols
from fxpool.platforms.records import MarginQuestion, OfPosition, OfTicket, OfTime, Wanted
from fxpool.pool.channel import Priority

READY_SECONDS: Final = 10.0
"""How long a call waits for a past that is being read."""

MARGIN_SECONDS: Final = 10.0

_Entry = Deal | CashFlow
T = TypeVar("T")


class CTraderRecords:
    """The records of one account. All raise NotReady, and what reading raises."""

    def __init__(self, account: CTraderAccount, keeper: HistoryKeeper, *, clock: Clock) -> None:
        self._account = account
        self._keeper = keeper
        self._clock = clock
        self._symbols = PastSymbols(account)

    async def deals(self, wanted: Wanted) -> list[MetaApiDeal]:
        """Return deals and cash operations, oldest first."""
        if isinstance(wanted, OfPosition):
            found = await self._deals_of(wanted.position_id)
            orders = [await self._order(order_id) for order_id in {d.order_id for d in found}]
            known = {order.order_id: order for order in orders if order is not None}
            return await self._deal_rows(found, found, known)
        past = await self._keeper.past(READY_SECONDS)
        executed = [deal for deal in past.deals if deal.status.executed]
        entries: list[_Entry] = [*executed, *past.cash_flow]
        if isinstance(wanted, OfTicket):
            chosen = [entry for entry in entries if str(_id_of(entry)) == wanted.ticket]
        else:
            chosen = [entry for entry in entries if wanted.begin <= _at(entry) < wanted.end]
        chosen.sort(key=lambda entry: (_at(entry), _id_of(entry)))
        return await self._deal_rows(_page(chosen, wanted), executed, _by_id(past))

    async def past_orders(self, wanted: Wanted) -> list[MetaApiOrder]:
        """Return orders that are done, oldest first; protection that never executed is none."""
        if isinstance(wanted, OfTicket):
            order = await self._order(int(wanted.ticket)) if wanted.ticket.isdecimal() else None
            return await self._order_rows([] if order is None else [order])
        past = await self._keeper.past(READY_SECONDS)
        if isinstance(wanted, OfPosition):
            chosen = [o for o in past.orders if str(o.position_id) == wanted.position_id]
        else:
            chosen = [
                order
                for order in past.orders
                if order.updated_at is not None and wanted.begin <= order.updated_at < wanted.end
            ]
        chosen = [order for order in chosen if _is_done(order)]
        chosen.sort(key=lambda order: (_done_at(order), order.order_id))
        return await self._order_rows(_page(chosen, wanted))

    async def depth(self, symbol: str) -> MetaApiBook:
        """Return the depth of a symbol now."""
        match = self._account.names.resolve(symbol)
        live, symbol_id = self._account.live, match.symbol.symbol_id
        known = await live.symbol(symbol_id)
        await live.quote(symbol_id)
        levels = await live.depth.read(symbol_id)
        at = iso(self._clock.at())
        return MetaApiBook(
            symbol=match.mt_name,
            time=at,
            brokerTime=broker_time(at),
            book=[
                book_level(
                    level,
                    price=price_number(level.price, known.digits),
                    lots=known.lots(level.volume_cents) / match.multiplier,
                )
                for level in levels
            ],
        )

    async def order_margin(self, question: MarginQuestion) -> MetaApiMargin:
        """Return the margin of an order at the market: the broker computes it for no other price.

        Raises SymbolNotFound, InvalidVolume.
        """
        match = self._account.names.resolve(question.symbol)
        symbol = await self._account.live.symbol(match.symbol.symbol_id)
        volume = symbol.volume_cents(question.volume * match.multiplier)
        margin = await self._account.live.reads().expected_margin(
            symbol.symbol_id,
            question.side,
            volume,
            timeout=MARGIN_SECONDS,
            priority=Priority.READ,
        )
        return MetaApiMargin(margin=float(margin))

    # Parts

    async def _deals_of(self, position_id: str) -> list[Deal]:
        if not position_id.isdecimal():
            return []
        try:
            found = await self._account.live.reads().deals_of(int(position_id))
        except RequestRefused as exc:
            if exc.code not in {"POSITION_NOT_FOUND", "ENTITY_NOT_FOUND"}:
                raise
            return []
        return [deal for deal in found if deal.status.executed]

    async def _order(self, order_id: int) -> Order | None:
        try:
            return await self._account.live.reads().order(order_id)
        except RequestRefused as exc:
            if exc.code not in {"ORDER_NOT_FOUND", "ENTITY_NOT_FOUND"}:
                raise
            return None

    async def _deal_rows(
        self, entries: Iterable[_Entry], deals: Iterable[Deal], orders: Mapping[int, Order]
    ) -> list[MetaApiDeal]:
        entries = list(entries)
        openings = _openings(deals)
        symbols = await self._symbols.of(e.symbol_id for e in entries if isinstance(e, Deal))
        rows: list[MetaApiDeal] = []
        for entry in entries:
            if isinstance(entry, CashFlow):
                rows.append(cash_entity(entry, identity=cash_id(entry), type=cash_type(entry)))
                continue
            order, symbol = orders.get(entry.order_id), symbols[entry.symbol_id]
            rows.append(
                deal_entity(
                    entry,
                    symbol=symbol.name,
                    lots=symbol.lots(entry.filled_volume_cents),
                    order=order,
                    opening=orders.get(openings.get(entry.position_id, 0)),
                    reason=None if entry.close is None else close_reason(order, entry.price),
                )
            )
        return rows

    async def _order_rows(self, orders: Iterable[Order]) -> list[MetaApiOrder]:
        orders = [order for order in orders if _is_done(order)]
        symbols = await self._symbols.of(order.symbol_id for order in orders)
        return [
            order_entity(
                order,
                symbol=(symbol := symbols[order.symbol_id]).name,
                lots=symbol.lots(order.volume_cents),
                left=symbol.lots(order.volume_cents - order.executed_volume_cents),
                tick_size=None if symbol.symbol is None else symbol.symbol.tick_size,
                reason=close_reason(order, order.execution_price) if order.is_closing else None,
            )
            for order in orders
        ]


class RecordCalls(ABC):
    """Implements ``platforms.records.RecordReads``; each call passes on and no more."""

    @abstractmethod
    def _records(self, account: str) -> AbstractAsyncContextManager[CTraderRecords]:
        """Give the records of a live account; errors inside become callers' words."""

    async def deals(self, account: str, wanted: Wanted) -> list[MetaApiDeal]:
        async with self._records(account) as records:
            return await records.deals(wanted)

    async def past_orders(self, account: str, wanted: Wanted) -> list[MetaApiOrder]:
        async with self._records(account) as records:
            return await records.past_orders(wanted)

    async def depth(self, account: str, symbol: str) -> MetaApiBook:
        async with self._records(account) as records:
            return await records.depth(symbol)

    async def order_margin(self, account: str, question: MarginQuestion) -> MetaApiMargin:
        async with self._records(account) as records:
            return await records.order_margin(question)


def _id_of(entry: _Entry) -> int:
    return cash_id(entry) if isinstance(entry, CashFlow) else entry.deal_id


def _at(entry: _Entry) -> datetime:
    return entry.at if isinstance(entry, CashFlow) else entry.executed_at


def _page(found: list[T], wanted: Wanted) -> list[T]:
    if not isinstance(wanted, OfTime):
        return found
    return found[wanted.offset : wanted.offset + wanted.limit]


def _by_id(past: Past) -> dict[int, Order]:
    return {order.order_id: order for order in past.orders}


def _openings(deals: Iterable[Deal]) -> dict[int, int]:
    """Return the order that opened each position, by position id."""
    found: dict[int, int] = {}
    for deal in sorted(deals, key=lambda deal: (deal.executed_at, deal.deal_id)):
        if deal.close is None:
            found.setdefault(deal.position_id, deal.order_id)
    return found


def _done_at(order: Order) -> datetime:
    """Return when an order was done. Raises MappingError where nobody tells."""
    if order.updated_at is None:
        raise MappingError(f"order {order.order_id} is done, and nobody tells when")
    return order.updated_at


def _is_done(order: Order) -> bool:
    """Whether an order belongs to the past; protection that never executed was part of a position
    and no order of its own."""
    is_over = order.status is not OrderStatus.ACCEPTED
    return is_over and (not order.is_protection or order.executed_volume_cents > 0)
