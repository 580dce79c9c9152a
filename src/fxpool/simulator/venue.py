"""The broker behind all its connections: one engine, its tokens, its faults, and who hears what.

Without sockets and clocks: ``at_ms`` is an argument, and connections are told through ``Listener``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.message import Message

from fxpool.openapi.proto.messages_pb2 import ProtoOAAccountsTokenInvalidatedEvent
from fxpool.simulator.catalogue import DEFAULT_ACCOUNTS, DEFAULT_CATALOGUE, Catalogue
from fxpool.simulator.engine import Engine, Told
from fxpool.simulator.engine.model import AccountSpec, Command, Execution
from fxpool.simulator.faults import Faults
from fxpool.simulator.profile import Profile
from fxpool.simulator.protocol.executions import ExecutionMapper
from fxpool.simulator.spots import Spots, Subscriber
from fxpool.simulator.tokens import Grant, TokenKeeper


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

    def cut(self) -> None:
        """Close the link without a word."""
        ...

    def time_passed(self, now: float) -> None:
        """Keep the idle rules; ``now`` is monotonic seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """The application that may connect. Not in its repr: the secret."""

    client_id: str
    client_secret: str = field(repr=False)


class Venue:
    """A broker.

    Attributes:
        listeners: the open connections, in the order in which they came.
        mappers: what turns an account's values into messages, by account id.
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
    ) -> None:
        self.credentials = credentials
        self.opened_ms = opened_ms
        self.profile = profile or Profile()
        self.catalogue = catalogue
        self.engine = Engine(catalogue.assets, catalogue.symbols, self.profile.rules)
        self.tokens = TokenKeeper(new_token)
        self.faults = Faults()
        self.spots = Spots()
        self.listeners: list[Listener] = []
        self.mappers: dict[int, ExecutionMapper] = {}
        self._units = {one.symbol_id: one.measurement_units for one in catalogue.symbols}
        for spec in accounts:
            self.open_account(spec, opened_ms)

    def open_account(self, spec: AccountSpec, at_ms: int) -> None:
        """Open an account; a grant has to name it before anybody can use it."""
        self.engine.open_account(spec, at_ms)
        book = self.engine.books[spec.account_id]
        self.mappers[spec.account_id] = ExecutionMapper(book, self._units)

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
        if last is not None and not self.engine.symbols[symbol_id].is_open(at_ms):
            return
        told = self.engine.on_tick(symbol_id, bid, ask, at_ms)
        if not self.faults.spots_stalled:
            new_bid = bid if last is None or last.bid != bid else None
            new_ask = ask if last is None or last.ask != ask else None
            self.spots.publish(symbol_id, new_bid, new_ask, at_ms)
        elif self.spots.has_subscribers(symbol_id):
            self.faults.struck["stall_spots"] += 1
        self._tell(told)

    def time_passed(self, at_ms: int) -> None:
        """Let orders expire."""
        self._tell(self.engine.on_time(at_ms))

    def trade(
        self, account_id: int, command: Command, at_ms: int, by: Listener, request_id: str
    ) -> None:
        """Carry out a command and tell all who serve the account. Raises Refusal.

        Only the connection that asked sees its ``request_id``, and only on what it asked for.
        """
        for execution in self.engine.submit(account_id, command, at_ms):
            self._tell_one(account_id, execution, by, request_id)

    def deposit(self, account_id: int, delta: int, at_ms: int, note: str = "") -> None:
        """Book money in 1/100 of the deposit asset, and tell all who serve the account."""
        self._tell([(account_id, self.engine.deposit(account_id, delta, at_ms, note))])

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

    def end_sessions(self, grant: Grant, reason: str, *, notify: bool) -> None:
        """End the sessions that live on a grant's access token, and tell 2147 where there were any.

        ``notify`` adds a 2164 for each account, as a refresh does (SW-09).
        """
        for listener in list(self.listeners):
            sessions = listener.account_ids.items()
            served = [one for one, token in sessions if token == grant.access_token]
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

    # -- telling -----------------------------------------------------------------------------

    def _tell(self, told: Told) -> None:
        for account_id, execution in told:
            self._tell_one(account_id, execution, None, "")

    def _tell_one(
        self, account_id: int, execution: Execution, by: Listener | None, request_id: str
    ) -> None:
        event = self.mappers[account_id].execution(execution)
        for listener in list(self.listeners):
            if account_id in listener.account_ids:
                owns = listener is by and not execution.is_server
                listener.send(event, request_id if owns else "")
