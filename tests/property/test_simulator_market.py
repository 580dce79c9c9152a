"""The simulator's market: bars are what ticks add up to, and crosses leave no free money."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, islice
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from fxpool.simulator.brokers import broker
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE
from fxpool.simulator.engine.symbols import PRICE_SCALE
from fxpool.simulator.market.archive import Archive
from fxpool.simulator.market.bars import Bar
from fxpool.simulator.market.periods import Period, span_at
from fxpool.simulator.market.synthetic import SyntheticMarket, Tick
from fxpool.simulator.protocol import market_data
from fxpool.simulator.sessions import CURRENCY_HOURS, TIME_ZONE

SYMBOL = DEFAULT_CATALOGUE.symbols[0]
WITH_HOURS = replace(SYMBOL, schedule=CURRENCY_HOURS, schedule_time_zone=TIME_ZONE)
START_MS = 1_600_000_000_000

prices = st.integers(1, 10**10)
quotes = st.lists(st.tuples(st.integers(0, 90_000), st.integers(112_400, 112_700)), max_size=60)


def added_up(ticks: list[tuple[int, int]], period: Period) -> list[Bar]:
    """Return the bars that ticks make, oldest first, counted here on their own."""
    found: dict[int, list[int]] = {}
    for at_ms, price in ticks:
        found.setdefault(span_at(period, at_ms // 60_000).first, []).append(price)
    return [Bar(minute, of[0], max(of), min(of), of[-1], len(of)) for minute, of in found.items()]


@given(moves=quotes, period=st.sampled_from(Period), seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_bars_are_what_the_ticks_add_up_to(
    moves: list[tuple[int, int]], period: Period, seed: int
) -> None:
    """Over the seam, too: the newest bars hold served ticks, the older ones made-up ticks."""
    archive, at_ms, last = Archive(SYMBOL, seed), START_MS, 112_568
    archive.record(last, last + 6, at_ms)
    for after_ms, bid in moves:
        at_ms += after_ms
        if bid != last:
            archive.record(bid, bid + 6, at_ms)
        last = bid
    ticks = list(islice(archive.bids_back(at_ms), 8_000))[::-1]
    expected = added_up(ticks, period)[1:]  # the first one may have lost its beginning
    found = list(islice(archive.bars_back(period, at_ms // 60_000), len(expected)))
    assert found[::-1] == expected


@given(seed=st.integers(0, 2**32), hours=st.integers(0, 24 * 14))
@settings(max_examples=8, deadline=None)
def test_bars_of_a_market_that_closes_are_what_its_ticks_add_up_to(seed: int, hours: int) -> None:
    archive, at_ms = Archive(WITH_HOURS, seed), START_MS + hours * 3_600_000
    archive.record(112_568, 112_574, at_ms)
    ticks = list(islice(archive.bids_back(at_ms), 8_000))[::-1]
    for period in (Period.M1, Period.M15, Period.H4, Period.D1):
        expected = added_up(ticks, period)[1:]
        found = list(islice(archive.bars_back(period, at_ms // 60_000), len(expected)))
        assert found[::-1] == expected
    assert all(WITH_HOURS.is_open(tick_ms) for tick_ms, _ in ticks[:-1])
    assert ticks[-2][1] == 112_568


@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_no_round_trip_through_the_dollar_gains(seed: int) -> None:
    catalogue = broker("plain")
    market = SyntheticMarket(catalogue, Random(seed))
    latest: dict[int, Tick] = {}
    by_assets = {(one.base_asset_id, one.quote_asset_id): one for one in catalogue.symbols}
    usd = next(one.asset_id for one in catalogue.assets if one.name == "USD")

    def dollars(asset_id: int) -> tuple[Fraction, Fraction]:
        """Return what an asset is sold and bought for in dollars."""
        if (asset_id, usd) in by_assets:
            tick = latest[by_assets[asset_id, usd].symbol_id]
            return Fraction(tick.bid, PRICE_SCALE), Fraction(tick.ask, PRICE_SCALE)
        tick = latest[by_assets[usd, asset_id].symbol_id]
        return Fraction(PRICE_SCALE, tick.ask), Fraction(PRICE_SCALE, tick.bid)

    crosses = [
        one for one in catalogue.symbols if usd not in (one.base_asset_id, one.quote_asset_id)
    ]
    crosses = [
        one
        for one in crosses
        if (one.base_asset_id, usd) in by_assets or (usd, one.base_asset_id) in by_assets
    ]
    for ticks in [market.quotes(), *(market.step() for _ in range(40))]:
        latest |= {tick.symbol_id: tick for tick in ticks}
        for cross in crosses:
            tick = latest[cross.symbol_id]
            base_sold, base_bought = dollars(cross.base_asset_id)
            quote_sold, quote_bought = dollars(cross.quote_asset_id)
            assert Fraction(tick.bid, PRICE_SCALE) <= base_bought / quote_sold
            assert Fraction(tick.ask, PRICE_SCALE) >= base_sold / quote_bought


@given(ticks=st.lists(st.tuples(st.integers(0, 2**41), prices)))
def test_ticks_come_back_out_of_their_differences(ticks: list[tuple[int, int]]) -> None:
    newest_first = sorted(ticks, reverse=True)
    encoded = market_data.ticks(newest_first)
    times = accumulate(one.timestamp for one in encoded)
    values = accumulate(one.tick for one in encoded)
    assert list(zip(times, values, strict=True)) == newest_first
    assert all(one.timestamp <= 0 for one in encoded[1:])


@given(minute=st.integers(0, 2**31), ends=st.tuples(prices, prices, prices, prices))
def test_bars_come_back_out_of_their_differences(
    minute: int, ends: tuple[int, int, int, int]
) -> None:
    bar = Bar(minute, ends[0], max(ends), min(ends), ends[3], 4)
    for encoded in (
        market_data.bar(bar),
        market_data.live_bar(bar, Period.M1, close=bar.close),
    ):
        assert (
            Bar(
                encoded.utcTimestampInMinutes,
                encoded.low + encoded.deltaOpen,
                encoded.low + encoded.deltaHigh,
                encoded.low,
                encoded.low + encoded.deltaClose,
                encoded.volume,
            )
            == bar
        )
