"""The calls about prices and symbols: on the platform of an account, or on all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fxpool.mapping import formats
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.base import Platform
from fxpool.platforms.mappings import joined
from fxpool.platforms.several_parts import OnParts


class PriceCalls(OnParts):
    """Prices of one symbol come from the first platform that has them."""

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        if account is not None:
            return await self._of(account).price(symbol, account)
        return await self._first(lambda part: part.price(symbol))

    async def prices(self) -> dict[str, formats.PriceInfo]:
        return await self._merged(lambda part: part.prices())

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        return await self._on_symbol(
            symbol, account, lambda part: part.subscribe_symbol(symbol, account)
        )

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        return await self._on_symbol(
            symbol, account, lambda part: part.unsubscribe_symbol(symbol, account)
        )

    async def _on_symbol(
        self,
        symbol: str,
        account: str | None,
        act: Callable[[Platform], Awaitable[formats.SubscriptionResult]],
    ) -> formats.SubscriptionResult:
        if account is not None:
            return await act(self._of(account))
        answers = await asyncio.gather(*(act(part) for part in self.parts.values()))
        done = [account for answer in answers for account in answer["accounts"]]
        failed = {key: why for answer in answers for key, why in answer["failed"].items()}
        return formats.SubscriptionResult(
            success=bool(done), symbol=symbol, accounts=sorted(done), failed=failed
        )

    async def initialize_streaming(self, account: str) -> formats.StreamingState:
        return await self._of(account).initialize_streaming(account)

    async def symbols(self, account: str) -> SymbolList:
        return await self._of(account).symbols(account)

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        return await self._of(account).symbol_specification(account, symbol)

    async def symbol_mapping(self, symbol: str, account: str | None = None) -> SymbolMapping:
        if account is not None:
            return await self._of(account).symbol_mapping(symbol, account)
        answers, failures = await self._asked(lambda part: part.symbol_mapping(symbol))
        if not answers and failures:
            raise min(failures.values(), key=lambda error: error.status == 404)
        return joined(list(answers.values()))
