"""Resuming a stream, within a life of a gateway and over its end: with a Redis and without one.

A life is a hub with its log; ``Gateway`` begins and ends lives on the same log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest
import structlog

from fxpool.clock import SystemClock
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import EventPosition, ResumeFrom, position_of
from fxpool.platforms.events import Event, EventFilter
from fxpool.store.event_log import EventLog, ProcessEventLog
from fxpool.store.redis import RedisConnection
from fxpool.store.redis.event_log import STREAM, RedisEventLog
from harness.redis import RedisServer, connected, running_redis
from harness.wait import wait_until

ALL = EventFilter()


@dataclass
class Gateway:
    """One gateway over several lives; without Redis each life forgets the last one."""

    redis: RedisConnection | None
    name: str = "gateway"
    epochs: Iterator[int] = field(default_factory=count)
    log: EventLog = field(init=False)
    hub: EventHub = field(init=False)

    async def begin(self) -> None:
        if self.redis is None:
            self.log = ProcessEventLog(self._new_epoch)
        else:
            self.log = RedisEventLog(self.redis, self.name, self._new_epoch)
        self.hub = EventHub(self.log)
        self.hub.restore(await self.log.open())

    def _new_epoch(self) -> str:
        return f"e{next(self.epochs)}"

    async def end(self) -> None:
        await self.log.close(self.hub.numbering().sequences, self.hub.left)

    async def kill(self) -> None:
        """End without a word, with everything written that was told before."""
        if isinstance(self.log, RedisEventLog):
            await self.log._settled.wait()
            assert self.log._writing is not None
            self.log._writing.cancel()
            await asyncio.wait([self.log._writing])

    def change(self, account: str, name: str) -> str:
        """Tell a change; return its id."""
        event = Event(name, account, {"type": name, "accountId": account, "ts": 1})
        self.hub.publish(event)
        return str(position_of(event))

    async def after(self, last_event_id: str, wanted: EventFilter = ALL) -> list[str] | None:
        """What a subscriber that comes back is told; None for a gap."""
        return await self.resumed(ResumeFrom(last_event_id=last_event_id), wanted)

    async def resumed(self, start: ResumeFrom, wanted: EventFilter = ALL) -> list[str] | None:
        stream = self.hub.resume(wanted, start)
        if stream is None:
            return None
        stream.lead([])
        async with stream:
            self.hub.publish(Event("end", "a", {"type": "end"}, level_key=("end",)))
            return [event.type for event in await stream.next_batch() if event.type != "end"]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[RedisConnection]:
    server.clear()
    async with connected(server.address) as connection:
        yield connection


@pytest.fixture(params=["process", "redis"])
async def gateway(request: pytest.FixtureRequest, server: RedisServer) -> AsyncIterator[Gateway]:
    server.clear()
    async with connected(server.address) as connection:
        running = Gateway(connection if request.param == "redis" else None)
        await running.begin()
        yield running
        await running.end()


async def test_a_subscriber_gets_what_came_after_its_last_event(gateway: Gateway) -> None:
    first = gateway.change("alpha", "one")
    gateway.change("beta", "two")
    last = gateway.change("alpha", "three")
    assert await gateway.after(first) == ["two", "three"]
    assert await gateway.after(first, EventFilter(accounts=frozenset({"alpha"}))) == ["three"]
    assert await gateway.after(last) == []


async def test_an_unknown_position_is_a_gap(gateway: Gateway) -> None:
    told = gateway.change("alpha", "one")
    epoch = told.split(":")[1]
    for strange in (f"alpha:{epoch}:2", "alpha:other:1", "alpha:1", "nonsense", f"beta:{epoch}:1"):
        assert await gateway.after(strange) is None


async def test_a_subscriber_goes_on_from_a_number_per_account(gateway: Gateway) -> None:
    gateway.change("alpha", "one")
    gateway.change("beta", "two")
    gateway.change("alpha", "three")
    gateway.change("beta", "four")
    epoch = gateway.hub.epoch
    positions = {"alpha": EventPosition("alpha", epoch, 2), "beta": EventPosition("beta", epoch, 0)}
    assert await gateway.resumed(ResumeFrom(positions=positions)) == ["two", "four"]
    ahead = {"alpha": EventPosition("alpha", epoch, 3)}
    assert await gateway.resumed(ResumeFrom(positions=ahead)) is None


async def test_an_orderly_restart_goes_on_or_says_so(gateway: Gateway) -> None:
    first = gateway.change("alpha", "one")
    last = gateway.change("alpha", "two")
    epoch = gateway.hub.epoch
    await gateway.end()
    await gateway.begin()
    following = gateway.change("alpha", "three")
    if gateway.redis is None:
        assert following.endswith(":1")
        assert gateway.hub.epoch != epoch
        assert await gateway.after(first) is None
        assert await gateway.after(last) is None
        return
    assert following == f"alpha:{epoch}:3"
    assert await gateway.after(first) == ["two", "three"]
    assert await gateway.after(last) == ["three"]


async def test_after_a_kill_the_numbers_begin_anew_in_another_epoch(gateway: Gateway) -> None:
    first = gateway.change("alpha", "one")
    last = gateway.change("alpha", "two")
    epoch = gateway.hub.epoch
    await wait_until(lambda: gateway.log.failure is None)
    if isinstance(gateway.log, RedisEventLog):
        log = gateway.log
        await wait_until(lambda: not log._waiting)
    await gateway.kill()
    await gateway.begin()
    following = gateway.change("alpha", "three")
    assert following.endswith(":1")
    assert gateway.hub.epoch != epoch
    missed = None if gateway.redis is None else ["two", "three"]
    assert await gateway.after(first) == missed
    assert await gateway.after(last) == (None if gateway.redis is None else ["three"])
    # Told and not written before the end: nobody knows what came after it.
    assert await gateway.after(f"alpha:{epoch}:3") is None


async def test_only_an_account_that_stands_as_it_was_left_has_no_gap(gateway: Gateway) -> None:
    gateway.change("alpha", "one")
    gateway.change("beta", "two")
    gateway.hub.leave("alpha", "standing")
    await gateway.end()
    await gateway.begin()
    if gateway.redis is None:  # nobody can go on from an earlier life, so there is no gap to tell
        assert not gateway.hub.has_moved("beta", "standing")
        return
    assert gateway.hub.has_moved("beta", "standing"), "how it was left is not known"
    assert not gateway.hub.has_moved("alpha", "standing")
    gateway.hub.leave("alpha", "standing")
    gateway.hub.leave("beta", "standing")
    await gateway.end()
    await gateway.begin()
    assert gateway.hub.has_moved("alpha", "otherwise")
    assert not gateway.hub.has_moved("alpha", "otherwise"), "it is told once"
    gateway.change("alpha", "three")
    await gateway.kill()
    await gateway.begin()
    for account in ("alpha", "beta"):
        assert gateway.hub.has_moved(account, "standing"), "nobody knows what was told at last"


async def test_what_was_told_while_redis_was_down_is_kept_when_it_comes_back(
    server: RedisServer, redis: RedisConnection
) -> None:
    gateway = Gateway(redis)
    await gateway.begin()
    first = gateway.change("alpha", "one")
    server.stop()
    try:
        await wait_until(lambda: not redis.is_up)
        gateway.change("alpha", "two")
        assert await gateway.after(first) == ["two"]
    finally:
        server.start()
    await wait_until(lambda: redis.is_up)
    await gateway.end()
    await gateway.begin()
    gateway.change("alpha", "three")
    assert await gateway.after(first) == ["two", "three"]
    await gateway.end()


async def test_an_error_in_writing_ends_no_later_writing(
    redis: RedisConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway(redis)
    await gateway.begin()
    with monkeypatch.context() as defect, structlog.testing.capture_logs() as logs:
        defect.delattr(gateway.log, "_fence")
        first = gateway.change("alpha", "one")
        await wait_until(lambda: logs)
    assert logs[0]["event"] == "writing the event log; it is tried again"
    gateway.change("alpha", "two")
    await gateway.end()
    await gateway.begin()
    assert await gateway.after(first) == ["two"]
    await gateway.end()


async def test_a_log_with_a_hole_is_taken_over_from_behind_the_hole(
    server: RedisServer, redis: RedisConnection
) -> None:
    gateway = Gateway(redis)
    await gateway.begin()
    first = gateway.change("alpha", "one")
    assert isinstance(gateway.log, RedisEventLog)
    await wait_until(lambda: not gateway.log._waiting)  # type: ignore[attr-defined]
    gateway.log.append = lambda _: None  # type: ignore[method-assign] # what a full buffer does
    second = gateway.change("alpha", "two")
    del gateway.log.append
    third = gateway.change("alpha", "three")
    await gateway.end()
    await gateway.begin()
    gateway.change("alpha", "four")
    assert await gateway.after(first) is None
    assert await gateway.after(second) is None
    assert await gateway.after(third) == ["four"]
    await gateway.end()


async def test_the_end_of_a_log_that_redis_lost_is_a_gap(
    server: RedisServer, redis: RedisConnection
) -> None:
    gateway = Gateway(redis)
    await gateway.begin()
    first = gateway.change("alpha", "one")
    gateway.change("alpha", "two")
    await gateway.end()
    newest = await redis.command("XREVRANGE", STREAM, "+", "-", "COUNT", 1)
    await redis.command("XDEL", STREAM, newest[0][0])
    await gateway.begin()
    gateway.change("alpha", "three")
    assert await gateway.after(first) is None
    await gateway.end()


async def test_a_past_that_cannot_be_read_is_given_up_with_its_numbers(
    server: RedisServer, redis: RedisConnection
) -> None:
    gateway = Gateway(redis)
    await gateway.begin()
    for name in ("one", "two"):
        gateway.change("alpha", name)
    await gateway.end()
    await redis.command("ACL", "SETUSER", "default", "-xrevrange")
    try:
        await gateway.begin()
    finally:
        server.ask("ACL SETUSER default +xrevrange")
    await wait_until(lambda: redis.is_up)
    anew = gateway.change("alpha", "three")
    epoch = gateway.hub.epoch
    await gateway.end()
    await gateway.begin()
    following = gateway.change("alpha", "four")
    assert (anew, following) == (f"alpha:{epoch}:1", f"alpha:{epoch}:2")
    assert await gateway.after(anew) == ["four"]
    await gateway.end()


async def test_redis_that_lost_everything_is_written_to_again(
    server: RedisServer, redis: RedisConnection
) -> None:
    gateway = Gateway(redis)
    await gateway.begin()
    first = gateway.change("alpha", "one")
    assert isinstance(gateway.log, RedisEventLog)
    await wait_until(lambda: not gateway.log._waiting)  # type: ignore[attr-defined]
    server.clear()
    second = gateway.change("alpha", "two")
    await gateway.end()
    await gateway.begin()
    assert await gateway.after(first) is None
    assert await gateway.after(second) == []
    await gateway.end()


async def test_two_gateways_keep_their_events_apart(redis: RedisConnection) -> None:
    one, other = Gateway(redis, "one"), Gateway(redis, "other")
    await one.begin()
    await other.begin()
    first = one.change("alpha", "one")
    other.change("alpha", "not mine")
    one.change("alpha", "two")
    await one.end()
    await other.end()
    await one.begin()
    assert await one.after(first) == ["two"]
    await one.end()


async def test_a_process_that_was_replaced_writes_no_more_and_says_so(
    redis: RedisConnection,
) -> None:
    old, new = Gateway(redis), Gateway(redis)
    await old.begin()
    await new.begin()
    old.change("alpha", "stale")
    await wait_until(lambda: old.log.failure is not None)
    assert "CTRADER_INSTANCE" in str(old.log.failure)
    first = new.change("alpha", "one")
    await old.end()
    await new.end()
    await new.begin()
    new.change("alpha", "two")
    assert await new.after(first) == ["two"]
    await new.end()


async def test_a_buffer_that_is_full_loses_its_oldest_and_says_so(
    server: RedisServer, redis: RedisConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fxpool.store.redis.event_log.MAX_WAITING", 3)
    gateway = Gateway(redis)
    await gateway.begin()
    server.stop()
    try:
        await wait_until(lambda: not redis.is_up)
        for number in range(10):
            gateway.change("alpha", str(number))
        assert "7 events" in str(gateway.log.failure)
    finally:
        server.start()
    await wait_until(lambda: redis.is_up)
    await gateway.end()


async def test_only_the_newest_are_remembered() -> None:
    gateway = Gateway(None)
    await gateway.begin()
    first = gateway.change("alpha", "first")
    names = [gateway.change("alpha", "more") for _ in range(5_000)]
    assert await gateway.after(first) is None
    assert await gateway.after(names[-2]) == ["more"]


async def test_a_heartbeat_comes_behind_the_changes_that_it_tells_of() -> None:
    gateway = Gateway(None)
    await gateway.begin()
    async with gateway.hub.subscribe(EventFilter(accounts=frozenset({"alpha"}))) as stream:
        stream.beat(SystemClock().at())
        (first,) = await stream.next_batch()
        assert "lastEventId" not in first.body
        alpha = gateway.change("alpha", "one")
        gateway.change("beta", "two")
        stream.beat(SystemClock().at())
        change, heartbeat = await stream.next_batch()
    assert heartbeat.body["lastEventId"] == alpha
    assert change.body["seq"] == 1
    assert heartbeat.body["sequences"] == {"alpha": 1}
    assert heartbeat.body["epoch"] == change.body["epoch"] == gateway.hub.epoch


async def test_a_heartbeat_names_the_newest_change_of_all_accounts(gateway: Gateway) -> None:
    async def newest() -> str:
        async with gateway.hub.subscribe(ALL) as stream:
            stream.beat(SystemClock().at())
            (heartbeat,) = await stream.next_batch()
        name: str = heartbeat.body["lastEventId"]
        return name

    gateway.change("alpha", "one")
    gateway.change("beta", "two")
    last = gateway.change("alpha", "three")
    assert await newest() == last
    await gateway.end()
    await gateway.begin()
    if gateway.redis is not None:
        assert await newest() == last
    last = gateway.change("beta", "four")
    assert await newest() == last
    assert await gateway.after(last) == []
