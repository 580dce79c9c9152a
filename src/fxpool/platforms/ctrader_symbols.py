"""The symbols of a cTrader account as callers read them: list, names and specification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fxpool.clock import Clock
from fxpool.domain.symbol_names import MatchedBy
from fxpool.domain.symbol_terms import SymbolGroup
from fxpool.domain.symbols import LightSymbol
from fxpool.errors import SymbolNotFound
from fxpool.mapping.specification import SpecificationContext, symbol_specification
from fxpool.mapping.symbol_formats import (
    BrokerSymbol,
    MatchWord,
    SymbolDetail,
    SymbolList,
    SymbolMapping,
    SymbolSpecification,
)
from fxpool.platforms.ctrader_account import CTraderAccount
from fxpool.platforms.mappings import with_accounts

_WORDS: Final[dict[MatchedBy, MatchWord]] = {
    MatchedBy.BROKER_RULE: "broker_rule",
    MatchedBy.RULE: "rule",
    MatchedBy.EQUAL: "equal",
    MatchedBy.NORMALISED: "normalised",
    MatchedBy.ALIAS: "alias",
    MatchedBy.SUFFIX: "suffix",
}


class CTraderSymbols:
    """One account's symbols. All calls raise NotReady, and what reading raises."""

    def __init__(self, account: CTraderAccount, *, clock: Clock) -> None:
        self._account = account
        self._clock = clock

    @property
    def is_known(self) -> bool:
        """Whether the account's symbols were read at least once."""
        return self._account.is_known

    async def listing(self) -> SymbolList:
        """Return all symbols by the name that callers are shown, and the archived ones."""
        directory = self._account.live.directory
        groups, archived = await directory.groups(), await directory.archived()
        known = self._account.names.all()
        return SymbolList(
            symbols=sorted(name for name, light in known.items() if light.enabled),
            details={
                name: self._detail(light, groups.get(light.category_id or 0))
                for name, light in sorted(known.items())
            },
            archived=sorted(symbol.name for symbol in archived.values()),
        )

    def _detail(self, light: LightSymbol, group: SymbolGroup | None) -> SymbolDetail:
        return SymbolDetail(
            cTraderName=light.name,
            enabled=light.enabled,
            cTraderId=light.symbol_id,
            description=light.description,
            baseAsset=self._asset(light.base_asset_id),
            quoteAsset=self._asset(light.quote_asset_id),
            category=None if group is None else group.category,
            assetClass=None if group is None else group.asset_class,
        )

    def _asset(self, asset_id: int) -> str | None:
        asset = self._account.live.book.assets.get(asset_id)
        return None if asset is None else asset.name

    async def mapping(self, name: str) -> SymbolMapping:
        """Return how a symbol is called at its broker, and what may be traded of it.

        Raises SymbolNotFound.
        """
        account = self._account
        match = account.names.resolve(name)
        symbol = await account.live.symbol(match.symbol.symbol_id)
        minimum, most, step = (
            None if volume is None else account.lots(symbol, volume)
            for volume in (
                symbol.min_volume_cents,
                symbol.max_volume_cents,
                symbol.step_volume_cents,
            )
        )
        return SymbolMapping(
            mt5Symbol=match.mt_name,
            cTraderSymbol=symbol.name,
            cTraderName=symbol.name,
            cTraderId=symbol.symbol_id,
            digits=symbol.digits,
            pipPosition=symbol.pip_position,
            lotSize=float(symbol.units_per_lot),
            minVolume=minimum,
            maxVolume=most,
            volumeStep=step,
            multiplier=float(match.multiplier),
            account_id=account.key,
            source="broker",
            matchedBy=_WORDS[match.by],
        )

    def meaning(self, name: str) -> tuple[str, BrokerSymbol] | None:
        """Return the account's key and what it means by a name, None if it means nothing."""
        try:
            match = self._account.names.resolve(name)
        except SymbolNotFound:
            return None
        return self._account.key, BrokerSymbol(
            cTraderId=match.symbol.symbol_id,
            cTraderName=match.symbol.name,
            multiplier=float(match.multiplier),
        )

    async def specification(self, name: str, shown_id: str) -> SymbolSpecification:
        """Return what may be traded of a symbol. Raises SymbolNotFound."""
        live, match = self._account.live, self._account.names.resolve(name)
        symbol = await live.symbol(match.symbol.symbol_id)
        category = match.symbol.category_id
        group = None if category is None else (await live.directory.groups()).get(category)
        context = SpecificationContext(
            shown_name=match.mt_name,
            account=shown_id,
            multiplier=match.multiplier,
            trader=live.book.trader,
            assets=live.book.assets,
            group=group,
            quote=live.book.quotes.get(symbol.symbol_id),
            ticks=live.book.tick_values(symbol.symbol_id),
            at=self._clock.at(),
        )
        return symbol_specification(symbol, context)


async def mapping_of_all(name: str, accounts: Sequence[CTraderSymbols]) -> SymbolMapping:
    """Return what a name means on the first of the accounts that know it, and on each of them.

    An id counts only where all agree. Raises SymbolNotFound, with one account's nearest names.
    """
    having = [(symbols, found) for symbols in accounts if (found := symbols.meaning(name))]
    mapping = await (having[0][0] if having else accounts[0]).mapping(name)
    return with_accounts(mapping, dict(found for _, found in having))
