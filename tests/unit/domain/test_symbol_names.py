"""Symbol names: the ladder from what is configured to what is usual."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fxpool.domain.symbol_names import MatchedBy, SymbolNames, SymbolRule
from fxpool.errors import SymbolNotFound
from harness.values import EUR, USD, light

BASES = {"GOLD": "XAU", "GOLD.r": "XAU", "XAUUSD": "XAU", "Bitcoin": "BTC", "SILVER": "silver"}
"""What the base asset of a symbol is called where its name does not say it."""


def names(*broker_names: str, rules: tuple[SymbolRule, ...] = (), **options: str) -> SymbolNames:
    symbols = [
        light(number, name, base=100 + number) for number, name in enumerate(broker_names, 1)
    ]
    assets = {light.base_asset_id: BASES.get(light.name, light.name) for light in symbols}
    return SymbolNames(symbols, rules, asset_names={**assets, USD: "USD"}, **options)


@pytest.mark.parametrize(
    ("asked", "broker_name", "by"),
    [
        ("EURUSD", "EURUSD", MatchedBy.EQUAL),
        ("EURUSD", "EUR/USD", MatchedBy.NORMALISED),
        ("eur/usd", "EURUSD", MatchedBy.NORMALISED),
        ("XAUUSD", "GOLD", MatchedBy.ALIAS),
        ("BTCUSD", "Bitcoin", MatchedBy.ALIAS),
        ("GOLD", "XAUUSD", MatchedBy.ALIAS),
        ("XAGUSD", "SILVER", MatchedBy.ALIAS),
        ("NAS100", "US TECH 100", MatchedBy.ALIAS),
        ("GER40", "DE40", MatchedBy.ALIAS),
        ("XAUUSD.d", "XAUUSD", MatchedBy.SUFFIX),
        ("XAUUSD.d", "GOLD", MatchedBy.SUFFIX),
        ("XAUUSD", "GOLD.r", MatchedBy.SUFFIX),
        ("US30", "US30.cash", MatchedBy.SUFFIX),
        ("NAS100", "US100.cash", MatchedBy.SUFFIX),
        ("EURUSD", "EURUSD.r", MatchedBy.SUFFIX),
        ("EURUSDm", "EUR/USD", MatchedBy.SUFFIX),
        ("EURUSD+", "EURUSD.raw", MatchedBy.SUFFIX),
    ],
)
def test_a_name_finds_what_the_broker_calls_otherwise(
    asked: str, broker_name: str, by: MatchedBy
) -> None:
    match = names(broker_name, "GBPUSD").resolve(asked)
    assert (match.symbol.name, match.by) == (broker_name, by)
    assert match.multiplier == 1


@pytest.mark.parametrize("broker_name", ["GOLD", "GOLD.r"])
@pytest.mark.parametrize(
    "assets",
    [
        {100: "Barrick Gold", USD: "USD"},
        {100: "XAU", USD: "EUR"},
        {100: "XAU"},
        {USD: "USD"},
        {},
    ],
)
def test_an_alias_that_the_assets_do_not_confirm_is_refused_and_named(
    broker_name: str, assets: dict[int, str]
) -> None:
    """GOLD is a mining company's share at some brokers."""
    symbols = [light(1, broker_name, base=100), light(2, "EURUSD", base=EUR)]
    found = SymbolNames(symbols, asset_names=assets)
    with pytest.raises(SymbolNotFound) as caught:
        found.resolve("XAUUSD")
    assert caught.value.candidates[0] == broker_name
    assert found.mt_name(1) == broker_name
    assert found.resolve(broker_name).symbol.symbol_id == 1


def test_a_namesake_does_not_hide_the_pair_that_is_there() -> None:
    symbols = [light(1, "GOLD", base=100), light(2, "XAUUSD.r", base=101)]
    found = SymbolNames(symbols, asset_names={100: "Barrick Gold", 101: "XAU", USD: "USD"})
    assert found.resolve("XAUUSD").symbol.name == "XAUUSD.r"


def test_a_configured_suffix_is_removed() -> None:
    assert names("XAUUSD", suffix="-vip").resolve("XAUUSD-vip").symbol.name == "XAUUSD"
    with pytest.raises(SymbolNotFound):
        names("XAUUSD").resolve("XAUUSD-vip")


def test_an_unknown_name_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(SymbolNotFound, match=r"(?i)symbol not found.*EURUSD") as caught:
        names("EURUSD", "XAUUSD").resolve("EURUSS")
    assert caught.value.candidates == ("EURUSD",)
    assert not caught.value.ambiguous


@pytest.mark.parametrize(
    ("asked", "broker_names"),
    [
        ("EUR.USD", ("EUR/USD", "EURUSD")),
        ("EURUSD", ("EURUSD.r", "EURUSD.raw")),
        ("US500", ("SPX500", "SP500")),
    ],
)
def test_an_ambiguous_name_is_refused(asked: str, broker_names: tuple[str, ...]) -> None:
    with pytest.raises(SymbolNotFound, match=r"(?i)symbol not found") as caught:
        names(*broker_names).resolve(asked)
    assert caught.value.ambiguous
    assert set(caught.value.candidates) == set(broker_names)


def test_an_equal_name_counts_more_than_a_similar_one() -> None:
    assert names("EUR/USD", "EURUSD", "EURUSD.r").resolve("EURUSD").symbol.name == "EURUSD"


@pytest.mark.parametrize(
    ("asked", "other"), [("WHEAT", "WHEAT.f"), ("EURUSD", "EURUSD_SB"), ("SUGAR", "SUGAR.c")]
)
def test_other_contracts_are_not_mistaken_for_suffixes(asked: str, other: str) -> None:
    with pytest.raises(SymbolNotFound):
        names(other).resolve(asked)


def test_a_disabled_symbol_is_not_found_but_has_its_name() -> None:
    disabled = light(1, "GOLD", enabled=False)
    found = SymbolNames([disabled])
    with pytest.raises(SymbolNotFound):
        found.resolve("GOLD")
    assert found.mt_name(1) == "GOLD"


def test_a_rule_counts_more_than_an_equal_name_of_the_same_assets() -> None:
    pair = [light(1, "EURUSD"), light(2, "EUR/USD")]
    found = SymbolNames(pair, [SymbolRule("EURUSD", "EUR/USD", Decimal(10))]).resolve("EURUSD")
    assert (found.symbol.name, found.by) == ("EUR/USD", MatchedBy.RULE)
    assert found.multiplier == 10


def test_a_rule_that_meets_a_namesake_of_other_assets_is_refused() -> None:
    """GOLD is a mining company's share at some brokers."""
    with pytest.raises(SymbolNotFound) as caught:
        names("GOLD", "XAUUSD", rules=(SymbolRule("XAUUSD", "GOLD"),)).resolve("XAUUSD")
    assert caught.value.ambiguous


def test_a_general_rule_does_not_turn_a_share_into_the_metal() -> None:
    share = light(1, "GOLD", base=100)
    rule = SymbolRule("XAUUSD", "GOLD")
    assets = {100: "Barrick Gold", USD: "USD"}
    with pytest.raises(SymbolNotFound) as caught:
        SymbolNames([share], [rule], asset_names=assets).resolve("XAUUSD")
    assert caught.value.candidates == ("GOLD",)
    for_the_broker = SymbolRule("XAUUSD", "GOLD", brokers=("ExampleMarkets",))
    named = SymbolNames([share], [for_the_broker], asset_names=assets, broker="ExampleMarkets")
    assert named.resolve("XAUUSD").symbol is share


def test_a_rule_for_this_broker_counts_most() -> None:
    rules = (
        SymbolRule("XAUUSD", "GOLD"),
        SymbolRule("XAUUSD", "GOLD.x", Decimal(10), brokers=("Example Markets",)),
    )
    here = names("GOLD", "GOLD.x", rules=rules, broker="examplemarkets").resolve("XAUUSD")
    assert (here.symbol.name, here.by, here.multiplier) == ("GOLD.x", MatchedBy.BROKER_RULE, 10)
    there = names("GOLD", "GOLD.x", rules=rules, broker="other").resolve("XAUUSD")
    assert (there.symbol.name, there.by, there.multiplier) == ("GOLD", MatchedBy.RULE, 1)


def test_a_rule_for_this_broker_is_not_guessed_past() -> None:
    rules = (SymbolRule("XAUUSD", "GOLD.x", brokers=("here",)),)
    with pytest.raises(SymbolNotFound):
        names("XAUUSD", rules=rules, broker="here").resolve("XAUUSD")


def test_a_general_rule_that_fits_nothing_lets_the_ladder_go_on() -> None:
    rules = (SymbolRule("XAUUSD", "GOLD", aliases=("XAU/USD",)),)
    assert names("XAUUSD", rules=rules).resolve("XAUUSD").symbol.name == "XAUUSD"
    assert names("XAU/USD", rules=rules).resolve("XAUUSD").by is MatchedBy.RULE


def test_a_factor_is_never_lost_on_the_way() -> None:
    rules = (SymbolRule("XAUUSD", "GOLD", Decimal(10)),)
    with pytest.raises(SymbolNotFound):
        names("XAUUSD", rules=rules).resolve("XAUUSD")


def test_a_position_shows_the_metatrader_name_of_its_symbol() -> None:
    rules = (SymbolRule("MYINDEX", "Index.x"),)
    found = names("EUR/USD", "GOLD", "US100.cash", "Index.x", "Apple Inc", rules=rules)
    shown = [found.mt_name(symbol_id) for symbol_id in range(1, 6)]
    assert shown == ["EURUSD", "XAUUSD", "NAS100", "MYINDEX", "Apple Inc"]
    for name in shown:
        assert found.resolve(name).mt_name == name
    assert set(found.all()) == set(shown)


def test_a_factor_is_found_by_the_symbol_too() -> None:
    found = names("GOLD", "EURUSD", rules=(SymbolRule("XAUUSD", "GOLD", Decimal(10)),))
    assert (found.multiplier(1), found.multiplier(2)) == (10, 1)


def test_an_unknown_id_has_no_name() -> None:
    with pytest.raises(SymbolNotFound):
        names("EURUSD").mt_name(99)
