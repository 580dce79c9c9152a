from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.symbols import Symbol
from fxpool.mapping.instants import instant_from_ms, ms_from_instant
from fxpool.mapping.metaapi import lots, price_number
from harness.values import symbol


@st.composite
def symbols_and_volumes(draw: st.DrawFn) -> tuple[Symbol, int]:
    lot = draw(st.sampled_from([100, 10_000, 1_000_000, 10_000_000]))
    step = draw(st.sampled_from([1, 100, 1_000, 100_000]))
    traded = symbol(
        lot_size_cents=lot, step_volume_cents=step, min_volume_cents=step, max_volume_cents=None
    )
    return traded, step * draw(st.integers(1, 10**6))


@given(symbols_and_volumes())
def test_a_volume_shown_as_lots_comes_back_as_the_same_volume(case: tuple[Symbol, int]) -> None:
    traded, volume = case
    assert traded.volume_cents(traded.lots(volume)) == volume
    assert traded.volume_cents(Decimal(repr(lots(volume, traded)))) == volume


@given(st.integers(1, 100_000))
def test_hundredths_of_a_lot_never_lose_one(hundredths: int) -> None:
    written = hundredths / 100
    assert symbol(max_volume_cents=None).volume_cents(Decimal(repr(written))) == (
        hundredths * 100_000
    )


@given(value=st.integers(0, 10**10), digits=st.integers(0, 5))
def test_a_quote_is_the_number_that_people_write(value: int, digits: int) -> None:
    step = 10 ** (5 - digits)
    on_grid = value // step * step
    assert repr(price_number(on_grid, digits)) == repr(float(Decimal(on_grid).scaleb(-5)))


@given(st.integers(0, 4_102_444_800_000))
def test_milliseconds_survive_the_way_to_an_instant_and_back(milliseconds: int) -> None:
    assert ms_from_instant(instant_from_ms(milliseconds)) == milliseconds
