"""Plays the market: takes quotes from the synthetic market and from replays when they are due.

The only module of its package that waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from fxpool.clock import Clock
from fxpool.simulator.market.replay import Replay, first_quotes
from fxpool.simulator.market.synthetic import SyntheticMarket, Tick

log = logging.getLogger(__name__)

_BURST = 200
"""Quotes published in one turn of the loop at most, so that requests are answered in between."""

_MAX_LAG_SECONDS = 1.0
"""A synthetic market further behind than this skips what it missed."""


class _Pace:
    """Waits until quotes are due; what is overdue goes on at once, in bursts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._in_turn = 0

    async def until(self, due: float) -> None:
        wait = due - self._clock.now()
        self._in_turn += 1
        if wait > 0 or self._in_turn >= _BURST:
            await self._clock.sleep(max(0.0, wait))
            self._in_turn = 0


class Feed:
    """Publishes quotes until cancelled.

    ``ticks_per_second`` is the pace of the whole synthetic market, 0 to let it stand still;
    ``speed`` is how many times faster than recorded the replays play.
    """

    def __init__(
        self,
        market: SyntheticMarket,
        publish: Callable[[Tick], None],
        clock: Clock,
        *,
        symbol_ids: Mapping[str, int],
        ticks_per_second: float,
        replays: Sequence[Replay] = (),
        speed: float = 1.0,
        loop_replays: bool = False,
    ) -> None:
        self._market = market
        self._publish = publish
        self._clock = clock
        self._symbol_ids = symbol_ids
        self._ticks_per_second = ticks_per_second
        self._replays = replays
        self._speed = speed
        self._loops = loop_replays

    def publish_first(self) -> None:
        """Publish a quote of every symbol: a replayed one begins with its file's first.

        Raises SettingsError where a replay's file makes no sense.
        """
        first: dict[int, Tick] = {}
        for name, quote in first_quotes(self._replays).items():
            tick = Tick(self._symbol_ids[name], quote.bid, quote.ask)
            first[tick.symbol_id] = tick
            self._market.hold(tick.symbol_id)
            self._market.follow(tick)
        for tick in self._market.quotes():
            self._publish(first.get(tick.symbol_id, tick))

    async def run(self) -> None:
        """Play everything until cancelled. Raises SettingsError for a bad line of a replay."""
        async with asyncio.TaskGroup() as tasks:
            if self._ticks_per_second > 0:
                tasks.create_task(self._walk(), name="simulator-market")
            for replay in self._replays:
                tasks.create_task(self._play(replay), name=f"replay-{replay.symbol_name}")

    async def _walk(self) -> None:
        interval, due = 1.0 / self._ticks_per_second, self._clock.now()
        pace = _Pace(self._clock)
        while True:
            due = max(due + interval, self._clock.now() - _MAX_LAG_SECONDS)
            await pace.until(due)
            for tick in self._market.step():
                self._publish(tick)

    async def _play(self, replay: Replay) -> None:
        await self._play_once(replay)
        while self._loops:
            await self._play_once(replay)
        log.info("simulator: the replay of %s ended; its last quote stays", replay.symbol_name)

    async def _play_once(self, replay: Replay) -> None:
        symbol_id, started = self._symbol_ids[replay.symbol_name], self._clock.now()
        pace = _Pace(self._clock)
        for quote in replay.quotes():
            await pace.until(started + quote.offset / self._speed)
            self._publish_replayed(Tick(symbol_id, quote.bid, quote.ask))

    def _publish_replayed(self, tick: Tick) -> None:
        self._publish(tick)
        for following in self._market.follow(tick):
            self._publish(following)
