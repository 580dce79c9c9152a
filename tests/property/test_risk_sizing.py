"""A volume by risk never loses more than was risked, and could not be a step larger."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.protection import volume_for_risk
from fxpool.domain.symbols import TickValues
from harness.values import symbol

cents = st.integers(1, 10_000_000).map(lambda value: Decimal(value).scaleb(-2))
tick_values = st.integers(1, 100_000).map(lambda value: Decimal(value).scaleb(-4))


@given(
    risk=cents, ticks=st.integers(1, 100_000), value=tick_values, step=st.sampled_from([1, 1000])
)
def test_a_risk_is_used_up_to_the_step_and_never_passed(
    risk: Decimal, ticks: int, value: Decimal, step: int
) -> None:
    traded = symbol(min_volume_cents=None, max_volume_cents=None, step_volume_cents=step)
    per_cent = ticks * value / traded.lot_size_cents
    if risk < per_cent * step:
        return  # less than the smallest volume: refused, see the unit tests
    volume = volume_for_risk(traded, risk, ticks * traded.tick_size, TickValues(value, value))
    assert volume % step == 0
    assert volume * per_cent <= risk
    assert (volume + step) * per_cent > risk
