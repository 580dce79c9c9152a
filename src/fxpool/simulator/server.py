"""The simulator as a server: TLS ports, a market that plays, and knobs for tests."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from contextlib import AsyncExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from fxpool.clock import Clock, SystemClock
from fxpool.simulator.certificates import Certificates, certificates_in
from fxpool.simulator.conversation import Conversation, Outlet
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.symbols import PRICE_SCALE
from fxpool.simulator.faults import Faults
from fxpool.simulator.link import Link, milliseconds
from fxpool.simulator.market.feed import Feed
from fxpool.simulator.market.synthetic import SyntheticMarket, Tick
from fxpool.simulator.options import SimulatorOptions
from fxpool.simulator.tokens import Grant, Scope
from fxpool.simulator.venue import Credentials, Venue

log = logging.getLogger(__name__)

_SWEEP_SECONDS = 0.5
"""How often idle rules and expirations are looked at."""


def _new_token() -> str:
    return secrets.token_urlsafe(32)


class Simulator:
    """A simulated broker; use it as ``async with Simulator(options) as simulator``.

    Attributes:
        options: what it was made with.
        venue: the broker itself: engine, accounts, subscriptions.
        credentials: the application that may connect.
        grant: the tokens that the demo user starts with, for all accounts of the options.
    """

    def __init__(self, options: SimulatorOptions | None = None, clock: Clock | None = None) -> None:
        self.options = options = options or SimulatorOptions()
        self._clock = clock or SystemClock()
        self.credentials = Credentials(
            options.client_id or f"simulated-{secrets.token_hex(4)}",
            options.client_secret or _new_token(),
        )
        self.venue = Venue(
            self.credentials,
            _new_token,
            opened_ms=milliseconds(self._clock),
            profile=options.profile,
            catalogue=options.catalogue,
            accounts=options.accounts,
        )
        self.grant = self.venue.tokens.grant(
            tuple(spec.account_id for spec in options.accounts),
            access_token=options.access_token,
            refresh_token=options.refresh_token,
        )
        self._symbol_ids = {one.name: one.symbol_id for one in options.catalogue.symbols}
        self._feed = self._make_feed()
        self._servers: dict[bool, asyncio.Server] = {}
        self._ports: dict[bool, int] = {}
        self._certificates: Certificates | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start. Raises SettingsError for a bad replay, OSError for a port that is taken."""
        try:
            self._feed.publish_first()
            self._certificates = certificates_in(self._folder(), self._clock.at())
            self._ports[False] = self.options.port
            if self.options.live_port is not None:
                self._ports[True] = self.options.live_port
            await self.resume_accepting()
        except BaseException:
            await self.stop_accepting()
            await self._resources.aclose()
            raise
        self._tasks = [
            asyncio.create_task(self._feed.run(), name="simulator-feed"),
            asyncio.create_task(self._sweep(), name="simulator-sweep"),
        ]
        for task in self._tasks:
            task.add_done_callback(_log_failure)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.stop_accepting()
        self.cut_all()
        await self._resources.aclose()

    async def serve(self) -> None:
        """Wait until a part of the simulator fails, and raise its error.

        A bad line of a replay is a SettingsError.
        """
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            try:
                task.result()
            except ExceptionGroup as group:
                raise group.exceptions[0] from group

    # -- what a client needs -----------------------------------------------------------------

    @property
    def host(self) -> str:
        """What the ports are on."""
        return self.options.host

    @property
    def port(self) -> int:
        """The demo environment's port."""
        return self._ports[False]

    @property
    def live_port(self) -> int | None:
        """The live environment's port, None if it is not served."""
        return self._ports.get(True)

    @property
    def ca_file(self) -> Path:
        """The certificate to trust. Raises RuntimeError before the start."""
        if self._certificates is None:
            raise RuntimeError("the simulator is not started")
        return self._certificates.ca_file

    def ready_line(self) -> str:
        """Return one line of JSON that tells a client all it needs, the demo secrets too."""
        facts: dict[str, object] = {
            "host": self.host,
            "protobuf_port": self.port,
            "ca_file": str(self.ca_file),
            "client_id": self.credentials.client_id,
            "client_secret": self.credentials.client_secret,
            "access_token": self.grant.access_token,
            "refresh_token": self.grant.refresh_token,
            "accounts": [self._described(book) for book in self.venue.engine.books.values()],
        }
        if self.live_port is not None:
            facts["live_protobuf_port"] = self.live_port
        return json.dumps(facts)

    def _described(self, book: Book) -> dict[str, str]:
        spec = book.spec
        return {
            "account_id": str(spec.account_id),
            "login": str(spec.login),
            "environment": "live" if spec.is_live else "demo",
            "currency": self.venue.engine.assets[spec.deposit_asset_id].name,
            "balance": str(Decimal(book.ledger.balance).scaleb(-2)),
            "type": spec.account_type.name,
        }

    # -- what a test may do ------------------------------------------------------------------

    @property
    def faults(self) -> Faults:
        """Answers to lose, links to cut, and how often each fault has struck."""
        return self.venue.faults

    def quote(self, symbol_name: str, bid: Decimal, ask: Decimal) -> None:
        """Publish a quote. Raises KeyError for a symbol that the broker does not have."""
        symbol_id = self._symbol_ids[symbol_name]
        self._publish(Tick(symbol_id, int(bid * PRICE_SCALE), int(ask * PRICE_SCALE)))

    def new_grant(self, account_ids: tuple[int, ...], scope: Scope = Scope.TRADE) -> Grant:
        """Return fresh tokens for some accounts."""
        return self.venue.tokens.grant(account_ids, scope)

    def deposit(self, account_id: int, amount_cents: int, note: str = "") -> None:
        """Book a deposit (negative: a withdrawal) in 1/100 of the deposit asset."""
        self.venue.deposit(account_id, amount_cents, milliseconds(self._clock), note)

    def cut_all(self) -> None:
        """Cut every link."""
        self.venue.cut_all()

    def drop_account(self, account_id: int) -> None:
        """End an account's sessions on all links, with 2164."""
        self.venue.drop_account(account_id)

    def invalidate_token(self, access_token: str) -> None:
        """Make an access token worthless, with 2147. Raises Refusal if it already is."""
        self.venue.invalidate_token(access_token)

    def stall_spots(self) -> None:
        """Stop all quotes to clients; the market goes on behind."""
        self.faults.spots_stalled = True

    def resume_spots(self) -> None:
        """Send quotes again."""
        self.venue.resume_spots(milliseconds(self._clock))

    async def stop_accepting(self) -> None:
        """Close the ports; open links stay."""
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    async def resume_accepting(self) -> None:
        """Open the same ports again."""
        if self._certificates is None:
            raise RuntimeError("the simulator is not started")
        loop, context = asyncio.get_running_loop(), self._certificates.server_context()
        for is_live, port in self._ports.items():
            server = await loop.create_server(
                partial(self._new_link, is_live=is_live),
                self.host,
                port,
                ssl=context,
                ssl_handshake_timeout=10.0,
                ssl_shutdown_timeout=1.0,
            )
            self._servers[is_live] = server
            self._ports[is_live] = server.sockets[0].getsockname()[1]

    # -- inside ------------------------------------------------------------------------------

    def _new_link(self, *, is_live: bool) -> Link:
        def converse(outlet: Outlet) -> Conversation:
            return Conversation(self.venue, outlet, is_live=is_live, now=self._clock.now())

        return Link(converse, self._clock)

    def _make_feed(self) -> Feed:
        options = self.options
        return Feed(
            SyntheticMarket(options.catalogue, Random(options.seed)),
            self._publish,
            self._clock,
            symbol_ids=self._symbol_ids,
            ticks_per_second=options.ticks_per_second,
            replays=options.replays,
            speed=options.speed,
            loop_replays=options.loop_replays,
        )

    def _publish(self, tick: Tick) -> None:
        self.venue.tick(tick.symbol_id, tick.bid, tick.ask, milliseconds(self._clock))

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(_SWEEP_SECONDS)
            self.venue.time_passed(milliseconds(self._clock))
            for listener in list(self.venue.listeners):
                listener.time_passed(self._clock.now())

    def _folder(self) -> Path:
        if self.options.folder is not None:
            return self.options.folder
        folder = TemporaryDirectory(prefix="fxpool-simulator-")
        return Path(self._resources.enter_context(folder))


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("simulator: %s failed", task.get_name(), exc_info=error)
