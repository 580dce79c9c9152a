"""The equity driver: samples all accounts once a second and keeps the buckets once a minute.

The two run beside each other, so that a slow database costs no sample. What no database takes waits
in memory, a day of it at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, timedelta, tzinfo
from decimal import Decimal
from typing import Final

import structlog

from fxpool.account import Account, Phase
from fxpool.account.events import BookEvent
from fxpool.clock import Clock
from fxpool.domain.equity import EquityBucket, EquityMarks
from fxpool.domain.past import Span
from fxpool.errors import FxPoolError, NotReady
from fxpool.history.equity import EquityRecorder
from fxpool.history.equity_kept import EquityStore
from fxpool.history.naming import kept_name
from fxpool.history.reads import HistoryReads
from fxpool.history.windows import windows
from fxpool.mapping.instants import instant_from_ms, ms_from_instant

SAMPLE_EVERY: Final = 1.0
"""Seconds between looks at the equity."""

KEEP_EVERY: Final = 60.0
"""Seconds between writes; a crash loses what was seen since the last one."""

THIN_EVERY: Final = 3600.0
"""Seconds between looks for samples that are old enough to be thinned."""

CLOCK_SKEW: Final = timedelta(hours=12)
"""How far the broker's clock may be from ours: so much more cash flow is read on both ends."""

BEGIN_AGAIN: Final = 10.0
"""Seconds before a recording that ended by a bug begins again."""

log = structlog.get_logger(__name__)


class EquityKeeper:
    """Records the equity of many accounts."""

    def __init__(self, store: EquityStore, *, clock: Clock, gate: asyncio.Semaphore) -> None:
        """``gate`` bounds the history requests of all accounts together."""
        self._store = store
        self._clock = clock
        self._gate = gate
        self._recorders: list[EquityRecorder] = []
        self._changed: set[EquityRecorder] = set()
        self._wake = asyncio.Event()
        self._thinned_at = clock.now()
        self._kept_at = clock.now()

    def record(self, account: Account, zone: tzinfo = UTC) -> RecordedEquity:
        """Record one more account, and return what is seen of it; ``zone`` is that of its limits'
        days."""
        recorder = EquityRecorder(account, zone)
        self._recorders.append(recorder)
        return RecordedEquity(self, recorder)

    def forget(self, account: Account) -> None:
        """Record an account no more."""
        self._recorders = [each for each in self._recorders if each.account is not account]

    async def run(self) -> None:
        """Record until cancelled: the outermost frame of its task. What ends it is a bug of ours;
        it is told, and recording begins again."""
        while True:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._sample(), name="equity-sample")
                    tasks.create_task(self._follow(), name="equity-follow")
                    tasks.create_task(self._keep(), name="equity-keep")
            except* Exception:  # what ends it is a bug of ours; recording begins again
                log.exception("the recording of equity ended, and begins again")
                await self._clock.sleep(BEGIN_AGAIN)

    async def close(self) -> None:
        """Keep what was seen last, and let go of the store; call it when ``run`` has ended."""
        await self._save()
        await self._store.close()

    def sample(self, recorder: EquityRecorder) -> None:
        """Take a sample of one account now."""
        try:
            recorder.sample(ms_from_instant(self._clock.at()), self._clock.now())
        except NotReady as exc:
            log.debug("no equity", account=recorder.account.key, error=str(exc))

    def changed(self, recorder: EquityRecorder) -> None:
        """Have a sample taken as soon as what told of a change has returned."""
        self._changed.add(recorder)
        self._wake.set()

    async def buckets(self, recorder: EquityRecorder, *, since_ms: int = 0) -> list[EquityBucket]:
        """Return what was seen of an account, oldest first. Raises NotReady and HistoryDown."""
        kept = await self._store.load(kept_name(recorder.account), since_ms=since_ms)
        return recorder.with_pending(kept, since_ms)

    async def _sample(self) -> None:
        while True:
            await self._clock.sleep(SAMPLE_EVERY)
            for recorder in self._recorders:
                self.sample(recorder)

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            for recorder in changed:
                self.sample(recorder)

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(SAMPLE_EVERY)
            for recorder in self._recorders:
                if not recorder.is_restored and recorder.account.state.phase is Phase.LIVE:
                    await self._restore(recorder)
                if not recorder.is_explained:
                    await self._explain(recorder)
            now = self._clock.now()
            if now - self._kept_at >= KEEP_EVERY:
                self._kept_at = now
                await self._save()
            if now - self._thinned_at >= THIN_EVERY:
                self._thinned_at = now
                await self._thin()

    async def _restore(self, recorder: EquityRecorder) -> None:
        """Take up what was recorded before; tried again later where something is not there."""
        account = recorder.account
        try:
            kept = await self._store.load(kept_name(account))
            moved = await self._moved_since(recorder, kept[-1]) if kept else Decimal(0)
            # In a thread: years of buckets take a while, and quotes must not wait for them.
            await asyncio.to_thread(recorder.restore, kept, moved)
            self.sample(recorder)
        except FxPoolError as exc:
            log.warning("recorded equity", account=account.key, error=str(exc))

    async def _explain(self, recorder: EquityRecorder) -> None:
        """Read the cash flow of a gap; tried again later where it cannot be read."""
        account, gap = recorder.account, recorder.gap
        first = instant_from_ms(recorder.last_ms or 0) - CLOCK_SKEW
        span = Span(first, self._clock.at() + CLOCK_SKEW)
        try:
            reads = HistoryReads(account.channel, self._gate)
            flows = [flow for window in windows([span]) for flow in await reads.cash_flow(window)]
        except FxPoolError as exc:
            log.warning("cash flow of a gap", account=account.key, error=str(exc))
            return
        recorder.explain(flows, gap)
        self.sample(recorder)

    async def _moved_since(self, recorder: EquityRecorder, last: EquityBucket) -> Decimal:
        """Return what was deposited less what was withdrawn since nobody looked."""
        balance = Decimal(last.balance).scaleb(-last.digits)
        if recorder.account.book.trader.balance == balance:
            return Decimal(0)
        reads = HistoryReads(recorder.account.channel, self._gate)
        gap = Span(instant_from_ms(last.last_ms), self._clock.at())
        flows = [flow for window in windows([gap]) for flow in await reads.cash_flow(window)]
        return sum((flow.delta for flow in flows if flow.is_transfer), Decimal(0))

    async def _save(self) -> None:
        taken = {recorder: recorder.take_pending() for recorder in self._recorders}
        named = {kept_name(each.account): buckets for each, buckets in taken.items() if buckets}
        if not named:
            return
        try:
            await self._store.save(named)
        except FxPoolError as exc:
            log.warning("equity is not kept for now", error=str(exc))
            for recorder, buckets in taken.items():
                recorder.put_back(buckets)

    async def _thin(self) -> None:
        now_ms = ms_from_instant(self._clock.at())
        for recorder in self._recorders:
            if recorder.is_restored:
                try:
                    await self._store.thin(kept_name(recorder.account), now_ms)
                except FxPoolError as exc:
                    log.warning("equity is not thinned for now", error=str(exc))
                    return


class RecordedEquity:
    """What is recorded of one account's equity, as others read it."""

    def __init__(self, keeper: EquityKeeper, recorder: EquityRecorder) -> None:
        self._keeper = keeper
        self._recorder = recorder

    @property
    def marks(self) -> EquityMarks | None:
        """Peak, largest fall and start of the UTC day; None while nothing is known of them, and
        while it is not known whether a gap moved money or lost it."""
        recorder = self._recorder
        known = recorder.is_restored and recorder.is_explained
        return recorder.marks if known and recorder.marks.began_ms is not None else None

    @property
    def zoned(self) -> EquityMarks | None:
        """The same with the days of the account's limits."""
        return None if self.marks is None else self._recorder.zoned

    def hear(self, events: Iterable[BookEvent]) -> None:
        """Take what happened just now; called in the socket's turn of the loop."""
        self._recorder.hear(events)
        self._keeper.changed(self._recorder)

    def lost(self) -> None:
        """Say that events may be missed from now on."""
        self._recorder.lost()

    def sample(self) -> None:
        """Take a sample now."""
        self._keeper.sample(self._recorder)

    async def buckets(self, *, since_ms: int = 0) -> list[EquityBucket]:
        """Return what was seen, oldest first. Raises NotReady and HistoryDown."""
        return await self._keeper.buckets(self._recorder, since_ms=since_ms)
