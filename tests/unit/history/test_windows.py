"""Windows of the past: no gap, nothing twice, and pages that lead on."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.past import Span
from fxpool.errors import MappingError
from fxpool.history.windows import (
    INSTANT,
    joined,
    missing,
    rest_after,
    share_read,
    windows,
    without,
)
from harness.values import at


def span(begin: float, end: float) -> Span:
    return Span(at(begin), at(end))


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: span(*sorted(p))))


def seconds(spans: tuple[Span, ...]) -> set[int]:
    return {s for s in range(41) if any(one.begin <= at(s) < one.end for one in spans)}


@given(SPANS)
def test_what_is_missing_and_what_is_covered_are_the_whole(covered: list[Span]) -> None:
    wanted = span(0, 40)
    gaps = missing(covered, wanted)
    assert seconds(gaps) | seconds(tuple(covered)) == seconds((wanted,))
    assert not seconds(gaps) & seconds(tuple(covered))
    assert list(gaps) == sorted(gaps)


@given(SPANS)
def test_joined_spans_cover_the_same_and_never_touch(spans: list[Span]) -> None:
    merged = joined(spans)
    assert seconds(merged) == seconds(tuple(spans))
    assert all(a.end < b.begin for a, b in pairwise(merged))


def test_windows_are_as_wide_as_allowed_and_leave_no_gap() -> None:
    found = list(windows([span(0, 25), span(30, 31)], timedelta(seconds=10)))
    assert found == [span(0, 10), span(10, 20), span(20, 25), span(30, 31)]


def test_reading_goes_on_where_it_stopped() -> None:
    assert missing([span(0, 10)], span(0, 30)) == (span(10, 30),)
    assert share_read([span(0, 10)], span(0, 40)) == 0.25
    assert share_read([], span(3, 3)) == 1.0


def test_after_a_page_of_the_newest_rows_the_older_ones_are_left() -> None:
    rest = rest_after(span(0, 100), [at(90), at(70)])
    assert rest == Span(at(0), at(70) + INSTANT)


def test_after_a_page_of_the_oldest_rows_the_newer_ones_are_left() -> None:
    assert rest_after(span(0, 100), [at(10), at(30)]) == span(30, 100)


def test_a_page_that_leads_nowhere_is_an_error_and_not_the_end() -> None:
    with pytest.raises(MappingError, match="sent none"):
        rest_after(span(0, 100), [])
    with pytest.raises(MappingError, match="more than a page"):
        rest_after(Span(at(0), at(0) + INSTANT), [at(0), at(0)])


def test_instants_are_taken_out_of_what_was_read() -> None:
    whole = Span(at(0), at(100))
    left = without([whole], [at(0), at(50), at(100)])
    assert missing(left, whole) == (Span(at(0), at(0) + INSTANT), Span(at(50), at(50) + INSTANT))
