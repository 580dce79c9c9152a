"""What a web page of another site may make a browser do here: nothing. Pure.

Where no key is asked for, what can still reach the gateway is a page in a browser on this machine.
It may send a plain POST or open a WebSocket without asking, and a name of its own that it lets
point to 127.0.0.1 (DNS rebinding) makes the browser take us for its own site. So the Host must be
a name of this machine or a configured one, and a foreign Origin is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Scope

from fxpool.gateway.heads import head_of
from fxpool.platforms.base import PlatformError
from fxpool.settings import is_loopback

_FOREIGN_SITES: Final = frozenset({b"cross-site", b"same-site"})
_READING: Final = frozenset({"GET", "HEAD"})


_is_of_this_machine = lru_cache(maxsize=64)(is_loopback)  # each call without a key asks


@dataclass(frozen=True, slots=True)
class BrowserRules:
    """Which names and pages are ours.

    Attributes:
        hosts: further names under which the gateway is called where no key is asked for.
        origins: of pages that may call, such as ``https://app.example``.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def refusal(self, scope: Scope) -> PlatformError | None:
        """Return why a call that needs no key is refused, or None."""
        head = head_of(scope)
        host = _name(head.get(b"host", b""))
        if host is not None and not self._is_ours(host):
            return PlatformError(
                403,
                "FOREIGN_HOST",
                f"this gateway is not called {host}: add it to CTRADER_POOL_ALLOWED_HOSTS, or set "
                "CTRADER_POOL_API_KEY",
            )
        origin = head[b"origin"].decode("latin-1") if b"origin" in head else None
        if origin is not None and not self._is_our_origin(origin):
            return PlatformError(
                403,
                "FOREIGN_ORIGIN",
                f"a page of {origin} may not call this gateway: add it to "
                "CTRADER_POOL_CORS_ORIGINS, or set CTRADER_POOL_API_KEY",
            )
        if origin is None and _comes_from_another_site(scope, head):
            return PlatformError(403, "FOREIGN_ORIGIN", "a page of another site may not call this")
        return None

    def _is_ours(self, host: str) -> bool:
        return _is_of_this_machine(host) or host in self.hosts

    def _is_our_origin(self, origin: str) -> bool:
        try:
            site = urlsplit(origin).hostname
        except ValueError:
            return False
        return origin in self.origins or (site is not None and self._is_ours(site))


def _comes_from_another_site(scope: Scope, head: Mapping[bytes, bytes]) -> bool:
    """Whether a browser says so of a call without Origin. Following a link here is no call."""
    if head.get(b"sec-fetch-site") not in _FOREIGN_SITES:
        return False
    is_link = head.get(b"sec-fetch-mode") == b"navigate" and scope.get("method") in _READING
    return not is_link


@lru_cache(maxsize=64)
def _name(header: bytes) -> str | None:
    """Return the name in a Host header, or None for one that is missing: browsers send it."""
    if not header:
        return None
    host = header.decode("latin-1")
    try:
        return urlsplit(f"//{host}").hostname or host
    except ValueError:
        return host
