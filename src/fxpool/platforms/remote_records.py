"""The calls about records, over another pool's MetaApi REST API: a table of routes and no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiDeal,
    MetaApiMargin,
    MetaApiOrder,
)
from fxpool.platforms.path_parts import page_of, path_of, path_part
from fxpool.platforms.records import MarginQuestion, Wanted

T = TypeVar("T")


class RemoteRecords(ABC):
    """Implements ``platforms.records.RecordReads`` with the requests of the platform it is part
    of."""

    @abstractmethod
    async def _get(self, path: str, shape: type[T], **query: str | None) -> T:
        """Return the answer of a read. Raises PlatformError."""

    @abstractmethod
    async def _post(self, path: str, body: Mapping[str, Any], shape: type[T]) -> T:
        """Return the answer of a call that changes nothing. Raises PlatformError."""

    async def deals(self, account: str, wanted: Wanted) -> list[MetaApiDeal]:
        path = f"history-deals/{path_of(wanted)}"
        return await self._get(_path(account, path), list[MetaApiDeal], **page_of(wanted))

    async def past_orders(self, account: str, wanted: Wanted) -> list[MetaApiOrder]:
        path = f"history-orders/{path_of(wanted)}"
        return await self._get(_path(account, path), list[MetaApiOrder], **page_of(wanted))

    async def depth(self, account: str, symbol: str) -> MetaApiBook:
        path = f"symbols/{path_part(symbol)}/current-book"
        return await self._get(_path(account, path), MetaApiBook)

    async def order_margin(self, account: str, question: MarginQuestion) -> MetaApiMargin:
        body = question.body()
        return await self._post(_path(account, "calculate-margin"), body, MetaApiMargin)


def _path(account: str, path: str) -> str:
    return f"/users/current/accounts/{path_part(account)}/{path}"
