"""Which addresses of callers may be called, and how a call proves that it is ours. Pure.

Nothing is looked up here: what a name leads to may change between a check and a call, so names
count as they are written.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from fxpool.platforms.base import PlatformError
from fxpool.settings import NO_SECRET, Settings, is_loopback

CALLBACKS_FILE: Final = "callbacks.json"
"""The name of the registrations' file in the data folder."""

_HOSTS_SETTING: Final = "CTRADER_CALLBACK_HOSTS"


@dataclass(frozen=True, slots=True)
class CallbackRules:
    """What the operator allows.

    Attributes:
        secret: signs every delivery; empty: no address is called at all.
        hosts: names and networks that may be called, beside this machine.
        file: where registrations are kept; None: they are forgotten at the end.
    """

    secret: SecretStr = NO_SECRET
    hosts: frozenset[str] = frozenset()
    file: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return what the settings say."""
        hosts = frozenset(name.strip().lower() for name in settings.callback_hosts.split(","))
        return cls(settings.callback_secret, hosts - {""}, settings.data_dir / CALLBACKS_FILE)

    def check(self, url: str) -> None:
        """Raise PlatformError for an address that may not be called."""
        if not self.secret.get_secret_value():
            raise callback_refused("the operator must set CTRADER_CALLBACK_SECRET; or read /events")
        try:
            parts = urlsplit(url)
            host, _ = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise callback_refused("it is no address") from None
        if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
            raise callback_refused("use http://host[:port]/path or https, without a user")
        if not is_loopback(host) and host not in self.hosts and not self._is_in_a_network(host):
            text = f"{host} may not be called; the operator names it in {_HOSTS_SETTING}"
            raise callback_refused(text)

    def _is_in_a_network(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in map(_network, self.hosts) if network)


def signed(body: bytes, secret: SecretStr, *, at: int) -> dict[str, str]:
    """Return the headers that prove where a delivery comes from, and when (epoch seconds).

    The signature is HMAC-SHA256 of ``<timestamp>.<body>``; a receiver refuses old timestamps.
    """
    text = str(at).encode() + b"." + body
    digest = hmac.new(secret.get_secret_value().encode(), text, hashlib.sha256).hexdigest()
    return {"X-Fxpool-Timestamp": str(at), "X-Fxpool-Signature": f"v1={digest}"}


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def callback_refused(text: str) -> PlatformError:
    """Return the error for an address that is not taken."""
    return PlatformError(422, "INVALID_REQUEST", f"callback_url: {text}")
