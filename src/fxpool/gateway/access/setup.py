"""Settings -> who may call: the service key, keys in the database, tokens, browsers, proxies."""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from fxpool.auth import SecretStore, own_store_from
from fxpool.clock import Clock
from fxpool.errors import SecretConflict, SecretUnreadable
from fxpool.gateway.access.access import Access
from fxpool.gateway.access.addresses import read_networks
from fxpool.gateway.access.browsers import BrowserRules
from fxpool.gateway.access.key_ring import KeyRing, KeyStore
from fxpool.gateway.access.key_sets import KeySetIssuer
from fxpool.gateway.access.tokens import Issuer, OwnIssuer, SigningKey, TokenVerifier
from fxpool.settings import Settings

SIGNING_PATH: Final = "fxpool/tokens"
_SIGNING_FIELD: Final = "signing_key"


def access_from(settings: Settings, store: KeyStore, *, clock: Clock) -> Access:
    """Return the access control that the settings describe. Raises SettingsError."""

    async def own_key() -> SigningKey | None:
        secrets = own_store_from(settings)
        try:
            return await read_signing_key(secrets)
        finally:
            await secrets.close()

    issuers: list[Issuer] = [OwnIssuer(own_key, clock=clock)]
    if settings.pool_jwks_url:
        issuers.append(
            KeySetIssuer(
                settings.pool_jwt_issuer,
                settings.pool_jwt_audience,
                settings.pool_jwks_url,
                clock=clock,
            )
        )
    return Access(
        settings.pool_api_key,
        ring=KeyRing(store, clock=clock),
        tokens=TokenVerifier(issuers, clock=clock),
        trusts_issuer=bool(settings.pool_jwks_url),
        browsers=browsers_from(settings),
        trusted_proxies=read_networks(
            "CTRADER_POOL_TRUSTED_PROXIES", words_of(settings.pool_trusted_proxies)
        ),
        clock=clock,
    )


def browsers_from(settings: Settings) -> BrowserRules:
    """Return which pages and names are ours; the redirect URI's name is."""
    redirect = urlsplit(settings.redirect_uri).hostname
    hosts = [*words_of(settings.pool_allowed_hosts), *([redirect] if redirect else [])]
    return BrowserRules(
        frozenset(host.lower() for host in hosts),
        frozenset(words_of(settings.pool_cors_origins)),
    )


def words_of(text: str) -> list[str]:
    """Return the parts of a list with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


async def read_signing_key(secrets: SecretStore) -> SigningKey | None:
    """Return the key of our own tokens, or None if there is none yet. Raises SecretError."""
    pem = (await secrets.read(SIGNING_PATH)).fields.get(_SIGNING_FIELD)
    if pem is None:
        return None
    try:
        return SigningKey.from_pem(pem)
    except ValueError:
        raise SecretUnreadable(f"{SIGNING_PATH} in {secrets.place} holds no signing key") from None


async def make_signing_key(secrets: SecretStore) -> SigningKey:
    """Return the key of our own tokens, made and stored if there is none. Raises SecretError."""
    entry = await secrets.read(SIGNING_PATH)
    if _SIGNING_FIELD not in entry.fields:
        fields = {**entry.fields, _SIGNING_FIELD: SigningKey.generate().pem()}
        with suppress(SecretConflict):  # another process made one; that one is read below
            await secrets.write(SIGNING_PATH, fields, version=entry.version)
    key = await read_signing_key(secrets)
    if key is None:
        raise SecretUnreadable(f"{SIGNING_PATH} in {secrets.place} was not kept")
    return key
