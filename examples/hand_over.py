"""Hands what happens to another system: `python examples/hand_over.py ACCOUNT [ACCOUNT ...]`.

Each opening, change, partial close and close of a position goes as JSON onto a Redis list, from
where any program takes it (`BLPOP`). The id of the last event is stored in the same transaction, so
nothing is lost and nothing comes twice, whichever of this program, the gateway or Redis is stopped
and started again. What the gateway cannot tell any more, because it was killed meanwhile or all was
away for too long, comes as `gap` (maybe twice): then the reader asks the pool what is open.

Environment: CTRADER_POOL_URL, CTRADER_POOL_API_KEY, HAND_OVER_REDIS_URL (redis://localhost:6379),
HAND_OVER_LIST (signals:queue:pending).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from typing import Any

import httpx
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

TYPES = "positionOpened,positionModified,positionPartiallyClosed,positionClosed,gap"
log = logging.getLogger("hand_over")


class HandOver:
    """Hands over what happens on accounts, as the gateway tells it."""

    def __init__(self, gateway: httpx.AsyncClient, redis: Redis, queue: str) -> None:
        self.gateway, self.redis = gateway, redis
        self.queue, self.places = queue, f"{queue}:places"

    async def run(self, *accounts: str) -> None:
        """Hand over until cancelled, each account on a stream of its own."""
        async with asyncio.TaskGroup() as tasks:
            for account in accounts:
                tasks.create_task(self.keep(account))

    async def keep(self, account: str) -> None:
        while True:
            try:
                await self.follow(account)
            except (httpx.HTTPError, RedisError) as error:
                log.warning("%s: %s; again in a second", account, error)
            await asyncio.sleep(1)

    async def follow(self, account: str) -> None:
        """Hand over from where the last event left off, until the stream ends."""
        query = {"accounts": account, "types": TYPES}
        place = await self.redis.hget(self.places, account)
        if place is not None:
            query["lastEventId"] = place.decode()
        async with self.gateway.stream("GET", "/events", params=query) as response:
            if response.status_code != httpx.codes.OK:
                await response.aread()
                log.warning("%s: %s", account, response.text)
                return
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    await self.take(account, json.loads(line.removeprefix("data: ")))

    async def take(self, account: str, event: dict[str, Any]) -> None:
        place = place_of(account, event)
        if place is None:
            return
        async with self.redis.pipeline(transaction=True) as both:
            if event["type"] != "heartbeat":
                both.rpush(self.queue, json.dumps(event))
            both.hset(self.places, account, place)
            await both.execute()


def place_of(account: str, event: dict[str, Any]) -> str | None:
    """Return the id up to which all of an account is told, None if an event does not say."""
    match event:
        case {"type": "heartbeat", "epoch": epoch, "sequences": {**numbers}}:
            return f"{account}:{epoch}:{numbers[account]}" if account in numbers else None
        case {"epoch": epoch, "seq": seq}:
            return f"{account}:{epoch}:{seq}"
        case {"type": "gap", "lastEventId": place}:
            return str(place)
    return None


def redis_at(url: str) -> Redis:
    """Return a client that asks nothing twice on its own: a transaction whose answer was lost may
    be done, so the stream goes on from the place that Redis has."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0))


async def main(accounts: list[str]) -> None:
    url = os.environ.get("CTRADER_POOL_URL", "http://localhost:8088")
    key = os.environ.get("CTRADER_POOL_API_KEY", "")
    headers = {"X-API-Key": key} if key else {}
    timeout = httpx.Timeout(10, read=60)  # a heartbeat comes every 15 seconds
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout) as gateway,
        redis_at(os.environ.get("HAND_OVER_REDIS_URL", "redis://localhost:6379")) as redis,
    ):
        queue = os.environ.get("HAND_OVER_LIST", "signals:queue:pending")
        await HandOver(gateway, redis, queue).run(*accounts)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    asyncio.run(main(sys.argv[1:]))
