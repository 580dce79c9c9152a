"""The parts of several platforms as one: which of them serves an account, and what all of them say.

Holds no account and judges no answer; knows no call by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from fxpool.platforms.absent import AbsentAccounts
from fxpool.platforms.base import Platform, PlatformError
from fxpool.platforms.directory import AccountNames, find_account

T = TypeVar("T")


class OnParts:
    """What a group of calls stands on.

    Attributes:
        parts: the platforms that are on, in the order in which they are asked.
    """

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
