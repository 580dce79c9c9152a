"""``fxpool watch``: the pool's event stream of one account, as a live screen or as NDJSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from rich.live import Live

from fxpool.cli.console import stdout
from fxpool.cli.exits import Exit, end_with, fail
from fxpool.cli.pool import Pool
from fxpool.cli.reading import digits_of
from fxpool.cli.watch_state import WatchState
from fxpool.cli.watch_view import screen
from fxpool.clock import Clock, SystemClock
from fxpool.errors import FxPoolError
from fxpool.platforms.base import Platform, Subscription
from fxpool.platforms.events import EventFilter

REPAINT_SECONDS = 0.25


def run(pool: Pool, account: str, symbols: Sequence[str]) -> None:
    """Show an account until Ctrl-C."""
    if not pool.as_json and not stdout().is_terminal:
        fail(Exit.USAGE, "a live view needs a terminal", cure="use --json for a stream of events")
    try:
        asyncio.run(_watch(pool, account, symbols, SystemClock()))
    except KeyboardInterrupt:
        return
    except FxPoolError as error:
        end_with(error, as_json=pool.as_json)


async def _watch(pool: Pool, account: str, symbols: Sequence[str], clock: Clock) -> None:
    remote = pool.remote()
    try:
        info = await remote.account_information(account)
        for symbol in symbols:
            await remote.subscribe_symbol(symbol, account)
        async with remote.subscribe(EventFilter(accounts=frozenset({info["id"]}))) as stream:
            if pool.as_json:
                await _print_events(stream)
            else:
                await Watcher(remote, account, clock).show(stream)
    finally:
        await remote.close()


async def _print_events(stream: Subscription) -> None:
    out = sys.stdout.buffer
    while True:
        for event in await stream.next_batch():
            out.write(event.encoded + b"\n")
        out.flush()


class Watcher:
    """A screen that follows one account."""

    def __init__(self, platform: Platform, account: str, clock: Clock) -> None:
        self._platform, self._account, self._clock = platform, account, clock
        self._state = WatchState()
        self._last_event = clock.now()

    async def show(self, stream: Subscription) -> None:
        """Follow and paint until cancelled, or until the stream ends with its error."""
        with Live(console=stdout(), screen=True, auto_refresh=False) as live:
            while True:
                self._paint(live)
                await self._follow(stream, until=self._clock.now() + REPAINT_SECONDS)

    async def _follow(self, stream: Subscription, until: float) -> None:
        """Take all events up to a moment of ``clock.now()``."""
        try:
            async with asyncio.timeout_at(until):
                while True:
                    batch = await stream.next_batch()
                    self._last_event = self._clock.now()
                    for event in batch:
                        self._state.apply(event.body)
        except TimeoutError:
            await self._learn_digits()

    async def _learn_digits(self) -> None:
        unknown = self._state.symbols() - self._state.digits.keys()
        if unknown:
            self._state.digits.update(await digits_of(self._platform, self._account, unknown))

    def _paint(self, live: Live) -> None:
        quiet_for = self._clock.now() - self._last_event
        live.update(screen(self._state, stdout().width, quiet_for), refresh=True)
