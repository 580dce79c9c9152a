"""Several platforms as one: each account by its own, everything else of all together.

Holds no account and judges no answer. Where an account is not named, the platforms are asked in
their order, and one that cannot answer does not silence the others; prices of one symbol come from
the first that has them.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

from fxpool.mapping import formats, pool_formats
from fxpool.platforms.base import Platform, Subscription
from fxpool.platforms.event_ring import ResumeFrom
from fxpool.platforms.events import EventFilter
from fxpool.platforms.joined_subscription import JoinedSubscription
from fxpool.platforms.several_past import PastCalls
from fxpool.platforms.several_prices import PriceCalls
from fxpool.platforms.several_status import joined_health, summed_stats
from fxpool.platforms.several_trading import TradingCalls


class SeveralPlatforms(TradingCalls, PriceCalls, PastCalls):
    """Platforms behind one service; implements ``platforms.base.Platform``."""

    name = "several"

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

    # Accounts

    async def accounts(self) -> dict[str, pool_formats.AccountListing]:
        merged = await self._merged(lambda part: part.accounts())
        return merged | {k: v for absent in self._absent for k, v in absent.listings().items()}

    async def accounts_summary(self) -> dict[str, pool_formats.AccountSummary]:
        answers, failures = await self._asked(lambda part: part.accounts_summary())
        merged = {key: row for answer in answers.values() for key, row in answer.items()}
        for key, owner in self._owners.items():
            if owner in failures:
                merged[key] = pool_formats.AccountSummary(
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

    # The pool

    async def pool_stats(self) -> pool_formats.PoolStats:
        """Return the sums over all parts that answer. Raises PlatformError if none does."""
        answers, failures = await self._asked(lambda part: part.pool_stats())
        if not answers:
            raise next(iter(failures.values()))
        return summed_stats(list(answers.values()))

    async def health(self) -> pool_formats.Health:
        """Return the health of all parts: healthy if all are, unhealthy if all are."""
        answers, failures = await self._asked(lambda part: part.health())
        if not answers:
            raise next(iter(failures.values()))
        merged = joined_health(list(answers.values()), len(failures))
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
