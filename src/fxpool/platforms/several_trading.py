"""The calls that trade, halt and ask for tickets, each made on the platform of its account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fxpool.mapping import formats
from fxpool.platforms.base import (
    CloseRequest,
    OrderChange,
    Platform,
    PlatformError,
    ProtectionRequest,
    TradeRequest,
)
from fxpool.platforms.several_parts import OnParts
from fxpool.platforms.words import refusal


class TradingCalls(OnParts):
    """Orders, positions, halts and tickets."""

    async def execute(self, account: str, request: TradeRequest) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.execute(account, request))

    async def modify_position(
        self, account: str, request: ProtectionRequest
    ) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.modify_position(account, request))

    async def close_position(self, account: str, request: CloseRequest) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.close_position(account, request))

    async def close_positions(
        self, account: str, *, symbol: str | None = None, environment: str | None = None
    ) -> formats.CloseResults:
        part = self._of(account)
        return await part.close_positions(account, symbol=symbol, environment=environment)

    async def halt(self, account: str | None = None, *, reason: str = "") -> formats.HaltState:
        return await self._each(account, lambda part: part.halt(account, reason=reason))

    async def resume(self, account: str | None = None) -> formats.HaltState:
        return await self._each(account, lambda part: part.resume(account))

    async def _each(
        self, account: str | None, act: Callable[[Platform], Awaitable[formats.HaltState]]
    ) -> formats.HaltState:
        """Do it on the platform of an account, or on all; one that fails does not spare the rest,
        and its error is raised after them."""
        if account is not None:
            return await act(self._of(account))
        results = await asyncio.gather(
            *(act(part) for part in self.parts.values()), return_exceptions=True
        )
        states: list[formats.HaltState] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            states.append(result)
        return states[0]

    async def modify_order(self, account: str, change: OrderChange) -> formats.TradeResult:
        return await self._trade(account, lambda part: part.modify_order(account, change))

    async def cancel_order(
        self,
        account: str,
        order_id: str,
        *,
        environment: str | None = None,
        allow_unsynchronized: bool = False,
    ) -> formats.TradeResult:
        return await self._trade(
            account,
            lambda part: part.cancel_order(
                account,
                order_id,
                environment=environment,
                allow_unsynchronized=allow_unsynchronized,
            ),
        )

    async def _trade(
        self, account: str, call: Callable[[Platform], Awaitable[formats.TradeResult]]
    ) -> formats.TradeResult:
        """Make a trading call; that a platform is off is a refusal like any other."""
        try:
            part = self._of(account)
        except PlatformError as error:
            if error.code == "PLATFORM_NOT_CONFIGURED":
                return refusal(error)
            raise
        return await call(part)

    # Tickets

    async def tickets(
        self, account: str | None = None, state: str | None = None
    ) -> formats.TicketList:
        if account is not None:
            return await self._of(account).tickets(account, state)
        lists = await asyncio.gather(*(part.tickets(None, state) for part in self.parts.values()))
        rows = [row for found in lists for row in found["tickets"]]
        rows.sort(key=lambda row: row["receivedTime"], reverse=True)
        return formats.TicketList(tickets=rows, count=len(rows))

    async def ticket(self, ticket_id: str) -> formats.TicketInfo:
        return await self._first(lambda part: part.ticket(ticket_id))

    async def wait_ticket(self, ticket_id: str, timeout: float) -> formats.TicketInfo:
        account = (await self.ticket(ticket_id))["accountId"]
        return await self._of(account).wait_ticket(ticket_id, timeout)
