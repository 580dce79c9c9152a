"""The event log in a Redis stream, ``ctrader:events``: written behind, read at the start.

Every gateway writes under its own name. A fence says which process of that name writes: one that
was replaced, and does not know it yet, is refused. Events are written in one script with the
number they have, so that a write whose answer was lost is not done twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, Final

import structlog

from fxpool.errors import RedisDown
from fxpool.store.event_log import LoggedEvent, LoggedPast
from fxpool.store.redis.connection import RedisConnection

STREAM: Final = "ctrader:events"

MAX_ENTRIES: Final = 20_000
"""About so many events of all gateways are in Redis; older ones are trimmed."""

MAX_READ: Final = 5_000
"""How many events a process takes over from its earlier life."""

MAX_WAITING: Final = 5_000
MAX_WAITING_BYTES: Final = 16 * 2**20
"""What waits here while Redis is away; then the oldest goes, and the log has a hole."""

_PAGE: Final = 500
_BATCH: Final = 200
_BATCH_BYTES: Final = 2**20
_CLOSE_SECONDS: Final = 2.0
_STATE_SECONDS: Final = 7 * 86_400
_RETRY_SECONDS: Final = 0.2

_LOST, _REPLACED = -1, -2
_SEQUENCE, _STANDING = "seq:", "standing:"
"""What the fields of an account begin with in the state."""

_TAKE: Final = """
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
local is_going_on = ARGV[2] == '1' and redis.call('HGET', KEYS[1], 'clean') == '1'
local told = {}
if is_going_on then
  told = redis.call('HGETALL', KEYS[1])
  redis.call('HDEL', KEYS[1], 'clean')
else
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'fence', fence, 'epoch', ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {fence, told}
"""

_APPEND: Final = """
local fence = redis.call('HGET', KEYS[2], 'fence')
if not fence then return -1 end
if fence ~= ARGV[1] then return -2 end
for i = 4, #ARGV, 4 do
  local mark = 'seq:' .. ARGV[i + 1]
  if tonumber(ARGV[i + 2]) > tonumber(redis.call('HGET', KEYS[2], mark) or '0') then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'i', ARGV[2], 'e', ARGV[i],
      'a', ARGV[i + 1], 's', ARGV[i + 2], 'b', ARGV[i + 3])
    redis.call('HSET', KEYS[2], mark, ARGV[i + 2])
  end
end
return 0
"""

_END: Final = """
if redis.call('HGET', KEYS[1], 'fence') ~= ARGV[1] then return -2 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'clean', '1')
return 0
"""

log = structlog.get_logger(__name__)


class RedisEventLog:
    """The log of one gateway, ``instance``, among those on one Redis."""

    def __init__(
        self, connection: RedisConnection, instance: str, new_epoch: Callable[[], str]
    ) -> None:
        self._redis, self._instance, self._new_epoch = connection, instance, new_epoch
        self._state = f"{STREAM}:{instance}"
        self._epoch = ""
        self._fence: int | None = None
        self._waiting: deque[LoggedEvent] = deque()
        self._bytes = 0
        self._lost = 0
        self._is_replaced = False
        self._ready = asyncio.Event()
        self._settled = asyncio.Event()  # nothing waits, or nothing will be written
        self._writing: asyncio.Task[None] | None = None

    @property
    def failure(self) -> str | None:
        if self._is_replaced:
            return (
                f"another process named {self._instance} writes the event log: give each its own "
                "CTRADER_INSTANCE"
            )
        if self._lost:
            return f"{self._lost} events could not be kept in time; a restart now tells of a gap"
        return None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def lost(self) -> int:
        return self._lost

    async def open(self) -> LoggedPast:
        self._epoch = self._new_epoch()
        past = LoggedPast(self._epoch)
        try:
            past = await self._take_over()
        except RedisDown as exc:
            self._fence = None  # what was taken over is of another epoch
            log.warning("the event log begins without its past", error=str(exc))
        self._epoch = past.epoch
        self._writing = asyncio.create_task(self._write(), name="event-log")
        return past

    def append(self, event: LoggedEvent) -> None:
        if self._is_replaced:
            return
        self._waiting.append(event)
        self._bytes += len(event.body)
        while len(self._waiting) > MAX_WAITING or self._bytes > MAX_WAITING_BYTES:
            self._bytes -= len(self._waiting.popleft().body)
            self._lost += 1
        self._settled.clear()
        self._ready.set()

    async def close(self, sequences: Mapping[str, int], standings: Mapping[str, str]) -> None:
        if self._writing is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if self._redis.is_up:
                    await self._settled.wait()
                    await self._end(sequences, standings)
        except (TimeoutError, RedisDown) as exc:
            log.warning("the event log ended before all was kept", error=str(exc))
        self._writing.cancel()
        await asyncio.wait([self._writing])

    # The past

    async def _take_over(self) -> LoggedPast:
        """Become the writer of this name, and return what the last one left."""
        told = await self._take(goes_on=True)
        epoch = told.get("epoch", self._epoch)
        sequences = {name: int(number) for name, number in _marked(told, _SEQUENCE)}
        standings = dict(_marked(told, _STANDING))
        return LoggedPast(epoch, sequences, await self._read(epoch, sequences), standings)

    async def _take(self, *, goes_on: bool) -> dict[str, str]:
        """Take a new fence; return the state that is gone on with, empty for a new epoch."""
        words = (self._epoch, int(goes_on), _STATE_SECONDS)
        fence, told = await self._redis.script(_TAKE, [self._state], *words)
        self._fence = int(fence)
        texts = [text.decode() for text in told]
        return dict(zip(texts[::2], texts[1::2], strict=True))

    async def _read(self, epoch: str, sequences: Mapping[str, int]) -> list[LoggedEvent]:
        """Return this gateway's events back to the first hole, oldest first."""
        events: list[LoggedEvent] = []
        following = {(account, epoch): seq + 1 for account, seq in sequences.items()}
        newest = "+"
        while len(events) < MAX_READ:
            page = await self._redis.command("XREVRANGE", STREAM, newest, "-", "COUNT", _PAGE)
            for _, fields in page:
                event = self._event(fields)
                if event is None:
                    continue
                key = (event.account, event.epoch)
                if following.get(key, event.seq + 1) != event.seq + 1:
                    return events[::-1]
                following[key] = event.seq
                events.append(event)
            if len(page) < _PAGE:
                break
            newest = "(" + page[-1][0].decode()
        return events[::-1]

    def _event(self, fields: Mapping[bytes, bytes]) -> LoggedEvent | None:
        """Return the event of an entry; None for another gateway's."""
        if fields[b"i"].decode() != self._instance:
            return None
        account, epoch = fields[b"a"].decode(), fields[b"e"].decode()
        return LoggedEvent(account, epoch, int(fields[b"s"]), fields[b"b"])

    # Writing behind

    async def _write(self) -> None:
        """Write until cancelled or replaced: the outermost frame of its task."""
        try:
            while not self._is_replaced:
                if not self._waiting:
                    self._settled.set()
                    self._ready.clear()
                    await self._ready.wait()
                try:
                    await self._write_batch()
                except RedisDown:
                    await asyncio.sleep(_RETRY_SECONDS)
                except Exception:  # what waits is bounded, and what it loses is counted
                    log.exception("writing the event log; it is tried again")
                    await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._settled.set()

    async def _write_batch(self) -> None:
        """Write the oldest that wait; what is lost meanwhile is lost from the front."""
        if self._fence is None:
            await self._take(goes_on=False)
        batch = self._batch()
        words: Iterable[Any] = chain.from_iterable(
            (event.epoch, event.account, event.seq, event.body) for event in batch
        )
        keys = [STREAM, self._state]
        answer = await self._redis.script(
            _APPEND, keys, str(self._fence), self._instance, MAX_ENTRIES, *words
        )
        if answer == _LOST:
            log.warning("redis has lost the state of the event log; it is begun again")
            self._fence = None
        elif answer == _REPLACED:
            self._is_replaced = True
            log.error("the event log has another writer", failure=self.failure)
        else:
            self._written(batch)

    def _batch(self) -> list[LoggedEvent]:
        batch: list[LoggedEvent] = []
        size = 0
        for event in self._waiting:
            if batch and (len(batch) >= _BATCH or size + len(event.body) > _BATCH_BYTES):
                break
            batch.append(event)
            size += len(event.body)
        return batch

    def _written(self, batch: list[LoggedEvent]) -> None:
        last = batch[-1]
        while self._waiting:
            event = self._waiting.popleft()
            self._bytes -= len(event.body)
            if event is last:
                break

    async def _end(self, sequences: Mapping[str, int], standings: Mapping[str, str]) -> None:
        """Say that this life ended in order, if all of it is written."""
        if self._waiting or self._is_replaced or self._fence is None:
            return
        marks = {_SEQUENCE + account: str(number) for account, number in sequences.items()}
        marks |= {_STANDING + account: standing for account, standing in standings.items()}
        words: Iterable[Any] = chain.from_iterable(marks.items())
        await self._redis.script(_END, [self._state], str(self._fence), *words)


def _marked(told: Mapping[str, str], mark: str) -> list[tuple[str, str]]:
    """Return the accounts that a state has something of a kind of, each with that."""
    return [(name.removeprefix(mark), said) for name, said in told.items() if name.startswith(mark)]
