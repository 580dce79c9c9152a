"""Settings -> the parts of a client of several pools: their addresses, the routing file, alerts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fxpool.alerts import Alert, Alerts, alerts_from
from fxpool.client.issues import COOLDOWN_SECONDS, ConnectionIssue, Notifier
from fxpool.client.metaapi_pool import DEFAULT_URL, MetaApiPool
from fxpool.client.routes import Routes, RoutingFile
from fxpool.clock import Clock, SystemClock
from fxpool.platforms.base import Platform
from fxpool.platforms.remote import RemotePlatform
from fxpool.settings import Settings

ROUTING_FILES: Final = (
    Path("config/routing-config.json"),
    Path("src/config/routing-config.json"),
    Path("routing-config.json"),
)
"""Where the file is looked for; the first is named in errors if there is none."""

DXTRADE_URL: Final = "http://localhost:8089"


@dataclass(frozen=True, slots=True)
class ClientParts:
    """What a client is made of."""

    platforms: list[Platform]
    routes: Routes
    notifier: Notifier


class AlertNotifier:
    """Brings connection issues to where all alerts of a process go.

    A client may be used without being opened, so the first issue begins the sending, too.
    """

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._is_over = False

    async def open(self) -> None:
        self._is_over = False
        await self._alerts.open()

    async def close(self) -> None:
        self._is_over = True
        await self._alerts.close()

    def tell(self, issue: ConnectionIssue) -> None:
        if not self._is_over and _has_loop():
            self._alerts.begin()
        # The nickname comes first: services drop texts that are equal up to their digits.
        alert = Alert("connection_issue", issue.text, issue.account, cooldown=COOLDOWN_SECONDS)
        self._alerts.tell(alert)


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # counted by hand: it is sent once the client is used
        return False
    return True


def parts_from(routing_config: Path | str | None = None, clock: Clock | None = None) -> ClientParts:
    """Return the parts that the environment describes. Raises SettingsError."""
    settings, clock = Settings.from_environment(), clock or SystemClock()
    routes = RoutingFile(_routing_file(routing_config, settings), clock=clock)
    api_key = settings.pool_api_key.get_secret_value() or None
    ctrader = RemotePlatform(settings.client_url, api_key=api_key)
    url = settings.metaapi_pool_url or DEFAULT_URL
    metaapi: Platform
    if url.rstrip("/") == settings.client_url:  # one pool of ours for both
        metaapi = RemotePlatform(url, api_key=api_key, name="metaapi")
    else:
        metaapi = MetaApiPool(
            url,
            accounts=routes.all,
            clock=clock,
            poll_seconds=settings.metaapi_poll_seconds,
        )
    dxtrade = RemotePlatform(settings.dxtrade_pool_url or DXTRADE_URL, name="dxtrade")
    notifier = AlertNotifier(alerts_from(settings, clock=clock))
    return ClientParts([metaapi, ctrader, dxtrade], routes, notifier)


def _routing_file(given: Path | str | None, settings: Settings) -> Path:
    if given is not None:
        return Path(given)
    if settings.routing_config is not None:
        return settings.routing_config
    return next((path for path in ROUTING_FILES if path.is_file()), ROUTING_FILES[0])
