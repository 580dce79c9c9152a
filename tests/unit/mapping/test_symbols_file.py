from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.symbol_names import SymbolRule
from fxpool.errors import SettingsError
from fxpool.mapping.symbols_file import parse_symbols

EVERYTHING = """
{"symbolMapping": {
   "XAUUSD": {"cTraderSymbol": "GOLD", "cTraderId": null, "digits": 2, "multiplier": 1,
              "aliases": ["XAU/USD"],
              "brokers": {"ExampleMarkets": {"cTraderSymbol": "XAUUSD", "multiplier": 10}}},
   "BTCUSD": {"cTraderName": "Bitcoin", "cTraderId": 100, "tickValue": 1},
   "EURUSD": "EUR/USD"},
 "orderTypeMapping": {}, "positionTypeMapping": {}}
"""


def test_all_spellings_in_use_are_read() -> None:
    assert parse_symbols(EVERYTHING, source="symbols.json") == [
        SymbolRule("XAUUSD", "GOLD", Decimal(1), ("XAU/USD",)),
        SymbolRule("XAUUSD", "XAUUSD", Decimal(10), (), ("ExampleMarkets",)),
        SymbolRule("BTCUSD", "Bitcoin"),
        SymbolRule("EURUSD", "EUR/USD"),
    ]


def test_a_brokers_entry_takes_over_the_factor() -> None:
    text = """{"symbolMapping": {"A": {"cTraderName": "B", "multiplier": 0.1,
               "brokers": {"X": {"cTraderName": "C"}}}}}"""
    _, own = parse_symbols(text, source="symbols.json")
    assert own.multiplier == Decimal("0.1")


def test_an_empty_mapping_is_allowed() -> None:
    assert parse_symbols(b'{"symbolMapping": {}}', source="symbols.json") == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "symbols.json is not JSON"),
        ("[]", "symbolMapping"),
        ('{"symbolMapping": {"A": 7}}', r"symbolMapping\.A"),
        ('{"symbolMapping": {"A": {"multiplier": 0}}}', r"symbolMapping\.A\.multiplier"),
        ('{"symbolMapping": {"A": {"multiplier": "x"}}}', r"symbolMapping\.A\.multiplier"),
        ('{"symbolMapping": {"A": {"multiplyer": 5}}}', r"A\.multiplyer .*write multiplier"),
        ('{"symbolMapping": {"A": {"Brokers": {}}}}', r"A\.Brokers .*write brokers"),
        (
            '{"symbolMapping": {"A": {"brokers": {"X": {"Multiplier": 5}}}}}',
            r"A\.brokers\.X\.Multiplier .*write multiplier",
        ),
        ('{"symbolMapping": {"A": {"aliases": "B"}}}', r"symbolMapping\.A\.aliases"),
        ('{"symbolMapping": {"A": {"brokers": {"X": 1}}}}', r"symbolMapping\.A\.brokers\.X"),
        (
            '{"symbolMapping": {"A": {"cTraderSymbol": "B", "cTraderName": "C"}}}',
            r"symbolMapping\.A: .*differ",
        ),
    ],
)
def test_an_error_names_the_entry_and_the_cure(text: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        parse_symbols(text, source="symbols.json")
