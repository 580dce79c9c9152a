"""What every call of the client stands on: the platform to ask, and what an answer means for the
account's connection. Knows no call by name."""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

from fxpool.client.issues import ConnectionIssues, IssueStatus
from fxpool.client.routes import DEFAULT_REGION, AccountRoute, Routes
from fxpool.clock import Clock
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import Platform, PlatformError

T = TypeVar("T")


@runtime_checkable
class Regional(Protocol):
    """A platform whose calls say where an account is hosted."""

    def hosted_in(self, region: str) -> Platform:
        """Return the same platform for accounts of one region."""
        ...


class PlatformCalls:
    """The platforms of a client, and which one serves whom."""

    def __init__(
        self,
        platforms: Mapping[str, Platform],
        routes: Routes,
        issues: ConnectionIssues,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._platforms = dict(platforms)
        self._routes = routes
        self._issues = issues

    # Which platform

    async def get_account_config(self, account_id: str) -> dict[str, Any]:
        """Return the account's entry of the routing file; ``platform`` and ``region`` for one that
        is not in it. Raises PlatformError while the file cannot be used."""
        route = self._routes.of(account_id)
        return {"platform": route.platform, **route.entry}

    async def get_pool_for_account(self, account_id: str, region: str | None = None) -> Platform:
        """Return the platform that serves an account. Raises PlatformError if it is not set up."""
        return self._of(account_id, region)

    def _of(self, account_id: str, region: str | None = None) -> Platform:
        return self._served(self._routes.of(account_id), region)

    def _served(self, route: AccountRoute, region: str | None) -> Platform:
        platform = self._platforms.get(route.platform)
        if platform is None:
            raise PlatformError(
                503,
                "PLATFORM_NOT_CONFIGURED",
                f"account {route.key} is on {route.platform}, which this client does not have: "
                "give its address",
                outcome="not_executed",
            )
        if isinstance(platform, Regional):
            return platform.hosted_in(region or route.region or DEFAULT_REGION)
        return platform

    def _for(self, account_id: str | None) -> list[Platform]:
        return list(self._platforms.values()) if account_id is None else [self._of(account_id)]

    # Asking

    async def _read(
        self,
        account_id: str,
        question: Callable[[Platform], Awaitable[T]],
        region: str | None = None,
    ) -> T:
        """Return the answer of the account's platform. Raises PlatformError."""
        platform = self._of(account_id, region)
        try:
            answer = await question(platform)
        except PlatformError as error:
            self._issues.judge(account_id, error)
            raise
        self._issues.succeeded(account_id)
        return answer

    async def _trade(
        self,
        account_id: str,
        region: str | None,
        act: Callable[[Platform, str | None], Awaitable[TradeResult]],
    ) -> TradeResult:
        """Return what became of a trading call, which is given platform and environment.

        Raises PlatformError.
        """
        self._routes.require_current()
        route = self._routes.of(account_id)
        platform = self._served(route, region)
        try:
            result = await act(platform, route.environment or None)
        except PlatformError as error:
            self._issues.judge(account_id, error)
            raise
        if result["success"] or not (result["outcome"] == "unknown" or result.get("retryable")):
            self._issues.succeeded(account_id)
        else:
            self._issues.failed(account_id)
        return result

    async def _ask(
        self, account_id: str | None, question: Callable[[Platform], Awaitable[T]]
    ) -> list[T]:
        """Return the answers of the platforms that gave one; raise a failure if none did."""
        answers, failures = await self._ask_each(self._for(account_id), question)
        if not answers:
            raise next(iter(failures.values()))
        return list(answers.values())

    async def _ask_each(
        self, platforms: list[Platform], question: Callable[[Platform], Awaitable[T]]
    ) -> tuple[dict[str, T], dict[str, PlatformError]]:
        """Return what each platform answers, and why the others do not, by their names.

        All are asked at once: one that lets us wait must not hold up a halt of the others.
        """
        answers: dict[str, T] = {}
        failures: dict[str, PlatformError] = {}

        async def one(platform: Platform) -> None:
            try:
                answers[platform.name] = await question(platform)
            except PlatformError as error:
                failures[platform.name] = error

        await asyncio.gather(*map(one, platforms))
        names = [platform.name for platform in platforms]
        return (
            {name: answers[name] for name in names if name in answers},
            {name: failures[name] for name in names if name in failures},
        )

    # Connection issues

    def record_success(self, account_id: str) -> None:
        """Note that a call on an account worked; the client's own calls are noted by themselves."""
        self._issues.succeeded(account_id)

    def record_failure(self, account_id: str) -> None:
        """Note that a call on an account failed for want of a connection."""
        self._issues.failed(account_id)

    def should_suppress_alert(self, account_id: str) -> bool:
        """Whether an alert was told of the account in the last five minutes."""
        return self._issues.suppresses(account_id)

    def send_connection_issue_alert(self, account_id: str) -> bool:
        """Tell of an account's failures now; False if an alert is held back."""
        return self._issues.alert(account_id)

    def get_circuit_breaker_status(self) -> list[IssueStatus]:
        """Return the accounts with failures. Nothing is ever blocked by them."""
        return self._issues.status()

    def get_account_nickname(self, account_id: str) -> str:
        """Return the account's nickname by the routing file, else its own name."""
        return self._issues.nickname_of(account_id)

    # The same calls under the names of the older clients

    getAccountConfig = get_account_config
    getPoolForAccount = get_pool_for_account
    recordSuccess = record_success
    recordFailure = record_failure
    shouldSuppressAlert = should_suppress_alert
    sendConnectionIssueAlert = send_connection_issue_alert
    getCircuitBreakerStatus = get_circuit_breaker_status
    getAccountNickname = get_account_nickname
