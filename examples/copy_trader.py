"""A copy trader on one page: `python examples/copy_trader.py SOURCE DESTINATION [FACTOR]`.

What SOURCE opens, DESTINATION opens too, times a factor, and closes when SOURCE does. It listens to
events and never polls. It keeps no file: the comment of a copy, `Copy_<source position>_L<lots x
100>`, says what it is a copy of, so this program and the gateway may both be restarted at any time;
the gateway takes the comment as the order's key, so asking twice is one order. Positions that were
open before the first start are left alone; partial closes are not followed.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

from fxpool import UnifiedPoolClient
from fxpool.platforms.base import PlatformError

COPY = re.compile(r"Copy_(?P<source_id>[^_]+)_L")
log = logging.getLogger("copy_trader")

Position = Mapping[str, Any]
Result = Mapping[str, Any]


class CopyTrader:
    """Holds at ``destination`` what ``source`` holds; platforms may differ."""

    def __init__(
        self, client: UnifiedPoolClient, source: str, destination: str, factor: Decimal
    ) -> None:
        self.client, self.factor = client, factor
        self.source, self.destination = source, destination
        self.positions: dict[str, dict[str, Position]] = {}  # of the accounts that are known
        self.left_alone: set[str] | None = None  # open before the first start, or copied already
        self.busy: set[str] = set()
        self.closed: set[str] = set()

    async def run(self) -> None:
        """Copy until cancelled."""
        accounts = [self.source, self.destination]
        async with asyncio.TaskGroup() as tasks, self.client.events(accounts=accounts) as events:
            async for event in events:
                self.take(event.type, event.account, event.body)
                self.begin_due(tasks)

    def begin_due(self, tasks: asyncio.TaskGroup) -> None:
        if len(self.positions) == 2:
            for source_id, work in self.due():
                self.busy.add(source_id)
                tasks.create_task(self.only(source_id, work, tasks))

    def take(self, kind: str, account: str, body: dict[str, Any]) -> None:
        """Learn from one event what is open."""
        if kind == "snapshot":
            self.positions[account] = {each["id"]: each for each in body["positions"]}
        elif kind in {"gap", "disconnected"}:
            self.positions.pop(account, None)  # a snapshot follows
        elif kind == "streamClosed":
            log.info("the gateway is away: %s", body.get("reason"))
        elif account in self.positions and kind == "positionClosed":
            self.positions[account].pop(body["positionId"], None)
        elif account in self.positions and "position" in body:
            self.positions[account][body["positionId"]] = body["position"]

    def due(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """Yield what is to be done now, by source position; nothing is done twice at a time."""
        source = self.positions[self.source]
        copies = {
            found["source_id"]: copy
            for copy in self.positions[self.destination].values()
            if copy["id"] not in self.closed and (found := COPY.match(copy.get("comment") or ""))
        }
        if self.left_alone is None:
            self.left_alone = set(source) - set(copies)
        for source_id, position in source.items():
            is_copy = COPY.match(position.get("comment") or "")
            if not is_copy and source_id not in copies.keys() | self.left_alone | self.busy:
                self.left_alone.add(source_id)  # once closed at the destination it stays closed
                yield source_id, self.open_copy(position)
        for source_id, copy in copies.items():
            if source_id not in source.keys() | self.busy:
                yield source_id, self.close_copy(copy)

    async def only(
        self, source_id: str, work: Coroutine[Any, Any, None], tasks: asyncio.TaskGroup
    ) -> None:
        await work
        self.busy.discard(source_id)
        self.begin_due(tasks)  # the source may have closed meanwhile, and no event may follow

    async def open_copy(self, position: Position) -> None:
        order = {
            "symbol": position["symbol"],
            "action": position["type"].removeprefix("POSITION_TYPE_"),
            "stopLoss": position.get("stopLoss"),
            "takeProfit": position.get("takeProfit"),
            "comment": f"Copy_{position['id']}_L{round(position['volume'] * 100)}",
        }

        async def ask() -> Result:
            lots = await self.lots_for(position)
            return await self.client.execute_trade(self.destination, None, order | {"volume": lots})

        await self.until_known(
            ask, lambda: position["id"] in self.positions.get(self.source, {position["id"]})
        )

    async def lots_for(self, position: Position) -> Decimal:
        """Return the copy's lots, rounded down to the destination's step."""
        rules = await self.client.get_symbol_specification(self.destination, position["symbol"])
        step = Decimal(str(rules["volumeStep"]))
        lots = Decimal(str(position["volume"])) * self.factor
        return (lots / step).to_integral_value(ROUND_DOWN) * step

    async def close_copy(self, copy: Position) -> None:
        await self.until_known(
            lambda: self.client.close_position(self.destination, None, copy["id"]), lambda: True
        )
        self.closed.add(copy["id"])  # the answer may be here before its event

    async def until_known(
        self, ask: Callable[[], Awaitable[Result]], is_wanted: Callable[[], bool]
    ) -> None:
        """Ask until the answer is final: an order has its key, a close its position, so asking
        again is harmless."""
        while True:
            try:
                result = await ask()
            except PlatformError as error:  # a read, so nothing was done
                result = {
                    "success": False,
                    "outcome": "not_executed",
                    "error": error.detail,
                    "retryable": error.retryable,
                }
            if result["success"] or result.get("code") == "POSITION_NOT_FOUND":
                return log.info("done: %s", result)
            is_unknown = result["outcome"] == "unknown"
            if not is_unknown and not (result.get("retryable") and is_wanted()):
                return log.error("not done: %s", result["error"])
            log.warning("asking again: %s", result["error"])
            await asyncio.sleep(1)


async def main(source: str, destination: str, factor: str = "1") -> None:
    """Copy by way of the gateway at CTRADER_POOL_API_URL."""
    async with UnifiedPoolClient.connect() as client:
        await CopyTrader(client, source, destination, Decimal(factor)).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    if len(sys.argv) not in {3, 4}:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
