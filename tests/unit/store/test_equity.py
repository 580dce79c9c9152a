"""Kept equity: what was seen comes back, longer buckets take the place of old ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from fxpool.domain.equity import DAY_MS, MINUTE_MS, EquityBucket
from fxpool.errors import HistoryDown
from fxpool.store.equity import SqlEquity

BEGIN = 20_000 * DAY_MS
TWO_DAYS = 2 * 1440


def minute(number: int, equity: int, *, moved: int = 0) -> EquityBucket:
    at_ms = BEGIN + number * MINUTE_MS
    made = EquityBucket.begun(equity, equity, at_ms, covered_ms=0, moved=moved, digits=2)
    return made.with_sample(equity + 1, equity, at_ms + 59_000, covered_ms=59_000)


def store_in(folder: Path) -> SqlEquity:
    return SqlEquity(SecretStr(f"sqlite:///{folder / 'equity.sqlite3'}"))


async def test_what_was_kept_is_there_for_the_next_process(tmp_path: Path) -> None:
    first = store_in(tmp_path)
    await first.save({"a": [minute(0, 100), minute(1, 200)], "b": [minute(0, 5)]})
    grown = minute(1, 200).with_sample(900, 200, BEGIN + 119_500, covered_ms=500)
    await first.save({"a": [grown]})
    await first.close()
    second = store_in(tmp_path)
    assert await second.load("a") == [minute(0, 100), grown]
    assert await second.load("a", since_ms=BEGIN + MINUTE_MS) == [grown]
    assert await second.load("c") == []
    await second.close()


async def test_old_buckets_become_fewer_and_keep_their_extremes(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    minutes = [minute(number, 1000 + number % 97) for number in range(TWO_DAYS)]
    await store.save({"a": minutes})
    await store.thin("a", minutes[-1].last_ms)
    assert await store.load("a") == minutes, "two days stay as they are"

    await store.thin("a", BEGIN + 4 * DAY_MS)
    quarters = await store.load("a")
    assert len(quarters) == 2 * 96
    await store.thin("a", BEGIN + 100 * DAY_MS)
    hours = await store.load("a")
    assert len(hours) == 2 * 24
    for kept in (quarters, hours):
        assert max(b.highest for b in kept) == max(b.highest for b in minutes)
        assert min(b.lowest for b in kept) == min(b.lowest for b in minutes)
        assert sum(b.covered_ms for b in kept) == sum(b.covered_ms for b in minutes)
    await store.close()


async def test_a_database_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    (tmp_path / "equity.sqlite3").write_text("no database")
    with pytest.raises(HistoryDown, match="database is down"):
        await store.load("a")
    await store.close()
