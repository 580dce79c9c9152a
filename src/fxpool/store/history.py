"""The past of accounts in SQL: what was read of the broker, and for which stretches of time.

A copy of what the broker has, so it may be lost: it is read again then. Rows are domain values as
JSON under the broker's own ids, so that a repeat replaces itself. Knows no wire and no statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from pydantic import SecretStr
from sqlalchemy import Connection, select, update

from fxpool.domain.past import Past, Span
from fxpool.domain.trades import CashFlow, Deal, Order
from fxpool.store.history_tables import HISTORY_ROWS, HISTORY_SPANS
from fxpool.store.past import PastDatabase, put, with_rests
from fxpool.store.rows import instant, milliseconds

T = TypeVar("T")

LOADED_AT_ONCE: Final = 250
"""Rows that are read before a rest: about a millisecond."""

_DEAL: Final = "deal"
_ORDER: Final = "order"
_CASH: Final = "cash"

_encode: Final = msgspec.json.Encoder().encode
_deal: Final = msgspec.json.Decoder(Deal).decode
_order: Final = msgspec.json.Decoder(Order).decode
_cash: Final = msgspec.json.Decoder(CashFlow).decode


class SqlHistory:
    """Keeps the past of accounts in a database; its tables are made at the first use.

    All calls raise HistoryDown where the database cannot be reached.
    """

    def __init__(self, url: SecretStr) -> None:
        """``url`` is an SQLAlchemy URL. Raises SettingsError."""
        self._past = PastDatabase(url)

    async def close(self) -> None:
        """Let go of the database."""
        await self._past.close()

    async def load(self, account: str) -> tuple[Past, tuple[Span, ...]]:
        """Return all that is kept of an account, and the stretches of time that it is whole for."""
        async with self._past.ready() as database:
            return await database.read(lambda connection: _load(connection, account))

    async def save(self, account: str, past: Past, covered: Span) -> None:
        """Keep what was read, and that it is all there is of ``covered``; both or neither."""
        async with self._past.ready() as database:
            await database.write(lambda connection: _save(connection, account, past, covered))


def _load(connection: Connection, account: str) -> tuple[Past, tuple[Span, ...]]:
    def rows(kind: str, decode: Callable[[str], T]) -> tuple[T, ...]:
        wanted = select(HISTORY_ROWS.c.body).where(
            HISTORY_ROWS.c.account == account, HISTORY_ROWS.c.kind == kind
        )
        bodies = connection.execute(wanted).scalars()
        batches = with_rests(bodies, LOADED_AT_ONCE)
        return tuple(decode(body) for batch in batches for body in batch)

    spans = select(HISTORY_SPANS.c.begin_ms, HISTORY_SPANS.c.end_ms).where(
        HISTORY_SPANS.c.account == account
    )
    past = Past(rows(_DEAL, _deal), rows(_ORDER, _order), rows(_CASH, _cash))
    covered = [Span(instant(begin), instant(end)) for begin, end in connection.execute(spans)]
    return past, tuple(covered)


def _save(connection: Connection, account: str, past: Past, covered: Span) -> None:
    put(connection, HISTORY_ROWS, _rows_of(account, past))
    _cover(connection, account, milliseconds(covered.begin), milliseconds(covered.end))


def _cover(connection: Connection, account: str, begin_ms: int, end_ms: int) -> None:
    """Note a stretch of time; one that continues another makes it longer."""
    if begin_ms >= end_ms:
        return
    spans = HISTORY_SPANS
    continued = update(spans).where(spans.c.account == account, spans.c.end_ms == begin_ms)
    if connection.execute(continued.values(end_ms=end_ms)).rowcount == 0:
        row = {"account": account, "begin_ms": begin_ms, "end_ms": end_ms}
        put(connection, spans, [row])


def _rows_of(account: str, past: Past) -> Iterator[dict[str, Any]]:
    def row(kind: str, row_id: int, value: object) -> dict[str, Any]:
        body = _encode(value).decode()
        return {"account": account, "kind": kind, "row_id": row_id, "body": body}

    for deal in past.deals:
        yield row(_DEAL, deal.deal_id, deal)
    for order in past.orders:
        yield row(_ORDER, order.order_id, order)
    for flow in past.cash_flow:
        yield row(_CASH, flow.history_id, flow)
