"""The symbols of an account's past, those that its broker lists no more by their name only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from fxpool.domain.symbols import Symbol
from fxpool.errors import MappingError
from fxpool.platforms.ctrader_account import CTraderAccount


@dataclass(frozen=True, slots=True)
class PastSymbol:
    """A symbol as callers see it; ``symbol`` is None where the broker lists it no more."""

    name: str
    symbol: Symbol | None
    multiplier: Decimal

    def lots(self, volume_cents: int) -> Decimal | None:
        """Return a volume in the lots that callers count, None without the symbol's lot size."""
        return None if self.symbol is None else self.symbol.lots(volume_cents) / self.multiplier


class PastSymbols:
    """Finds the symbols of past deals. Raises NotReady, MappingError, and what reading raises."""

    def __init__(self, account: CTraderAccount) -> None:
        self._account = account

    async def of(self, symbol_ids: Iterable[int]) -> dict[int, PastSymbol]:
        """Return symbols by id."""
        return {symbol_id: await self._symbol(symbol_id) for symbol_id in sorted(set(symbol_ids))}

    async def _symbol(self, symbol_id: int) -> PastSymbol:
        account = self._account
        if symbol_id in account.live.book.light_symbols:
            symbol = await account.live.symbol(symbol_id)
            names = account.names
            return PastSymbol(names.mt_name(symbol_id), symbol, names.multiplier(symbol_id))
        archived = (await account.live.directory.archived()).get(symbol_id)
        if archived is None:
            raise MappingError(f"the broker does not list symbol id {symbol_id} of a past deal")
        return PastSymbol(archived.name, None, Decimal(1))
