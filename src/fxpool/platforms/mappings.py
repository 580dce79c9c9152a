"""What a symbol's name means on several accounts, as one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fxpool.mapping.symbol_formats import BrokerSymbol, SymbolMapping


def with_accounts(mapping: SymbolMapping, meanings: Mapping[str, BrokerSymbol]) -> SymbolMapping:
    """Return a mapping with what each account means by its name; an id counts only where all
    agree, for ids belong to one broker."""
    joint = mapping.copy()
    joint["byAccount"] = dict(meanings)
    if len({meant["cTraderId"] for meant in meanings.values()}) > 1:
        joint["cTraderId"] = None
    return joint


def joined(mappings: Sequence[SymbolMapping]) -> SymbolMapping:
    """Return several answers, at least one, as one: the first, with the accounts of all."""
    meanings: dict[str, BrokerSymbol] = {}
    for mapping in mappings:
        meanings |= mapping.get("byAccount") or {mapping["account_id"]: _meaning(mapping)}
    return with_accounts(mappings[0], meanings)


def _meaning(mapping: SymbolMapping) -> BrokerSymbol:
    return BrokerSymbol(
        cTraderId=mapping["cTraderId"],
        cTraderName=mapping["cTraderName"],
        multiplier=mapping["multiplier"],
    )
