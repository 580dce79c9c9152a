"""Which platform serves an account: the routing file, read again when it changes.

Other programs rewrite the file while we run, without a lock. A version that cannot be used leaves
the last good one in force; if that lasts, reads go on by the last good version and trading stops,
because an account's platform may be another one by now. Knows the file's accounts, no platform.

Source: routing-config.json as the older unified client reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

import msgspec

from fxpool.clock import Clock
from fxpool.errors import SettingsError
from fxpool.platforms.base import PlatformError
from fxpool.platforms.directory import AccountNames, find_account

DEFAULT_REGION: Final = "new-york"

REWRITE_SECONDS: Final = 2.0
"""How long a file may be unusable while somebody rewrites it, before trading stops."""

_PLATFORMS: Final = {
    "": "metaapi",
    "metaapi": "metaapi",
    "mt4": "metaapi",
    "mt5": "metaapi",
    "ctrader": "ctrader",
    "dxtrade": "dxtrade",
}
_NOT_FOUND: Final = 404

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class AccountRoute:
    """Where an account is.

    Attributes:
        key: its key in the file; the caller's name where the file does not have it.
        platform: ``metaapi``, ``ctrader`` or ``dxtrade``.
        region: where MetaApi hosts it, empty where the file does not say.
        environment: ``demo`` or ``live``, empty where the file does not say.
        entry: the file's own fields.
    """

    key: str
    platform: str
    region: str = ""
    environment: str = ""
    nickname: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)


class Routes(Protocol):
    """Knows where accounts are. Raises PlatformError where it does not."""

    def of(self, account: str) -> AccountRoute:
        """Return where an account is."""
        ...

    def require_current(self) -> None:
        """Raise PlatformError, outcome ``not_executed``, unless the routes can be traded by."""
        ...

    def all(self) -> list[AccountRoute]:
        """Return all accounts that are known by name."""
        ...


class FixedRoutes:
    """Routes that a program gives: an account's name to a platform's, the rest to a default."""

    def __init__(self, platforms: Mapping[str, str], default: str) -> None:
        self._platforms, self._default = platforms, default

    def of(self, account: str) -> AccountRoute:
        return AccountRoute(account, self._platforms.get(account, self._default))

    def require_current(self) -> None:
        """Return: these routes never change."""

    def all(self) -> list[AccountRoute]:
        return [AccountRoute(account, name) for account, name in self._platforms.items()]


class RoutingFile:
    """The routes of a routing-config.json. An account that it does not have is MetaApi's."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Nothing is read before the first question."""
        self._path, self._clock = path, clock
        self._routes: dict[str, AccountRoute] | None = None
        self._names: list[AccountNames] = []
        self._mark: tuple[int, int, int] | None = None
        self._fault = ""
        self._fault_since = 0.0

    def of(self, account: str) -> AccountRoute:
        """Return where an account is, by its key or its ``accountId``.

        Raises PlatformError: 409 if the name means several, 503 if no version could ever be read.
        """
        routes = self._current()
        try:
            return routes[find_account(account, self._names)]
        except PlatformError as error:
            if error.status != _NOT_FOUND:
                raise
            entry = {"platform": "metaapi", "region": DEFAULT_REGION}
            return AccountRoute(account, "metaapi", region=DEFAULT_REGION, entry=entry)

    def require_current(self) -> None:
        self._current()
        if self._fault and self._clock.now() - self._fault_since >= REWRITE_SECONDS:
            self._refuse()

    def all(self) -> list[AccountRoute]:
        return list(self._current().values())

    def _current(self) -> dict[str, AccountRoute]:
        """Return the last good version, after a look at the file: a ``stat`` if nothing changed."""
        try:
            mark = _mark_of(self._path)
            if self._fault or mark != self._mark:
                self._take(self._path.read_bytes())
                self._mark, self._fault = mark, ""
        except OSError as exc:
            self._failed(f"cannot be read: {exc.strerror or exc}")
        except (msgspec.DecodeError, UnicodeDecodeError, SettingsError) as exc:
            self._failed(f"cannot be used: {exc}")
        if self._routes is None:
            self._refuse()
        return self._routes

    def _take(self, content: bytes) -> None:
        accounts = _decode(content).get("accounts")
        if not isinstance(accounts, dict):
            raise SettingsError('"accounts" must be an object of account entries by key')
        routes = {key: _route(key, entry) for key, entry in accounts.items()}
        self._names = [
            AccountNames(key, _text(route.entry, "accountId") or None, None, None)
            for key, route in routes.items()
        ]
        self._routes = routes

    def _failed(self, what: str) -> None:
        if not self._fault:
            self._fault_since = self._clock.now()
        self._fault = what

    def _refuse(self) -> NoReturn:
        text = f"network: the routing file {self._path} {self._fault}; correct it to trade"
        raise PlatformError(503, "ROUTING_UNREADABLE", text, retryable=True, outcome="not_executed")


def nickname_from(routes: Routes) -> Callable[[str], str]:
    """Return what gives an account's nickname; its name where there is none."""

    def nickname(account: str) -> str:
        try:
            return routes.of(account).nickname or account
        except PlatformError:
            return account

    return nickname


def _mark_of(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _route(key: str, entry: object) -> AccountRoute:
    """Return an entry as a route. Raises SettingsError that names the entry and its field."""
    if not isinstance(entry, dict):
        raise SettingsError(f"accounts.{key} must be an object")
    word = _text(entry, "platform").lower()
    if word not in _PLATFORMS:
        known = ", ".join(name for name in _PLATFORMS if name)
        raise SettingsError(f'accounts.{key}.platform is "{word}": use {known}')
    nickname = _text(entry, "nickname") or _text(entry, "name")
    return AccountRoute(
        key, _PLATFORMS[word], _text(entry, "region"), _text(entry, "environment"), nickname, entry
    )


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    return "" if value is None else str(value)
