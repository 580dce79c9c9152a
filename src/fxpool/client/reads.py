"""The client's reads of one account's present; part of ``UnifiedPoolClient``."""
# ruff: noqa: N815 (the camelCase names are the callers')

from __future__ import annotations

from typing import Final

from fxpool.client.calls import PlatformCalls
from fxpool.mapping.formats import (
    AccountInformation,
    GuardList,
    OrderInfo,
    PositionInfo,
)
from fxpool.mapping.symbol_formats import SymbolMapping, SymbolSpecification
from fxpool.platforms.base import Platform, PlatformError

NOT_FOUND: Final = 404
NOT_SUPPORTED: Final = 501


class AccountReads(PlatformCalls):
    """All raise PlatformError while the truth is not known; they never answer empty instead."""

    async def get_account_info(
        self, account_id: str, region: str | None = None
    ) -> AccountInformation:
        """Return balance, equity, margin and state of an account, in its currency."""
        return await self._read(account_id, lambda on: on.account_information(account_id), region)

    async def get_positions(self, account_id: str, region: str | None = None) -> list[PositionInfo]:
        """Return all open positions."""
        answer = await self._read(account_id, lambda on: on.positions(account_id), region)
        return answer["positions"]

    async def get_pending_orders(
        self, account_id: str, region: str | None = None
    ) -> list[OrderInfo]:
        """Return all pending orders; those that protect a position are not among them.

        A MetaApi pool that has no such call has no such orders either: it cannot place one.
        """
        try:
            answer = await self._read(account_id, lambda on: on.orders(account_id), region)
        except PlatformError as error:
            if error.status == NOT_SUPPORTED:
                return []
            raise
        return answer["orders"]

    async def has_open_position(
        self, account_id: str, symbol: str, region: str | None = None
    ) -> bool:
        """Whether a position is open on a symbol."""
        return await self.get_position_by_symbol(account_id, symbol, region) is not None

    async def get_position_by_symbol(
        self, account_id: str, symbol: str, region: str | None = None
    ) -> PositionInfo | None:
        """Return the first open position on a symbol, or None."""
        open_ones = await self.get_positions(account_id, region)
        positions = {each["symbol"]: each for each in reversed(open_ones)}
        if symbol in positions or not positions:
            return positions.get(symbol)
        return positions.get(await self._name_of(symbol, account_id))

    async def get_available_symbols(self, account_id: str) -> list[str]:
        """Return the MetaTrader names of what the account can trade."""
        return (await self._read(account_id, lambda on: on.symbols(account_id)))["symbols"]

    async def get_symbol_specification(self, account_id: str, symbol: str) -> SymbolSpecification:
        """Return all that may be traded of a symbol on an account, and what it costs."""
        return await self._read(account_id, lambda on: on.symbol_specification(account_id, symbol))

    async def get_symbol_mapping(self, mt5_symbol: str) -> SymbolMapping | None:
        """Return how brokers call a symbol and what may be traded of it; None if unknown."""
        return await self._mapping(mt5_symbol, None)

    async def get_guards(self, account_id: str) -> GuardList:
        """Return how an account stands to its loss limits."""
        return await self._read(account_id, lambda on: on.guards(account_id))

    # Names of symbols

    async def _name_of(self, symbol: str, account_id: str | None) -> str:
        """Return the one name under which positions, prices and events tell of a symbol."""
        mapping = await self._mapping(symbol, account_id)
        return symbol if mapping is None else mapping["mt5Symbol"]

    async def _mapping(self, symbol: str, account_id: str | None) -> SymbolMapping | None:
        """Return the first platform's answer; one without names of symbols has nothing to say."""
        failures = []
        platforms: list[Platform] = self._for(account_id)
        for platform in platforms:
            try:
                return await platform.symbol_mapping(symbol, account_id)
            except PlatformError as error:
                if error.status not in {NOT_FOUND, NOT_SUPPORTED}:
                    failures.append(error)
        if len(failures) == len(platforms):
            raise failures[0]
        return None

    # The same calls under the names of the older clients

    getAccountInfo = get_account_info
    getPositions = get_positions
    getPendingOrders = get_pending_orders
    hasOpenPosition = has_open_position
    getPositionBySymbol = get_position_by_symbol
    getAvailableSymbols = get_available_symbols
    getSymbolSpecification = get_symbol_specification
    getSymbolMapping = get_symbol_mapping
    getGuards = get_guards
