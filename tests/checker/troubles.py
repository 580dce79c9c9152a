"""Makes happen what a plan calls trouble: at the broker, at the database, at a gateway process.

A trouble of a request is set before it is sent; one that needs a moment (between acceptance and
fill) watches the broker's ledger for it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress

import httpx

from checker.broker import deal_count, order_count
from checker.gateways import Gateway
from checker.plan import Act, CrashPoint, Step, Trouble
from checker.servers import Servers, Stoppable
from fxpool.simulator import Simulator
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.switches import Maintenance
from harness.fast_clock import FastClock
from harness.wait import wait_until

NEW_ORDER, CANCEL, AMEND_ORDER, CLOSE, AMEND_POSITION = 2106, 2108, 2109, 2111, 2110

_REQUESTS = {
    Act.CLOSE: CLOSE,
    Act.CLOSE_PART: CLOSE,
    Act.PROTECT: AMEND_POSITION,
    Act.MOVE: AMEND_ORDER,
    Act.CANCEL: CANCEL,
}

_WHOLE = frozenset(
    {Trouble.NEW_TOKENS, Trouble.DATABASE_AWAY, Trouble.REDIS_AWAY, Trouble.SUBSCRIBER_AWAY}
)
"""What goes on to its end, though its step is over: it must not be left halfway."""

_AWAY_SECONDS = 4.0
_MOMENT = 0.15
"""Of the machine's time: enough for a request to be sent."""


class Troubles:
    """What can be made to go wrong in one run."""

    def __init__(
        self,
        simulator: Simulator,
        gateways: Sequence[Gateway],
        clock: FastClock,
        servers: Servers,
        note: Callable[[str], None],
    ) -> None:
        self.count = 0
        self._renewing = asyncio.Lock()
        self._stopping = asyncio.Lock()
        self._under_way = 0
        self._simulator = simulator
        self._gateways = gateways
        self._clock = clock
        self._servers = servers
        self._note = note

    @asynccontextmanager
    async def around(self, step: Step, act: Act, account: str, intent: str) -> AsyncIterator[None]:
        """Have a step's trouble strike while the block does it."""
        if step.trouble is Trouble.NONE:
            yield
            return
        async with self._turn(step):
            self.count += 1
            at_point = "" if step.crash is None else f" at {step.crash.name.lower()}"
            self._note(f"{intent} {act.value}: {step.trouble.value}{at_point}")
            if step.crash is not None and step.crash is not CrashPoint.AT_THE_BROKER:
                self._gateways[step.gateway].arm(step.crash)
            payload_type, standing = _REQUESTS.get(act, NEW_ORDER), list[int]()
            meanwhile = asyncio.create_task(self._strike(step, payload_type, account, standing))
            try:
                await asyncio.sleep(0)
                yield
            finally:
                if step.trouble not in _WHOLE:
                    meanwhile.cancel()
                with suppress(asyncio.CancelledError):
                    await meanwhile
                self._end(step, standing)

    @asynccontextmanager
    async def _turn(self, step: Step) -> AsyncIterator[None]:
        """Let nothing else strike while tokens are renewed: the broker gives a pair once, and an
        answer that is lost then is a person's to mend, by a new consent."""
        if step.trouble is Trouble.NEW_TOKENS:
            async with self._renewing:
                await wait_until(lambda: not self._under_way, within=60)
                yield
            return
        async with self._renewing:
            self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    def _end(self, step: Step, standing: list[int]) -> None:
        """Take back what did not strike; a resolver may still come to its crash point."""
        for fault_id in standing:
            self._simulator.faults.clear(fault_id)
        if step.crash not in {CrashPoint.SETTLING, CrashPoint.SETTLED}:
            self._gateways[step.gateway].disarm()

    async def _strike(
        self, step: Step, payload_type: int, account: str, standing: list[int]
    ) -> None:
        """Have a trouble strike, now or when its moment comes; ``standing`` takes the faults that
        wait for a message."""

        def stand(fault: Fault) -> None:
            standing.append(self._simulator.faults.stand(fault))

        match step.trouble:
            case Trouble.CUT_BEFORE:
                self._simulator.cut_all()
            case Trouble.LOST_ON_THE_WAY:
                await self._half_open(_MOMENT)
            case Trouble.HALF_OPEN:
                await self._half_open(None if step.pick < 0.3 else 1.0)
            case Trouble.CUT_AT_ANSWER:
                stand(Fault(FaultKind.CUT_BEFORE_ANSWER, payload_type))
            case Trouble.CUT_IN_BETWEEN:
                await self._cut_once(lambda: order_count(self._simulator, account))
            case Trouble.CUT_AFTER:
                await self._cut_once(lambda: deal_count(self._simulator, account))
            case Trouble.LOST_ANSWER:
                stand(Fault(FaultKind.SWALLOW_ANSWERS, payload_type))
            case Trouble.LATE_ANSWER:
                stand(Fault(FaultKind.DELAY_ANSWERS, payload_type, seconds=0.4))
            case Trouble.EVENTS_TWICE:
                stand(Fault(FaultKind.DUPLICATE_EVENTS, times=3))
            case Trouble.EVENTS_SWAPPED:
                stand(Fault(FaultKind.REORDER_EVENTS))
            case Trouble.EVENTS_LATE:
                stand(Fault(FaultKind.DELAY_EVENTS, times=2, seconds=0.3))
            case Trouble.RATE_LIMIT:
                refuse = Fault(
                    FaultKind.REFUSE, payload_type, code="BLOCKED_PAYLOAD_TYPE", retry_after=1
                )
                stand(refuse)
            case Trouble.UNCLEAR:
                stand(Fault(FaultKind.REFUSE, payload_type, code="UNKNOWN_ERROR"))
            case Trouble.MAINTENANCE:
                forms = tuple(Maintenance)
                form = forms[int(step.pick * len(forms))]
                away = Fault(FaultKind.MAINTENANCE, maintenance=form, seconds=_AWAY_SECONDS)
                await self._simulator.striker.strike(away)
            case Trouble.DROPPED:
                await self._simulator.striker.strike(Fault(FaultKind.DROP_ACCOUNT))
            case Trouble.NEW_TOKENS:
                await self._renew_tokens(step, account)
            case Trouble.KILL if step.crash is CrashPoint.AT_THE_BROKER:
                stand(Fault(FaultKind.DELAY_ANSWERS, payload_type, seconds=3.0))
                before = order_count(self._simulator, account)
                await wait_until(lambda: order_count(self._simulator, account) > before, within=10)
                self._gateways[step.gateway].kill()
            case _:
                await self._strike_our_side(step)

    async def _strike_our_side(self, step: Step) -> None:
        """Have a trouble strike what is not the broker's."""
        match step.trouble:
            case Trouble.LOCKED:
                await self._lock_database(0.5 if step.pick < 0.7 else 2.0)
            case Trouble.DATABASE_AWAY:
                await self._database_away(0.3 + step.pick)
            case Trouble.REDIS_AWAY:
                assert self._servers.redis is not None
                await self._away(self._servers.redis, 0.3 + step.pick)
            case Trouble.SUBSCRIBER_AWAY:
                await self._gateways[step.gateway].subscriber.leave(step.pick)
            case Trouble.RESTART:
                self._gateways[step.gateway].terminate()

    async def _database_away(self, seconds: float) -> None:
        """Stop the database server, or have the files refuse to be written."""
        if self._servers.postgres is not None:
            await self._away(self._servers.postgres, seconds)
            return
        for gateway in self._gateways:
            gateway.let_write(may_write=False)
        try:
            await asyncio.sleep(seconds)
        finally:
            for gateway in self._gateways:
                gateway.let_write(may_write=True)

    async def _away(self, server: Stoppable, seconds: float) -> None:
        async with self._stopping:
            await asyncio.to_thread(server.stop)
            try:
                await asyncio.sleep(seconds)
            finally:
                await asyncio.to_thread(server.start)

    async def _half_open(self, seconds: float | None) -> None:
        """Leave the links open and dead; without an end it is for us to notice."""
        await self._simulator.striker.strike(Fault(FaultKind.HALF_OPEN))
        if seconds is not None:
            await asyncio.sleep(seconds)
            self._simulator.cut_all()

    async def _cut_once(self, number: Callable[[], int]) -> None:
        before = number()
        with suppress(AssertionError):  # the request was refused before it came so far
            await wait_until(lambda: number() > before, within=10)
            self._simulator.cut_all()

    async def _renew_tokens(self, step: Step, account: str) -> None:
        gateway = self._gateways[step.gateway]
        with suppress(TimeoutError, httpx.HTTPError, RuntimeError):
            async with asyncio.timeout(10):
                while not await gateway.is_healthy():  # noqa: ASYNC110 (a process is asked)
                    await asyncio.sleep(_MOMENT)
        try:
            response = await gateway.post(f"/oauth/refresh?account_id={account}", {}, 5.0)
        except (httpx.HTTPError, RuntimeError) as exc:
            self._note(f"renewing tokens: {type(exc).__name__}")
        else:
            self._note(f"renewing tokens: {response.status_code} {response.text:.200}")

    async def _lock_database(self, seconds: float) -> None:
        """Hold the journal's write lock, as another program might."""
        file = self._servers.journal_file
        with closing(sqlite3.connect(file, timeout=1.0)) as connection:
            connection.isolation_level = None
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return  # a gateway writes just now
            await asyncio.sleep(seconds)
            connection.execute("ROLLBACK")
