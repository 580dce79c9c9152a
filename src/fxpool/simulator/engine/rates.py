"""The latest quotes, and conversion between assets through them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from fxpool.simulator.engine.model import Side
from fxpool.simulator.engine.symbols import PRICE_SCALE, Asset, Symbol
from fxpool.simulator.refusal import Refusal


class Quote(NamedTuple):
    """A symbol's two prices, in 1/100000 of a price unit."""

    bid: int
    ask: int

    def price_for(self, side: Side) -> int:
        """Return what a market order of ``side`` trades at."""
        return self.ask if side is Side.BUY else self.bid


class Rates:
    """Quotes of all symbols, and the chains of symbols that lead from asset to asset."""

    def __init__(self, symbols: Mapping[int, Symbol], assets: Mapping[int, Asset]) -> None:
        self._symbols = symbols
        self._quotes: dict[int, Quote] = {}
        self._chains: dict[tuple[int, int], tuple[Symbol, ...] | None] = {}
        self.usd_asset_id = next(asset.asset_id for asset in assets.values() if asset.name == "USD")

    def set(self, symbol_id: int, bid: int, ask: int) -> None:
        """Replace a symbol's quote."""
        self._quotes[symbol_id] = Quote(bid, ask)

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
        chain = self.chain(first_asset_id, last_asset_id)
        if chain is None:
            raise Refusal("NO_QUOTES", f"No symbols convert asset {first_asset_id}")
        rate, asset_id = Fraction(1), first_asset_id
        for symbol in chain:
            bid, ask = self.quote(symbol.symbol_id)
            if symbol.base_asset_id == asset_id:
                rate *= Fraction(bid if selling else ask, PRICE_SCALE)
                asset_id = symbol.quote_asset_id
            else:
                rate *= Fraction(PRICE_SCALE, ask if selling else bid)
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
