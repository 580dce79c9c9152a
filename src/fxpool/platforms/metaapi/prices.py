"""The calls about prices and symbols, on one MetaTrader account or on all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fxpool.errors import FxPoolError, SymbolNotFound
from fxpool.mapping import formats
from fxpool.mapping.symbol_formats import (
    SymbolDetail,
    SymbolList,
    SymbolMapping,
    SymbolSpecification,
)
from fxpool.platforms.base import PlatformError
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.account import MetaApiAccount
from fxpool.platforms.metaapi.model import Price
from fxpool.platforms.metaapi.served import OnAccounts, Served
from fxpool.platforms.words import explain

STALE_AFTER: Final = 30.0
"""Seconds after which a quote is shown as stale, beside what polling costs."""


class PriceCalls(OnAccounts):
    """Prices, which symbols are asked for, and what they are called."""

    async def price(self, symbol: str, account: str | None = None) -> formats.PriceInfo:
        """Return the newest quote of a watched symbol; with an account, ask for any other now."""
        if account is not None:
            async with self._accounts.reading(account) as served:
                known = served.account.watched.get(symbol)
                known = known or await served.account.price(symbol)
                return await self._price(served.account, known, account)
        having = [
            (price, served)
            for served in self._accounts.enabled()
            if (price := served.account.watched.get(symbol)) is not None
        ]
        if not having:
            raise PlatformError(
                404, "PRICE_NOT_FOUND", f"No price of {symbol} is known yet: subscribe to it first"
            )
        price, served = max(having, key=lambda found: found[0].time)
        return await self._price(served.account, price, served.key)

    async def prices(self) -> dict[str, formats.PriceInfo]:
        """Return the newest quote of every symbol that is watched."""
        newest: dict[str, tuple[Price, Served]] = {}
        for served in self._accounts.enabled():
            for symbol, price in served.account.watched.items():
                if price is not None and (
                    symbol not in newest or price.time > newest[symbol][0].time
                ):
                    newest[symbol] = (price, served)
        return {
            symbol: await self._price(served.account, price, served.key)
            for symbol, (price, served) in sorted(newest.items())
        }

    async def _price(
        self, account: MetaApiAccount, price: Price, shown_id: str
    ) -> formats.PriceInfo:
        try:
            digits = await self._digits(account, price)
        except FxPoolError as exc:
            raise explain(exc) from exc
        return shapes.price_info(
            price,
            digits=digits,
            account=shown_id,
            at=self._clock.at(),
            stale_after=STALE_AFTER + self._pace.price_seconds,
            every=self._pace.price_seconds,
        )

    async def _digits(self, account: MetaApiAccount, price: Price) -> int:
        """Return a price's digits, by what was told of the symbol, else by the price itself."""
        if self._way.offers.specifications:
            return (await account.specification(price.symbol)).digits
        exponents = (price.bid.as_tuple().exponent, price.ask.as_tuple().exponent)
        return max(-exponent for exponent in exponents if isinstance(exponent, int))

    async def subscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        """Have a symbol's price asked for again and again, on an account or on all that have it;
        ``*`` means the symbols of open positions."""

        async def watch(target: MetaApiAccount, name: str) -> None:
            if target.watched.get(name) is None:
                if self._way.offers.specifications:
                    await target.specification(name)  # raises SymbolNotFound
                target.watched[name] = None
                await target.price(name)

        return await self._on_symbols(symbol, account, watch)

    async def unsubscribe_symbol(
        self, symbol: str, account: str | None = None
    ) -> formats.SubscriptionResult:
        async def unwatch(target: MetaApiAccount, name: str) -> None:
            if name not in target.watched and self._way.offers.specifications:
                await target.specification(name)  # raises SymbolNotFound
            target.watched.pop(name, None)

        return await self._on_symbols(symbol, account, unwatch)

    async def _on_symbols(
        self,
        symbol: str,
        account: str | None,
        act: Callable[[MetaApiAccount, str], Awaitable[None]],
    ) -> formats.SubscriptionResult:
        """Do something about a symbol, or about those of open positions, on one account or on
        all."""

        async def on(served: Served) -> None:
            reading = await served.account.current()
            names = {symbol}
            if symbol == "*":
                names = {position.symbol for position in reading.positions.values()}
            for name in sorted(names):
                await act(served.account, name)

        return await self._accounts.on_symbol(symbol, account, on)

    async def initialize_streaming(self, account: str) -> formats.StreamingState:
        async with self._accounts.reading(account) as served:
            reading = await served.account.current()
            return formats.StreamingState(
                success=True,
                account_id=account,
                synchronized=True,
                positions=len(reading.positions),
            )

    async def symbols(self, account: str) -> SymbolList:
        """Return the broker's symbols; on MetaTrader callers' names are the broker's own."""
        async with self._accounts.reading(account) as served:
            names = await served.account.symbols()
            return SymbolList(
                symbols=list(names),
                details={name: SymbolDetail(cTraderName=name, enabled=True) for name in names},
            )

    async def symbol_specification(self, account: str, symbol: str) -> SymbolSpecification:
        """Return a symbol's specification as the service told it."""
        async with self._accounts.reading(account) as served:
            return await self._way.whole_specification(served.key, symbol)

    async def symbol_mapping(self, symbol: str, account: str | None = None) -> SymbolMapping:
        targets = (
            [account]
            if account is not None
            else [served.key for served in self._accounts.enabled()]
        )
        missing: PlatformError = explain(SymbolNotFound(symbol))
        for target in targets:
            try:
                async with self._accounts.reading(target) as served:
                    return await self._mapping(served.account, symbol, target)
            except PlatformError as exc:
                missing = exc
        raise missing

    async def _mapping(self, account: MetaApiAccount, symbol: str, shown_id: str) -> SymbolMapping:
        found = await account.specification(symbol)
        pip = found.pip_size or found.tick_size
        return SymbolMapping(
            mt5Symbol=symbol,
            cTraderSymbol=found.symbol,
            cTraderName=found.symbol,
            cTraderId=None,
            digits=found.digits,
            pipPosition=max(0, -int(pip.normalize().adjusted())),
            lotSize=float(found.contract_size),
            minVolume=float(found.min_volume),
            maxVolume=float(found.max_volume),
            volumeStep=float(found.volume_step),
            multiplier=1.0,
            account_id=shown_id,
            source="broker",
            matchedBy="equal",
        )
