"""Several platforms as one: each account by its own, everything else of all together.

Holds no account and judges no answer. Where an account is not named, the platforms are asked in
their order, and one that cannot answer does not silence the others; prices of one symbol come from
the first that has them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from typing import Final, Self, TypeVar

from fxpool.mapping import formats
from fxpool.mapping.history_formats import (
    AccountMetrics,
    BarList,
    DailyGrowth,
    OpenTrades,
    RiskStatus,
    SymbolStats,
    TradeHistory,
)
from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiDeal,
    MetaApiMargin,
    MetaApiOrder,
)
from fxpool.mapping.report_formats import AccountReport
from fxpool.mapping.symbol_formats import SymbolSpecification
from fxpool.platforms.absent import AbsentAccounts
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    Platform,
    PlatformError,
    ProtectionRequest,
    Subscription,
    TradeRequest,
)
from fxpool.platforms.directory import AccountNames, find_account
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event, EventFilter
from fxpool.platforms.mappings import joined
from fxpool.platforms.past import SortOrder
from fxpool.platforms.records import MarginQuestion, Wanted
from fxpool.platforms.words import refusal

T = TypeVar("T")

SERVICE: Final = "fxpool Connection Pool"


class SeveralPlatforms:
    """Platforms behind one service; implements ``platforms.base.Platform``.

    Attributes:
        parts: the platforms that are on, in the order in which they are asked.
    """

    name = "several"

    def __init__(
        self,
        parts: Mapping[str, Platform],
        accounts: Mapping[str, tuple[str, str | None]],
        absent: Sequence[AbsentAccounts] = (),
    ) -> None:
        """``accounts`` are the configured ones by key: the name of the part that serves each, and
        its other name, or None."""
        self.parts = dict(parts)
        self._absent = list(absent)
        self._owners = {key: owner for key, (owner, _) in accounts.items()}
        self._names = [AccountNames(key, alias, None, None) for key, (_, alias) in accounts.items()]

    def own(self, part: str, accounts: Mapping[str, str | None]) -> None:
        """Let a part serve these accounts from now on, and no other: each with its other name."""
        others = {key for key, owner in self._owners.items() if owner != part}
        self._owners = {key: owner for key, owner in self._owners.items() if key in others}
        self._owners |= dict.fromkeys(accounts, part)
        self._names = [names for names in self._names if names.key in others]
        self._names += [AccountNames(key, alias, None, None) for key, alias in accounts.items()]

    def part(self, kind: type[T]) -> T | None:
        """Return the part of a kind, None if there is none."""
        return next((part for part in self.parts.values() if isinstance(part, kind)), None)

    # Life

    async def open(self) -> None:
        """Open all parts; if one cannot be opened, none stays open."""
        async with AsyncExitStack() as opened:
            for part in self.parts.values():
                await part.open()
                opened.push_async_callback(part.close)
            opened.pop_all()

    async def close(self) -> None:
        """Close all parts, the last first."""
        async with AsyncExitStack() as stack:
            for part in self.parts.values():
                stack.push_async_callback(part.close)

    # Which part

    def key_of(self, account: str) -> str:
        """Return the key of the account that a name means. Raises PlatformError.

        Names of the configuration first, of platforms that are off too; then those that only the
        first platform knows, such as its broker's numbers.
        """
        absent = [names for each in self._absent for names in each.known_names]
        try:
            return find_account(account, [*self._names, *absent])
        except PlatformError as error:
            if error.status != 404 or not self.parts:
                raise
            return self._by_part(account).key_of(account)

    def _by_part(self, account: str) -> Platform:
        """Return the part that knows a name. Raises PlatformError: 404 if none does."""
        for part in self.parts.values():
            try:
                part.key_of(account)
            except PlatformError as error:
                if error.status != 404:
                    raise
            else:
                return part
        raise PlatformError(404, "ACCOUNT_NOT_FOUND", f"Account not found: {account}")

    def _of(self, account: str) -> Platform:
        """Return the platform of an account. Raises PlatformError."""
        key = self.key_of(account)
        owner = self._owners.get(key)
        if owner is not None:
            return self.parts[owner]
        for absent in self._absent:
            if any(names.key == key for names in absent.known_names):
                raise absent.refusal(key)
        return self._by_part(account)

    async def _trade(
        self, account: str, call: Callable[[Platform], Awaitable[formats.TradeResult]]
    ) -> formats.TradeResult:
        """Make a trading call; that a platform is off is a refusal like any other."""
        try:
            part = self._of(account)
        except PlatformError as error:
            if error.code == "PLATFORM_NOT_CONFIGURED":
                return refusal(error)
            raise
        return await call(part)

    async def _first(self, ask: Callable[[Platform], Awaitable[T]]) -> T:
        """Return the first part's answer that is one; else the error of the first that has one
        with more to say than that it does not know the thing."""
        errors: list[PlatformError] = []
        for part in self.parts.values():
            try:
                return await ask(part)
            except PlatformError as error:
                errors.append(error)
        if not errors:
            raise PlatformError(503, "NOT_READY", "network: no platform is configured")
        raise min(errors, key=lambda error: error.status == 404)

    async def _merged(self, ask: Callable[[Platform], Awaitable[dict[str, T]]]) -> dict[str, T]:
        """Return the answers of all parts in one map, without those that cannot answer; the first
        part wins. Raises PlatformError if none can."""
        answers, failures = await self._asked(ask)
        if failures and not answers:
            raise next(iter(failures.values()))
        return {
            key: value
            for answer in reversed(list(answers.values()))
            for key, value in answer.items()
        }

    async def _asked(
        self, ask: Callable[[Platform], Awaitable[T]]
    ) -> tuple[dict[str, T], dict[str, PlatformError]]:
        """Return what each part answers, and why the others do not, by their names."""
        answers: dict[str, T] = {}
        failures: dict[str, PlatformError] = {}

        async def one(name: str, part: Platform) -> None:
            try:
                answers[name] = await ask(part)
            except PlatformError as error:
                failures[name] = error

        await asyncio.gather(*(one(name, part) for name, part in self.parts.items()))
        return {name: answers[name] for name in self.parts if name in answers}, failures

    # Accounts

    async def accounts(self) -> dict[str, formats.AccountListing]:
        merged = await self._merged(lambda part: part.accounts())
        return merged | {k: v for absent in self._absent for k, v in absent.listings().items()}

    async def accounts_summary(self) -> dict[str, formats.AccountSummary]:
        answers, failures = await self._asked(lambda part: part.accounts_summary())
        merged = {key: row for answer in answers.values() for key, row in answer.items()}
        for key, owner in self._owners.items():
            if owner in failures:
                merged[key] = formats.AccountSummary(
                    name=key,
                    platform=owner,
                    status="unreachable",
                    connected=False,
                    error=failures[owner].detail,
                )
        return merged | {k: v for absent in self._absent for k, v in absent.summaries().items()}

    async def account_information(
        self, account: str, *, environment: str | None = None
    ) -> formats.AccountInformation:
        return await self._of(account).account_information(account, environment=environment)

    async def positions(self, account: str) -> formats.PositionList:
        return await self._of(account).positions(account)

    async def orders(self, account: str) -> formats.OrderList:
        return await self._of(account).orders(account)

    # Trading

    async def execute(self, account: str, request: TradeRequest) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.execute(account, request))

    async def modify_position(
        self, account: str, request: ProtectionRequest
    ) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.modify_position(account, request))

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.close_position(account, request))

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        part = self._of(account)
        return await part.close_positions(account, symbol=symbol, environment=environment)

    async def halt(self, account: str | None = None, *, reason: str = "") -> formats.HaltState:
        return await self._each(account, lambda part: part.halt(account, reason=reason))

    async def resume(self, account: str | None = None) -> formats.HaltState:
        return await self._each(account, lambda part: part.resume(account))

    async def _each(
        self, account: str | None, act: Callable[[Platform], Awaitable[formats.HaltState]]
    ) -> formats.HaltState:
        """Do it on the platform of an account, or on all; one that fails does not spare the rest,
        and its error is raised after them."""
        if account is not None:
            return await act(self._of(account))
        results = await asyncio.gather(
            *(act(part) for part in self.parts.values()), return_exceptions=True
        )
        states: list[formats.HaltState] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            states.append(result)
        return states[0]

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.modify_order(account, change))

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        return await self._trade(
            account,
            lambda part: part.cancel_order(
                account,
                order_id,
                environment=environment,
                allow_unsynchronized=allow_unsynchronized,
            ),
        )

    # Tickets

    async def tickets(
        self, account: str | None = None, state: str | None = None
    ) -> formats.TicketList:
        if account is not None:
            return await self._of(account).tickets(account, state)
        lists = await asyncio.gather(*(part.tickets(None, state) for part in self.parts.values()))
        rows = [row for found in lists for row in found["tickets"]]
        rows.sort(key=lambda row: row["receivedTime"], reverse=True)
        return formats.TicketList(tickets=rows, count=len(rows))

    async def ticket(self, ticket_id: str) -> formats.TicketInfo:
        return await self._first(lambda part: part.ticket(ticket_id))

    async def wait_ticket(self, ticket_id: str, timeout: float) -> formats.TicketInfo:
        account = (await self.ticket(ticket_id))["accountId"]
        return await self._of(account).wait_ticket(ticket_id, timeout)

    # Prices and symbols

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        if account is not None:
            return await self._of(account).price(symbol, account)
        return await self._first(lambda part: part.price(symbol))

    async def prices(self) -> dict[str, formats.PriceInfo]:
        return await self._merged(lambda part: part.prices())

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        return await self._on_symbol(
            symbol, account, lambda part: part.subscribe_symbol(symbol, account)
        )

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        return await self._on_symbol(
            symbol, account, lambda part: part.unsubscribe_symbol(symbol, account)
        )

    async def _on_symbol(
        self,
        symbol: str,
        account: str | None,
        act: Callable[[Platform], Awaitable[formats.SubscriptionResult]],
    ) -> formats.SubscriptionResult:
        if account is not None:
            return await act(self._of(account))
        answers = await asyncio.gather(*(act(part) for part in self.parts.values()))
        done = [account for answer in answers for account in answer["accounts"]]
        failed = {key: why for answer in answers for key, why in answer["failed"].items()}
        return formats.SubscriptionResult(
            success=bool(done), symbol=symbol, accounts=sorted(done), failed=failed
        )

    async def initialize_streaming(self, account: str) -> formats.StreamingState:
        return await self._of(account).initialize_streaming(account)

    async def symbols(self, account: str) -> formats.SymbolList:
        return await self._of(account).symbols(account)

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        return await self._of(account).symbol_specification(account, symbol)

    async def symbol_mapping(
        self, symbol: str, account: str | None = None
    ) -> formats.SymbolMapping:
        if account is not None:
            return await self._of(account).symbol_mapping(symbol, account)
        answers, failures = await self._asked(lambda part: part.symbol_mapping(symbol))
        if not answers and failures:
            raise min(failures.values(), key=lambda error: error.status == 404)
        return joined(list(answers.values()))

    # The past

    async def metrics(self, account: str) -> AccountMetrics:
        return await self._of(account).metrics(account)

    async def trades(
        self,
        account: str,
        *,
        days: int = 30,
        limit: int = 100,
        include_balance: bool = False,
        order: SortOrder = "desc",
    ) -> TradeHistory:
        return await self._of(account).trades(
            account, days=days, limit=limit, include_balance=include_balance, order=order
        )

    async def daily_growth(self, account: str, *, days: int = 30) -> DailyGrowth:
        return await self._of(account).daily_growth(account, days=days)

    async def symbol_stats(self, account: str, symbol: str) -> SymbolStats:
        return await self._of(account).symbol_stats(account, symbol)

    async def risk_status(self, account: str) -> RiskStatus:
        return await self._of(account).risk_status(account)

    async def report(
        self,
        account: str,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        days: int = 30,
        limit: int = 1000,
    ) -> AccountReport:
        return await self._of(account).report(account, begin=begin, end=end, days=days, limit=limit)

    async def open_trades(self, account: str) -> OpenTrades:
        return await self._of(account).open_trades(account)

    async def bars(
        self,
        account: str,
        symbol: str,
        timeframe: str = "1h",
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> BarList:
        return await self._of(account).bars(account, symbol, timeframe, begin=begin, end=end)

    # The pool

    async def pool_stats(self) -> formats.PoolStats:
        """Return the sums over all parts that answer. Raises PlatformError if none does."""
        answers, failures = await self._asked(lambda part: part.pool_stats())
        if not answers:
            raise next(iter(failures.values()))
        first, *rest = answers.values()
        for stats in rest:
            for name, value in stats.items():
                known = first[name]  # type: ignore[literal-required] # the same shape's own names
                if name == "uptimeSeconds":
                    continue
                if isinstance(value, dict):
                    sums = {key: known.get(key, 0) + value.get(key, 0) for key in known | value}
                    first[name] = sums  # type: ignore[literal-required] # the same
                else:
                    first[name] = known + value  # type: ignore[literal-required] # the same
        used = first["connectionsCreated"] + first["connectionsReused"]
        first["reuse_ratio"] = round(first["connectionsReused"] / used, 4) if used else 0.0
        return first

    async def health(self) -> formats.Health:
        """Return the health of all parts: healthy if all are, unhealthy if all are."""
        answers, failures = await self._asked(lambda part: part.health())
        if not answers:
            raise next(iter(failures.values()))
        parts = list(answers.values())
        words = [part["status"] for part in parts if part["accounts"]]
        words += ["unhealthy"] * len(failures)
        merged = formats.Health(
            status=_together(words),
            service=parts[0]["service"] if len(self.parts) == 1 else SERVICE,
            version=parts[0]["version"],
            timestamp=parts[0]["timestamp"],
            simulated=any(part["simulated"] for part in parts),
            stats=_sums([part["stats"] for part in parts]),
            checks={name: word for part in parts for name, word in part["checks"].items()},
            accounts={key: word for part in parts for key, word in part["accounts"].items()},
            details={key: row for part in parts for key, row in part["details"].items()},
        )
        for name, error in failures.items():
            merged["checks"][name] = f"down: {error.detail}"
        for key, owner in self._owners.items():
            if owner in failures:
                merged["accounts"][key] = "unreachable"
        for absent in self._absent:
            absent.add_to(merged)
        return merged

    async def reset_connections(self) -> int:
        return sum(
            await asyncio.gather(*(part.reset_connections() for part in self.parts.values()))
        )

    def subscribe(
        self, wanted: EventFilter | None = None, resume: ResumeFrom | None = None
    ) -> Subscription:
        """Return one stream of all parts whose accounts the filter lets through.

        Each part numbers its own accounts: with ``resume``, parts that know the position go on
        from it, and the others begin with a ``gap`` and their snapshots.
        """
        wanted = wanted or EventFilter()
        if wanted.accounts is None:
            parts = self.parts.values()
            return JoinedSubscription([part.subscribe(wanted, resume) for part in parts])
        by_part: dict[int, tuple[Platform, set[str]]] = {}
        for account in wanted.accounts:
            part = self._of(account)
            by_part.setdefault(id(part), (part, set()))[1].add(account)
        return JoinedSubscription(
            [
                part.subscribe(replace(wanted, accounts=frozenset(accounts)), resume)
                for part, accounts in by_part.values()
            ]
        )

    # Records

    async def deals(self, account: str, wanted: Wanted) -> list[MetaApiDeal]:
        return await self._of(account).deals(account, wanted)

    async def past_orders(self, account: str, wanted: Wanted) -> list[MetaApiOrder]:
        return await self._of(account).past_orders(account, wanted)

    async def depth(self, account: str, symbol: str) -> MetaApiBook:
        return await self._of(account).depth(account, symbol)

    async def order_margin(self, account: str, question: MarginQuestion) -> MetaApiMargin:
        return await self._of(account).order_margin(account, question)

    # Limits

    async def guards(self, account: str) -> formats.GuardList:
        return await self._of(account).guards(account)

    async def reset_guards(self, account: str, *, by: str = "") -> formats.GuardList:
        return await self._of(account).reset_guards(account, by=by)


class JoinedSubscription:
    """Several streams as one; the order within each is kept. Ends with the first that ends."""

    def __init__(self, streams: Sequence[Subscription]) -> None:
        self._streams = list(streams)
        self._waiting: dict[asyncio.Task[list[Event]], Subscription] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for stream in self._streams:
            await self._stack.enter_async_context(stream)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        tasks = list(self._waiting)
        self._waiting.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stack.aclose()

    def beat(self, at: datetime) -> None:
        """Queue a heartbeat of each part."""
        for stream in self._streams:
            stream.beat(at)

    async def next_batch(self) -> list[Event]:
        """Wait for at least one event and return all that are ready, oldest first per part."""
        waited_for = set(self._waiting.values())
        for stream in self._streams:
            if stream not in waited_for:
                task = asyncio.create_task(stream.next_batch(), name="joined-stream")
                self._waiting[task] = stream
        await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
        batch: list[Event] = []
        for task in [task for task in self._waiting if task.done()]:
            del self._waiting[task]
            batch += task.result()
        return batch

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.next_batch():
                yield event


def _sums(counters: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counters:
        total.update(each)
    return dict(total)


def _together(words: Sequence[str]) -> str:
    """Return one word for the health of several parts that have accounts."""
    kinds = set(words)
    if not kinds:
        return "healthy"
    if len(kinds) == 1:
        return words[0]
    return "starting" if kinds == {"healthy", "starting"} else "degraded"
