"""The accounts that a platform of this process serves: how a name finds one, and what every such
platform does alike with them. Knows no broker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from fxpool.errors import FxPoolError
from fxpool.mapping.formats import SubscriptionResult
from fxpool.platforms.directory import AccountNames, find_account
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import Event, EventFilter, EventSubscription
from fxpool.platforms.words import explain


class Configured(Protocol):
    """What is configured of an account."""

    @property
    def enabled(self) -> bool: ...


class NamedAccount(Protocol):
    """An account with all names that callers may use for it."""

    @property
    def config(self) -> Configured: ...

    @property
    def known_names(self) -> AccountNames: ...


class OneServed(Protocol):
    """The parts of one account."""

    @property
    def key(self) -> str: ...

    @property
    def account(self) -> NamedAccount: ...

    def snapshot(self) -> Event | None:
        """Return the account's state as one event; None where it is not live."""
        ...

    def gap(self, start: ResumeFrom) -> Event:
        """Return the event that says that changes since ``start`` cannot be told one by one."""
        ...


ServedT = TypeVar("ServedT", bound=OneServed)


class AccountsByName(dict[str, ServedT]):
    """All configured accounts by key, disabled ones too."""

    def find(self, name: str) -> ServedT:
        """Return the account that a name means. Raises PlatformError: 404 or 409."""
        served = self.get(name)
        if served is None:
            served = self[find_account(name, (s.account.known_names for s in self.values()))]
        return served

    def enabled(self) -> list[ServedT]:
        """Return the accounts that are to be served."""
        return [served for served in self.values() if served.account.config.enabled]

    async def on_symbol(
        self, symbol: str, account: str | None, act: Callable[[ServedT], Awaitable[None]]
    ) -> SubscriptionResult:
        """Do something about a symbol on one account, whose errors raise, or on all, whose errors
        are told."""
        done: list[str] = []
        failed: dict[str, str] = {}

        async def on(served: ServedT) -> None:
            try:
                await act(served)
                done.append(served.key)
            except FxPoolError as exc:
                if account is not None:
                    raise explain(exc) from exc
                failed[served.key] = explain(exc).detail

        if account is not None:
            await on(self.find(account))
        else:
            await asyncio.gather(*map(on, self.enabled()))
        return SubscriptionResult(
            success=bool(done), symbol=symbol, accounts=sorted(done), failed=failed
        )

    def stream(
        self, hub: EventHub, wanted: EventFilter | None, resume: ResumeFrom | None
    ) -> EventSubscription:
        """Return a stream of the events that pass the filter, snapshots of live accounts first.

        Events name accounts by their keys; the filter takes any name. Raises PlatformError.
        """
        wanted = wanted or EventFilter()
        if wanted.accounts is not None:
            keys = frozenset(self.find(name).key for name in wanted.accounts)
            wanted = replace(wanted, accounts=keys)
        resumed = None if resume is None else hub.resume(wanted, resume)
        if resumed is not None:
            return resumed
        told = [
            served
            for served in self.enabled()
            if wanted.accounts is None or served.key in wanted.accounts
        ]
        snapshots = [event for served in told if (event := served.snapshot()) is not None]
        stream = hub.subscribe(wanted, snapshots)
        if resume is not None:
            stream.lead(served.gap(resume) for served in told)
        return stream


class OnServed(Generic[ServedT]):
    """What a group of calls on accounts stands on."""

    def __init__(self, accounts: AccountsByName[ServedT]) -> None:
        self._accounts = accounts
