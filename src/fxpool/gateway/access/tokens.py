"""JSON Web Tokens for our API: our own, and those of an external issuer.

Our own are signed with Ed25519 by a key in the secret store; an external issuer's keys are read
from its key set (JWKS). Each key is good for its own algorithm only, none of them symmetric, so a
token can neither choose ``none`` nor pass a public key off as a shared secret. Claims besides the
standard ones: role, accounts, max_order_lots, max_day_lots, networks.

Source: RFC 7519 and RFC 8725 (best current practices).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fxpool.clock import Clock
from fxpool.domain.permissions import Permissions, Principal, fields_of, permissions_of

OWN_ISSUER: Final = "fxpool"
AUDIENCE: Final = "fxpool"
LEEWAY_SECONDS: Final = 30
MAX_TOKEN_CHARS: Final = 8192

ASYMMETRIC: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
_REQUIRED: Final = ["exp", "iss", "sub", "aud"]
_MOST_CACHED: Final = 1000


class TokenRefused(Exception):
    """A token is not good; the text says why, for the caller, and holds nothing of it."""


class Issuer(Protocol):
    """One who signs tokens.

    Attributes:
        name: its ``iss``.
        audience: the ``aud`` that its tokens for us have.
    """

    @property
    def name(self) -> str: ...

    @property
    def audience(self) -> str: ...

    async def key_for(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        """Return the key that the header of a token names, or None."""
        ...


class TokenVerifier:
    """Turns good tokens into principals. A token that was good is remembered until it ends."""

    def __init__(self, issuers: list[Issuer], *, clock: Clock) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._clock = clock
        self._known: dict[bytes, Principal] = {}

    async def verify(self, token: str) -> Principal:
        """Return whose token this is. Raises TokenRefused."""
        if len(token) > MAX_TOKEN_CHARS:
            raise TokenRefused(f"the token is longer than {MAX_TOKEN_CHARS} characters")
        mark = sha256(token.encode(errors="surrogateescape")).digest()
        known = self._known.get(mark)
        if known is not None and not known.has_expired(self._clock.at()):
            return known
        principal = await self._read(token)
        if len(self._known) >= _MOST_CACHED:
            self._known.clear()
        self._known[mark] = principal
        return principal

    async def _read(self, token: str) -> Principal:
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise TokenRefused("it is neither an API key nor a token") from None
        issuer = self._issuers.get(str(claims.get("iss")))
        if issuer is None:
            raise TokenRefused("the token's issuer is not one of ours")
        if header.get("alg") not in ASYMMETRIC:
            raise TokenRefused("the token's algorithm is not allowed")
        key = await issuer.key_for(header)
        if key is None or key.algorithm_name != header["alg"]:
            raise TokenRefused("the token's key is not one of its issuer's")
        return self._principal(self._checked(token, key, issuer))

    def _checked(self, token: str, key: jwt.PyJWK, issuer: Issuer) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=issuer.name,
                audience=issuer.audience,
                # Times are ours to check: the library reads the machine's clock.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as exc:
            raise TokenRefused(f"the token is not good: {exc}") from None
        now, leeway = self._clock.at(), timedelta(seconds=LEEWAY_SECONDS)
        if now >= _time(claims, "exp") + leeway:
            raise TokenRefused("the token has expired")
        if "nbf" in claims and now < _time(claims, "nbf") - leeway:
            raise TokenRefused("the token is not good yet")
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        try:
            permissions = permissions_of(claims)
        except ValueError as exc:
            raise TokenRefused(f"the token's claims cannot be read: {exc}") from None
        ends = _time(claims, "exp") + timedelta(seconds=LEEWAY_SECONDS)
        subject = str(claims["sub"])
        return Principal(f"token:{claims['iss']}:{subject}"[:256], subject, permissions, ends)


def _time(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(f"the token's {name} is no number")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise TokenRefused(f"the token's {name} is no time") from None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs our own tokens, as the secret store keeps it (PEM)."""

    private: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> SigningKey:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: str) -> SigningKey:
        """Raises ValueError for anything but an Ed25519 key."""
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the signing key is not an Ed25519 key")  # noqa: TRY004 (a value)
        return cls(key)

    def pem(self) -> str:
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def issue(self, subject: str, permissions: Permissions, at: datetime, ends: datetime) -> str:
        """Return a token for somebody; it is good until ``ends`` and cannot be revoked."""
        claims = {
            "iss": OWN_ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": int(at.timestamp()),
            "exp": int(ends.timestamp()),
            **fields_of(permissions),
        }
        return jwt.encode(claims, self.private, algorithm="EdDSA")

    def public_jwk(self) -> jwt.PyJWK:
        return _public_jwk(self.private.public_key())


def _public_jwk(key: Ed25519PublicKey) -> jwt.PyJWK:
    form = jwt.algorithms.OKPAlgorithm.to_jwk(key, as_dict=True)
    return jwt.PyJWK(form, algorithm="EdDSA")


class OwnIssuer:
    """Ourselves. The signing key is read when the first token of ours comes."""

    name = OWN_ISSUER
    audience = AUDIENCE

    def __init__(self, load: Callable[[], Awaitable[SigningKey | None]], *, clock: Clock) -> None:
        """``load`` reads the signing key of the secret store; None if there is none yet."""
        self._load, self._clock = load, clock
        self._key: jwt.PyJWK | None = None
        self._look_at = float("-inf")

    async def key_for(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        if self._key is None and self._clock.now() >= self._look_at:
            self._look_at = self._clock.now() + _LOOK_SECONDS
            signing = await self._load()
            self._key = None if signing is None else signing.public_jwk()
        return self._key


_LOOK_SECONDS: Final = 5.0
