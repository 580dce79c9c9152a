"""Bars: decoded, repaired, and joined to the timeframes that the broker does not keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fxpool.domain.bars import Bar
from fxpool.errors import InvalidCall, MappingError
from fxpool.history.bars import TIMEFRAMES, joined_bars, opening_of, source_begin, timeframe
from fxpool.mapping.bars import bar_from
from fxpool.openapi.proto.model_pb2 import ProtoOATrendbar

METAAPI = "1m 2m 3m 4m 5m 6m 10m 12m 15m 20m 30m 1h 2h 3h 4h 6h 8h 12h 1d 1w 1mn"


def bar(at: datetime, *prices: int, volume: int = 1) -> Bar:
    return Bar(at, *prices, volume)


def test_distances_are_added_to_the_low() -> None:
    told = ProtoOATrendbar(
        volume=9, low=100, deltaOpen=5, deltaClose=7, deltaHigh=20, utcTimestampInMinutes=2
    )
    assert bar_from(told) == Bar(datetime(1970, 1, 1, 0, 2, tzinfo=UTC), 105, 120, 100, 107, 9)


def test_a_high_below_the_open_is_raised_and_flagged() -> None:
    told = ProtoOATrendbar(volume=9, low=100, deltaOpen=5, utcTimestampInMinutes=2)
    repaired = bar_from(told)
    assert (repaired.high, repaired.is_repaired) == (105, True)


def test_a_bar_without_a_time_is_no_bar() -> None:
    with pytest.raises(MappingError):
        bar_from(ProtoOATrendbar(volume=9, low=100))


def test_all_timeframes_of_metaapi_are_there() -> None:
    assert set(TIMEFRAMES) == set(METAAPI.split())


@pytest.mark.parametrize(
    ("said", "meant"), [("1M", "1mn"), ("MN1", "1mn"), ("1m", "1m"), ("M15", "15m"), ("H4", "4h")]
)
def test_the_callers_words_are_understood(said: str, meant: str) -> None:
    assert timeframe(said).name == meant


def test_another_word_is_refused() -> None:
    with pytest.raises(InvalidCall, match="7m"):
        timeframe("7m")


def test_hours_count_from_the_opening_of_the_trading_day() -> None:
    winter = datetime(2026, 1, 14, 3, 30, tzinfo=UTC)
    assert opening_of(winter, timedelta(hours=6)) == datetime(2026, 1, 13, 22, tzinfo=UTC)
    summer = datetime(2026, 7, 14, 3, 30, tzinfo=UTC)
    assert opening_of(summer, timedelta(hours=6)) == datetime(2026, 7, 14, 3, tzinfo=UTC)


def test_minutes_count_from_the_hour() -> None:
    at = datetime(2026, 1, 14, 3, 33, tzinfo=UTC)
    assert opening_of(at, timedelta(minutes=20)) == datetime(2026, 1, 14, 3, 20, tzinfo=UTC)


def test_short_bars_are_joined_and_empty_times_have_no_bar() -> None:
    noon = datetime(2026, 1, 14, 12, tzinfo=UTC)
    minutes = [
        bar(noon, 10, 14, 9, 12),
        bar(noon + timedelta(minutes=3), 12, 13, 8, 9, volume=4),
        bar(noon + timedelta(minutes=18), 9, 9, 9, 9),
    ]
    assert list(joined_bars(minutes, timedelta(minutes=6))) == [
        bar(noon, 10, 14, 8, 9, volume=5),
        bar(noon + timedelta(minutes=18), 9, 9, 9, 9),
    ]


def test_the_source_is_read_from_where_the_first_joined_bar_opens() -> None:
    at = datetime(2026, 1, 14, 12, 5, tzinfo=UTC)
    assert source_begin(TIMEFRAMES["6m"], at) == datetime(2026, 1, 14, 12, tzinfo=UTC)
    assert source_begin(TIMEFRAMES["5m"], at) == at
