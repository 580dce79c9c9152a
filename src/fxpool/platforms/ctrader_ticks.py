"""The ticks of one cTrader account's symbols, read on demand.

The broker tells bid and ask as two series. They are merged by time and a row has the side that
changed: what the other one was then is not made up. Settled ticks are asked for once and kept.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from heapq import merge
from itertools import islice
from typing import Final

from fxpool.clock import Clock
from fxpool.domain.past import Span
from fxpool.domain.ticks import QuoteSide, Tick
from fxpool.errors import InvalidCall
from fxpool.history import HistoryKeeper
from fxpool.history.naming import kept_name
from fxpool.history.reads import ROWS_AT_ONCE
from fxpool.history.tick_cache import TickCache, TickSeries
from fxpool.history.tick_reads import TickReads
from fxpool.history.windows import INSTANT
from fxpool.mapping.history_formats import TickInfo, TickList, TickType
from fxpool.mapping.instants import whole_ms
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.history_rows import tick_row
from fxpool.platforms.past import MAX_TICKS, MAX_TICKS_SPAN, SortOrder
from fxpool.platforms.past_answers import require_positive

DEFAULT_SPAN: Final = timedelta(days=1)

_SIDES: Final[dict[TickType, tuple[QuoteSide, ...]]] = {
    "bid": (QuoteSide.BID,),
    "ask": (QuoteSide.ASK,),
    "both": (QuoteSide.BID, QuoteSide.ASK),
}


class CTraderTicks:
    """Raises NotReady, SymbolNotFound, InvalidCall, and what reading raises."""

    def __init__(
        self, account: CTraderAccount, keeper: HistoryKeeper, cache: TickCache, *, clock: Clock
    ) -> None:
        """``cache`` is shared by all accounts."""
        self._account = account
        self._keeper = keeper
        self._cache = cache
        self._clock = clock

    async def listing(
        self,
        shown_id: str,
        symbol: str,
        kind: TickType,
        begin: datetime | None,
        end: datetime | None,
        *,
        limit: int,
        order: SortOrder,
    ) -> TickList:
        """Return as ``platforms.past.PastReads.ticks`` says."""
        require_positive(limit=limit)
        if limit > MAX_TICKS:
            raise InvalidCall(f"limit is {limit}: ask for at most {MAX_TICKS} ticks at once")
        span = self._span(begin, end, order)
        match = self._account.names.resolve(symbol)
        symbol_id = match.symbol.symbol_id
        digits = (await self._account.live.symbol(symbol_id)).digits
        found = await self._merged(symbol_id, _SIDES[kind], span, limit + 1, order)
        rows: list[TickInfo] = []
        for start in range(0, min(len(found), limit), ROWS_AT_ONCE):
            part = found[start : min(start + ROWS_AT_ONCE, limit)]
            rows += [tick_row(tick, digits) for tick in part]
            await asyncio.sleep(0)
        return TickList(
            account_id=shown_id,
            symbol=match.mt_name,
            type=kind,
            ticks=rows,
            count=len(rows),
            hasMore=len(found) > limit,
            order=order,
        )

    def _span(self, begin: datetime | None, end: datetime | None, order: SortOrder) -> Span:
        end = end or self._clock.at() + INSTANT
        if begin is None and order == "asc":
            raise InvalidCall(
                "from is missing: say where the oldest ticks begin, or use order=desc"
            )
        span = Span(whole_ms(begin or end - DEFAULT_SPAN), whole_ms(end))
        if span.begin >= span.end:
            raise InvalidCall("from is not before to")
        if span.length > MAX_TICKS_SPAN:
            raise InvalidCall(f"from and to are more than {MAX_TICKS_SPAN.days} days apart")
        return span

    async def _merged(
        self,
        symbol_id: int,
        sides: tuple[QuoteSide, ...],
        span: Span,
        most: int,
        order: SortOrder,
    ) -> list[Tick]:
        """Return the first ``most`` ticks in the wanted order."""
        reads = self._keeper.reads()
        is_newest_first = order == "desc"
        series = []
        for side in sides:
            of_side = TickReads(
                partial(reads.tick_page, symbol_id, side),
                self._cache,
                TickSeries(kept_name(self._account.live), symbol_id, side),
                now=self._clock.at,
            )
            take = of_side.newest if is_newest_first else of_side.oldest
            series.append(await take(span, most))
        if is_newest_first:
            for ticks in series:
                ticks.reverse()
        merged = merge(*series, key=lambda tick: tick.timestamp_ms, reverse=is_newest_first)
        return list(islice(merged, most))
