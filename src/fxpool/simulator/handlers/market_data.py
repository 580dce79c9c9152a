"""Historical bars and ticks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, takewhile

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAGetTickDataReq,
    ProtoOAGetTickDataRes,
    ProtoOAGetTrendbarsReq,
    ProtoOAGetTrendbarsRes,
)
from fxpool.openapi.proto.model_pb2 import ASK
from fxpool.simulator.handlers.call import Call, Handler
from fxpool.simulator.handlers.windows import WEEK_MS, check_width, window
from fxpool.simulator.market.bars import Bar
from fxpool.simulator.market.periods import Period, span_at
from fxpool.simulator.profile import Profile, TrendbarCount
from fxpool.simulator.protocol import market_data

PAGE_BARS = 5000
PAGE_TICKS = 5000
"""Rows of one answer at most; more are announced by ``hasMore``."""


def _trendbars(call: Call, request: ProtoOAGetTrendbarsReq) -> ProtoOAGetTrendbarsRes:
    """Answer with the newest bars of the window, oldest first."""
    call.book(request.ctidTraderAccountId)
    profile, period = call.venue.profile, Period(request.period)
    symbol = call.symbol(request.symbolId)
    first, last = window(request)
    check_width(call, request, _documented_width(period, profile))
    if request.count and profile.count_ignores_from:
        first = 0
    rows = _rows(request.count, profile)
    found = list(islice(_bars_within(call, symbol.symbol_id, period, first, last), rows + 1))
    return ProtoOAGetTrendbarsRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        period=request.period,
        timestamp=min(last, call.at_ms),
        trendbar=[
            market_data.bar(one, has_zero_delta_high=profile.has_zero_delta_high)
            for one in reversed(found[:rows])
        ],
        symbolId=symbol.symbol_id,
        hasMore=len(found) > rows,
    )


def _bars_within(
    call: Call, symbol_id: int, period: Period, first: int, last: int
) -> Iterator[Bar]:
    """Yield the bars that open within a window and are in the history already, newest first."""
    profile = call.venue.profile
    newest = _newest_bar_ms(period, call.at_ms, profile.bar_delay)
    bars = call.venue.archives[symbol_id].bars_back(period, min(last, newest) // 60_000)
    for bar in bars:
        opens_ms = bar.minute * 60_000
        if opens_ms < first:
            return
        if opens_ms < last or profile.includes_bar_at_to:
            yield bar


def _newest_bar_ms(period: Period, at_ms: int, delay: float) -> int:
    """Return when the newest bar of the history opens: a bar just closed is not there yet."""
    fresh = at_ms - round(delay * 1000)
    span = span_at(period, fresh // 60_000)
    is_forming = at_ms < span.end * 60_000
    return (span.first if is_forming else span.first - 1) * 60_000


def _rows(count: int, profile: Profile) -> int:
    rows = min(count or PAGE_BARS, PAGE_BARS)
    is_cut = rows == PAGE_BARS and profile.trendbar_count is TrendbarCount.ONE_LESS_WHEN_FULL
    return rows - 1 if is_cut else rows


def _documented_width(period: Period, profile: Profile) -> int:
    """Return the old table's widest window in milliseconds."""
    if period <= Period.M5:
        return profile.m1_window_ms
    if period <= Period.H1:
        return 21_168_000_000
    if period <= Period.D1:
        return 31_622_400_000
    return 158_112_000_000


def _ticks(call: Call, request: ProtoOAGetTickDataReq) -> ProtoOAGetTickDataRes:
    """Answer with the newest ticks of one side in the window, newest first."""
    call.book(request.ctidTraderAccountId)
    archive = call.venue.archives[call.symbol(request.symbolId).symbol_id]
    first, last = window(request)
    check_width(call, request, WEEK_MS)
    last = min(last, call.at_ms - round(call.venue.profile.bar_delay * 1000))
    back = archive.asks_back(last) if request.type == ASK else archive.bids_back(last)
    found = list(islice(takewhile(lambda tick: tick[0] >= first, back), PAGE_TICKS + 1))
    return ProtoOAGetTickDataRes(
        ctidTraderAccountId=request.ctidTraderAccountId,
        tickData=market_data.ticks(found[:PAGE_TICKS]),
        hasMore=len(found) > PAGE_TICKS,
    )


MARKET_DATA_HANDLERS: dict[int, Handler] = {2137: _trendbars, 2145: _ticks}
