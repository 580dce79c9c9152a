"""Where quotes come from: the synthetic market and replays."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from fxpool.errors import SettingsError
from fxpool.simulator import Replay
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE
from fxpool.simulator.market.feed import Feed
from fxpool.simulator.market.synthetic import SyntheticMarket, Tick
from harness.clock import ManualClock
from harness.wait import wait_until

NAMES = [symbol.name for symbol in DEFAULT_CATALOGUE.symbols]
IDS = {symbol.name: symbol.symbol_id for symbol in DEFAULT_CATALOGUE.symbols}
ROWS = """timestamp,bid,ask
2020-01-01 22:00:00+00:00,1.10000,1.10010
2020-01-01 22:00:10+00:00,1.10020,1.10030
2020-01-01 22:00:30+00:00,1.10040,1.10050
"""


def make_market(seed: int = 1) -> SyntheticMarket:
    return SyntheticMarket(DEFAULT_CATALOGUE, Random(seed))


def test_equal_seeds_give_equal_quotes() -> None:
    def walk(seed: int) -> list[list[Tick]]:
        market = make_market(seed)
        return [market.quotes(), *(market.step() for _ in range(500))]

    assert walk(1) == walk(1)
    assert walk(1) != walk(2)


def test_quotes_are_on_the_tick_and_never_crossed() -> None:
    market = make_market()
    steps = {one.symbol_id: one.price_step for one in DEFAULT_CATALOGUE.symbols}
    for _ in range(2000):
        for tick in market.step():
            assert 0 < tick.bid < tick.ask
            assert tick.bid % steps[tick.symbol_id] == tick.ask % steps[tick.symbol_id] == 0


def test_no_round_trip_through_a_cross_gains() -> None:
    market = make_market()
    latest = {tick.symbol_id: tick for tick in market.quotes()}
    scale = 100_000
    for _ in range(3000):
        latest |= {tick.symbol_id: tick for tick in market.step()}
        eurusd, gbpusd, eurgbp = (latest[IDS[name]] for name in ("EURUSD", "GBPUSD", "EURGBP"))
        usdjpy, eurjpy = latest[IDS["USDJPY"]], latest[IDS["EURJPY"]]
        assert Fraction(eurgbp.bid, scale) <= Fraction(eurusd.ask, gbpusd.bid)
        assert Fraction(eurgbp.ask, scale) >= Fraction(eurusd.bid, gbpusd.ask)
        assert eurjpy.bid * scale <= eurusd.ask * usdjpy.ask
        assert eurjpy.ask * scale >= eurusd.bid * usdjpy.bid


def test_a_replay_finds_its_symbol_in_the_file_name() -> None:
    assert Replay.parse("data/eurusd-ticks.csv", NAMES).symbol_name == "EURUSD"
    assert Replay.parse("us100.CASH=x.csv", NAMES) == Replay("US100.cash", Path("x.csv"))
    with pytest.raises(SettingsError, match="NAME=PATH"):
        Replay.parse("data/ticks.csv", NAMES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,bid\n", "does not begin with"),
        ("timestamp,bid,ask\n", "holds no quotes"),
        ("timestamp,bid,ask\n2020-01-01,1.1\n", "line 2: not a quote"),
        ("timestamp,bid,ask\n2020-01-01,1.1,x\n", "line 2: not a quote"),
    ],
)
def test_a_bad_file_says_where(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "eurusd.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=words):
        list(Replay("EURUSD", path).quotes())


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        list(Replay("EURUSD", tmp_path / "none.csv").quotes())


def test_a_parquet_file_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(SettingsError, match=r"pip install 'fxpool\[parquet\]'"):
        list(Replay("EURUSD", tmp_path / "eurusd.parquet").quotes())


def test_a_parquet_file_plays_like_a_csv_file(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    csv = tmp_path / "eurusd.csv"
    csv.write_text(ROWS)
    rows = [line.split(",") for line in ROWS.splitlines()[1:]]
    table = pyarrow.table(
        {
            "timestamp": [datetime.fromisoformat(row[0]) for row in rows],
            "bid": [float(row[1]) for row in rows],
            "ask": [float(row[2]) for row in rows],
        }
    )
    parquet.write_table(table, tmp_path / "eurusd.parquet")
    replayed = list(Replay("EURUSD", tmp_path / "eurusd.parquet").quotes())
    assert replayed == list(Replay("EURUSD", csv).quotes())
    parquet.write_table(table.drop(["ask"]), tmp_path / "no-ask.parquet")
    with pytest.raises(SettingsError, match="no column ask"):
        list(Replay("EURUSD", tmp_path / "no-ask.parquet").quotes())


class Played:
    """A feed of one replay on a manual clock, and what it published."""

    def __init__(self, path: Path, *, speed: float, loops: bool = False) -> None:
        path.write_text(ROWS)
        self.clock = ManualClock()
        self.ticks: list[Tick] = []
        self.feed = Feed(
            make_market(),
            self.ticks.append,
            self.clock,
            symbol_ids=IDS,
            ticks_per_second=0,
            replays=(Replay("EURUSD", path),),
            speed=speed,
            loop_replays=loops,
        )

    def bids(self, name: str) -> list[int]:
        return [tick.bid for tick in self.ticks if tick.symbol_id == IDS[name]]


async def test_a_replay_plays_at_its_speed_and_keeps_its_last_quote(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    played = Played(tmp_path / "eurusd.csv", speed=10.0)
    played.feed.publish_first()
    assert played.bids("EURUSD")[-1] == 110_000
    task = asyncio.create_task(played.feed.run())
    await wait_until(lambda: len(played.bids("EURUSD")) == 2)
    played.clock.advance(0.9)
    await asyncio.sleep(0)
    assert played.bids("EURUSD")[-1] == 110_000
    played.clock.advance(0.1)
    await wait_until(lambda: played.bids("EURUSD")[-1] == 110_020)
    played.clock.advance(2.0)
    await wait_until(lambda: played.bids("EURUSD")[-1] == 110_040)
    await task
    assert "its last quote stays" in caplog.text
    assert len(played.bids("EURGBP")) > 1  # the crosses follow the replayed leg


async def test_a_looping_replay_begins_again(tmp_path: Path) -> None:
    played = Played(tmp_path / "eurusd.csv", speed=1e9, loops=True)
    task = asyncio.create_task(played.feed.run())

    def has_looped() -> bool:
        played.clock.advance(1.0)
        return played.bids("EURUSD").count(110_040) >= 3

    await wait_until(has_looped)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_synthetic_market_keeps_its_pace() -> None:
    clock, ticks = ManualClock(), list[Tick]()
    feed = Feed(make_market(), ticks.append, clock, symbol_ids=IDS, ticks_per_second=10.0)
    started, crosses = clock.now(), {IDS[name] for name in ("EURGBP", "EURJPY", "GBPJPY")}
    task = asyncio.create_task(feed.run())

    def has_moved_often() -> bool:
        clock.advance(0.05)
        return len([tick for tick in ticks if tick.symbol_id not in crosses]) >= 20

    await wait_until(has_moved_often)
    assert 2.0 <= clock.now() - started <= 2.5
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
