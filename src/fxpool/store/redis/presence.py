"""Which process serves an account, in Redis: ``ctrader:conn:{account}``, for whoever operates many.

It is told, not held: two gateways may serve one account, and the key then names the one that told
last. Nothing is decided by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from typing import Any, Final

import msgspec
import structlog

from fxpool.clock import Clock
from fxpool.errors import RedisDown
from fxpool.store.redis.connection import RedisConnection

KEPT_SECONDS: Final = 120
"""How long the last word of a process that was killed can be read."""

TELL_SECONDS: Final = 15.0

_MOST_AT_ONCE: Final = 500

_TELL: Final = """
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1]) end
"""

_TAKE_BACK: Final = """
for _, key in ipairs(KEYS) do
  local told = redis.call('GET', key)
  if told and cjson.decode(told).process == ARGV[1] then redis.call('DEL', key) end
end
"""

log = structlog.get_logger(__name__)


class Presence:
    """Tells which accounts this process serves; ``instance`` is its lasting name."""

    def __init__(self, redis: RedisConnection, instance: str, *, clock: Clock) -> None:
        self._redis, self._instance, self._clock = redis, instance, clock

    async def run(self, states: Callable[[], Mapping[str, Mapping[str, str]]]) -> None:
        """Tell until cancelled, then take the words back: the outermost frame of its task.

        ``states`` returns per account what else is told of it.
        """
        try:
            while True:
                try:
                    await self._tell(states())
                except Exception:  # it decides nothing: what was told ends by itself
                    log.exception("telling who serves the accounts")
                await self._clock.sleep(TELL_SECONDS)
        finally:
            await self._take_back(states())

    async def _tell(self, states: Mapping[str, Mapping[str, str]]) -> None:
        rows = {
            account: msgspec.json.encode({"process": self._instance, **state})
            for account, state in states.items()
        }
        for some in _chunks(rows.items()):
            await self._script(_TELL, [account for account, _ in some], KEPT_SECONDS, some)

    async def _take_back(self, accounts: Iterable[str]) -> None:
        for some in _chunks((account, b"") for account in accounts):
            await self._script(_TAKE_BACK, [account for account, _ in some], self._instance, [])

    async def _script(
        self, text: str, accounts: list[str], first: str | int, rows: Iterable[tuple[str, bytes]]
    ) -> None:
        keys = [f"ctrader:conn:{account}" for account in accounts]
        words: Iterable[Any] = chain([first], (body for _, body in rows))
        try:
            await self._redis.script(text, keys, *words)
        except RedisDown:
            return  # told again at the next turn


def _chunks(rows: Iterable[tuple[str, bytes]]) -> Iterable[list[tuple[str, bytes]]]:
    iterator = iter(rows)
    while some := list(islice(iterator, _MOST_AT_ONCE)):
        yield some
