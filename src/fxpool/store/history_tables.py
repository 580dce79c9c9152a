"""The history's tables, as the newest migration leaves them. Times are epoch milliseconds."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from fxpool.store.tables import METADATA

HISTORY_ROWS: Final = Table(
    "history_rows",
    METADATA,
    Column("account", String(128), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("row_id", BigInteger, primary_key=True),
    Column("body", Text, nullable=False),
)
"""Deals, orders and cash flow, each with the broker's id; ``body`` is the domain value as JSON."""

HISTORY_SPANS: Final = Table(
    "history_spans",
    METADATA,
    Column("account", String(128), primary_key=True),
    Column("begin_ms", BigInteger, primary_key=True),
    Column("end_ms", BigInteger, nullable=False),
)
"""Stretches of time for which the rows are whole; they may touch and overlap."""

EQUITY_BUCKETS: Final = Table(
    "equity_buckets",
    METADATA,
    Column("account", String(128), primary_key=True),
    Column("begin_ms", BigInteger, primary_key=True),
    Column("length_ms", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("opening", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("highest_ms", BigInteger, nullable=False),
    Column("lowest", BigInteger, nullable=False),
    Column("lowest_ms", BigInteger, nullable=False),
    Column("closing", BigInteger, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("covered_ms", BigInteger, nullable=False),
    Column("moved", BigInteger, nullable=False),
    Column("digits", Integer, nullable=False),
)
"""What was seen of accounts' equity, as in ``domain.equity``; amounts are integers of ``digits``.
"""
