from __future__ import annotations

from fxpool.mapping.symbol_formats import SymbolMapping
from fxpool.platforms.mappings import joined


def mapping(account: str, symbol_id: int, name: str = "GOLD") -> SymbolMapping:
    return SymbolMapping(
        mt5Symbol="XAUUSD",
        cTraderSymbol=name,
        cTraderName=name,
        cTraderId=symbol_id,
        digits=2,
        pipPosition=1,
        lotSize=100.0,
        minVolume=0.01,
        maxVolume=50.0,
        volumeStep=0.01,
        multiplier=1.0,
        account_id=account,
        source="broker",
        matchedBy="alias",
    )


def test_brokers_that_agree_keep_the_id() -> None:
    both = joined([mapping("alpha", 41), mapping("beta", 41)])
    assert both["cTraderId"] == 41
    assert set(both["byAccount"]) == {"alpha", "beta"}


def test_brokers_that_differ_have_no_common_id_and_each_its_own() -> None:
    both = joined([mapping("alpha", 41), mapping("gamma", 22395, "XAUUSD")])
    assert both["cTraderId"] is None
    assert both["byAccount"]["alpha"]["cTraderId"] == 41
    assert both["byAccount"]["gamma"] == {
        "cTraderId": 22395,
        "cTraderName": "XAUUSD",
        "multiplier": 1.0,
    }


def test_answers_of_several_platforms_keep_their_accounts() -> None:
    of_two = joined([mapping("alpha", 41), mapping("beta", 41)])
    assert set(joined([of_two, mapping("metatrader", 41)])["byAccount"]) == {
        "alpha",
        "beta",
        "metatrader",
    }
