"""Simulated brokers: what they offer, under which names, and at which hours."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from fxpool.errors import SettingsError
from fxpool.simulator.brokers import BROKER_NAMES, broker
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE, EUR, USD, Catalogue
from fxpool.simulator.engine.rates import Rates
from fxpool.simulator.engine.symbols import Symbol
from fxpool.simulator.market.synthetic import SyntheticMarket
from fxpool.simulator.sessions import with_sessions


def at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def named(catalogue: Catalogue, name: str) -> Symbol:
    return next(one for one in catalogue.symbols if one.name == name)


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("demo", ["EURUSD", "GOLD", "Bitcoin", "US100.cash"]),
        ("plain", ["EURUSD", "XAUUSD", "BTCUSD", "US100", "GER40", "EURPLN"]),
        ("cash", ["EURUSD", "XAUUSD", "US100.cash", "GER40.cash", "USOIL.cash"]),
        ("slashed", ["EUR/USD", "XAU/USD", "BTC/USD", "US TECH 100"]),
        ("gold", ["EURUSD", "GOLD", "SILVER", "USTEC", "DE40", "WTI"]),
        ("suffixed", ["EURUSD.r", "XAUUSD.r", "NAS100.r", "DE30.r"]),
    ],
)
def test_brokers_call_the_same_by_different_names(name: str, offered: list[str]) -> None:
    assert set(offered) <= {one.name for one in broker(name).symbols}


def test_an_unknown_broker_is_told_which_there_are() -> None:
    with pytest.raises(SettingsError, match="demo, plain, cash"):
        broker("elsewhere")


@pytest.mark.parametrize("name", BROKER_NAMES)
def test_a_brokers_offer_is_complete(name: str) -> None:
    catalogue = broker(name)
    symbols = {one.symbol_id: one for one in catalogue.symbols}
    asset_ids = [one.asset_id for one in catalogue.assets]
    assert len({one.name for one in catalogue.symbols}) == len(symbols)
    assert len(set(asset_ids)) == len(asset_ids)
    assert {EUR, USD} <= set(asset_ids)
    assert set(catalogue.start_prices) == set(catalogue.spreads) == set(symbols)
    categories = {one.category_id for one in catalogue.categories}
    leverages = {one.leverage_id for one in catalogue.leverages}
    rates = Rates(symbols, {one.asset_id: one for one in catalogue.assets})
    for symbol in catalogue.symbols:
        assert {symbol.base_asset_id, symbol.quote_asset_id} <= set(asset_ids)
        assert symbol.category_id in categories
        assert symbol.leverage_id is None or symbol.leverage_id in leverages
        assert catalogue.start_prices[symbol.symbol_id] % symbol.price_step == 0
        assert catalogue.spreads[symbol.symbol_id] % symbol.price_step == 0
        for deposit in (EUR, USD):
            assert rates.chain(symbol.quote_asset_id, deposit) is not None


def test_the_large_brokers_offer_hundreds_of_symbols_of_all_classes() -> None:
    catalogue = broker("plain")
    assert len(catalogue.symbols) > 200
    assert {one.name for one in catalogue.asset_classes} == {
        "Forex",
        "Metals",
        "Indices",
        "Crypto Currency",
        "Energies",
    }


@pytest.mark.parametrize("name", BROKER_NAMES)
def test_markets_begin_where_the_broker_says(name: str) -> None:
    catalogue = broker(name)
    symbols = {one.symbol_id: one for one in catalogue.symbols}
    for tick in SyntheticMarket(catalogue, Random(1)).quotes():
        start, step = catalogue.start_prices[tick.symbol_id], symbols[tick.symbol_id].price_step
        assert 0 < tick.bid < tick.ask
        assert abs(tick.bid + tick.ask - 2 * start) <= max(start // 200, 4 * step)


def test_ids_differ_between_brokers() -> None:
    assert (
        named(broker("plain"), "EURUSD").symbol_id != named(broker("slashed"), "EUR/USD").symbol_id
    )


def test_the_demo_broker_never_closes_unless_it_is_given_hours() -> None:
    sunday = at_ms("2024-07-07 12:00")
    assert all(one.is_open(sunday) for one in DEFAULT_CATALOGUE.symbols)
    with_hours = with_sessions(DEFAULT_CATALOGUE)
    assert [one.name for one in with_hours.symbols if one.is_open(sunday)] == ["Bitcoin"]


@pytest.mark.parametrize(
    ("name", "at", "is_open"),
    [
        ("EURUSD", "2024-07-03 20:54", True),
        ("EURUSD", "2024-07-03 20:55", False),
        ("EURUSD", "2024-07-03 21:05", True),
        ("GOLD", "2024-07-03 21:05", False),
        ("GOLD", "2024-07-03 22:05", True),
        ("EURUSD", "2024-07-05 21:05", False),
        ("EURUSD", "2024-12-25 10:00", False),
        ("Bitcoin", "2024-12-25 10:00", True),
    ],
)
def test_a_session_keeps_the_hours_of_its_class(name: str, at: str, *, is_open: bool) -> None:
    assert named(with_sessions(DEFAULT_CATALOGUE), name).is_open(at_ms(at)) is is_open
