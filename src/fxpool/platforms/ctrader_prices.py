"""The calls about prices and symbols, on one cTrader account of this process or on all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fxpool.account import Account
from fxpool.domain.quotes import LiveQuote
from fxpool.errors import SymbolNotFound
from fxpool.mapping import formats
from fxpool.mapping.symbol_formats import SymbolList, SymbolMapping, SymbolSpecification
from fxpool.platforms.base import PlatformError
from fxpool.platforms.ctrader_served import OnAccounts, Served, not_ready
from fxpool.platforms.ctrader_symbols import mapping_of_all
from fxpool.platforms.words import explain


class PriceCalls(OnAccounts):
    """Prices, who is quoted what, and what a broker's symbols are called."""

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        """Return the freshest quote of a symbol, of one account or of all."""
        candidates = (
            [self._accounts.find(account)] if account is not None else self._accounts.enabled()
        )
        quotes = [(quote, s) for s in candidates if (quote := s.account.quote_of(symbol))]
        if quotes:
            quote, served = max(quotes, key=lambda found: found[0].received_at)
            return served.account.price(quote, account)
        known = [served for served in candidates if served.account.is_known]
        if candidates and not known:
            raise explain(not_ready(candidates))
        if not any(served.has_symbol(symbol) for served in known):
            raise explain(SymbolNotFound(symbol))
        raise PlatformError(
            404, "PRICE_NOT_FOUND", f"No price of {symbol} is known yet: subscribe to it first"
        )

    async def prices(self) -> dict[str, formats.PriceInfo]:
        """Return the freshest quote of every symbol that is quoted."""
        freshest: dict[str, tuple[LiveQuote, Served]] = {}
        for served in self._accounts.enabled():
            if not served.account.is_known:
                continue
            for name, quote in served.account.quotes().items():
                known = freshest.get(name)
                if known is None or quote.received_at > known[0].received_at:
                    freshest[name] = (quote, served)
        return {
            name: served.account.price(quote) for name, (quote, served) in sorted(freshest.items())
        }

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        """Have a symbol quoted on an account, or on all that have it; ``*`` means all symbols that
        are mapped by configuration or in use."""
        return await self._on_symbols(symbol, account, Account.watch)

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        """End ``subscribe_symbol``; what positions and orders need stays quoted."""
        return await self._on_symbols(symbol, account, Account.unwatch)

    async def _on_symbols(
        self,
        symbol: str,
        account: str | None,
        act: Callable[[Account, set[int]], Awaitable[None]],
    ) -> formats.SubscriptionResult:
        """Do something about a symbol on one live account, or on all of them."""

        async def on(served: Served) -> None:
            served.live.require_live()
            await act(served.live, served.account.symbol_ids(symbol))

        return await self._accounts.on_symbol(symbol, account, on)

    async def initialize_streaming(self, account: str) -> formats.StreamingState:
        """Wait until an account is live, for a while. Raises PlatformError if it is not then."""
        await self._accounts.find(account).until_live()
        async with self._accounts.reading(account) as served:
            return formats.StreamingState(
                success=True,
                account_id=account,
                synchronized=True,
                positions=len(served.live.book.positions),
            )

    async def symbols(self, account: str) -> SymbolList:
        async with self._accounts.reading(account) as served:
            return await served.symbols.listing()

    async def symbol_mapping(self, symbol: str, account: str | None = None) -> SymbolMapping:
        """Return what a symbol is called at the broker of an account; without one, at the first
        that has it, with what it means on each of the others."""
        if account is not None:
            async with self._accounts.reading(account) as served:
                return await served.symbols.mapping(symbol)
        known = [served for served in self._accounts.enabled() if served.symbols.is_known]
        if not known:
            raise explain(not_ready(self._accounts.enabled()))
        known.sort(key=lambda served: not served.is_live)
        having = [served for served in known if served.has_symbol(symbol)]
        async with self._accounts.reading((having or known)[0].key):
            return await mapping_of_all(symbol, [served.symbols for served in having or known])

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        async with self._accounts.reading(account) as served:
            return await served.symbols.specification(symbol, account)
