"""What all accounts of a broker share: its symbols, quotes, ids, rules and liquidity. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fxpool.simulator.engine.ids import Ids
from fxpool.simulator.engine.liquidity import Liquidity
from fxpool.simulator.engine.margin import Tier
from fxpool.simulator.engine.model import Order
from fxpool.simulator.engine.rates import Rates
from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.engine.taken import Taken
from fxpool.simulator.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Floor:
    """What all books of a broker share.

    ``watch`` is told each order that waits for a price, with its account; ``unwatch`` when it no
    longer does. ``tiers`` are those of dynamic leverage, by its id; ``taken`` are the orders that
    are being filled.
    """

    symbols: dict[int, Symbol]
    rates: Rates
    ids: Ids
    rules: Rules
    tiers: Mapping[int, tuple[Tier, ...]]
    liquidity: Liquidity
    taken: Taken
    watch: Callable[[int, Order], None]
    unwatch: Callable[[Order], None]

    def symbol(self, symbol_id: int) -> Symbol:
        """Return a symbol. Raises Refusal SYMBOL_NOT_FOUND."""
        symbol = self.symbols.get(symbol_id)
        if symbol is None:
            raise Refusal("SYMBOL_NOT_FOUND", f"Symbol {symbol_id} not found")
        return symbol
