"""What is read of the past: history requests out, domain values in, page by page.

Decides nothing. All go at the lowest priority, so that none is in the way of a trade or of a read,
and at most a few at a time over all accounts (``gate``), so that a long synchronisation leaves room
for the history that a live account needs.

Raises what ``AccountChannel.request`` raises, and MappingError for an answer that makes no sense.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from google.protobuf.message import Message

from fxpool.domain.bars import Bar, Period
from fxpool.domain.past import Span
from fxpool.domain.ticks import QuoteSide
from fxpool.domain.trades import CashFlow, Deal, Order
from fxpool.errors import MappingError
from fxpool.history.tick_reads import TickPage
from fxpool.history.windows import INSTANT, rest_after
from fxpool.mapping import from_wire
from fxpool.mapping.bars import bar_from
from fxpool.mapping.instants import instant_from_ms, ms_from_instant
from fxpool.mapping.ticks import TickDecoder
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto import model_pb2 as model
from fxpool.pool import AccountChannel
from fxpool.pool.channel import Priority

TIMEOUT: Final = 60.0
"""Seconds; the wait for a slot counts, and history waits behind everything."""

ROWS_AT_ONCE: Final = 25
"""Rows that are converted in one turn of the loop: about half a millisecond."""

PAUSE: Final = 0.001
"""Seconds between two turns of work on the past: an order takes several turns of the loop to leave,
and would meet such work in each of them if it went on without a pause."""

_Answer = TypeVar("_Answer", bound=Message)
_Row = TypeVar("_Row", bound=Message)
_Value = TypeVar("_Value")


class HistoryReads:
    """The history requests of one account."""

    def __init__(self, channel: AccountChannel, gate: asyncio.Semaphore) -> None:
        self._channel = channel
        self._gate = gate
        self._id = channel.account_id

    async def deals(self, span: Span) -> list[Deal]:
        """Return all deals that were executed in a window, in any order."""
        found: dict[int, Deal] = {}
        rest: Span | None = span
        while rest is not None:
            first, last = _bounds(rest)
            request = wire.ProtoOADealListReq(
                ctidTraderAccountId=self._id, fromTimestamp=first, toTimestamp=last
            )
            answer = await self._ask(request, wire.ProtoOADealListRes)
            page = await _in_turns(answer.deal, from_wire.deal_from)
            found |= {deal.deal_id: deal for deal in page}
            rest = _rest(rest, answer.hasMore, [deal.executed_at for deal in page])
        return list(found.values())

    async def orders(self, span: Span) -> list[Order]:
        """Return all orders that changed last in a window, in any order."""
        found: dict[int, Order] = {}
        rest: Span | None = span
        while rest is not None:
            first, last = _bounds(rest)
            request = wire.ProtoOAOrderListReq(
                ctidTraderAccountId=self._id, fromTimestamp=first, toTimestamp=last
            )
            answer = await self._ask(request, wire.ProtoOAOrderListRes)
            page = await _in_turns(answer.order, from_wire.order_from)
            found |= {order.order_id: order for order in page}
            times = [_updated_at(order) for order in answer.order] if answer.hasMore else []
            rest = _rest(rest, answer.hasMore, times)
        return list(found.values())

    async def cash_flow(self, span: Span) -> list[CashFlow]:
        """Return all cash flow of a window of at most a week; it has no pages."""
        first, last = _bounds(span)
        request = wire.ProtoOACashFlowHistoryListReq(
            ctidTraderAccountId=self._id, fromTimestamp=first, toTimestamp=last
        )
        answer = await self._ask(request, wire.ProtoOACashFlowHistoryListRes)
        return await _in_turns(answer.depositWithdraw, from_wire.cash_flow_from)

    async def bars(self, symbol_id: int, period: Period, span: Span) -> list[Bar]:
        """Return the bars that open in a window, oldest first."""
        found: dict[datetime, Bar] = {}
        rest: Span | None = span
        while rest is not None:
            first, last = _bounds(rest)
            request = wire.ProtoOAGetTrendbarsReq(
                ctidTraderAccountId=self._id,
                symbolId=symbol_id,
                period=model.ProtoOATrendbarPeriod.ValueType(period.value),
                fromTimestamp=first,
                toTimestamp=last,
            )
            answer = await self._ask(request, wire.ProtoOAGetTrendbarsRes)
            page = await _in_turns(answer.trendbar, bar_from)
            found |= {bar.opened_at: bar for bar in page}
            # Whatever their order in the page, the newest of the window come first.
            rest = _rest(rest, answer.hasMore, sorted((b.opened_at for b in page), reverse=True))
        return [bar for at, bar in sorted(found.items()) if span.begin <= at < span.end]

    async def tick_page(self, symbol_id: int, side: QuoteSide, span: Span) -> TickPage:
        """Return the newest ticks of one side in a window of at most a week, as many as one answer
        has. Those at the instant at which the page was cut are left to the rest."""
        first, last = _bounds(span)
        request = wire.ProtoOAGetTickDataReq(
            ctidTraderAccountId=self._id,
            symbolId=symbol_id,
            type=model.ProtoOAQuoteType.ValueType(side.value),
            fromTimestamp=first,
            toTimestamp=last,
        )
        answer = await self._ask(request, wire.ProtoOAGetTickDataRes)
        page = await _in_turns(answer.tickData, TickDecoder(side).next)
        page.reverse()
        if page and page[0].timestamp_ms > page[-1].timestamp_ms:
            raise MappingError("ticks came oldest first")
        if not answer.hasMore:
            return TickPage(page, None)
        rest = rest_after(span, [instant_from_ms(page[i].timestamp_ms) for i in (-1, 0) if page])
        cut_ms = ms_from_instant(rest.end)
        return TickPage([tick for tick in page if tick.timestamp_ms >= cut_ms], rest)

    async def _ask(self, request: Message, answer: type[_Answer]) -> _Answer:
        async with self._gate:
            message = await self._channel.request(
                request, timeout=TIMEOUT, priority=Priority.HISTORY
            )
        if not isinstance(message, answer):
            raise MappingError(f"{type(request).__name__} was answered by {type(message).__name__}")
        return message


async def _in_turns(rows: Sequence[_Row], convert: Callable[[_Row], _Value]) -> list[_Value]:
    """Return converted rows; a page is so long that an order would wait for all of it."""
    values: list[_Value] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        values += map(convert, rows[start : start + ROWS_AT_ONCE])
        await asyncio.sleep(PAUSE)
    return values


def _bounds(span: Span) -> tuple[int, int]:
    """Return the bounds of a request in epoch milliseconds; both are inside its window."""
    return ms_from_instant(span.begin), ms_from_instant(span.end - INSTANT)


def _rest(span: Span, has_more: bool, times: list[datetime]) -> Span | None:
    return rest_after(span, times) if has_more else None


def _updated_at(order: model.ProtoOAOrder) -> datetime:
    if not order.HasField("utcLastUpdateTimestamp"):
        raise MappingError(f"order {order.orderId} of a long list says not when it changed")
    return instant_from_ms(order.utcLastUpdateTimestamp)
