from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.symbol_names import KNOWN_ALIASES, KNOWN_SUFFIXES, SymbolNames
from fxpool.errors import SymbolNotFound
from harness.values import USD, light

stems = st.sampled_from(
    [
        "EURUSD",
        "EUR/USD",
        "GBPJPY",
        "Apple Inc",
        *(name for group in KNOWN_ALIASES for name in group),
    ]
)
broker_names = st.builds(str.__add__, stems, st.sampled_from(["", *KNOWN_SUFFIXES]))


@given(st.lists(broker_names, max_size=12, unique=True), st.data())
def test_a_name_that_is_shown_never_leads_to_another_symbol(
    listed: list[str], data: st.DataObject
) -> None:
    symbols = [
        light(number, name, base=100 + number, enabled=data.draw(st.booleans()))
        for number, name in enumerate(listed, 1)
    ]
    assets = {
        each.base_asset_id: data.draw(st.sampled_from(["XAU", "Gold", "BTC", "Barrick"]))
        for each in symbols
        if data.draw(st.booleans())
    }
    names = SymbolNames(symbols, asset_names={**assets, USD: "USD"})
    for each in symbols:
        found = None
        with suppress(SymbolNotFound):
            found = names.resolve(names.mt_name(each.symbol_id))
        if each.enabled:
            assert found is not None
        assert found is None or found.symbol == each or not each.enabled
        assert found is None or found.symbol.enabled
