"""The configuration's files while the gateway runs: read again when they change.

A file that cannot be used changes nothing but what ``failure`` says: the last good version stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from fxpool.clock import Clock
from fxpool.errors import SettingsError
from fxpool.file_stamps import stamp_of
from fxpool.platforms.assembly import other_accounts
from fxpool.platforms.base import Platform
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.ctrader_setup import (
    ROUTING_FILE,
    SYMBOLS_FILE,
    accounts_from,
    symbol_rules_from,
)
from fxpool.platforms.routing import load_log_level
from fxpool.platforms.several import SeveralPlatforms
from fxpool.settings import LogLevel, Settings

LOOK_SECONDS: Final = 1.0
"""How often the files are looked at; what changed is read once it stays as it is so long."""

log = structlog.get_logger(__name__)


class Configuration:
    """The accounts and symbol names of one platform, or of several as one, and the log level."""

    def __init__(
        self,
        settings: Settings,
        platform: Platform,
        *,
        clock: Clock,
        set_log_level: Callable[[LogLevel], None],
    ) -> None:
        self._settings, self._platform, self._clock = settings, platform, clock
        self._set_log_level = set_log_level
        self._files = [
            settings.routing_config or ROUTING_FILE,
            settings.symbols_file or SYMBOLS_FILE,
            *([settings.demo_config] if settings.demo_config else []),
        ]
        self._others = other_accounts(settings)
        self._seen = self._read = stamp_of(self._files)
        self._is_asked = False
        self.failure: str | None = None
        """What of the files is not in force, without names that strangers should not see."""

    def reload_soon(self) -> None:
        """Have the files read at the next look, changed or not."""
        self._is_asked = True

    async def watch(self) -> None:
        """Take up what changes; never returns."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            stamp = stamp_of(self._files)
            if self._is_asked or (stamp == self._seen and stamp != self._read):
                self._is_asked = False
                self._read = stamp
                await self.reload()
            self._seen = stamp

    async def reload(self) -> None:
        """Read the files and serve what they say; never raises for what they hold."""
        try:
            accounts = accounts_from(self._settings)
            rules = symbol_rules_from(self._settings)
            others = other_accounts(self._settings)
            level = log_level_from(self._settings)
        except SettingsError as exc:
            self.failure = "the files cannot be used, the last good version stays; see the log"
            log.error("configuration cannot be used", error=str(exc))  # noqa: TRY400 (all is told)
            return
        self._set_log_level(level)
        undone: list[str] = []
        ctrader = _ctrader_of(self._platform)
        if ctrader is not None:
            undone += await ctrader.reload(accounts, rules)
        elif accounts:
            undone.append("the first cTrader account")
        if isinstance(self._platform, SeveralPlatforms) and ctrader is not None:
            self._platform.own(ctrader.name, ctrader.names())
        if others != self._others:
            undone.append("accounts of other platforms than cTrader changed")
        self.failure = (
            "changes that need a restart are not in force; see the log" if undone else None
        )
        log.info("configuration was read again", needs_restart=undone, lowest_level=level)


def log_level_from(settings: Settings) -> LogLevel:
    """Return what the routing file says, else the environment. Raises SettingsError."""
    path = settings.routing_config or (ROUTING_FILE if ROUTING_FILE.is_file() else None)
    return (None if path is None else load_log_level(path)) or settings.log_level


def _ctrader_of(platform: Platform) -> CTraderPlatform | None:
    if isinstance(platform, SeveralPlatforms):
        return platform.part(CTraderPlatform)
    return platform if isinstance(platform, CTraderPlatform) else None
