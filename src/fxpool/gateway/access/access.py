"""Who may call: from the headers of a call to its Principal, or to the reason of a refusal."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr
from starlette.routing import compile_path
from starlette.types import Scope

from fxpool.clock import Clock, SystemClock
from fxpool.domain.permissions import (
    ANONYMOUS,
    LOOPBACK,
    Address,
    Network,
    Permissions,
    Principal,
    Role,
)
from fxpool.errors import AccessStoreDown, SecretError, SettingsError
from fxpool.gateway.access.addresses import Origin, caller_origin, is_among
from fxpool.gateway.access.browsers import BrowserRules
from fxpool.gateway.access.credentials import shown_credential
from fxpool.gateway.access.key_ring import KeyRing
from fxpool.gateway.access.tokens import TokenRefused, TokenVerifier
from fxpool.platforms.base import PlatformError
from fxpool.settings import is_loopback

SERVICE: Final = Principal("service", "the service key", Permissions(Role.ADMIN))
"""Who shows CTRADER_POOL_API_KEY."""

WAY_BACK: Final = "/callback"
"""Where browsers come from the consent page, of another site; a cookie shows which they are."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and from where."""

    principal: Principal
    origin: Origin


class Access:
    """Knows callers by their keys and tokens."""

    def __init__(
        self,
        api_key: SecretStr | None = None,
        *,
        ring: KeyRing | None = None,
        tokens: TokenVerifier | None = None,
        trusts_issuer: bool = False,
        browsers: BrowserRules | None = None,
        trusted_proxies: tuple[Network, ...] = (),
        clock: Clock | None = None,
    ) -> None:
        """``trusts_issuer`` says that an external issuer's tokens are enough to ask for them."""
        self._key = api_key.get_secret_value().encode() if api_key else b""
        self.ring, self._tokens, self._trusts_issuer = ring, tokens, trusts_issuer
        self.browsers = browsers or BrowserRules()
        self._trusted_proxies = trusted_proxies
        self._clock = clock or SystemClock()
        self.open_paths: frozenset[str] = frozenset()
        self._open_patterns: tuple[re.Pattern[str], ...] = ()

    def leave_open(self, paths: Iterable[str]) -> None:
        """Let anybody call these paths of routes; a part in braces stands for any name."""
        self.open_paths = frozenset(paths)
        with_parts = [path for path in sorted(self.open_paths) if "{" in path]
        self._open_patterns = tuple(compile_path(path)[0] for path in with_parts)

    @property
    def has_key(self) -> bool:
        """Whether callers must show a key or a token."""
        has_keys = self.ring is not None and self.ring.has_keys
        return bool(self._key) or self._trusts_issuer or has_keys

    def require_key_at(self, host: str) -> None:
        """Return if the gateway may listen there. Raises SettingsError if others could reach it
        and no key is asked for."""
        if not is_loopback(host) and not self.has_key:
            raise SettingsError(
                f"{host} can be reached from other machines: set CTRADER_POOL_API_KEY, make a key "
                "with `fxpool keys create`, or bind to 127.0.0.1"
            )

    async def admit(self, scope: Scope) -> Caller:
        """Return who calls. Raises PlatformError for who may not."""
        origin = self.origin_of(scope)
        if not self.has_key:
            is_way_back = scope["path"] == WAY_BACK
            refusal = None if is_way_back else self.browsers.refusal(scope)
            if refusal is not None:
                raise refusal
            return Caller(LOOPBACK, origin)
        shown = shown_credential(scope)
        if self._is_open(scope["path"]):
            return Caller(await self._known_or_anonymous(shown, origin.address), origin)
        if shown is None:
            raise PlatformError(
                401,
                "KEY_MISSING",
                "authentication failed: send a key or a token as 'Authorization: Bearer <key>' "
                "or 'X-API-Key: <key>'",
            )
        return Caller(await self._principal(shown, origin.address), origin)

    def origin_of(self, scope: Scope) -> Origin:
        """Return where a call comes from, behind trusted proxies too."""
        return caller_origin(scope, self._trusted_proxies)

    def is_good(self, principal: Principal) -> bool:
        """Whether what admitted a principal is still good: not expired, not revoked."""
        if principal.has_expired(self._clock.at()):
            return False
        if principal is LOOPBACK:
            return not self.has_key
        kind, _, key_id = principal.subject.partition(":")
        return kind != "key" or (self.ring is not None and self.ring.is_good(key_id))

    def is_trusted_proxy(self, address: str) -> bool:
        """Whether many callers come from an address, and tell theirs in X-Forwarded-For."""
        return is_among(address, self._trusted_proxies)

    async def open(self) -> None:
        """Read the keys. Raises AccessStoreDown: without them nobody could be known."""
        if self.ring is not None:
            await self.ring.refresh()

    async def close(self) -> None:
        """Write down which keys were used last."""
        if self.ring is not None:
            await self.ring.close()

    async def refresh(self) -> None:
        """Learn of keys that other processes made and revoked."""
        if self.ring is not None:
            await self.ring.keep_fresh()

    def _is_open(self, path: str) -> bool:
        return path in self.open_paths or any(one.match(path) for one in self._open_patterns)

    async def _known_or_anonymous(self, shown: str | None, address: Address | None) -> Principal:
        """Open calls work for all; who shows a good key sees more of them."""
        if shown is None:
            return ANONYMOUS
        try:
            return await self._principal(shown, address)
        except PlatformError:
            return ANONYMOUS

    async def _principal(self, shown: str, address: Address | None) -> Principal:
        principal = await self._holder(shown)
        if not principal.permissions.allow_from(address):
            raise PlatformError(
                403,
                "NETWORK_FORBIDDEN",
                f"{principal.name} may not be used from {address or 'an unknown address'}",
            )
        return principal

    async def _holder(self, shown: str) -> Principal:
        given = shown.encode(errors="surrogateescape")
        if self._key and hmac.compare_digest(given, self._key):
            return SERVICE
        try:
            key = await self.ring.find(shown) if self.ring is not None else None
        except AccessStoreDown as exc:
            raise PlatformError(503, "KEYS_DOWN", f"network: {exc}", retryable=True) from exc
        if key is not None:
            if key.is_good(self._clock.at()):
                return key.principal()
            what = "was revoked" if key.revoked_at is not None else "has expired"
            raise PlatformError(401, "KEY_ENDED", f"authentication failed: the key {what}")
        if self._tokens is None or shown.count(".") != 2:
            raise PlatformError(401, "KEY_WRONG", "authentication failed: wrong service key")
        try:
            return await self._tokens.verify(shown)
        except TokenRefused as exc:
            raise PlatformError(401, "TOKEN_REFUSED", f"authentication failed: {exc}") from None
        except SecretError as exc:
            raise PlatformError(503, "KEYS_DOWN", f"network: {exc}", retryable=True) from exc
