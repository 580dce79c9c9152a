"""Single deals and orders, depth and margins of polled accounts: MetaApi's own answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, TypeVar

from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiDeal,
    MetaApiMargin,
    MetaApiOrder,
)
from fxpool.platforms.path_parts import page_of, path_of, path_part
from fxpool.platforms.records import MarginQuestion, Wanted

T = TypeVar("T")

NOT_TOLD: Final = "deals, orders of the past, depth and margins: this pool does not tell them"


class RecordWay(Protocol):
    """A way to MetaApi that tells records."""

    async def record(
        self,
        account: str,
        path: str,
        shape: type[T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> T:
        """Return MetaApi's answer to a path of an account; with a body, to a POST."""
        ...


class MetaApiRecords(ABC):
    """Implements ``platforms.records.RecordReads``."""

    @abstractmethod
    def _record_way(self, account: str) -> AbstractAsyncContextManager[tuple[RecordWay, str]]:
        """Give the way and the key of an account; errors inside become callers' words."""

    async def deals(self, account: str, wanted: Wanted) -> list[MetaApiDeal]:
        path = f"/history-deals/{path_of(wanted)}"
        async with self._record_way(account) as (way, key):
            return await way.record(key, path, list[MetaApiDeal], query=page_of(wanted))

    async def past_orders(self, account: str, wanted: Wanted) -> list[MetaApiOrder]:
        path = f"/history-orders/{path_of(wanted)}"
        async with self._record_way(account) as (way, key):
            return await way.record(key, path, list[MetaApiOrder], query=page_of(wanted))

    async def depth(self, account: str, symbol: str) -> MetaApiBook:
        path = f"/symbols/{path_part(symbol)}/current-book"
        async with self._record_way(account) as (way, key):
            return await way.record(key, path, MetaApiBook)

    async def order_margin(self, account: str, question: MarginQuestion) -> MetaApiMargin:
        async with self._record_way(account) as (way, key):
            body = question.body()
            return await way.record(key, "/calculate-margin", MetaApiMargin, body=body)
