"""Chat and mail services, by apprise: Telegram, Slack, mail, webhooks and a hundred others.

apprise is loaded when the first alerts are to be sent, in a thread, because it is large. Its own
log lines and those of its HTTP library may show tokens below WARNING, so they are not let through.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from pydantic import SecretStr

from fxpool.alerts.alert import Alert
from fxpool.alerts.desk import Alerts, AlertSender
from fxpool.clock import Clock
from fxpool.errors import AlertNotSent, SettingsError
from fxpool.settings import Settings
from fxpool.store.cooldowns import Cooldowns

if TYPE_CHECKING:
    from apprise import Apprise

SEND_SECONDS: Final = 20.0
"""How long all services together may take for one alert."""

_TALKATIVE: Final = ("apprise", "urllib3")


def alerts_from(settings: Settings, *, clock: Clock, cooldowns: Cooldowns | None = None) -> Alerts:
    """Return the alerts of a process, not opened. Raises SettingsError."""
    return Alerts(sender_from(settings), clock=clock, cooldowns=cooldowns)


def sender_from(settings: Settings) -> AlertSender | None:
    """Return what the settings say to send alerts by; None for nothing. Raises SettingsError."""
    urls = [SecretStr(url) for url in settings.alert_urls.get_secret_value().split()]
    token, chat = settings.telegram_bot_token.get_secret_value(), settings.telegram_chat_id
    if bool(token) != bool(chat):
        missing = "TELEGRAM_CHAT_ID" if token else "TELEGRAM_BOT_TOKEN"
        raise SettingsError(f"{missing} not set: Telegram needs a bot's token and a chat id")
    if token:
        urls.append(SecretStr(f"tgram://{quote(token, safe=':')}/{quote(chat, safe='@')}/"))
    return ServiceSender(urls) if urls else None


class ServiceSender:
    """Sends alerts to services that are named by apprise URLs."""

    def __init__(self, urls: Sequence[SecretStr]) -> None:
        self._urls = urls
        self._services: Apprise | None = None

    async def check(self) -> None:
        """Raise AlertNotSent for a URL that names no service."""
        await asyncio.to_thread(self._loaded)

    async def send(self, alert: Alert) -> None:
        """Send an alert to all services. Raises AlertNotSent if one of them did not take it."""
        if not await asyncio.to_thread(self._notify, alert):
            raise AlertNotSent("a service did not take an alert")

    def _notify(self, alert: Alert) -> bool:
        about = f"{alert.account}: " if alert.account else ""
        title = f"fxpool: {about}{alert.kind.replace('_', ' ')}"
        services = self._loaded()
        return bool(
            services.notify(
                body=alert.text,
                title=title,
                notify_type=alert.severity.value,  # our words are apprise's
                timeout=SEND_SECONDS,
            )
        )

    def _loaded(self) -> Apprise:
        if self._services is None:
            from apprise import Apprise  # noqa: PLC0415 (large, see above)

            for name in _TALKATIVE:
                logging.getLogger(name).setLevel(logging.WARNING)
            services = Apprise()
            for number, url in enumerate(self._urls, 1):
                if not services.add(url.get_secret_value()):
                    raise AlertNotSent(
                        f"alert service {number} is none that apprise knows: correct "
                        "CTRADER_ALERT_URLS or TELEGRAM_BOT_TOKEN"
                    )
            self._services = services
        return self._services
