"""The journal's tables, as the newest migration leaves them. Times are epoch milliseconds."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table, Text

METADATA: Final = MetaData()

TICKETS: Final = Table(
    "tickets",
    METADATA,
    Column("ticket_id", String(64), primary_key=True),
    Column("account", String(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("key", String(520)),
    Column("fingerprint", String(64), nullable=False),
    Column("client_order_id", String(50), nullable=False),
    Column("intent", Text, nullable=False),
    Column("state", String(32), nullable=False, index=True),
    Column("result", Text),
    Column("evidence", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False, index=True),
    Column("updated_ms", BigInteger, nullable=False),
)

ORDER_KEYS: Final = Table(
    "order_keys",
    METADATA,
    Column("account", String(128), primary_key=True),
    Column("key", String(520), primary_key=True),
    Column("ticket_id", String(64), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("is_free", Boolean, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)
