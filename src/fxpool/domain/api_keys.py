"""API keys: how one looks, what is kept of it, and whether it is good. Pure.

A key is ``fxp_<id>_<secret>``. The secret is 256 random bits, so one fast keyed hash of it is
enough: there is nothing to guess, and a slow hash would only make every call slow.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from fxpool.domain.permissions import Permissions, Principal

ID_BYTES: Final = 6
SECRET_BYTES: Final = 32
_PREFIX: Final = "fxp"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key; the key itself is not.

    Attributes:
        key_id: the public part of the key.
        digest: of its secret part.
    """

    key_id: str
    name: str
    digest: bytes = field(repr=False)
    permissions: Permissions
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def principal(self) -> Principal:
        return Principal(f"key:{self.key_id}", self.name, self.permissions, self.expires_at)

    def is_good(self, at: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def fits(self, secret: str) -> bool:
        """Whether this is the key's secret; takes the same time for every wrong one."""
        return hmac.compare_digest(self.digest, digest_of(self.key_id, secret))


def make_key(random_bytes: bytes) -> tuple[str, str, bytes]:
    """Return the text of a new key, its id and its digest, from ID_BYTES + SECRET_BYTES of chance.

    The text is to be shown once and kept nowhere.
    """
    if len(random_bytes) != ID_BYTES + SECRET_BYTES:
        raise ValueError(f"a key needs {ID_BYTES + SECRET_BYTES} random bytes")
    key_id = random_bytes[:ID_BYTES].hex()
    secret = base64.urlsafe_b64encode(random_bytes[ID_BYTES:]).decode().rstrip("=")
    return f"{_PREFIX}_{key_id}_{secret}", key_id, digest_of(key_id, secret)


def split_key(text: str) -> tuple[str, str] | None:
    """Return the id and the secret of a key, or None for a text that is none."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != _PREFIX or not parts[1] or not parts[2]:
        return None
    return parts[1], parts[2]


def digest_of(key_id: str, secret: str) -> bytes:
    """Return what is kept of a secret; the id keys the hash, so equal secrets would differ."""
    key = key_id.encode(errors="surrogateescape")[:64]
    return hashlib.blake2b(
        secret.encode(errors="surrogateescape"), key=key, digest_size=32
    ).digest()
