from __future__ import annotations

import math

from fxpool.pool.rate import TokenBucket


def test_a_burst_leaves_at_once_and_the_rest_at_the_rate() -> None:
    bucket = TokenBucket(rate=10.0, burst=2.0, updated_at=100.0)
    for _ in range(2):
        assert bucket.wait(100.0) == 0.0
        bucket.take(100.0)
    assert math.isclose(bucket.wait(100.0), 0.1)
    assert bucket.wait(100.1) == 0.0


def test_an_idle_bucket_earns_no_more_than_its_burst() -> None:
    bucket = TokenBucket(rate=10.0, burst=2.0, updated_at=100.0)
    assert bucket.wait(1000.0) == 0.0
    assert bucket.tokens == 2.0


def test_a_clock_that_stands_still_earns_nothing() -> None:
    bucket = TokenBucket(rate=10.0, burst=1.0, updated_at=100.0)
    bucket.take(100.0)
    assert bucket.wait(100.0) > 0.0
    assert bucket.wait(99.0) > 0.0


def test_an_infinite_rate_never_waits() -> None:
    bucket = TokenBucket.under(50.0, math.inf, 100.0)
    for _ in range(1000):
        assert bucket.wait(100.0) == 0.0
        bucket.take(100.0)
    assert bucket.wait(101.0) == 0.0
