"""The broker behind all its connections: one engine, its tokens, its faults, and who hears what.

Without sockets and clocks: ``at_ms`` is an argument, and connections are told through ``Listener``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, zip_longest
from random import Random
from typing import Protocol

from google.protobuf.message import Message

from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountDisconnectEvent,
    ProtoOAAccountsTokenInvalidatedEvent,
    ProtoOAMarginCallUpdateEvent,
    ProtoOASymbolChangedEvent,
)
from fxpool.simulator.catalogue import DEFAULT_ACCOUNTS, DEFAULT_CATALOGUE, Catalogue
from fxpool.simulator.depths import Depths
from fxpool.simulator.engine import Engine, Told
from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.engine.commands import Command
from fxpool.simulator.engine.model import ExecutionKind, MarginCall
from fxpool.simulator.engine.notices import Execution, Notice
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.fault_kinds import Fault
from fxpool.simulator.faults import Faults
from fxpool.simulator.limits import SharedLimits
from fxpool.simulator.market.archive import Archive
from fxpool.simulator.pnl import PnlStream
from fxpool.simulator.profile import Profile
from fxpool.simulator.protocol.executions import ExecutionMapper, margin_call
from fxpool.simulator.spots import Spots, Subscriber
from fxpool.simulator.switches import EventOrder, Maintenance, RefreshedSession
from fxpool.simulator.tokens import Grant, Scope, TokenKeeper


class Listener(Subscriber, Protocol):
    """A connection, as the venue sees it."""

    is_authenticated: bool
    account_ids: dict[int, str]
    """The accounts that are authorised on it, each with its access token."""

    def send(self, message: Message, request_id: str = "") -> None:
        """Send a message to the client."""
        ...

    def end_account(self, account_id: int, *, notify: bool) -> None:
        """End an account's session on this connection; ``notify`` sends 2164."""
        ...

    def fail_requests(self, account_ids: Sequence[int]) -> None:
        """Tell an error to the requests of these accounts whose answers are under way."""
        ...

    def cut(self) -> None:
        """Close the link without a word."""
        ...

    def suffer(self, fault: Fault) -> None:
        """Let a fault of links strike this one."""
        ...

    def time_passed(self, now: float) -> None:
        """Keep the idle rules; ``now`` is monotonic seconds."""
        ...


_NOBODY: tuple[Listener | None, str] = (None, "")
"""Who asked for what happened by itself."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The application that may connect. Not in its repr: the secret."""

    client_id: str
    client_secret: str = field(repr=False)


class Transcript(Protocol):
    """What is told of everything that goes over the wire."""

    def note(self, connection: int, frame: bytes, *, is_from_client: bool) -> None:
        """Take a whole Protobuf frame, whatever it travels as."""
        ...


@dataclass(frozen=True, slots=True)
class Away:
    """Maintenance of a kind that answers; ``until_ms`` is what clients are told."""

    form: Maintenance
    until_ms: int


class Venue:
    """A broker.

    Attributes:
        listeners: the open connections, in the order in which they came.
        away: the maintenance that is going on, where connections live through it.
        connection_numbers: names for connections, in the order in which they come.
        transcript: what is told of everything that goes over the wire, if anything.
        mappers: what turns an account's values into messages, by account id.
        archives: the history of each symbol's quotes; ``seed`` makes up what was before them.
    """

    def __init__(
        self,
        credentials: Credentials,
        new_token: Callable[[], str],
        *,
        opened_ms: int,
        profile: Profile | None = None,
        catalogue: Catalogue = DEFAULT_CATALOGUE,
        accounts: Iterable[AccountSpec] = DEFAULT_ACCOUNTS,
        seed: int = 1,
    ) -> None:
        self.credentials = credentials
        self.opened_ms = opened_ms
        self.profile = profile or Profile()
        self.catalogue = catalogue
        self.engine = Engine(
            catalogue.assets,
            catalogue.symbols,
            self.profile.rules,
            leverages=catalogue.leverages,
            chance=Random(seed),
        )
        self.tokens = TokenKeeper(new_token, self.profile)
        self.faults = Faults(Random(seed))
        self.limits = SharedLimits(self.profile)
        self.away: Away | None = None
        self.connection_numbers = count(1)
        self.transcript: Transcript | None = None
        self.archives = {one.symbol_id: Archive(one, seed) for one in catalogue.symbols}
        self.spots = Spots(self.archives, self.profile)
        self.depths = Depths(self.engine.symbols)
        self.pnl = PnlStream(self.engine.books)
        self._open_at: dict[int, tuple[int, bool]] = {}
        self.listeners: list[Listener] = []
        self._askers: dict[int, tuple[Listener | None, str]] = {}
        self.mappers: dict[int, ExecutionMapper] = {}
        self._units = {one.symbol_id: one.measurement_units for one in catalogue.symbols}
        for spec in accounts:
            self.open_account(spec, opened_ms)

    def open_account(self, spec: AccountSpec, at_ms: int) -> None:
        """Open an account; a grant has to name it before anybody can use it."""
        self.engine.open_account(spec, at_ms)
        book = self.engine.books[spec.account_id]
        self.mappers[spec.account_id] = ExecutionMapper(book, self._units, at_ms)

    def authenticated_connections(self) -> int:
        """Return how many connections the application has now."""
        return sum(listener.is_authenticated for listener in self.listeners)

    def tick(self, symbol_id: int, bid: int, ask: int, at_ms: int) -> None:
        """Take a quote in 1/100000: tell those who subscribed, then fill what it meets.

        Nothing happens while the symbol's market is closed, nor when neither side changed.
        """
        last = self.engine.rates.get(symbol_id)
        if last is not None and last.bid == bid and last.ask == ask:
            return
        if last is not None and not self._is_open(symbol_id, at_ms // 1000):
            return
        self.fill_taken(at_ms)
        told = self.engine.on_tick(symbol_id, bid, ask, at_ms)
        new_bid = bid if last is None or last.bid != bid else None
        new_ask = ask if last is None or last.ask != ask else None
        self.archives[symbol_id].record(new_bid, new_ask, at_ms)
        if not self.faults.spots_stalled:
            self.spots.publish(symbol_id, new_bid, new_ask, at_ms)
            self.depths.publish(symbol_id, bid, ask)
        elif self.spots.has_subscribers(symbol_id):
            self.faults.struck["stall_spots"] += 1
        self._tell(told)

    def _is_open(self, symbol_id: int, second: int) -> bool:
        """Whether a symbol's market is open; looked up once a second, as hours have whole ones."""
        known = self._open_at.get(symbol_id)
        if known is None or known[0] != second:
            is_open = self.engine.symbols[symbol_id].is_open(second * 1000)
            known = self._open_at[symbol_id] = (second, is_open)
        return known[1]

    def time_passed(self, at_ms: int) -> None:
        """Let orders and tokens expire, and tell the profits that have changed."""
        self.fill_taken(at_ms)
        self._tell(self.engine.on_time(at_ms))
        self.pnl.publish()
        if self.profile.expiry_ends_sessions:
            for grant in self.tokens.newly_expired(at_ms):
                self.end_sessions(grant, "Access token expired", notify=False)

    def trade(
        self, account_id: int, command: Command, at_ms: int, by: Listener, request_id: str
    ) -> None:
        """Carry out a command and tell all who serve the account. Raises Refusal.

        Only the connection that asked sees its ``request_id``, and only on what it asked for.
        """
        self.fill_taken(at_ms)
        for notice in self.engine.submit(account_id, command, at_ms):
            self._tell_one(account_id, notice, by, request_id)
            order_id = _order_id(notice)
            if self.engine.is_taken(order_id):
                self._askers.setdefault(order_id, (by, request_id))

    def fill_taken(self, at_ms: int) -> None:
        """Fill the orders whose delay is over; their requests own what comes of it."""
        if not self.profile.rules.execution_delay_ms:
            return
        self._tell(self.engine.fill_taken(at_ms))
        for order_id in list(self._askers):
            if not self.engine.is_taken(order_id):
                del self._askers[order_id]

    def deposit(self, account_id: int, delta: int, at_ms: int, note: str = "") -> None:
        """Book money in 1/100 of the deposit asset, and tell all who serve the account."""
        notices = self.engine.deposit(account_id, delta, at_ms, note)
        self._tell([(account_id, notice) for notice in notices])

    def give_bonus(self, account_id: int, delta: int, at_ms: int, note: str = "") -> None:
        """Give a bonus in 1/100 of the deposit asset (negative: take it), and tell the account."""
        notices = self.engine.give_bonus(account_id, delta, at_ms, note)
        self._tell([(account_id, notice) for notice in notices])

    def amend_account(self, spec: AccountSpec, at_ms: int) -> None:
        """Change what an account is, its rights for example; it may be told so (SW-50)."""
        notices = self.engine.amend_account(spec, at_ms)
        self._tell([(spec.account_id, notice) for notice in notices])

    def change_symbol(self, symbol: Symbol) -> None:
        """Offer a symbol with other parameters from now on, and tell every account (2120)."""
        self.engine.symbols[symbol.symbol_id] = symbol
        offered = tuple(
            symbol if one.symbol_id == symbol.symbol_id else one for one in self.catalogue.symbols
        )
        self.catalogue = replace(self.catalogue, symbols=offered)
        for listener in list(self.listeners):
            for account_id in listener.account_ids:
                listener.send(
                    ProtoOASymbolChangedEvent(
                        ctidTraderAccountId=account_id, symbolId=[symbol.symbol_id]
                    )
                )

    def tell_margin_call(self, account_id: int, call: MarginCall, notices: list[Notice]) -> None:
        """Tell all who serve an account that a threshold moved, and what came of it."""
        event = ProtoOAMarginCallUpdateEvent(
            ctidTraderAccountId=account_id, marginCall=margin_call(call)
        )
        for listener in list(self.listeners):
            if account_id in listener.account_ids:
                listener.send(event)
        self._tell([(account_id, notice) for notice in notices])

    # -- faults ------------------------------------------------------------------------------

    def cut_all(self) -> None:
        """Close every link without a word."""
        for listener in list(self.listeners):
            self.faults.struck["cut_all"] += 1
            listener.cut()

    def drop_account(self, account_id: int) -> None:
        """End an account's sessions everywhere, and say so (2164)."""
        for listener in list(self.listeners):
            if account_id in listener.account_ids:
                self.faults.struck["drop_account"] += 1
                listener.end_account(account_id, notify=True)

    def invalidate_token(self, access_token: str, reason: str = "Access token revoked") -> None:
        """Make a token worthless, and end the sessions that live on it (2147)."""
        grant = self.tokens.invalidate(access_token)
        self.faults.struck["invalidate_token"] += 1
        self.end_sessions(grant, reason, notify=False)

    def consent(self, account_ids: tuple[int, ...], scope: Scope, at_ms: int) -> Grant:
        """Let the user consent; return the new grant. Earlier ones may suffer (SW-08)."""
        grant, harmed = self.tokens.consent(account_ids, scope, at_ms)
        for old, lost in harmed:
            self.end_sessions(old, "Access was granted again", notify=False, only=lost)
        return grant

    def refresh(self, refresh_token: str, at_ms: int) -> Grant:
        """Rotate a pair of tokens; return the new one. Raises Refusal.

        Sessions on the old token end, or live on with the new one, and requests in flight fail
        or not (SW-09).
        """
        old, new = self.tokens.refresh(refresh_token, at_ms)
        if self.profile.refresh_fails_requests:
            for listener in list(self.listeners):
                listener.fail_requests(_served_by(listener, old))
        fate = self.profile.refreshed_session
        if fate is RefreshedSession.ENDS_WITH_EVENTS:
            self.end_sessions(old, "Access token refreshed", notify=True)
            return new
        for listener in list(self.listeners):
            served = _served_by(listener, old)
            for account_id in served:
                listener.account_ids[account_id] = new.access_token
            if served and fate is RefreshedSession.SURVIVES_EVENTS:
                self._tell_refreshed(listener, served)
        return new

    def end_other_sessions(self, account_id: int, but: Listener) -> None:
        """End an account's sessions on all connections but one, with 2164 (SW-06)."""
        for listener in list(self.listeners):
            if listener is not but:
                listener.end_account(account_id, notify=True)

    def end_sessions(
        self, grant: Grant, reason: str, *, notify: bool, only: Sequence[int] | None = None
    ) -> None:
        """End the sessions that live on a grant's access token, and tell 2147 where there were any.

        ``notify`` adds a 2164 for each account, as a refresh does (SW-09); ``only`` names the
        accounts where not all are concerned.
        """
        for listener in list(self.listeners):
            served = [one for one in _served_by(listener, grant) if only is None or one in only]
            if not served:
                continue
            listener.send(
                ProtoOAAccountsTokenInvalidatedEvent(ctidTraderAccountIds=served, reason=reason)
            )
            for account_id in served:
                listener.end_account(account_id, notify=notify)

    def resume_spots(self, at_ms: int) -> None:
        """End a stall of quotes: both sides of every symbol are sent, since some were missed."""
        self.faults.spots_stalled = False
        for symbol_id in self.engine.symbols:
            quote = self.engine.rates.get(symbol_id)
            if quote is not None:
                self.spots.publish(symbol_id, quote.bid, quote.ask, at_ms)
                self.depths.publish(symbol_id, quote.bid, quote.ask)

    def _tell_refreshed(self, listener: Listener, account_ids: Sequence[int]) -> None:
        """Send the events of a lost session to one that lives on."""
        listener.send(
            ProtoOAAccountsTokenInvalidatedEvent(
                ctidTraderAccountIds=account_ids, reason="Access token refreshed"
            )
        )
        for account_id in account_ids:
            listener.send(ProtoOAAccountDisconnectEvent(ctidTraderAccountId=account_id))

    # -- telling -----------------------------------------------------------------------------

    def _tell(self, told: Told) -> None:
        if self.profile.event_order is EventOrder.INTERLEAVED:
            told = _interleaved(told)
        for account_id, notice in told:
            by, request_id = self._askers.get(_order_id(notice), _NOBODY)
            self._tell_one(account_id, notice, by, request_id)

    def _tell_one(
        self, account_id: int, notice: Notice, by: Listener | None, request_id: str
    ) -> None:
        event = self.mappers[account_id].notice(notice)
        for listener in list(self.listeners):
            if account_id in listener.account_ids and self._may_hear(listener, account_id):
                owns = listener is by or self.profile.leaks_request_ids
                told_id = request_id if owns and notice.is_answer else ""
                listener.send(event, told_id)
                if told_id and self.profile.rules.repeats_fills and _is_fill(notice):
                    listener.send(event)

    def _may_hear(self, listener: Listener, account_id: int) -> bool:
        """Whether executions are told here, which a token that only reads may not be (SW-63)."""
        if self.profile.view_scope_hears_executions:
            return True
        return self.tokens.find(listener.account_ids[account_id]).scope is Scope.TRADE


def _served_by(listener: Listener, grant: Grant) -> list[int]:
    """Return the accounts whose sessions live on a grant's access token."""
    sessions = listener.account_ids.items()
    return [one for one, token in sessions if token == grant.access_token]


def _order_id(notice: Notice) -> int:
    """Return the order that an execution is about, 0 for none."""
    order = notice.order if isinstance(notice, Execution) else None
    return 0 if order is None else order.order_id


def _is_fill(notice: Notice) -> bool:
    fills = (ExecutionKind.FILLED, ExecutionKind.PARTIAL_FILL)
    return isinstance(notice, Execution) and notice.kind in fills


def _interleaved(told: Told) -> Told:
    """Return executions with the accounts in turn, each account's in order (SW-64)."""
    of_account: dict[int, Told] = {}
    for account_id, notice in told:
        of_account.setdefault(account_id, []).append((account_id, notice))
    rounds = zip_longest(*of_account.values())
    return [one for one_round in rounds for one in one_round if one is not None]
