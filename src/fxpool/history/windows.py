"""Which parts of the past are still to be read. Pure: instants in, windows out.

What was read is a set of spans without overlaps. They are half-open, so that spans that touch leave
no gap and nothing twice.

Source: the broker limits a history request to a week and answers a page at a time without a
cursor; the caller moves the bound and recognises repeats by id (``hasMore``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from fxpool.domain.past import Span
from fxpool.errors import MappingError

WIDEST: Final = timedelta(weeks=1)
"""The widest window of deals, orders and cash flow."""

INSTANT: Final = timedelta(milliseconds=1)
"""How finely the broker tells time."""


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same stretches of time as few spans, oldest first. Empty ones vanish."""
    merged: list[Span] = []
    for span in sorted(span for span in spans if span.begin < span.end):
        if merged and span.begin <= merged[-1].end:
            last = merged.pop()
            span = Span(last.begin, max(last.end, span.end))  # noqa: PLW2901 (the two are one now)
        merged.append(span)
    return tuple(merged)


def missing(covered: Iterable[Span], wanted: Span) -> tuple[Span, ...]:
    """Return what of ``wanted`` is not covered, oldest first."""
    gaps: list[Span] = []
    begin = wanted.begin
    for span in joined(covered):
        if span.begin >= wanted.end:
            break
        if span.begin > begin:
            gaps.append(Span(begin, span.begin))
        begin = max(begin, span.end)
    if begin < wanted.end:
        gaps.append(Span(begin, wanted.end))
    return tuple(gaps)


def without(spans: Iterable[Span], instants: Iterable[datetime]) -> tuple[Span, ...]:
    """Return the same stretches of time but for some instants."""
    left = joined(spans)
    for at in instants:
        out = Span(at, at + INSTANT)
        left = joined(
            part
            for span in left
            for part in (
                Span(span.begin, min(span.end, out.begin)),
                Span(max(span.begin, out.end), span.end),
            )
        )
    return left


def windows(gaps: Iterable[Span], widest: timedelta = WIDEST) -> Iterator[Span]:
    """Yield windows that one request may ask for, oldest first; together they are the gaps."""
    for gap in gaps:
        begin = gap.begin
        while begin < gap.end:
            end = min(begin + widest, gap.end)
            yield Span(begin, end)
            begin = end


def share_read(covered: Iterable[Span], wanted: Span) -> float:
    """Return how much of ``wanted`` is covered, 0 to 1; 1 for a span without length."""
    if wanted.begin >= wanted.end:
        return 1.0
    left = sum((gap.length for gap in missing(covered, wanted)), timedelta())
    return 1.0 - left / wanted.length


def rest_after(span: Span, times: Sequence[datetime]) -> Span:
    """Return what is left of a window after a page that was not the last one.

    ``times`` are those of the page's rows as they came, newest or oldest first (SW-19). The rest
    begins or ends with the last row's instant, since more rows may lie on it.

    Raises MappingError for a page that does not lead further: no rows, or a whole page at one
    instant. Going on would lose rows silently.
    """
    if not times:
        raise MappingError("the broker says that there is more history and sent none")
    newest_first = times[0] >= times[-1]
    oldest, newest = min(times), max(times)
    rest = Span(span.begin, oldest + INSTANT) if newest_first else Span(newest, span.end)
    if rest.length >= span.length:
        raise MappingError(f"more than a page of history at {oldest.isoformat()}")
    return rest
