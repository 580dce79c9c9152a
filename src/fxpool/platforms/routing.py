"""Account configuration: routing-config.json and demo.json, read into AccountConfig values.

Knows the files' shapes, which other programs read too, not what is done with the accounts.
Errors name the file, the entry and the cure; the files hold no secrets.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast, get_args

from fxpool.errors import SettingsError
from fxpool.platforms.config_entry import Entry
from fxpool.platforms.guard_config import GuardPlan, guard_plan
from fxpool.pool.channel import Environment
from fxpool.settings import LogLevel

METAAPI: Final = frozenset({"metaapi", "mt4", "mt5"})
"""The words for a MetaTrader account; an entry without ``platform`` is one, too."""

BOUNDS: Final = ("readOnly", "enabled", "maxVolume", "guards")
"""The fields of an entry that keep an account from trading, or from trading too much."""


@dataclass(frozen=True, slots=True)
class AccountConfig:
    """One cTrader account as the configuration names it.

    Attributes:
        key: the name by which callers know the account.
        login: the broker's account number (``accountId`` in the file), or None.
        ctid: the ``ctidTraderAccountId``, or None: then it is found by login in the token's list.
        broker: tells accounts with equal login apart; display only otherwise.
        symbol_suffix: what callers append to symbol names (``.d``).
        max_lots: no order larger than this is sent; None for no limit of ours.
        symbols: MetaTrader names to subscribe to as soon as the account is live.
        vault_path: the entry of its tokens in the secret store, where it is not the usual one.
        guards: its loss limits, None where it has none.
    """

    key: str
    environment: Environment
    login: str | None = None
    ctid: int | None = None
    name: str = ""
    broker: str = ""
    type: str | None = None
    symbol_suffix: str = ""
    read_only: bool = False
    enabled: bool = True
    max_lots: Decimal | None = None
    symbols: tuple[str, ...] = ()
    vault_path: str = ""
    guards: GuardPlan | None = None

    @property
    def display_name(self) -> str:
        return self.name or self.key


def load_routing_config(path: Path, default: Environment | None = None) -> list[AccountConfig]:
    """Return the cTrader accounts of a routing-config.json, in the file's order.

    ``default`` is the environment of accounts that say none. Raises SettingsError.
    """
    return [
        _account(key, reader, default)
        for key, reader in _entries(path)
        if reader.platform() == "ctrader"
    ]


def _entries(path: Path) -> Iterator[tuple[str, Entry]]:
    accounts = _read(path).get("accounts")
    if not isinstance(accounts, dict):
        raise SettingsError(f'{path}: "accounts" must be an object of account entries by key')
    for key, entry in accounts.items():
        yield key, Entry(path, f"accounts.{key}", entry)


@dataclass(frozen=True, slots=True)
class OtherAccountConfig:
    """One account of another platform than cTrader, as the routing file names it.

    Attributes:
        key: the name by which callers know the account; on MetaApi its id there.
        platform: the word of the file: ``metaapi``, ``mt4``, ``mt5`` or ``dxtrade``.
        login: the broker's account number (``accountId`` in the file), or None.
        region: where MetaApi hosts it; empty to ask MetaApi.
        environment: ``demo`` or ``live`` where the file says so, else empty.
    """

    key: str
    platform: str = "metaapi"
    login: str | None = None
    region: str = ""
    name: str = ""
    environment: str = ""
    type: str | None = None
    read_only: bool = False
    enabled: bool = True

    @property
    def display_name(self) -> str:
        return self.name or self.key


def load_other_accounts(path: Path) -> list[OtherAccountConfig]:
    """Return the accounts of a routing-config.json that are not cTrader's, in the file's order.

    Raises SettingsError.
    """
    found = []
    for key, reader in _entries(path):
        platform = reader.platform()
        if platform != "ctrader":
            found.append(_other_account(key, platform, reader))
    return found


def load_log_level(path: Path) -> LogLevel | None:
    """Return a routing-config.json's ``globalSettings.logLevel``, None if it says none.

    Raises SettingsError.
    """
    entry = Entry(path, "globalSettings", _read(path).get("globalSettings", {}))
    word = entry.text("logLevel")
    for level in get_args(LogLevel):
        if level == word.upper():
            return cast("LogLevel", level)
    if word:
        entry.refuse("logLevel", f'is "{word}": use {", ".join(get_args(LogLevel))}')
    return None


def load_demo_config(path: Path, default: Environment | None = None) -> AccountConfig:
    """Return the account of a demo.json, with the file's symbols and limits in it.

    ``default`` as for the routing file. Raises SettingsError.
    """
    content = _read(path)
    reader = Entry(path, "account", content.get("account"))
    key = reader.text("key") or reader.text("accountId")
    if not key:
        reader.refuse("key", "is missing: give the name by which callers know the account")
    limits = Entry(path, "limits", content.get("limits", {}))
    limits.refuse_slips(("maxVolume", "allowTrading"))
    symbols = content.get("symbols", [])
    if not isinstance(symbols, list) or not all(isinstance(name, str) for name in symbols):
        raise SettingsError(f'{path}: "symbols" must be a list of symbol names')
    account = _account(key, reader, default)
    return replace(
        account,
        symbols=tuple(symbols),
        max_lots=limits.number("maxVolume") or account.max_lots,
        read_only=account.read_only or not limits.flag("allowTrading", default=True),
    )


def _account(key: str, entry: Entry, default: Environment | None) -> AccountConfig:
    entry.refuse_slips(BOUNDS)
    login = entry.text("accountId") or entry.text("login")
    return AccountConfig(
        key=key,
        environment=entry.environment(default),
        login=login or (key if key.isdecimal() else None),
        ctid=entry.integer("ctidTraderAccountId"),
        name=entry.text("nickname") or entry.text("name"),
        broker=entry.text("broker"),
        type=entry.text("type") or None,
        symbol_suffix=entry.text("symbolSuffix"),
        read_only=entry.flag("readOnly", default=False),
        enabled=entry.flag("enabled", default=True),
        max_lots=entry.number("maxVolume"),
        vault_path=entry.text("_vaultPath"),
        guards=guard_plan(entry),
    )


def _other_account(key: str, platform: str, entry: Entry) -> OtherAccountConfig:
    entry.refuse_slips(BOUNDS)
    if entry.number("maxVolume") is not None:
        entry.refuse("maxVolume", "cannot be kept on this platform: take it out")
    if entry.part("guards") is not None:
        entry.refuse(
            "guards",
            "cannot be kept on this platform, whose accounts are polled: take them out, and set "
            "loss limits at the broker",
        )
    return OtherAccountConfig(
        key=key,
        platform=platform,
        login=entry.text("accountId") or entry.text("login") or None,
        region=entry.text("region"),
        name=entry.text("nickname") or entry.text("name"),
        environment=entry.environment().value if entry.text("environment") else "",
        type=entry.text("type") or None,
        read_only=entry.flag("readOnly", default=False),
        enabled=entry.flag("enabled", default=True),
    )


def _read(path: Path) -> Mapping[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):  # by JSON's usual readers the last one counts, unseen
            name = next(name for name, times in Counter(n for n, _ in pairs).items() if times > 1)
            raise SettingsError(f'{path}: "{name}" stands twice in one object: remove one')
        return fields

    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text, parse_float=Decimal, object_pairs_hook=unique)
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise SettingsError(f"{path}: is not JSON: {exc}") from exc
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: must hold a JSON object")
    return content
