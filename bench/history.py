"""A first reading of a long past, with cuts, while orders go: `python -m bench.history DEALS DAYS`.

Orders and closes go one at a time through the product's own platform with the journal on: while
the past is read, and, in turns with that, while the reading is held at the gate that bounds it: the
machine is shared, so what is compared must lie close together. Told is how late an order's frame is
written (``to_frame``, which is the pool's own) and how long its answer takes (``to_answer``, with
the simulator's share: it makes pages of a thousand rows in the same loop that fills orders). At the
end the store is compared with the broker's ledger. Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import uvloop
from pydantic import SecretStr

from fxpool.cli import pauses
from fxpool.errors import NotReady
from fxpool.history import HistoryKeeper
from fxpool.history.naming import kept_name
from fxpool.openapi import FrameDecoder, payload_type_of
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.platforms import ctrader
from fxpool.platforms.base import CloseRequest, TradeRequest
from fxpool.platforms.ctrader import HISTORY_AT_ONCE
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment
from fxpool.session.link import Link
from fxpool.settings import Settings
from fxpool.store.history import SqlHistory

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "bench"
CUTS = 10
LIVE_SECONDS = 60.0
PAIRS_READING = 20
PAIRS_HELD = 10
LOTS = Decimal("0.01")
ORDER_TYPES = frozenset(
    {payload_type_of(oa.ProtoOANewOrderReq()), payload_type_of(oa.ProtoOAClosePositionReq())}
)
SHARES = (0.5, 0.95, 0.99)


class Broker:
    """``bench.history_broker`` in a process of its own."""

    def __init__(self, deals: int, days: int) -> None:
        command = [sys.executable, "-m", "bench.history_broker", str(deals), str(days), "1"]
        self._process = subprocess.Popen(  # noqa: S603 (our own module)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
        )
        self.about = self._line()

    def ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._line()

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the broker of the history bench ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(slots=True)
class Delays:
    """Milliseconds, one for each order."""

    to_frame: list[float] = field(default_factory=list)
    to_answer: list[float] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {
            name: {f"p{share:.0%}".rstrip("%"): percentile(values, share) for share in SHARES}
            for name, values in (("to_frame", self.to_frame), ("to_answer", self.to_answer))
        } | {"orders": len(self.to_answer)}


def percentile(values: list[float], share: float) -> float:
    return round(sorted(values)[int(len(values) * share)], 3)


class Frames:
    """When the frame of an order was written last."""

    def __init__(self) -> None:
        self.at = 0.0

    def install(self) -> None:
        """Note it from now on, in this process."""
        send = Link.send

        def sent(link: Link, data: bytes) -> None:
            send(link, data)
            at = time.perf_counter()
            frames = FrameDecoder().feed(data)
            if any(ProtoMessage.FromString(each).payloadType in ORDER_TYPES for each in frames):
                self.at = at

        setattr(Link, "send", sent)  # noqa: B010 (mypy)


class Desk:
    """Trades on a platform, one order at a time, and keeps how long each took."""

    def __init__(self, platform: ctrader.CTraderPlatform, frames: Frames) -> None:
        self._platform = platform
        self._frames = frames
        self._chance = Random(1)

    async def pair(self, into: Delays) -> None:
        """Open and close; raises SystemExit for an order that is not executed."""
        request = TradeRequest("EURUSD", "BUY", LOTS)
        opened = await self._timed(self._platform.execute(ACCOUNT, request), into)
        closing = CloseRequest(opened["positionId"])
        await self._timed(self._platform.close_position(ACCOUNT, closing), into)

    async def _timed(self, call: Any, into: Delays) -> Any:
        began = time.perf_counter()
        result = await call
        ended = time.perf_counter()
        if not result["success"]:
            raise SystemExit(f"an order failed: {result}")
        into.to_frame.append((self._frames.at - began) * 1e3)
        into.to_answer.append((ended - began) * 1e3)
        await asyncio.sleep(self._chance.uniform(0.01, 0.05))
        return result

    async def live(self) -> None:
        """Wait until the account is served. Raises TimeoutError if it never is."""
        async with asyncio.timeout(LIVE_SECONDS):
            while (await self._platform.health())["status"] != "healthy":  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def while_reading(
    desk: Desk,
    keeper: HistoryKeeper,
    broker: Broker,
    *,
    reading: Delays,
    held: Delays,
    cuts: int,
) -> int:
    """Trade until the past is read; cut all links at equal shares of it. Return how many cuts."""
    done = pairs = 0
    while (share := keeper.progress().share) < 1.0 or keeper.progress().problem:
        if done < cuts and share >= (done + 0.5) / cuts:
            broker.ask("cut")
            done += 1
            await asyncio.sleep(0.05)
            await desk.live()
        await desk.pair(reading)
        pairs += 1
        if pairs % PAIRS_READING == 0:
            async with holding(keeper):
                for _ in range(PAIRS_HELD):
                    await desk.pair(held)
    return done


@asynccontextmanager
async def holding(keeper: HistoryKeeper) -> AsyncIterator[None]:
    """Let no history request leave; what was read before is worked off first."""
    gate = keeper._gate  # noqa: SLF001 (what callers have no use for)
    async with AsyncExitStack() as held:
        for _ in range(HISTORY_AT_ONCE):
            await held.enter_async_context(gate)
        await asyncio.sleep(0.3)
        yield


async def whole(keeper: HistoryKeeper) -> None:
    """Wait until the record is whole; after a cut, which is told at once, ask again."""
    while True:
        try:
            await keeper.ready(30)
        except NotReady:
            await asyncio.sleep(0.1)
            continue
        return


async def measure(deals: int, days: int, cuts: int = CUTS) -> dict[str, Any]:
    """Return the delays with and without reading, and how the store compares with the ledger."""
    broker = await asyncio.to_thread(Broker, deals, days)
    frames = Frames()
    frames.install()
    with tempfile.TemporaryDirectory(dir=ROOT / "bench" / "results") as folder:
        settings = settings_for(broker.about, Path(folder))
        config = AccountConfig(ACCOUNT, Environment.DEMO, login="12345")
        platform = ctrader.CTraderPlatform.from_settings(settings, accounts=[config])
        await platform.open()
        try:
            return await phases(platform, broker, settings, frames, cuts)
        finally:
            await platform.close()
            broker.close()


async def phases(
    platform: ctrader.CTraderPlatform,
    broker: Broker,
    settings: Settings,
    frames: Frames,
    cuts: int,
) -> dict[str, Any]:
    desk = Desk(platform, frames)
    keeper = platform._accounts[ACCOUNT].past._keeper  # noqa: SLF001 (what callers have no use for)
    reading, held = Delays(), Delays()
    await desk.live()
    for _ in range(20):
        await desk.pair(Delays())
    began = time.perf_counter()
    asking = asyncio.create_task(whole(keeper))
    await asyncio.sleep(0)
    done = await while_reading(desk, keeper, broker, reading=reading, held=held, cuts=cuts)
    await asking
    took = time.perf_counter() - began
    return {
        "deals": broker.about["deals"],
        "cuts": done,
        "seconds": round(took, 1),
        "reading": reading.told(),
        "held": held.told(),
        "statistics_ms": await statistics_ms(platform),
        "differences": await differences(keeper, broker, settings),
    }


async def statistics_ms(platform: ctrader.CTraderPlatform) -> dict[str, float]:
    """Return how long each question takes, right after a deal changed its answer."""
    questions = {
        "metrics": lambda: platform.metrics(ACCOUNT),
        "trades": lambda: platform.trades(ACCOUNT),
        "daily_growth": lambda: platform.daily_growth(ACCOUNT),
        "symbol_stats": lambda: platform.symbol_stats(ACCOUNT, "EURUSD"),
        "risk_status": lambda: platform.risk_status(ACCOUNT),
    }
    taken = {}
    for name, ask in questions.items():
        await ask()
        began = time.perf_counter()
        await ask()
        taken[name] = round((time.perf_counter() - began) * 1e3, 2)
    return taken


async def differences(
    keeper: HistoryKeeper, broker: Broker, settings: Settings
) -> dict[str, int | bool]:
    """Return what the store has too few or too often, once everything told is confirmed."""
    ledger = await asyncio.to_thread(broker.ask, "ledger")
    store = SqlHistory(settings.history_url)
    try:
        for _ in range(60):
            past, _ = await store.load(kept_name(keeper._account))  # noqa: SLF001 (as above)
            if len(past.deals) >= len(ledger["deals"]):
                break
            await asyncio.sleep(1.0)
    finally:
        await store.close()
    kept = Counter(deal.deal_id for deal in past.deals)
    cash = Counter(flow.history_id for flow in past.cash_flow)
    record = keeper.record
    return {
        "deals": len((kept - Counter(ledger["deals"])) + (Counter(ledger["deals"]) - kept)),
        "cash": len((cash - Counter(ledger["cash"])) + (Counter(ledger["cash"]) - cash)),
        "balance_cents": int((record.curve.balance or 0) * 100) - ledger["balance"],
        "breaks": record.curve.breaks,
        "record": record.deals - len(ledger["deals"]),
    }


def settings_for(about: dict[str, Any], folder: Path) -> Settings:
    """Return settings that point at the broker, with data in a folder."""
    return Settings(
        client_id=about["client_id"],
        client_secret=SecretStr(about["client_secret"]),
        access_token=SecretStr(about["access_token"]),
        demo_host="localhost",
        demo_port=about["port"],
        ca_file=Path(about["ca_file"]),
        data_dir=folder,
        pool_api_key=SecretStr(""),
    )


if __name__ == "__main__":
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    (ROOT / "bench" / "results").mkdir(exist_ok=True)
    pauses.shorten()  # as the gateway does
    print(json.dumps(uvloop.run(measure(*map(int, sys.argv[1:])))))
