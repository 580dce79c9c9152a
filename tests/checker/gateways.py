"""The gateways of a run: processes that are killed and come back, and all that they tell.

A gateway keeps its number and its data when it comes back; its address changes.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from multiprocessing.context import ForkServerProcess
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from checker.gateway_process import TELL_SIGNAL, Controls, GatewaySpec, run_gateway
from checker.history import Book, HeldOrder, HeldPosition, Stream, TicketlessExit, TicketRow
from checker.plan import CrashPoint
from checker.subscriber import PATIENT, Subscriber

START_SECONDS = 120.0
"""Many, because machines are shared."""

END_SECONDS = 50.0
"""An orderly end takes less: requests in flight have 35 s."""

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["fxpool.cli", "fxpool.platforms.ctrader", "fxpool.gateway"])


class Gateway:
    """One gateway of a run.

    Attributes:
        name: ``g0`` and so on.
        lives: how many processes it had.
        kills: how many of them were killed while they worked.
        streams: what its processes' event streams told, oldest first.
        subscriber: goes on where it left off, over all lives.
    """

    def __init__(
        self, number: int, spec: GatewaySpec, accounts: Sequence[str], note: Callable[[str], None]
    ) -> None:
        self.name = f"g{number}"
        self.lives = self.kills = 0
        self.streams: list[Stream] = []
        self.subscriber = Subscriber(self.name, accounts)
        self.up = asyncio.Event()
        self._spec = spec
        self._note = note
        self._controls = Controls(
            _CONTEXT.Value("i", 0, lock=False), _CONTEXT.Value("i", 0, lock=False)
        )
        self._process: ForkServerProcess | None = None
        self._ends_by = float("inf")
        self._http: httpx.AsyncClient | None = None

    async def serve(self) -> None:
        """Start, and start again whenever the process is gone, until cancelled."""
        while True:
            process, url = await self._start()
            started_ms = int(self._spec.clock.at().timestamp() * 1000)
            listening = asyncio.gather(self._listen(url), self.subscriber.listen(url, started_ms))
            try:
                async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
                    self._http = http
                    self.up.set()
                    while process.is_alive():
                        self._have_it_tell_why_it_lives(process)
                        await asyncio.sleep(0.01)
                    self.up.clear()
                    self._note_end(process.exitcode)
            finally:
                process.kill()
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening
                for stream in self.streams:
                    stream.ended = True
                self._controls.crash.value = 0

    def _have_it_tell_why_it_lives(self, process: ForkServerProcess) -> None:
        """Have a process write its tasks into its log that was to end long ago."""
        if time.monotonic() > self._ends_by and process.pid is not None:
            self._ends_by = float("inf")
            self._note(f"{self.name} does not end, its tasks are in its log")
            os.kill(process.pid, TELL_SIGNAL)

    def _note_end(self, code: int | None) -> None:
        """Only what a run wants ends a gateway. Raises AssertionError."""
        self._note(f"{self.name} ended with {code}")
        if code == -signal.SIGKILL:
            self.kills += 1
        elif code != 0:
            raise AssertionError(self.log())

    async def _start(self) -> tuple[ForkServerProcess, str]:
        """Start a process, another one for one that is ended before it listens."""
        while True:
            process, url = await self._start_once()
            if url is not None:
                return process, url
            await asyncio.to_thread(process.join)
            self._note(f"{self.name} ended with {process.exitcode} before it listened")
            if process.exitcode not in {0, -signal.SIGTERM, -signal.SIGKILL}:
                raise AssertionError(self.log())

    async def _start_once(self) -> tuple[ForkServerProcess, str | None]:
        here, there = _CONTEXT.Pipe(duplex=False)
        arguments = (self._spec, self._controls, there)
        process = _CONTEXT.Process(target=run_gateway, args=arguments, daemon=True)
        await asyncio.to_thread(process.start)
        there.close()
        self.lives += 1
        self._process = process
        self._ends_by = float("inf")
        async with asyncio.timeout(START_SECONDS):
            while not here.poll():  # noqa: ASYNC110 (a pipe is looked at)
                await asyncio.sleep(0.01)
        with here:
            try:
                return process, here.recv()
            except EOFError:
                return process, None

    def log(self) -> str:
        """Return the end of what the processes said."""
        return self._spec.log_file.read_text()[-4000:]

    def arm(self, point: CrashPoint) -> None:
        """Have the process die when a ticket comes to this point."""
        self._controls.crash.value = point

    def disarm(self) -> None:
        self._controls.crash.value = 0

    def let_write(self, *, may_write: bool) -> None:
        """Say whether the files of its databases can be written."""
        self._controls.unwritable.value = int(not may_write)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        if self._process is not None:
            self._process.kill()

    def terminate(self) -> None:
        """Have the process end in order."""
        if self._process is not None:
            self._process.terminate()
            self._ends_by = time.monotonic() + END_SECONDS

    # What it tells

    def ticketless_exits(self) -> list[TicketlessExit]:
        """Return what its processes sent without a ticket, by their log."""
        lines = self._spec.log_file.read_text().splitlines()
        told = [json.loads(line) for line in lines if '"exit without a ticket"' in line]
        return [
            TicketlessExit(line["account"], line["kind"], _target(line["intent"])) for line in told
        ]

    async def post(self, path: str, body: dict[str, Any], timeout: float) -> httpx.Response:
        """Send a request. Raises httpx.HTTPError."""
        assert self._http is not None
        return await self._http.post(path, json=body, timeout=timeout)

    async def get(self, path: str) -> dict[str, Any]:
        """Read. Raises httpx.HTTPError for every failure."""
        assert self._http is not None
        response = await self._http.get(path)
        response.raise_for_status()
        found: dict[str, Any] = json.loads(response.content, parse_float=Decimal)
        return found

    async def is_healthy(self) -> bool:
        """Whether all its accounts are live."""
        return bool((await self.get("/health"))["status"] == "healthy")

    async def book(self, account: str) -> Book:
        """Return what it says is open on an account. Raises httpx.HTTPError."""
        positions = (await self.get(f"/positions/{account}"))["positions"]
        orders = (await self.get(f"/orders/{account}"))["orders"]
        information = await self.get(f"/account/{account}")
        return Book(
            {
                row["id"]: HeldPosition(
                    Decimal(row["volume"]),
                    "BUY" if row["type"].endswith("BUY") else "SELL",
                    row["stopLoss"],
                    row["takeProfit"],
                )
                for row in positions
            },
            {row["id"]: HeldOrder(Decimal(row["volume"]), row["openPrice"]) for row in orders},
            Decimal(information["balance"]),
        )

    async def tickets(self) -> tuple[TicketRow, ...]:
        """Return all tickets. Raises httpx.HTTPError."""
        return tuple(_ticket(row) for row in (await self.get("/tickets"))["tickets"])

    async def _listen(self, url: str) -> None:
        """Keep what the event stream tells until it ends; it has to end with its process only."""
        heard: dict[str, Stream] = {}
        address = url.replace("http://", "ws://") + "/ws?batch=true"
        with suppress(ConnectionClosed, InvalidHandshake, OSError):
            async with connect(address, **PATIENT) as socket:
                async for message in socket:
                    told = json.loads(message)
                    for event in told if isinstance(told, list) else [told]:
                        self._take(heard, event)
        for stream in heard.values():
            stream.ended = True

    def _take(self, heard: dict[str, Stream], event: dict[str, Any]) -> None:
        account = event.get("accountId")
        if account is None:
            return
        stream = heard.get(account)
        if stream is None:
            stream = heard[account] = Stream(f"{self.name}.{self.lives}", account)
            self.streams.append(stream)
        if event["type"] == "snapshot" and stream.began_ms is None:
            stream.began_ms = event["ts"]
        if event["type"] == "dealAdded":
            stream.deals.append(event["deal"]["id"])
        if "seq" in event:
            stream.numbers.append(event["seq"])


def _ticket(row: dict[str, Any]) -> TicketRow:
    intent = row["intent"]
    return TicketRow(
        ticket_id=row["id"],
        account=row["accountId"],
        kind=row["kind"],
        state=row["state"],
        outcome=row["outcome"],
        intent=intent.get("request", {}).get("client_id", ""),
        target=_target(intent),
    )


def _target(intent: dict[str, Any]) -> str:
    return str(intent.get("positionId") or intent.get("orderId") or "")
