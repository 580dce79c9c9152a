"""The seam between the pool and an account: what each may ask of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, Protocol

from google.protobuf.message import Message

from fxpool.errors import FxPoolError
from fxpool.openapi.proto.messages_pb2 import ProtoOAExecutionEvent, ProtoOASpotEvent

TRADE_SECONDS: Final = 30.0
"""How long an order request may take, queues included, before its outcome is unknown."""

LastCheck = Callable[[], None]
"""Raises RequestNotSent where a request may not leave any more."""


class Environment(Enum):
    """Which of the broker's two hosts an account lives on."""

    DEMO = "demo"
    LIVE = "live"


class Priority(IntEnum):
    """Who goes first when requests wait for a slot; smaller is sooner.

    Each priority has a queue with a bound of its own, so opens never fill the way of exits.
    """

    EXIT = 0
    """Closes, cancels and amendments: what limits a risk never waits behind what makes one."""
    TRADE = 1
    """New orders."""
    READ = 2
    HISTORY = 3


@dataclass(frozen=True, slots=True)
class TradeReply:
    """How the broker finished an order request: the execution events it caused, oldest first.

    The last one finished it (a fill, a replacement, a cancellation), the earlier ones led to it.
    Refusals never arrive here, they are raised.
    """

    events: tuple[ProtoOAExecutionEvent, ...]

    @property
    def final(self) -> ProtoOAExecutionEvent:
        """The event that finished the request."""
        return self.events[-1]


class AccountChannel(Protocol):
    """One account's way to the broker, whatever session serves it at the moment."""

    @property
    def account_id(self) -> int:
        """The ``ctidTraderAccountId``."""
        ...

    @property
    def is_authorised(self) -> bool:
        """Whether a session serves the account now."""
        ...

    async def request(
        self, message: Message, *, timeout: float = 10.0, priority: Priority = Priority.READ
    ) -> Message:
        """Send a request and return its answer.

        ``timeout`` is in seconds and counts from this call, waiting for a slot included.
        ``ALREADY_SO`` errors are returned to the caller as RequestRefused, like all others.

        Raises RequestNotSent (no session now), PoolBusy (queue full), RequestRefused and its kinds,
        RequestTimedOut, RequestAbandoned.
        """
        ...

    async def trade(
        self,
        message: Message,
        *,
        timeout: float = TRADE_SECONDS,
        last_check: LastCheck | None = None,
    ) -> TradeReply:
        """Send an order request, ahead of all others, and return once its outcome is known.

        ``last_check`` is called when nothing but the wire lies ahead, however long it waited.

        Raises TradeRefused (by any of the four carriers), RequestNotSent, PoolBusy,
        RequestTimedOut and RequestAbandoned (outcome unknown), OutcomeUnclear.
        """
        ...

    async def reauthorise(self) -> None:
        """Authorise the account again on its session, after the broker said that it is not.

        The listener hears ``lost`` and then ``authorised``.
        """
        ...


class AccountListener(Protocol):
    """What the pool tells an account. Called in the socket's turn of the loop: never blocks."""

    def authorised(self) -> None:
        """A session serves the account from now on; nothing is subscribed on it yet."""
        ...

    def spot(self, event: ProtoOASpotEvent) -> None:
        """A quote of this account. The message may be kept."""
        ...

    def push(self, message: Message) -> None:
        """Any other message about this account: execution events (those that answer a request
        too, before the request returns), trader updates, symbol changes and so on."""
        ...

    def lost(self, error: FxPoolError) -> None:
        """No session serves the account now; the pool works on it unless ``refused`` follows."""
        ...

    def refused(self, error: FxPoolError) -> None:
        """The account cannot be authorised until a person or a new token mends it."""
        ...


@dataclass(frozen=True, slots=True)
class Seat:
    """What the pool needs to authorise an account.

    ``access_token`` is called at each authorisation, so that a rotated token is used at once.
    """

    account_id: int
    environment: Environment
    access_token: Callable[[], str]
