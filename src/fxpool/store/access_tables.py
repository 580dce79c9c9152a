"""The tables of our own access control, as the newest migration leaves them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text

from fxpool.store.tables import METADATA

API_KEYS: Final = Table(
    "api_keys",
    METADATA,
    Column("key_id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("permissions", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
    Column("used_ms", BigInteger),
)
"""``permissions`` is JSON. No row is ever removed: a revoked key stays known."""

DAY_VOLUMES: Final = Table(
    "day_volumes",
    METADATA,
    Column("subject", String(256), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("volume", BigInteger, nullable=False),
)
"""What a principal has ordered on a UTC day, in hundred-millionths of a lot."""
