"""Stops that trail, stops that are guaranteed, and what sets a stop loss off."""

from __future__ import annotations

from typing import Any

import pytest

from fxpool.simulator.engine.accounts import LimitedRiskMargin
from fxpool.simulator.engine.commands import AmendProtection
from fxpool.simulator.engine.model import CashKind, OrderKind, Side, TriggerMethod
from fxpool.simulator.engine.notices import TrailingStopMoved
from fxpool.simulator.engine.symbols import DistanceUnit
from fxpool.simulator.refusal import Refusal
from harness.trader import Trader, words

GUARANTEED = {"allows_guaranteed_stops": True, "gsl_distance": 50}


def code(trader: Trader, command: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        trader.submit(command)
    return refusal.value.code


def test_a_trailing_stop_follows_at_a_fixed_distance_and_tells_nothing_else() -> None:
    trader = Trader()
    position = trader.open(relative_stop_loss=500, trailing=True)
    updated_ms = trader.only_position().updated_ms
    assert trader.tick(112_550, 112_560) == []
    (moved,) = trader.tick(112_600, 112_610)
    assert moved == TrailingStopMoved(
        position.position_id, position.protection_order_id or 0, 112_110, trader.at_ms
    )  # 490 under the bid: the distance when it was armed
    assert trader.only_position().levels.stop_loss == 112_110
    assert trader.only_position().updated_ms == updated_ms
    assert trader.tick(112_300, 112_310) == []
    assert words(trader.tick(112_110, 112_120)) == ["F srv"]


def test_a_trailing_stop_of_a_sale_follows_downwards() -> None:
    trader = Trader()
    trader.open(Side.SELL, relative_stop_loss=500, trailing=True)
    assert trader.tick(112_600, 112_610) == []
    assert words(trader.tick(112_400, 112_410)) == ["trail"]
    assert trader.only_position().levels.stop_loss == 112_410 + 490


def test_a_quote_that_takes_the_profit_does_not_move_the_stop() -> None:
    trader = Trader()
    trader.open(relative_stop_loss=500, relative_take_profit=500, trailing=True)
    assert words(trader.tick(113_100, 113_110)) == ["F srv"]


def test_an_amendment_arms_keeps_and_ends_trailing() -> None:
    trader = Trader()
    position_id = trader.open().position_id
    trader.protect(position_id, stop_loss=112_460, trailing=True)
    assert trader.only_position().levels.trail_distance == 100
    trader.protect(position_id, stop_loss=112_410)
    assert trader.only_position().levels.trail_distance == 150
    with pytest.raises(Refusal, match="Trailing"):
        trader.protect(position_id)
    trader.protect(position_id, stop_loss=112_410, trailing=False)
    assert trader.tick(112_900, 112_910) == []
    assert words(trader.protect(position_id)) == ["C id"]


def test_trailing_needs_a_stop_loss() -> None:
    trader = Trader()
    with pytest.raises(Refusal, match="Trailing"):
        trader.place(trailing=True)
    position_id = trader.open().position_id
    assert code(trader, AmendProtection(position_id, take_profit=113_000, trailing=False)) == (
        "INVALID_REQUEST"
    )


def test_a_guaranteed_stop_fills_at_its_level_whatever_the_gap() -> None:
    trader = Trader(symbol=GUARANTEED)
    trader.open(relative_stop_loss=500, guaranteed=True)
    trader.tick(111_000, 111_010)
    assert trader.book.deals[-1].price == 112_070
    trader.open(Side.SELL, relative_stop_loss=500, guaranteed=True)
    trader.tick(114_000, 114_010)
    assert trader.book.deals[-1].price == 111_500


def test_a_plain_stop_pays_for_the_gap() -> None:
    trader = Trader()
    trader.open(relative_stop_loss=500)
    trader.tick(111_000, 111_010)
    assert trader.book.deals[-1].price == 111_000


def test_a_guaranteed_stop_never_gets_worse() -> None:
    trader = Trader(symbol=GUARANTEED)
    position_id = trader.open(relative_stop_loss=500, guaranteed=True).position_id
    assert code(trader, AmendProtection(position_id, 112_000)) == "WORSE_GSL_NOT_ALLOWED"
    assert code(trader, AmendProtection(position_id)) == "WORSE_GSL_NOT_ALLOWED"
    assert code(trader, AmendProtection(position_id, 112_100, guaranteed=False)) == (
        "WORSE_GSL_NOT_ALLOWED"
    )
    assert words(trader.protect(position_id, stop_loss=112_100)) == ["R id"]


def test_a_guaranteed_stop_keeps_its_distance_and_needs_its_symbol() -> None:
    trader = Trader(symbol=GUARANTEED)
    with pytest.raises(Refusal, match="PROTECTION_IS_TOO_CLOSE_TO_MARKET"):
        trader.place(relative_stop_loss=49, guaranteed=True)
    with pytest.raises(Refusal, match="not allowed for this symbol"):
        Trader().place(relative_stop_loss=500, guaranteed=True)
    with pytest.raises(Refusal, match="without specified Stop Loss"):
        trader.place(guaranteed=True)


def test_a_guaranteed_stop_is_charged_when_it_becomes_one() -> None:
    trader = Trader(symbol=GUARANTEED | {"gsl_charge": 300})
    told = trader.place(volume=1_000_000, relative_stop_loss=500, guaranteed=True)
    assert words(told) == ["A id", "F id", "A srv", "cash srv"]
    entry = trader.book.ledger.cash_entries[-1]
    assert (entry.kind, entry.delta) == (CashKind.GUARANTEED_STOP_CHARGE, -30)  # 0.1 lots
    later = trader.open(volume=10_000_000)
    told = trader.protect(later.position_id, stop_loss=112_000, guaranteed=True)
    assert words(told) == ["A id", "cash srv"]
    assert trader.book.ledger.cash_entries[-1].delta == -300


def test_each_part_of_a_guaranteed_position_is_charged_once() -> None:
    limits = {"gsl_charge": 300, "liquidity": 5_000_000, "depth_levels": 1}
    trader = Trader(symbol=GUARANTEED | limits)
    fields = {"limit_price": 112_570, "relative_stop_loss": 500, "guaranteed": True}
    told = trader.place(OrderKind.LIMIT, volume=10_000_000, **fields)
    assert words(told) == ["A id", "P srv", "A srv", "cash srv"]
    assert words(trader.tick(112_559, 112_569)) == ["F srv", "R srv", "cash srv"]
    trader.tick(112_560, 112_570)
    position_id = trader.only_position().position_id
    assert words(trader.close(position_id, 5_000_000)) == ["A id", "F id", "R srv"]
    assert [one.delta for one in trader.book.ledger.cash_entries[1:]] == [-150, -150]


def test_limited_risk_accounts_open_nothing_without_a_guarantee() -> None:
    trader = Trader(symbol=GUARANTEED, account={"is_limited_risk": True})
    with pytest.raises(Refusal, match="limited risk"):
        trader.place(relative_stop_loss=500)
    position = trader.open(relative_stop_loss=500, guaranteed=True)
    assert words(trader.close(position.position_id, 100_000)) == ["A id", "F id", "C srv"]


@pytest.mark.parametrize(
    ("follows", "margin"),
    [
        (LimitedRiskMargin.ACCORDING_TO_LEVERAGE, 1126),
        (LimitedRiskMargin.ACCORDING_TO_GSL, 500),
        (LimitedRiskMargin.ACCORDING_TO_GSL_AND_LEVERAGE, 1126),
    ],
)
def test_the_margin_of_a_limited_risk_account_follows_its_rule(
    follows: LimitedRiskMargin, margin: int
) -> None:
    trader = Trader(
        symbol=GUARANTEED, account={"is_limited_risk": True, "limited_risk_margin": follows}
    )
    trader.open(relative_stop_loss=500, guaranteed=True)
    assert trader.only_position().used_margin == margin


@pytest.mark.parametrize(
    ("trigger", "harmless", "reached", "times"),
    [
        (TriggerMethod.TRADE, (112_401, 112_411), (112_400, 112_410), 1),
        (TriggerMethod.OPPOSITE, (112_391, 112_401), (112_390, 112_400), 1),
        (TriggerMethod.DOUBLE_TRADE, (112_401, 112_411), (112_400, 112_410), 2),
        (TriggerMethod.DOUBLE_OPPOSITE, (112_391, 112_401), (112_390, 112_400), 2),
    ],
)
def test_a_stop_loss_is_set_off_by_its_method(
    trigger: TriggerMethod, harmless: tuple[int, int], reached: tuple[int, int], times: int
) -> None:
    trader = Trader()
    position_id = trader.open().position_id
    trader.protect(position_id, stop_loss=112_400, trigger=trigger)
    assert trader.only_position().levels.trigger is trigger
    for _ in range(times):
        assert trader.tick(*harmless) == []
    for _ in range(times - 1):
        assert trader.tick(*reached) == []
    assert words(trader.tick(*reached)) == ["F srv"]


@pytest.mark.parametrize(
    ("symbol", "allowed", "refused"),
    [
        ({"sl_distance": 100}, {"stop_loss": 112_460}, {"stop_loss": 112_461}),
        ({"tp_distance": 100}, {"take_profit": 112_660}, {"take_profit": 112_659}),
        (
            {"sl_distance": 100, "distance_unit": DistanceUnit.PERCENTAGE},  # 1 %
            {"stop_loss": 111_434},
            {"stop_loss": 111_435},
        ),
    ],
)
def test_levels_keep_the_distance_that_their_symbol_demands(
    symbol: dict[str, Any], allowed: dict[str, int], refused: dict[str, int]
) -> None:
    trader = Trader(symbol=symbol)
    position_id = trader.open().position_id
    assert code(trader, AmendProtection(position_id, **refused)) == (
        "PROTECTION_IS_TOO_CLOSE_TO_MARKET"
    )
    assert words(trader.protect(position_id, **allowed)) == ["A id"]


def test_the_distance_counts_for_new_orders_too() -> None:
    trader = Trader(symbol={"sl_distance": 100})
    for fields in ({}, {"kind": OrderKind.LIMIT, "limit_price": 112_000}):
        with pytest.raises(Refusal, match="TOO_CLOSE"):
            trader.place(**fields, relative_stop_loss=99)
