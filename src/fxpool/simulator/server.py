"""The simulator as a server: TLS ports, a market that plays, and knobs for tests."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from fxpool.clock import Clock, SystemClock
from fxpool.simulator.broker_clock import BrokerClock
from fxpool.simulator.certificates import Certificates, certificates_in
from fxpool.simulator.control import control_app
from fxpool.simulator.conversation import Conversation, Outlet
from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.symbols import PRICE_SCALE
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.faults import Faults
from fxpool.simulator.http_port import HttpPort
from fxpool.simulator.link import Link, milliseconds
from fxpool.simulator.market.feed import Feed
from fxpool.simulator.market.synthetic import SyntheticMarket, Tick
from fxpool.simulator.oauth import ConsentDesk, oauth_app
from fxpool.simulator.options import SimulatorOptions
from fxpool.simulator.ports import Door, Ports
from fxpool.simulator.striker import Striker
from fxpool.simulator.switches import Maintenance
from fxpool.simulator.tokens import Grant, Scope
from fxpool.simulator.transcripts import Recorder
from fxpool.simulator.venue import Away, Credentials, Venue
from fxpool.simulator.wires import RawProtobuf, Wire, json_wire, protobuf_wire

log = logging.getLogger(__name__)

_DEMO, _LIVE = Door(is_live=False, is_json=False), Door(is_live=True, is_json=False)
_DEMO_JSON, _LIVE_JSON = Door(is_live=False, is_json=True), Door(is_live=True, is_json=True)

_TOLD_MAINTENANCE = 3600.0
"""Seconds of maintenance that clients are told where nobody said how long it takes."""

_SWEEP_SECONDS = 0.5
"""How often idle rules and expirations are looked at."""

_FILL_SECONDS = 0.005
"""How exactly a delay of executions is kept."""


def _new_token() -> str:
    return secrets.token_urlsafe(32)


class Simulator:
    """A simulated broker; use it as ``async with Simulator(options) as simulator``.

    Attributes:
        options: what it was made with.
        venue: the broker itself: engine, accounts, subscriptions.
        credentials: the application that may connect.
        is_closed: whether maintenance has closed the ports.
        striker: what carries out faults, by hand and over the control port.
        grant: the tokens that the demo user starts with, for all accounts of the options.
    """

    def __init__(self, options: SimulatorOptions | None = None, clock: Clock | None = None) -> None:
        self.options = options = options or SimulatorOptions()
        self._clock = BrokerClock(clock or SystemClock())
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
            seed=options.seed,
        )
        self.grant = self.venue.tokens.grant(
            tuple(spec.account_id for spec in options.accounts),
            access_token=options.access_token,
            refresh_token=options.refresh_token,
            at_ms=milliseconds(self._clock),
        )
        self.striker = Striker(self, self._clock)
        self._symbol_ids = {one.name: one.symbol_id for one in options.catalogue.symbols}
        self._feed = self._make_feed()
        self._ports = Ports(options.host, _doors(options), self._new_link)
        self._oauth: HttpPort | None = None
        self._control: HttpPort | None = None
        self._certificates: Certificates | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.is_closed = False
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start. Raises SettingsError for a bad replay, OSError for a port that is taken."""
        try:
            self._feed.publish_first()
            self._certificates = certificates_in(self._folder(), self._clock.at())
            await self._ports.open(self._certificates.server_context())
            await self._open_http()
            self._open_transcript()
        except BaseException:
            await self._ports.close()
            await self._resources.aclose()
            raise
        self._tasks = [
            asyncio.create_task(self._feed.run(), name="simulator-feed"),
            asyncio.create_task(self._sweep(), name="simulator-sweep"),
        ]
        if self.options.profile.rules.execution_delay_ms:
            self._tasks.append(asyncio.create_task(self._fill_taken(), name="simulator-fills"))
        for task in self._tasks:
            task.add_done_callback(_log_failure)
        for fault in self._first_faults():
            await self.striker.strike(fault)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.striker.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._ports.close()
        self.cut_all()
        self._ports.cut_all()
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
        return self._ports.number(_DEMO) or 0

    @property
    def live_port(self) -> int | None:
        """The live environment's port, None if it is not served."""
        return self._ports.number(_LIVE)

    @property
    def json_port(self) -> int | None:
        """The demo environment's JSON port, None if it is not served."""
        return self._ports.number(_DEMO_JSON)

    @property
    def live_json_port(self) -> int | None:
        """The live environment's JSON port, None if it is not served."""
        return self._ports.number(_LIVE_JSON)

    @property
    def oauth_url(self) -> str | None:
        """Where a user consents and tokens are given, None if it is not served."""
        return None if self._oauth is None else self._oauth.url

    @property
    def control_url(self) -> str | None:
        """Where faults are set and counted, None if it is not served."""
        return None if self._control is None else self._control.url

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
        where_served = {
            "live_protobuf_port": self.live_port,
            "json_port": self.json_port,
            "live_json_port": self.live_json_port,
            "oauth_url": self.oauth_url,
            "control_url": self.control_url,
        }
        return json.dumps(facts | {name: one for name, one in where_served.items() if one})

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
        return self.venue.tokens.grant(account_ids, scope, at_ms=milliseconds(self._clock))

    def deposit(self, account_id: int, amount_cents: int, note: str = "") -> None:
        """Book a deposit (negative: a withdrawal) in 1/100 of the deposit asset."""
        self.venue.deposit(account_id, amount_cents, milliseconds(self._clock), note)

    def give_bonus(self, account_id: int, amount_cents: int, note: str = "") -> None:
        """Give a bonus (negative: take it) in 1/100 of the deposit asset."""
        self.venue.give_bonus(account_id, amount_cents, milliseconds(self._clock), note)

    def amend_account(self, spec: AccountSpec) -> None:
        """Change what the account of this id is: its rights, leverage, stop-out."""
        self.venue.amend_account(spec, milliseconds(self._clock))

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
        await self._ports.close()

    async def resume_accepting(self) -> None:
        """Open the same ports again."""
        if self._certificates is None:
            raise RuntimeError("the simulator is not started")
        await self._ports.open(self._certificates.server_context())

    def jump_clock(self, seconds: float) -> None:
        """Move the broker's wall clock, in either direction."""
        self.faults.struck[FaultKind.JUMP_CLOCK.value] += 1
        self._clock.jump(seconds)

    async def begin_maintenance(
        self, form: Maintenance | None = None, seconds: float = 0.0
    ) -> None:
        """Go away in the given form, or the profile's (SW-59).

        ``seconds`` is what clients are told where they are told anything; 0 is told as an hour.
        """
        form = form or self.options.profile.maintenance
        self.faults.struck[FaultKind.MAINTENANCE.value] += 1
        if form in {Maintenance.NO_TLS, Maintenance.REFUSES_TCP}:
            if form is Maintenance.NO_TLS:
                await self._ports.open_mute()
            else:
                await self._ports.close()
            self.is_closed = True
            self.cut_all()
            return
        told_ms = int((seconds or _TOLD_MAINTENANCE) * 1000)
        self.venue.away = Away(form, milliseconds(self._clock) + told_ms)
        if form is Maintenance.DROPS_ACCOUNTS:
            for account_id in self.venue.engine.books:
                self.venue.drop_account(account_id)

    async def end_maintenance(self) -> None:
        """Come back; nothing happens where the broker is not away."""
        self.venue.away = None
        if self.is_closed:
            await self.resume_accepting()
            self.is_closed = False

    # -- inside ------------------------------------------------------------------------------

    def _new_link(self, door: Door, links: set[Link]) -> Link:
        def converse(outlet: Outlet) -> Conversation:
            return Conversation(self.venue, outlet, is_live=door.is_live, now=self._clock.now())

        def choose(first_bytes: bytes) -> Wire:
            if door.is_json:
                return json_wire(first_bytes, self.options.profile)
            return protobuf_wire(first_bytes)

        first_wire = None if door.is_json else RawProtobuf()
        return Link(converse, self._clock, choose=choose, first_wire=first_wire, links=links)

    async def _open_http(self) -> None:
        options = self.options
        if options.oauth_port is not None:
            pages = oauth_app(ConsentDesk(self.venue, _new_token), self._clock)
            self._oauth = HttpPort(pages, options.host, options.oauth_port)
            await self._resources.enter_async_context(self._oauth)
        if options.control_port is not None:
            self._control = HttpPort(control_app(self), options.host, options.control_port)
            await self._resources.enter_async_context(self._control)

    def _open_transcript(self) -> None:
        if self.options.record is not None:
            recorder = Recorder(self.options.record, self._clock)
            self._resources.callback(recorder.close)
            self.venue.transcript = recorder

    def _first_faults(self) -> Iterator[Fault]:
        """What the profile lets go wrong from the start."""
        yield from self.options.profile.faults
        dies_after = self.options.profile.feed_dies_after
        if dies_after is not None:
            yield Fault(FaultKind.STALL_SPOTS, after=dies_after)

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

    async def _fill_taken(self) -> None:
        while True:
            await self._clock.sleep(_FILL_SECONDS)
            self.venue.fill_taken(milliseconds(self._clock))

    def _folder(self) -> Path:
        if self.options.folder is not None:
            return self.options.folder
        folder = TemporaryDirectory(prefix="fxpool-simulator-")
        return Path(self._resources.enter_context(folder))


def _doors(options: SimulatorOptions) -> dict[Door, int | None]:
    return {
        _DEMO: options.port,
        _LIVE: options.live_port,
        _DEMO_JSON: options.json_port,
        _LIVE_JSON: options.live_json_port,
    }


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("simulator: %s failed", task.get_name(), exc_info=error)
