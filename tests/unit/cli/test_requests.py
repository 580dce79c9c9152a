"""What the arguments of the trading commands ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import typer

from fxpool.cli.requests import Entered, Protected, change_from, order_from, protection_from
from fxpool.domain.protection import Units
from fxpool.domain.trades import TimeInForce
from fxpool.mapping.order_words import VolumeUnits
from fxpool.platforms.base import TradeRequest


def order(entered: Entered | None = None, sl: str | None = "1.2", **more: Any) -> TradeRequest:
    more = {"volume": "0.29"} | more
    volume = more.pop("volume")
    protected = more.pop("protected", Protected(stop_loss=sl))
    return order_from("sell", "EURUSD", volume, entered or Entered(), protected, **more)


def test_numbers_are_taken_exactly_as_typed() -> None:
    asked = order()
    assert (asked.volume, asked.stop_loss) == (Decimal("0.29"), Decimal("1.2"))
    assert asked.take_profit is None


@pytest.mark.parametrize(
    ("entered", "action", "price", "limit", "slippage"),
    [
        (Entered(), "SELL", None, None, None),
        (Entered(slippage="20"), "SELL", None, None, 20),
        (Entered(limit="1.1"), "SELL_LIMIT", "1.1", None, None),
        (Entered(stop="1.0"), "SELL_STOP", "1.0", None, None),
        (Entered(stop="1.0", limit="0.9"), "SELL_STOP_LIMIT", "1.0", "0.9", None),
        (Entered(stop="1.0", slippage="20"), "SELL_STOP_LIMIT", "1.0", None, 20),
    ],
)
def test_prices_and_slippage_say_which_kind_of_order_it_is(
    entered: Entered, action: str, price: str | None, limit: str | None, slippage: int | None
) -> None:
    asked = order(entered)
    assert (asked.action, asked.slippage_points) == (action, slippage)
    assert asked.open_price == (None if price is None else Decimal(price))
    assert asked.stop_limit_price == (None if limit is None else Decimal(limit))


def test_every_option_reaches_the_order() -> None:
    asked = order(
        Entered(limit="1.1", validity="gtd", expires="2027-03-02T09:15:00Z"),
        protected=Protected("25", "50", "pips", "money"),
        volume=None,
        risk="1.5",
        trailing=True,
        guaranteed=True,
        label="bot-7",
        key="k1",
        comment="why",
        allow_unsynchronized=True,
    )
    assert asked == TradeRequest(
        symbol="EURUSD",
        action="SELL_LIMIT",
        volume=None,
        open_price=Decimal("1.1"),
        stop_loss=Decimal(25),
        take_profit=Decimal(50),
        comment="why",
        client_id="bot-7",
        expiration=datetime(2027, 3, 2, 9, 15, tzinfo=UTC),
        idempotency_key="k1",
        risk_percent=Decimal("1.5"),
        stop_loss_units=Units.PIPS,
        take_profit_units=Units.MONEY,
        trailing_stop_loss=True,
        guaranteed_stop_loss=True,
        time_in_force=TimeInForce.GOOD_TILL_DATE,
        allow_unsynchronized=True,
    )
    ranged = order(Entered(slippage="20", base_price="1.12"), volume="12000", in_units=True)
    assert (ranged.base_price, ranged.volume_units) == (Decimal("1.12"), VolumeUnits.UNITS)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"volume": None}, "VOLUME or --risk"),
        ({"risk": "1"}, "VOLUME or --risk"),
        ({"volume": None, "risk": "1", "sl": None}, "--risk needs --sl"),
        ({"trailing": True, "sl": None}, "--trailing needs --sl"),
        ({"guaranteed": True, "sl": None}, "--guaranteed needs --sl"),
        ({"entered": Entered(limit="1", stop="1", slippage="2")}, "not both"),
        ({"entered": Entered(limit="1", slippage="2")}, "not --limit"),
        ({"entered": Entered(base_price="1")}, "--base-price"),
        ({"entered": Entered(expires="2027-03-02T09:15:00Z")}, "--expires"),
        ({"entered": Entered(limit="1", expires="tomorrow")}, "2027-03-02T09:15:00Z"),
        ({"entered": Entered(limit="1", expires="2027-03-02T09:15:00")}, "offset"),
        ({"entered": Entered(slippage="2.5")}, "--slippage"),
        ({"entered": Entered(limit="1", validity="DAY")}, "GTD"),
        ({"entered": Entered(limit="1", validity="ever")}, "--tif"),
    ],
)
def test_what_makes_no_sense_ends_with_the_cure(
    asked: dict[str, Any], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        order(**asked)
    assert text in " ".join(capsys.readouterr().err.split())


def test_zero_removes_a_side_and_nothing_keeps_it() -> None:
    asked = protection_from("7", Protected("0"), trailing=False)
    assert (asked.stop_loss, asked.take_profit) == (Decimal(0), None)
    assert (asked.trailing_stop_loss, asked.guaranteed_stop_loss) == (False, None)


def test_an_amendment_changes_what_is_given_only() -> None:
    change = change_from("9", Protected(take_profit="30", take_profit_in="pips"), price="1.1")
    assert (change.open_price, change.volume, change.stop_loss) == (Decimal("1.1"), None, None)
    assert (change.take_profit, change.take_profit_units) == (Decimal(30), Units.PIPS)
    with pytest.raises(typer.Exit):
        change_from("9", Protected())
