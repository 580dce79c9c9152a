"""Whatever the arrivals, the broker's limits hold in any one-second window."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fxpool.openapi import HISTORICAL_REQUESTS
from fxpool.pool.admission import Admission
from fxpool.pool.channel import Priority
from fxpool.pool.limits import PoolLimits

TRADER, ORDER, BARS, DEALS = 2121, 2106, 2137, 2133
PRIORITY = {
    ORDER: Priority.TRADE,
    TRADER: Priority.READ,
    BARS: Priority.HISTORY,
    DEALS: Priority.HISTORY,
}

ONE_SECOND = 1.0 - 1e-6  # the times are sums of floats

arrivals = st.lists(
    st.tuples(
        st.floats(0.0, 1.5, allow_nan=False),  # seconds since the arrival before
        st.sampled_from(sorted(PRIORITY)),
        st.integers(1, 60),  # how many at once
    ),
    max_size=8,
)


def sendings(pattern: list[tuple[float, int, int]]) -> list[tuple[float, int]]:
    """Return when each request leaves, and its payload type."""
    now = 1000.0
    admission: Admission[int] = Admission(PoolLimits(), now)
    sent: list[tuple[float, int]] = []

    def pump_until(then: float) -> None:
        nonlocal now
        while (due := admission.free_at(now)) <= then:
            now = max(now, due)
            while (kind := admission.next(now)) is not None:
                sent.append((now, kind))
        now = then

    for pause, kind, how_many in pattern:
        pump_until(now + pause)
        for _ in range(how_many):
            if admission.admit(kind, now):
                sent.append((now, kind))
            else:
                admission.queue(kind, kind, PRIORITY[kind], now + 9999, now)
    while len(admission):
        pump_until(now + 10.0)
    return sent


def most_in_a_second(times: list[float]) -> int:
    most = start = 0
    for end, time in enumerate(times):
        while times[start] <= time - ONE_SECOND:
            start += 1
        most = max(most, end - start + 1)
    return most


@given(arrivals)
@settings(max_examples=40, deadline=None)
def test_any_second_stays_under_both_limits(pattern: list[tuple[float, int, int]]) -> None:
    sent = sendings(pattern)
    assert len(sent) == sum(how_many for _, _, how_many in pattern)
    assert most_in_a_second([time for time, _ in sent]) < 50
    historical = [time for time, kind in sent if kind in HISTORICAL_REQUESTS]
    assert most_in_a_second(historical) < 5
