"""The platform as one caller may use it: every call is decided on before it reaches the platform.

Routes and streams see nothing but this. It implements ``platforms.base.Platform`` call by call: a
new call there does not type-check until it is given its Operation here; those about the past are
passed on as reads. Names of accounts are resolved first, so that no second name of an account is a
way around a list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from fxpool import context
from fxpool.domain.order_keys import order_key
from fxpool.domain.permissions import Allowed, Operation, Principal, Refused, Word, decide
from fxpool.gateway.access.refusals import require
from fxpool.gateway.access.volume_caps import VolumeCaps, ticket_with
from fxpool.gateway.audit.before import StateBefore
from fxpool.gateway.symbol_wants import SymbolWants
from fxpool.mapping import formats, pool_formats
from fxpool.mapping.order_words import VolumeUnits
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    Platform,
    PlatformError,
    ProtectionRequest,
    Subscription,
    TradeRequest,
)
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter
from fxpool.platforms.mappings import joined
from fxpool.platforms.passed_on_past import PassedOnPast

T = TypeVar("T")


class GuardedPlatform(PassedOnPast):
    """A platform in the hands of one principal. Whoever opened the platform closes it.

    All calls raise PlatformError 403 for what the principal may not do. An account that it may not
    see and one that does not exist are refused with the same words.
    """

    def __init__(
        self,
        platform: Platform,
        principal: Principal,
        caps: VolumeCaps,
        note: dict[str, Any] | None = None,
        wants: SymbolWants | None = None,
    ) -> None:
        """``note`` is what the audit log writes down of the call; None where it does not.
        ``wants`` are the subscriptions of all callers."""
        self._wants = wants or SymbolWants()
        self._platform, self.principal, self._caps = platform, principal, caps
        self._accounts = principal.permissions.accounts
        self._before = StateBefore(platform, note)

    @property
    def name(self) -> str:
        return self._platform.name

    async def open(self) -> None:
        """Do nothing: a caller does not open the platform."""

    async def close(self) -> None:
        """Do nothing: a caller does not close the platform."""

    def key_of(self, account: str) -> str:
        return self._of(account).key_of(account)

    def require(self, operation: Operation, account: str | None) -> None:
        """Return if something may be done on an account; without one, on all at once.

        Raises PlatformError.
        """
        if account is not None:
            context.add(account=account)
        if self._accounts is None:
            require(decide(self.principal, operation), operation)
            return
        key = None if account is None else self._resolved(account)
        decision = decide(self.principal, operation, key, everywhere=account is None)
        if isinstance(decision, Allowed) and account is not None and key is None:
            decision = Refused(Word.ACCOUNT, f"{self.principal.name} is not for account {account}")
        require(decision, operation)

    def visible(self, rows: Mapping[str, T]) -> dict[str, T]:
        """Return the rows of accounts that the caller may see, of rows by account key."""
        return {key: row for key, row in rows.items() if self._sees(key)}

    # Reads

    async def accounts(self) -> dict[str, pool_formats.AccountListing]:
        return self.visible(await self._everything().accounts())

    async def accounts_summary(self) -> dict[str, pool_formats.AccountSummary]:
        return self.visible(await self._everything().accounts_summary())

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> formats.AccountInformation:
        read = self._of(account)
        return await read.account_information(account, environment=environment)

    async def positions(self, account: str) -> formats.PositionList:
        return await self._of(account).positions(account)

    async def orders(self, account: str) -> formats.OrderList:
        return await self._of(account).orders(account)

    async def tickets(
        self, account: str | None = None, state: str | None = None
    ) -> formats.TicketList:
        """Return the tickets of an account, or of all that the caller may see, newest first."""
        if account is not None or self._accounts is None:
            return await self._of(account).tickets(account, state)
        self._everything()
        found: list[formats.TicketInfo] = []
        for key in self._known():
            found += (await self._platform.tickets(key, state))["tickets"]
        found.sort(key=lambda ticket: ticket["receivedTime"], reverse=True)
        return formats.TicketList(tickets=found, count=len(found))

    async def ticket(self, ticket_id: str) -> formats.TicketInfo:
        return self._seen(ticket_id, await self._everything().ticket(ticket_id))

    async def wait_ticket(self, ticket_id: str, timeout: float) -> formats.TicketInfo:
        await self.ticket(ticket_id)
        return await self._platform.wait_ticket(ticket_id, timeout)

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        """Return the freshest quote, of one account or of all that the caller may see."""
        if account is not None or self._accounts is None:
            return await self._of(account).price(symbol, account)
        return await self._own_price(symbol)

    async def prices(self) -> dict[str, formats.PriceInfo]:
        """Return the freshest quote of every symbol, of accounts that the caller may see."""
        found = await self._everything().prices()
        if self._accounts is None:
            return found
        mine: dict[str, formats.PriceInfo] = {}
        for symbol, price in found.items():
            if self._sees(price["account_id"]):
                mine[symbol] = price
                continue
            try:
                mine[symbol] = await self._own_price(symbol)
            except PlatformError:
                continue  # quoted on accounts of others only
        return mine

    async def symbols(self, account: str) -> SymbolList:
        return await self._of(account).symbols(account)

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        return await self._of(account).symbol_specification(account, symbol)

    async def symbol_mapping(self, symbol: str, account: str | None = None) -> SymbolMapping:
        if account is not None or self._accounts is None:
            return await self._of(account).symbol_mapping(symbol, account)
        return joined(await self._of_each(lambda key: self._platform.symbol_mapping(symbol, key)))

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        if account is not None or self._accounts is None:
            self._of(account)
            return await self._quote(symbol, account)
        return await self._on_own(symbol, self._quote)

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        if account is not None or self._accounts is None:
            self._of(account)
            return await self._unquote(symbol, account)
        return await self._on_own(symbol, self._unquote)

    async def _quote(self, symbol: str, account: str | None) -> formats.SubscriptionResult:
        """Have a symbol quoted, and remember for whom."""
        self._wants.require_room(self.principal)
        result = await self._platform.subscribe_symbol(symbol, account)
        self._wants.add(self.principal, self._key(account), symbol)
        return result

    async def _unquote(self, symbol: str, account: str | None) -> formats.SubscriptionResult:
        """End it, unless another caller still wants it."""
        key = self._key(account)
        if self._wants.drop(self.principal, key, symbol):
            return await self._platform.unsubscribe_symbol(symbol, account)
        accounts = [] if key is None else [key]
        return formats.SubscriptionResult(success=True, symbol=symbol, accounts=accounts, failed={})

    def _key(self, account: str | None) -> str | None:
        return None if account is None else self._platform.key_of(account)

    async def initialize_streaming(self, account: str) -> formats.StreamingState:
        return await self._of(account).initialize_streaming(account)

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        """Return a stream of the events of accounts that the caller may see."""
        require(decide(self.principal, Operation.STREAM), Operation.STREAM)
        wanted = wanted or EventFilter()
        for account in wanted.accounts or ():
            self.require(Operation.STREAM, account)
        if wanted.accounts is None and self._accounts is not None:
            wanted = replace(wanted, accounts=frozenset(self._known()))
        return self._platform.subscribe(wanted, resume)

    async def pool_stats(self) -> pool_formats.PoolStats:
        return await self._everything().pool_stats()

    async def health(self) -> pool_formats.Health:
        """Return the health; open to all, with the names of accounts for who may see them."""
        health = await self._platform.health()
        if self._accounts is None:
            return health
        health["accounts"] = self.visible(health["accounts"])
        health["details"] = self.visible(health["details"])
        return health

    # Trading

    async def execute(self, account: str, request: TradeRequest) -> formats.TradeResult:
        self.require(Operation.PLACE, account)
        if not self.principal.permissions.has_caps:
            return await self._platform.execute(account, request)
        is_in_lots = request.volume_units is VolumeUnits.LOTS and request.risk_percent is None
        lots = request.volume if is_in_lots else None
        key = order_key(request.idempotency_key, request.comment)
        return await self._caps.within(
            self.principal,
            lots,
            lambda: self._platform.execute(account, request),
            None if key is None else partial(ticket_with, self._platform, account, key.text),
        )

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        """Change a pending order; a new volume counts as if the order were new."""
        self.require(Operation.AMEND, account)
        await self._before.order(account, change.order_id)
        if change.volume is None or not self.principal.permissions.has_caps:
            return await self._platform.modify_order(account, change)
        lots = change.volume if change.volume_units is VolumeUnits.LOTS else None
        return await self._caps.within(
            self.principal, lots, lambda: self._platform.modify_order(account, change)
        )

    async def modify_position(
        self, account: str, request: ProtectionRequest
    ) -> formats.TradeResult:
        self.require(Operation.AMEND, account)
        await self._before.position(account, request.position_id)
        return await self._platform.modify_position(account, request)

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        self.require(Operation.CLOSE, account)
        return await self._platform.close_position(account, request)

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        self.require(Operation.CLOSE, account)
        return await self._platform.close_positions(account, symbol=symbol, environment=environment)

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        self.require(Operation.CLOSE, account)
        return await self._platform.cancel_order(
            account,
            order_id,
            environment=environment,
            allow_unsynchronized=allow_unsynchronized,
        )

    # Running the pool

    async def halt(self, account: str | None = None, *, reason: str = "") -> formats.HaltState:
        self.require(Operation.HALT, account)
        await self._before.halts(account)
        return await self._platform.halt(account, reason=reason)

    async def resume(self, account: str | None = None) -> formats.HaltState:
        self.require(Operation.OPERATE, account)
        await self._before.halts(account)
        return await self._platform.resume(account)

    async def guards(self, account: str) -> formats.GuardList:
        return await self._of(account).guards(account)

    async def reset_guards(self, account: str, *, by: str = "") -> formats.GuardList:
        self.require(Operation.OPERATE, account)
        await self._before.guards(account)
        return await self._platform.reset_guards(account, by=by)

    async def reset_connections(self) -> int:
        self.require(Operation.OPERATE, None)
        return await self._platform.reset_connections()

    # Small parts

    def _resolved(self, account: str) -> str | None:
        """Return the key of an account that the caller may see, or None for any other."""
        try:
            key = self._platform.key_of(account)
        except PlatformError:
            return None
        return key if self._sees(key) else None

    def _of(self, account: str | None) -> Platform:
        """Return the platform for reads of an account, None for those of all at once."""
        self.require(Operation.READ, account)
        return self._platform

    def _everything(self) -> Platform:
        """Return the platform for a read whose answer is limited to what the caller may see."""
        require(decide(self.principal, Operation.READ), Operation.READ)
        return self._platform

    def _sees(self, key: str) -> bool:
        return self._accounts is None or key in self._accounts

    def _known(self) -> list[str]:
        """The accounts of the caller's list that the platform has."""
        return [key for key in sorted(self._accounts or ()) if self._resolved(key) == key]

    async def _of_each(self, read: Callable[[str], Awaitable[T]]) -> list[T]:
        """Return the answers of all accounts of the list that have one. Raises the last refusal if
        none has."""
        self._everything()
        found: list[T] = []
        refused = PlatformError(404, "ACCOUNT_NOT_FOUND", "no account that you may see is here")
        for key in self._known():
            try:
                found.append(await read(key))
            except PlatformError as error:
                refused = error
        if not found:
            raise refused
        return found

    async def _own_price(self, symbol: str) -> formats.PriceInfo:
        prices = await self._of_each(lambda key: self._platform.price(symbol, key))
        return min(prices, key=lambda price: price["ageMs"])

    async def _on_own(
        self, symbol: str, act: Callable[[str, str], Awaitable[formats.SubscriptionResult]]
    ) -> formats.SubscriptionResult:
        """Do something about a symbol on each account of the list; failures are told."""
        self._everything()
        done: list[str] = []
        failed: dict[str, str] = {}
        for key in self._known():
            try:
                await act(symbol, key)
                done.append(key)
            except PlatformError as error:
                failed[key] = error.detail
        return formats.SubscriptionResult(
            success=bool(done), symbol=symbol, accounts=done, failed=failed
        )

    def _seen(self, ticket_id: str, ticket: formats.TicketInfo) -> formats.TicketInfo:
        """Return a ticket of an account that the caller may see; others do not exist for it."""
        if not self._sees(ticket["accountId"]):
            raise PlatformError(404, "TICKET_NOT_FOUND", f"Ticket not found: {ticket_id}")
        return ticket
