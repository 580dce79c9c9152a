"""The Platform protocol: what every trading platform offers, in the pool's JSON shapes.

The gateway and the unified client speak to a Platform and never know whether it is a cTrader pool
in this process (``platforms.ctrader``) or another service over HTTP (``platforms.remote``). A
further platform is one adapter and the contract suite in tests/contract.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol, Self

from fxpool.domain.protection import Units
from fxpool.domain.trades import TimeInForce
from fxpool.errors import FxPoolError
from fxpool.mapping.formats import (
    AccountInformation,
    CloseResults,
    HaltState,
    OrderList,
    OutcomeWord,
    PositionList,
    PriceInfo,
    StreamingState,
    SubscriptionResult,
    TicketInfo,
    TicketList,
    TradeResult,
)
from fxpool.mapping.order_words import VolumeUnits
from fxpool.mapping.pool_formats import AccountListing, AccountSummary, Health, PoolStats
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event, EventFilter
from fxpool.platforms.guard_reads import GuardReads
from fxpool.platforms.past import PastReads
from fxpool.platforms.records import RecordReads
from fxpool.redaction import without_known


class PlatformError(FxPoolError):
    """A call that did not succeed, in the words that callers match.

    Attributes:
        status: the HTTP status it has on the wire.
        code: an upper-case word, the broker's own where it gave one.
        detail: the text; also ``str(error)``.
        retryable: whether the same call may succeed later.
        outcome: for trading calls, whether an order may be live; None on reads.
        retry_after: seconds, where known.
        phase: where an account stands that is not ready, empty where that is not the cause.
        parameters: what is wrong with each parameter of a malformed call.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retryable: bool = False,
        outcome: OutcomeWord | None = None,
        retry_after: float | None = None,
        phase: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        detail = without_known(detail)  # other pools and addresses may repeat what they were shown
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.retryable, self.outcome, self.retry_after = retryable, outcome, retry_after
        self.phase, self.parameters = phase, dict(parameters or {})


@dataclass(frozen=True, slots=True)
class TradeRequest:
    """A new order in a caller's words: a MetaTrader symbol name, lots, absolute prices.

    Attributes:
        action: one of ``mapping.actions.WORDS`` (``BUY``, ``ORDER_TYPE_SELL_LIMIT`` …).
        volume: in ``volume_units``; None where ``risk_percent`` says how much.
        risk_percent: the percentage of the equity that the stop loss may cost.
        open_price: the limit or stop price of a pending order.
        stop_limit_price: the limit of a stop-limit order; or ``slippage_points`` past its stop.
        slippage_points: how far a market order may fill from ``base_price`` (None: the present
            quote), in points.
        stop_loss, take_profit: in their units; distances count from the fill.
        environment: what the caller believes; a contradiction refuses the call.
        idempotency_key: the same key and order again is answered with what became of the first.
        allow_unsynchronized: send it though the account's book may not be the broker's yet.
    """

    symbol: str
    action: str
    volume: Decimal | None
    open_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    comment: str = ""
    client_id: str = ""
    expiration: datetime | None = None
    environment: str | None = None
    idempotency_key: str | None = None
    volume_units: VolumeUnits = VolumeUnits.LOTS
    risk_percent: Decimal | None = None
    stop_limit_price: Decimal | None = None
    slippage_points: int | None = None
    base_price: Decimal | None = None
    stop_loss_units: Units = Units.PRICE
    take_profit_units: Units = Units.PRICE
    trailing_stop_loss: bool = False
    guaranteed_stop_loss: bool = False
    time_in_force: TimeInForce | None = None
    allow_unsynchronized: bool = False


@dataclass(frozen=True, slots=True)
class ProtectionRequest:
    """New protection for a position: None keeps a side or a flag as it is, 0 removes a side.

    Distances count from the position's entry.
    """

    position_id: str
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    environment: str | None = None
    stop_loss_units: Units = Units.PRICE
    take_profit_units: Units = Units.PRICE
    trailing_stop_loss: bool | None = None
    guaranteed_stop_loss: bool | None = None


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """A position to close: all of it, or ``volume`` lots; ``allow_unsynchronized`` as in trades."""

    position_id: str
    volume: Decimal | None = None
    environment: str | None = None
    allow_unsynchronized: bool = False


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A change of a pending order: None keeps a value or a flag, 0 removes a protection side.

    cTrader cannot remove a side of a resting order; there it is refused.
    Distances count from the order's price, the new one if it changes.
    """

    order_id: str
    open_price: Decimal | None = None
    volume: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    expiration: datetime | None = None
    environment: str | None = None
    volume_units: VolumeUnits = VolumeUnits.LOTS
    stop_loss_units: Units = Units.PRICE
    take_profit_units: Units = Units.PRICE
    trailing_stop_loss: bool | None = None
    guaranteed_stop_loss: bool | None = None


class Subscription(Protocol):
    """A stream of events for one consumer; close it when done (``async with`` does)."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    def __aiter__(self) -> AsyncIterator[Event]:
        """Snapshots first, then changes. Raises SlowConsumer if the consumer fell behind, and
        PlatformError if the source ended."""
        ...

    async def next_batch(self) -> list[Event]:
        """Wait for at least one event and return all that are ready, oldest first."""
        ...

    def on_ready(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` when something is ready or the stream ended, at once if that is so; for a
        consumer of an entered stream that calls ``take`` instead of waiting."""
        ...

    def take(self) -> tuple[Event, ...]:
        """Return all that are ready, oldest first, possibly none; raises as waiting does."""
        ...

    def beat(self, at: datetime) -> None:
        """Queue a ``heartbeat`` that tells the number of each account's last change so far."""
        ...

    def shared(self) -> SharedQueue | None:
        """Return how one queue may serve this, once entered, and others; None if it cannot.

        A platform need not offer it: it spares work where hundreds of streams hear the same.
        """
        ...


class SharedQueue(Protocol):
    """A stream's queue that may leave the taking to a leader, which takes once for many.

    While it follows, its own consumer takes nothing. What concerns it alone (a heartbeat, its end)
    makes it part and wakes its consumer.
    """

    @property
    def kind(self) -> Hashable:
        """Equal for those that hear the same, and so may have one leader."""
        ...

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be taken, its end neither."""
        ...

    def leader(self) -> Self:
        """Return a queue of the same from here on, for this one and its like to follow."""
        ...

    def follow(self, leader: Self) -> None:
        """Leave the taking to a leader of the same kind; both are idle."""
        ...

    def part(self) -> None:
        """Go on alone, with what the leader has waiting; the consumer looks for it itself."""
        ...

    def on_ready(self, wake: Callable[[], None]) -> None:
        """As the stream's."""
        ...

    def take(self) -> tuple[Event, ...]:
        """As the stream's."""
        ...

    def close(self) -> None:
        """Hear nothing more."""
        ...


class Platform(PastReads, RecordReads, GuardReads, Protocol):
    """One trading platform. ``account`` is any name that the platform resolves to one account.

    Reads raise PlatformError when the state is not known; they never answer empty instead. Trading
    calls return a TradeResult with ``success: False`` for every refusal and every unclear outcome,
    and raise only where the pool itself cannot be reached or the request is malformed.
    """

    @property
    def name(self) -> str:
        """``ctrader``, ``metaapi`` …"""
        ...

    async def open(self) -> None:
        """Start; accounts become live in the background."""
        ...

    async def close(self) -> None:
        """End all work of ours."""
        ...

    def key_of(self, account: str) -> str:
        """Return the key of the account that a name means: what lists of accounts hold.

        A platform that cannot know returns the name. Raises PlatformError 404 or 409.
        """
        ...

    async def accounts(self) -> dict[str, AccountListing]: ...

    async def accounts_summary(self) -> dict[str, AccountSummary]: ...

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> AccountInformation: ...

    async def positions(self, account: str) -> PositionList: ...

    async def orders(self, account: str) -> OrderList: ...

    async def execute(self, account: str, request: TradeRequest) -> TradeResult: ...

    async def modify_position(self, account: str, request: ProtectionRequest) -> TradeResult: ...

    async def close_position(self, account: str, request: CloseRequest) -> TradeResult: ...

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> CloseResults:
        """Close all open positions of an account, or those of a symbol, at the same time.

        Each has its own result; ``success`` means that all of them are closed.
        """
        ...

    async def halt(self, account: str | None = None, *, reason: str = "") -> HaltState:
        """Stop an account, or all of them, from opening anything; closing stays allowed.

        Raises PlatformError, also if a restart would forget it.
        """
        ...

    async def resume(self, account: str | None = None) -> HaltState:
        """End ``halt``; without an account every halt ends."""
        ...

    async def modify_order(self, account: str, change: OrderChange) -> TradeResult: ...

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> TradeResult: ...

    async def tickets(self, account: str | None = None, state: str | None = None) -> TicketList:
        """Return the order tickets of an account, or of all, newest first."""
        ...

    async def ticket(self, ticket_id: str) -> TicketInfo: ...

    async def wait_ticket(self, ticket_id: str, timeout: float) -> TicketInfo:
        """Wait until it is known what became of a ticket, or ``timeout`` seconds; return it."""
        ...

    async def price(self, symbol: str, account: str | None = None) -> PriceInfo: ...

    async def prices(self) -> dict[str, PriceInfo]: ...

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> SubscriptionResult: ...

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> SubscriptionResult: ...

    async def initialize_streaming(self, account: str) -> StreamingState: ...

    async def symbols(self, account: str) -> SymbolList: ...

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        """Return all that may be traded of a symbol, and what it costs."""
        ...

    async def symbol_mapping(self, symbol: str, account: str | None = None) -> SymbolMapping: ...

    async def pool_stats(self) -> PoolStats: ...

    async def health(self) -> Health: ...

    async def reset_connections(self) -> int:
        """Close and reopen all broker links; return how many."""
        ...

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        """Return a stream of the events that pass the filter, snapshots first.

        With ``resume`` it begins with what came after that position instead, or, if that is not
        known any more, with a ``gap`` event per account and then the snapshots.
        """
        ...
