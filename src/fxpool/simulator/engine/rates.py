"""The latest quotes, and conversion between assets through them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from fxpool.simulator.engine.model import Side
from fxpool.simulator.engine.rules import ConversionSide
from fxpool.simulator.engine.symbols import PRICE_SCALE, Asset, Symbol
from fxpool.simulator.refusal import Refusal

_ONE = Fraction(1)


class _Pick(Enum):
    """Which price of a quote converts."""

    SELL = "sell"
    BUY = "buy"
    ASK = "ask"
    MID = "mid"


_PROFIT_PICKS = {ConversionSide.ASK: _Pick.ASK, ConversionSide.MID: _Pick.MID}


class Quote(NamedTuple):
    """A symbol's two prices, in 1/100000 of a price unit."""

    bid: int
    ask: int

    def price_for(self, side: Side) -> int:
        """Return what a market order of ``side`` trades at."""
        return self.ask if side is Side.BUY else self.bid


class Rates:
    """Quotes of all symbols, and the chains of symbols that lead from asset to asset.

    Rates are remembered until the next quote, since many accounts ask for the same ones.
    """

    def __init__(
        self,
        symbols: Mapping[int, Symbol],
        assets: Mapping[int, Asset],
        side: ConversionSide = ConversionSide.BY_DIRECTION,
    ) -> None:
        self._symbols = symbols
        self._side = side
        self._known: dict[tuple[int, int, _Pick], Fraction] = {}
        self._quotes: dict[int, Quote] = {}
        self._chains: dict[tuple[int, int], tuple[Symbol, ...] | None] = {}
        self._asset_ids = {one.name: one.asset_id for one in reversed(list(assets.values()))}
        self.usd_asset_id = self.asset_id("USD")

    def asset_id(self, name: str) -> int:
        """Return an asset's id; of several with one name, the first's."""
        return self._asset_ids[name]

    def set(self, symbol_id: int, bid: int, ask: int) -> None:
        """Replace a symbol's quote."""
        self._quotes[symbol_id] = Quote(bid, ask)
        self._known.clear()

    def get(self, symbol_id: int) -> Quote | None:
        """Return a symbol's quote, or None before its first."""
        return self._quotes.get(symbol_id)

    def quote(self, symbol_id: int) -> Quote:
        """Return a symbol's quote. Raises Refusal NO_QUOTES before its first."""
        quote = self._quotes.get(symbol_id)
        if quote is None:
            raise Refusal("NO_QUOTES", f"No quotes for symbol {symbol_id}")
        return quote

    def chain(self, first_asset_id: int, last_asset_id: int) -> tuple[Symbol, ...] | None:
        """Return the shortest chain of symbols between two assets, or None if there is none."""
        key = (first_asset_id, last_asset_id)
        if key not in self._chains:
            self._chains[key] = self._find_chain(*key)
        return self._chains[key]

    def rate(self, first_asset_id: int, last_asset_id: int, *, selling: bool) -> Fraction:
        """Return how much of the last asset one unit of the first is worth.

        ``selling`` the first asset takes the worse side of each quote, buying it the other.
        Raises Refusal NO_QUOTES where no chain of quoted symbols connects them.
        """
        return self._convert(first_asset_id, last_asset_id, _Pick.SELL if selling else _Pick.BUY)

    def profit_rate(self, quote_asset_id: int, deposit_asset_id: int, *, gaining: bool) -> Fraction:
        """Return what one unit of a profit is worth in the deposit asset (SW-30).

        A gain sells the quote asset, a loss has to buy it, unless the broker always takes the ask
        or the middle. Raises Refusal as ``rate`` does.
        """
        pick = _PROFIT_PICKS.get(self._side)
        if pick is None:
            pick = _Pick.SELL if gaining else _Pick.BUY
        return self._convert(quote_asset_id, deposit_asset_id, pick)

    def _convert(self, first_asset_id: int, last_asset_id: int, pick: _Pick) -> Fraction:
        if first_asset_id == last_asset_id:
            return _ONE
        key = (first_asset_id, last_asset_id, pick)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._walk(first_asset_id, last_asset_id, pick)
        return known

    def _walk(self, first_asset_id: int, last_asset_id: int, pick: _Pick) -> Fraction:
        chain = self.chain(first_asset_id, last_asset_id)
        if chain is None:
            raise Refusal("NO_QUOTES", f"No symbols convert asset {first_asset_id}")
        rate, asset_id = _ONE, first_asset_id
        for symbol in chain:
            quote = self.quote(symbol.symbol_id)
            if symbol.base_asset_id == asset_id:
                rate *= _price(quote, pick, is_base=True) / PRICE_SCALE
                asset_id = symbol.quote_asset_id
            else:
                rate *= PRICE_SCALE / _price(quote, pick, is_base=False)
                asset_id = symbol.base_asset_id
        return rate

    def _find_chain(self, first: int, last: int) -> tuple[Symbol, ...] | None:
        """Search breadth first, by symbol id, so that equal brokers give equal chains."""
        waiting: deque[tuple[int, tuple[Symbol, ...]]] = deque([(first, ())])
        seen = {first}
        while waiting:
            asset_id, chain = waiting.popleft()
            if asset_id == last:
                return chain
            for symbol in self._symbols.values():
                ends = (symbol.base_asset_id, symbol.quote_asset_id)
                if asset_id in ends:
                    other = ends[1] if ends[0] == asset_id else ends[0]
                    if other not in seen:
                        seen.add(other)
                        waiting.append((other, (*chain, symbol)))
        return None


def _price(quote: Quote, pick: _Pick, *, is_base: bool) -> Fraction:
    """Return the price at which an asset is exchanged that is a symbol's base, or its quote."""
    match pick:
        case _Pick.SELL:
            return Fraction(quote.bid if is_base else quote.ask)
        case _Pick.BUY:
            return Fraction(quote.ask if is_base else quote.bid)
        case _Pick.ASK:
            return Fraction(quote.ask)
        case _Pick.MID:
            return Fraction(quote.bid + quote.ask, 2)
