"""The calls that an older pool in front of MetaApi does not have, each refused by its name.

Reads raise; a trading call answers that nothing was executed.
"""

from __future__ import annotations

from datetime import datetime

from fxpool.client.metaapi_answers import refuse, refused
from fxpool.mapping import formats, pool_formats
from fxpool.mapping.history_formats import (
    BarList,
    TickList,
    TickType,
)
from fxpool.mapping.metaapi_formats import (
    MetaApiBook,
    MetaApiDeal,
    MetaApiMargin,
    MetaApiOrder,
)
from fxpool.mapping.report_formats import AccountReport
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.base import OrderChange
from fxpool.platforms.past import SortOrder
from fxpool.platforms.records import MarginQuestion, Wanted


class AbsentCalls:
    """What ``platforms.base.Platform`` asks for and that pool has not."""

    async def accounts(self) -> dict[str, pool_formats.AccountListing]:
        refuse("the list of accounts")

    async def orders(self, account: str) -> formats.OrderList:
        refuse("the list of pending orders")

    async def report(
        self,
        account: str,
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
        days: int = 30,
        limit: int = 1000,
    ) -> AccountReport:
        refuse("reports")

    async def bars(
        self,
        account: str,
        symbol: str,
        timeframe: str = "1h",
        *,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> BarList:
        refuse("bars")

    async def ticks(
        self,
        account: str,
        symbol: str,
        *,
        kind: TickType = "both",
        begin: datetime | None = None,
        end: datetime | None = None,
        limit: int = 1000,
        order: SortOrder = "desc",
    ) -> TickList:
        refuse("ticks of the past")

    async def deals(self, account: str, wanted: Wanted) -> list[MetaApiDeal]:
        refuse("deals")

    async def past_orders(self, account: str, wanted: Wanted) -> list[MetaApiOrder]:
        refuse("orders of the past")

    async def depth(self, account: str, symbol: str) -> MetaApiBook:
        refuse("the depth of symbols")

    async def order_margin(self, account: str, question: MarginQuestion) -> MetaApiMargin:
        refuse("margins of orders")

    async def symbols(self, account: str) -> SymbolList:
        refuse("the list of symbols")

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        refuse("the specification of symbols")

    async def symbol_mapping(self, symbol: str, account: str | None = None) -> SymbolMapping:
        refuse("the mapping of symbols")

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        refuse("closing several positions at once")

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        return refused("pending orders: this pool has none")

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        return refused("pending orders: this pool has none")

    async def halt(self, account: str | None = None, *, reason: str = "") -> formats.HaltState:
        refuse("halts")

    async def resume(self, account: str | None = None) -> formats.HaltState:
        refuse("halts")

    async def guards(self, account: str) -> formats.GuardList:
        refuse("loss limits")

    async def reset_guards(self, account: str, *, by: str = "") -> formats.GuardList:
        refuse("loss limits")

    async def tickets(
        self, account: str | None = None, state: str | None = None
    ) -> formats.TicketList:
        refuse("order tickets")

    async def ticket(self, ticket_id: str) -> formats.TicketInfo:
        refuse("order tickets")

    async def wait_ticket(self, ticket_id: str, timeout: float) -> formats.TicketInfo:
        refuse("order tickets")

    async def reset_connections(self) -> int:
        refuse("resetting connections")
