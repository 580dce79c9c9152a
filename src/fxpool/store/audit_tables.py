"""The table of the audit log, as the newest migration leaves it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text

from fxpool.store.tables import METADATA

AUDIT_LINES: Final = Table(
    "audit_lines",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("instance", String(256), nullable=False),
    Column("text", Text, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("subject", String(256), nullable=False),
    Column("account", String(128), nullable=False),
    Column("ticket", String(64), nullable=False, index=True),
)
"""The columns after ``digest`` repeat parts of ``text``, to be searched; ``text`` counts."""
