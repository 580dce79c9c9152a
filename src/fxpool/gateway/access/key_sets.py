"""An external issuer's keys (JWKS): read when needed, kept, and read again when a new one comes.

A key set that cannot be read leaves the known keys good; nothing is trusted that it did not hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import jwt
import structlog

from fxpool.clock import Clock
from fxpool.errors import SettingsError
from fxpool.gateway.access.tokens import ASYMMETRIC
from fxpool.settings import is_loopback
from fxpool.tls import client_context

KEEP_SECONDS: Final = 600.0
_AGAIN_SECONDS: Final = 10.0
"""How soon after a look the set is asked for again, whatever tokens come."""

_TIMEOUT_SECONDS: Final = 5.0
_MAX_BYTES: Final = 256 * 1024

log = structlog.get_logger(__name__)


class KeySetIssuer:
    """An issuer whose public keys are at an address."""

    def __init__(self, name: str, audience: str, url: str, *, clock: Clock) -> None:
        """Raises SettingsError for an address that anybody on the way could change."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise SettingsError("CTRADER_POOL_JWKS_URL must begin with https://")
        if not name or not audience:
            raise SettingsError(
                "CTRADER_POOL_JWKS_URL is set: set CTRADER_POOL_JWT_ISSUER and "
                "CTRADER_POOL_JWT_AUDIENCE too"
            )
        self._name, self._audience, self._url, self._clock = name, audience, url, clock
        self._keys: list[jwt.PyJWK] = []
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._reading = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def audience(self) -> str:
        return self._audience

    async def key_for(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        """Return the key that a token's header names; without a name, the only one that fits."""
        async with self._reading:
            is_old = self._clock.now() - self._read_at >= KEEP_SECONDS
            if is_old or self._find(header) is None:
                await self._read_again()
        return self._find(header)

    def _find(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        wanted, algorithm = header.get("kid"), header.get("alg")
        found = [
            key
            for key in self._keys
            if key.algorithm_name == algorithm and wanted in {None, key.key_id}
        ]
        return found[0] if len(found) == 1 else None

    async def _read_again(self) -> None:
        if self._clock.now() - self._tried_at < _AGAIN_SECONDS:
            return
        self._tried_at = self._clock.now()
        try:
            async with self._client() as client:
                response = await client.get(self._url)
            response.raise_for_status()
            self._keys = _keys_of(response)
            self._read_at = self._clock.now()
        except (httpx.HTTPError, ValueError) as exc:
            log.warning("the key set cannot be read", url=self._url, error=type(exc).__name__)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, verify=client_context(), trust_env=False)


def _keys_of(response: httpx.Response) -> list[jwt.PyJWK]:
    """Return the usable keys of a set. Raises ValueError for what is none."""
    if len(response.content) > _MAX_BYTES:
        raise ValueError("the key set is too long")
    body = response.json()
    if not isinstance(body, dict) or not isinstance(body.get("keys"), list):
        raise ValueError("a key set has a list of keys")  # noqa: TRY004 (a value)
    return [key for entry in body["keys"] if (key := _usable(entry)) is not None]


def _usable(entry: object) -> jwt.PyJWK | None:
    """Return a key that may check signatures; None for others, which a set may hold too."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    try:
        key = jwt.PyJWK(entry)
    except jwt.PyJWTError:
        return None
    return key if key.algorithm_name in ASYMMETRIC else None
