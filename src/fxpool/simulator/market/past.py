"""The market before the simulator was started: made up, and never stored. Pure.

A pure function of the seed, the symbol and the first quote that was served: the same question has
the same answer, whichever part is asked for first, and the last price before the start is the
first quote, so that charts join. Each day's open comes from a slow noise on both assets of the
symbol (so crosses stay near their legs); a day is then cut into hours, those into quarters, five
minutes, minutes and ticks, and every part is given its share of the day's extremes. So a bar of
any period is known without the ticks below it, and is still exactly what they add up to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.market.bars import Bar, joined
from fxpool.simulator.market.hours import Hours
from fxpool.simulator.market.periods import Span, day_opens, trading_day

TICKS_PER_MINUTE = 4
DEPTH_DAYS = 3_660
"""How far back it goes from the start: ten years."""

_OCTAVES = ((2, 3_000), (8, 5_000), (32, 9_000), (128, 15_000), (512, 30_000))
"""The slow noise: days between its points, and its reach in parts per million of the price."""

_DAY_REACH_PPM = 4_000
"""How far a day goes beyond its open and close at most."""

_CUTS = (60, 15, 5, 1)
"""The lengths of the parts that a day is cut into, one after the other, in minutes."""

_LONGEST_CLOSURE_DAYS = 14

_KEPT_PARTS = 2_048
_MASK = (1 << 64) - 1


class _Part(NamedTuple):
    """A span with its prices in ticks of the symbol; ``level`` is how often the day was cut."""

    first: int
    end: int
    level: int
    open: int
    high: int
    low: int
    close: int


class PastTick(NamedTuple):
    """A made-up bid, in 1/100000, with its time in epoch milliseconds."""

    at_ms: int
    bid: int


class Past:
    """A symbol's made-up history: everything before the minute in which its first quote came.

    Attributes:
        begins: its first minute.
        ends: the minute after its last one.
        spread: ask less bid all the time, in 1/100000.
    """

    def __init__(self, symbol: Symbol, seed: int, *, bid: int, spread: int, at_ms: int) -> None:
        self._symbol = symbol
        self._seed = seed
        self._step = symbol.price_step
        self._anchor = bid // self._step
        self._hours = Hours(symbol)
        self._parts: dict[tuple[int, int], tuple[_Part, ...]] = {}
        self._opens: dict[int, int] = {}
        self.spread = spread
        self.ends = at_ms // 60_000
        self._last_day = self._find_last_day()
        self._drift_now = 1_000_000 + self._drift(self._last_day + 1)
        self.begins = day_opens(self._last_day - DEPTH_DAYS)

    def bar(self, span: Span) -> Bar | None:
        """Return the bar of a span of minutes, as far as it is past; None without a tick."""
        first, end = max(span.first, self.begins), min(span.end, self.ends)
        whole: Bar | None = None
        while first < end:
            day = trading_day(first)
            following = day_opens(day + 1)
            for part in self._whole_day(day):
                whole = joined(whole, self._bar_within(part, first, end), span.first)
            first = following
        return whole

    def ticks_back(self, minute: int) -> Iterator[PastTick]:
        """Yield the bids from the end of ``minute`` backwards, newest first."""
        minute = min(minute, self.ends - 1)
        while minute >= self.begins:
            for part in self._whole_day(trading_day(minute)):
                for one in self._minutes_back(part, minute):
                    yield from reversed(self._ticks(one))
            minute = day_opens(trading_day(minute)) - 1

    def _find_last_day(self) -> int:
        """Return the last day with an open minute before the end: it closes at the first quote."""
        newest = trading_day(self.ends)
        for day in range(newest, newest - _LONGEST_CLOSURE_DAYS, -1):
            if self._hours.open_minutes(self._span_of(day)):
                return day
        return newest

    def _span_of(self, day: int) -> Span:
        return Span(day_opens(day), min(day_opens(day + 1), self.ends))

    # -- prices ----------------------------------------------------------------------------

    def _whole_day(self, day: int) -> tuple[_Part, ...]:
        """Return a trading day as one part, or none while the market was closed all day."""
        key = (day, -1)
        if key not in self._parts:
            self._keep(key, self._make_day(day))
        return self._parts[key]

    def _make_day(self, day: int) -> tuple[_Part, ...]:
        first, end = span = self._span_of(day)
        if not self._hours.open_minutes(span):
            return ()
        opens, closes = self._price_at_open(day), self._price_at_open(day + 1)
        reach = max(1, self._anchor * _DAY_REACH_PPM // 1_000_000)
        chance = _mixed(self._seed, self._symbol.symbol_id, day, 7)
        high = max(opens, closes) + reach * (1 + chance % 256) // 256
        low = min(opens, closes) - reach * (1 + (chance >> 8) % 256) // 256
        return (_Part(first, end, 0, opens, high, max(1, low), closes),)

    def _price_at_open(self, day: int) -> int:
        """Return the price between two days; after the last one it is the first quote."""
        if day > self._last_day:
            return self._anchor
        if day not in self._opens:
            price = self._anchor * (1_000_000 + self._drift(day)) // self._drift_now
            self._opens[day] = max(2, price)
        return self._opens[day]

    def _drift(self, day: int) -> int:
        symbol = self._symbol
        return self._noise(symbol.base_asset_id, day) - self._noise(symbol.quote_asset_id, day)

    def _noise(self, asset_id: int, day: int) -> int:
        """Return a slow noise around 0, in parts per million."""
        total = 0
        for octave, (days, reach) in enumerate(_OCTAVES):
            point, rest = divmod(day, days)
            here = _mixed(self._seed, asset_id, point, octave + 100) % (2 * reach) - reach
            there = _mixed(self._seed, asset_id, point + 1, octave + 100) % (2 * reach) - reach
            total += here + (there - here) * rest // days
        return total

    # -- parts -----------------------------------------------------------------------------

    def _bar_within(self, part: _Part, first: int, end: int) -> Bar | None:
        """Return the bar of what a part and a span have in common."""
        if part.end <= first or end <= part.first:
            return None
        if first <= part.first and part.end <= end:
            step = self._step
            ticks = TICKS_PER_MINUTE * self._hours.open_minutes(Span(part.first, part.end))
            prices = (part.open * step, part.high * step, part.low * step, part.close * step)
            return Bar(part.first, *prices, ticks)
        whole: Bar | None = None
        for one in self._cut(part):
            whole = joined(whole, self._bar_within(one, first, end), max(first, part.first))
        return whole

    def _minutes_back(self, part: _Part, last: int) -> Iterator[_Part]:
        if part.level == len(_CUTS):
            yield part
            return
        for one in reversed(self._cut(part)):
            if one.first <= last:
                yield from self._minutes_back(one, last)

    def _ticks(self, minute: _Part) -> list[PastTick]:
        """Return a minute's bids, oldest first: its open, its extremes in some order, its close."""
        chance = _mixed(self._seed, self._symbol.symbol_id, minute.first, 9)
        ends = (minute.high, minute.low) if chance & 1 else (minute.low, minute.high)
        ticks = []
        for index, price in enumerate((minute.open, *ends, minute.close)):
            offset = index * 15_000 + (chance >> (8 + 12 * index)) % 15_000
            ticks.append(PastTick(minute.first * 60_000 + offset, price * self._step))
        return ticks

    def _cut(self, part: _Part) -> tuple[_Part, ...]:
        key = (part.first, part.level)
        if key not in self._parts:
            self._keep(key, self._make_parts(part))
        return self._parts[key]

    def _make_parts(self, part: _Part) -> tuple[_Part, ...]:
        """Cut a part: its pieces follow each other, and together they reach just its extremes."""
        spans = self._hours.cut(Span(part.first, part.end), _CUTS[part.level])
        count, reach = len(spans), part.high - part.low
        chances = [
            _mixed(self._seed, self._symbol.symbol_id, one.first, part.level) for one in spans
        ]
        marks = [part.open]
        for index in range(1, count):
            straight = part.open + (part.close - part.open) * index // count
            aside = reach * (chances[index] % 1024 - 512) // 1536
            marks.append(min(part.high, max(part.low, straight + aside)))
        marks.append(part.close)
        top, bottom = (chances[0] >> 32) % count, (chances[0] >> 44) % count
        pieces = []
        for index, (first, end) in enumerate(spans):
            opens, closes, chance = marks[index], marks[index + 1], chances[index]
            high, low = max(opens, closes), min(opens, closes)
            high += (part.high - high) * ((chance >> 12) % 256) // 1024
            low -= (low - part.low) * ((chance >> 20) % 256) // 1024
            pieces.append(
                _Part(
                    first,
                    end,
                    part.level + 1,
                    opens,
                    part.high if index == top else high,
                    part.low if index == bottom else low,
                    closes,
                )
            )
        return tuple(pieces)

    def _keep(self, key: tuple[int, int], parts: tuple[_Part, ...]) -> None:
        if len(self._parts) >= _KEPT_PARTS:
            self._parts.clear()
        self._parts[key] = parts


def _mixed(*numbers: int) -> int:
    """Return 64 well mixed bits of some integers (the finaliser of splitmix64)."""
    value = 0
    for number in numbers:
        value = (value ^ (number & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _MASK
        value ^= value >> 31
    return value
