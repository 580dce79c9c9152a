"""What must not change a total, and what must scale it: relations that hold on any broker."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxpool.account.margins import Stake, margins_of
from fxpool.domain.symbols import LeverageTier
from fxpool.domain.trades import Deal, Side
from fxpool.openapi.proto import messages_pb2 as m
from harness.mirror import Mirror
from harness.terminal import EUR_ACCOUNT, EURJPY, START_MS, make_venue
from harness.values import GBPJPY, JPY, LIGHTS, USD, USDJPY, at, closing_deal, live_book, position

UNIT = 100_000
entries = st.decimals("150", "250", places=3)


@given(
    volume=st.integers(1, 10**9),
    factor=st.integers(1, 50),
    entry=entries,
    side=st.sampled_from(Side),
    bid=st.integers(15_000_000, 25_000_000),
)
def test_a_larger_volume_is_worth_as_many_times_more(
    volume: int, factor: int, entry: Decimal, side: Side, bid: int
) -> None:
    small = position(500, symbol_id=GBPJPY, volume_cents=volume, price=entry, side=side)
    large = replace(small, position_id=501, volume_cents=volume * factor)
    # Eight money digits, so that rounding is far below what is compared.
    book = live_book(small, large, money_digits=8)
    book.set_conversion(JPY, USD, [LIGHTS[1]])
    book.apply_quote(GBPJPY, bid, bid + 2_000, None, 0.0)
    book.apply_quote(USDJPY, 15_000_000, 15_002_000, None, 0.0)
    one, many = book.gross(500), book.gross(501)
    assert one is not None
    assert many is not None
    assert abs(many - one * factor) <= Decimal("0.00000001") * factor


@given(
    values=st.lists(st.decimals(1, 10**6, places=2), min_size=1, max_size=6),
    factor=st.integers(1, 20),
)
def test_margins_scale_with_volumes_as_far_as_no_tier_is_left(
    values: list[Decimal], factor: int
) -> None:
    def total(times: int, tiers: tuple[LeverageTier, ...]) -> Decimal:
        stakes = [Stake(i, value * times, value * times) for i, value in enumerate(values)]
        return sum(margins_of(stakes, Decimal(100), tiers, 8).values(), Decimal(0))

    one_tier = (LeverageTier(Decimal(1), Decimal(30)),)
    assert abs(total(factor, one_tier) - factor * total(1, one_tier)) <= Decimal("0.0000001") * 20
    falling = (LeverageTier(Decimal(50_000), Decimal(50)), LeverageTier(Decimal(10**9), Decimal(5)))
    assert total(factor, falling) >= factor * total(1, falling) - Decimal("0.00001")


@given(
    values=st.lists(st.decimals(1, 10**6, places=2), min_size=2, max_size=6),
    data=st.data(),
)
def test_the_margin_of_a_side_is_the_same_in_however_many_positions(
    values: list[Decimal], data: st.DataObject
) -> None:
    tiers = (LeverageTier(Decimal(50_000), Decimal(50)), LeverageTier(Decimal(10**9), Decimal(5)))
    whole = sum(values, Decimal(0))
    split = margins_of([Stake(i, v, v) for i, v in enumerate(values)], Decimal(30), tiers, 8)
    (one,) = margins_of([Stake(0, whole, whole)], Decimal(30), tiers, 8).values()
    assert abs(sum(split.values(), Decimal(0)) - one) <= Decimal("0.0000001")


@pytest.mark.parametrize("parts", [[5, 5], [1, 2, 3, 4], [7, 1, 1, 1]])
def test_a_close_in_parts_changes_no_total(parts: list[int]) -> None:
    """Through the simulated broker: results in JPY on an account in EUR, commission per lot.

    Each part rounds its gross result and its share of the commission once, to the cent.
    """
    assert abs(_balance_after(parts) - _balance_after([10])) <= Decimal("0.01") * len(parts)


def _balance_after(parts: list[int]) -> Decimal:
    """Return the balance after ten units were closed in these parts, at a price that stands."""
    venue = make_venue()
    mirror = Mirror(venue, EUR_ACCOUNT)
    opening = m.ProtoOANewOrderReq(
        ctidTraderAccountId=EUR_ACCOUNT,
        symbolId=EURJPY,
        orderType=1,
        tradeSide=1,
        volume=10 * UNIT,
    )
    assert mirror.trade(opening, START_MS)
    ((position_id, opened),) = mirror.book.positions.items()
    price = int(opened.price * 100_000) + 123_000
    venue.tick(EURJPY, price, price + 1_000, START_MS)
    mirror.hear()
    for part in parts:
        before = mirror.book.totals().equity
        closing = m.ProtoOAClosePositionReq(
            ctidTraderAccountId=EUR_ACCOUNT, positionId=position_id, volume=part * UNIT
        )
        assert mirror.trade(closing, START_MS)
        after = mirror.book.totals().equity
        assert before is not None
        assert after is not None
        # A close costs its own commission, which we estimate by that of the opening.
        estimate = opened.commission * part / 10
        assert abs(after - before - estimate) <= Decimal("0.02")
    assert mirror.book.positions == {}
    return mirror.book.totals().balance


def test_the_order_of_deals_of_one_instant_changes_nothing() -> None:
    deals = [
        closing_deal(701, gross="1.10", commission="-0.10", version=2, executed_at=at(60)),
        closing_deal(702, gross="-3.00", commission="-0.20", version=3, executed_at=at(60)),
        closing_deal(703, gross="0.45", commission="0.00", version=4, executed_at=at(60)),
    ]
    results = {_realised(order) for order in permutations(deals)}
    assert results == {Decimal("-1.75")}


def _realised(deals: tuple[Deal, ...]) -> Decimal | None:
    book = live_book(position(updated_at=at(61)))
    book.add_deals(500, deals)
    return book.realised(500)
