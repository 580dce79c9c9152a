"""Bars and ticks that will not change any more, so that the broker is asked for them once. Pure.

Bounded: what was used longest ago goes first. Kept are whole stretches of time, so that a stretch
in which there is nothing is known as well. What may still change is never kept: the caller knows
what is ``settled``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from fxpool.domain.past import Span
from fxpool.history.windows import joined, missing
from fxpool.mapping.instants import whole_ms

VALUES_PER_BLOCK: Final = 1000
"""Stretches that touch are joined up to here; one block is forgotten at once."""

SETTLED: Final = timedelta(minutes=2)
"""How old something is when it is in the broker's history for certain."""

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def settled_before(at: datetime) -> datetime:
    """Return the instant before which the broker's history is complete at an instant."""
    return whole_ms(at - SETTLED)


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Value]):
    """A stretch of time and all that is in it, oldest first."""

    span: Span
    values: list[Value]

    @property
    def size(self) -> int:
        return len(self.values) + 1  # an empty one costs something too


class PastCache(Generic[Key, Value]):
    """What is kept of several series; a key names one of them."""

    def __init__(self, at: Callable[[Value], datetime], most: int) -> None:
        """``at`` tells when a value is; at most ``most`` values are kept, over all series."""
        self._at = at
        self._most = most
        self._blocks: dict[Key, dict[datetime, Stretch[Value]]] = {}
        self._used: OrderedDict[tuple[Key, datetime], None] = OrderedDict()  # oldest use first
        self._size = 0

    def kept(self, key: Key, span: Span) -> tuple[tuple[Span, ...], list[Value]]:
        """Return which stretches that overlap a period are known, and the period's values in them,
        oldest first."""
        blocks = sorted(self._overlapping(key, span), key=lambda block: block.span)
        for block in blocks:
            self._used.move_to_end((key, block.span.begin))
        values = [value for block in blocks for value in self._within(block.values, span)]
        return joined(block.span for block in blocks), values

    def newest(self, key: Key, span: Span) -> Stretch[Value] | None:
        """Return the newest stretch that is known in a period, None if nothing is."""
        blocks = self._overlapping(key, span)
        return self._part(key, max(blocks, key=lambda block: block.span, default=None), span)

    def oldest(self, key: Key, span: Span) -> Stretch[Value] | None:
        """Return the oldest stretch that is known in a period, None if nothing is."""
        blocks = self._overlapping(key, span)
        return self._part(key, min(blocks, key=lambda block: block.span, default=None), span)

    def keep(self, key: Key, span: Span, values: Sequence[Value]) -> None:
        """Keep a period of which ``values``, oldest first, are all; the caller knows that they are
        settled. An empty period keeps nothing."""
        known = [block.span for block in self._blocks.get(key, {}).values()]
        for gap in missing(known, span):
            self._add(key, Stretch(gap, self._within(values, gap)))
        while self._size > self._most:
            self._forget(*next(iter(self._used)))

    def _overlapping(self, key: Key, span: Span) -> Iterable[Stretch[Value]]:
        return (block for block in self._blocks.get(key, {}).values() if _overlap(block, span))

    def _part(self, key: Key, block: Stretch[Value] | None, span: Span) -> Stretch[Value] | None:
        """Return what a block knows of a period; it was used now."""
        if block is None:
            return None
        self._used.move_to_end((key, block.span.begin))
        part = Span(max(block.span.begin, span.begin), min(block.span.end, span.end))
        return Stretch(part, self._within(block.values, part))

    def _add(self, key: Key, block: Stretch[Value]) -> None:
        for before in self._blocks.get(key, {}).values():
            touches = before.span.end == block.span.begin
            if touches and before.size + len(block.values) <= VALUES_PER_BLOCK:
                self._forget(key, before.span.begin)
                span = Span(before.span.begin, block.span.end)
                block = Stretch(span, before.values + block.values)
                break
        self._blocks.setdefault(key, {})[block.span.begin] = block
        self._used[key, block.span.begin] = None
        self._size += block.size

    def _forget(self, key: Key, begin: datetime) -> None:
        block = self._blocks[key].pop(begin)
        if not self._blocks[key]:
            del self._blocks[key]
        del self._used[key, begin]
        self._size -= block.size

    def _within(self, values: Sequence[Value], span: Span) -> list[Value]:
        begin = bisect_left(values, span.begin, key=self._at)
        end = bisect_left(values, span.end, key=self._at)
        return list(values[begin:end])


def _overlap(block: Stretch[Value], span: Span) -> bool:
    return block.span.begin < span.end and span.begin < block.span.end
