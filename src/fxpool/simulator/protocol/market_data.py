"""Bars, ticks and depth as messages, with the wire's delta encodings. Pure.

Encodings: the comments of OpenApiMessages.proto, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Iterable

from fxpool.openapi.proto.messages_pb2 import ProtoOADepthEvent
from fxpool.openapi.proto.model_pb2 import (
    ProtoOADepthQuote,
    ProtoOATickData,
    ProtoOATrendbar,
    ProtoOATrendbarPeriod,
)
from fxpool.simulator.engine.model import Side
from fxpool.simulator.market.bars import Bar
from fxpool.simulator.market.depth import Level
from fxpool.simulator.market.periods import Period

_RARE = 16
"""One in so many of the bars that close on their low lacks its high, where that is switched on."""


def bar(one: Bar, *, has_zero_delta_high: bool = False) -> ProtoOATrendbar:
    """Return a historical bar: the low, and what is above it; its period stays unset.

    ``has_zero_delta_high`` repeats what real servers do now and then (SW-29): deltaHigh is 0 though
    the bar opened above its low.
    """
    is_rare = has_zero_delta_high and one.close == one.low and one.minute // 7 % _RARE == 0
    return ProtoOATrendbar(
        volume=one.volume,
        low=one.low,
        deltaOpen=one.open - one.low,
        deltaClose=one.close - one.low,
        deltaHigh=0 if is_rare else one.high - one.low,
        utcTimestampInMinutes=one.minute,
    )


def live_bar(one: Bar, period: Period, close: int | None) -> ProtoOATrendbar:
    """Return a forming bar as spot events carry it; without ``close`` no deltaClose (SW-28)."""
    return ProtoOATrendbar(
        volume=one.volume,
        period=ProtoOATrendbarPeriod.ValueType(period),
        low=one.low,
        deltaOpen=one.open - one.low,
        deltaClose=None if close is None else close - one.low,
        deltaHigh=one.high - one.low,
        utcTimestampInMinutes=one.minute,
    )


def ticks(newest_first: Iterable[tuple[int, int]]) -> list[ProtoOATickData]:
    """Return ticks of one side: the first whole, each other as its difference to the one before."""
    encoded = []
    last_ms = last_price = 0
    for at_ms, price in newest_first:
        encoded.append(ProtoOATickData(timestamp=at_ms - last_ms, tick=price - last_price))
        last_ms, last_price = at_ms, price
    return encoded


def depth_event(
    account_id: int, symbol_id: int, changed: Iterable[Level], gone: Iterable[int]
) -> ProtoOADepthEvent:
    """Return the event that tells new or resized levels, and those that are gone."""
    return ProtoOADepthEvent(
        ctidTraderAccountId=account_id,
        symbolId=symbol_id,
        newQuotes=[_level(one) for one in changed],
        deletedQuotes=gone,
    )


def _level(one: Level) -> ProtoOADepthQuote:
    if one.side is Side.BUY:
        return ProtoOADepthQuote(id=one.level_id, size=one.size, bid=one.price)
    return ProtoOADepthQuote(id=one.level_id, size=one.size, ask=one.price)
