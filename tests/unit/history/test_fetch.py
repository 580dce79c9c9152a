"""The order in which a past is taken up: that of ``order_of``, however long and mixed it comes."""

from __future__ import annotations

from random import Random

from fxpool.history.fetch import SORTED_AT_ONCE, _by_identity, _in_order
from fxpool.history.record import Entry, identity_of, order_of
from harness.past import cash_flow_of, deals_of, trade_at_random
from harness.trader import ACCOUNT, START_MS, Trader

WEEKS_MS = 3 * 7 * 86_400_000


def entries() -> list[Entry]:
    """Three weeks of trading, in no order."""
    trader = Trader()
    trade_at_random(
        trader.engine,
        ACCOUNT,
        begin_ms=START_MS + 10,
        end_ms=START_MS + WEEKS_MS,
        steps=2 * SORTED_AT_ONCE,
        chance=Random(5),
    )
    found: list[Entry] = [*deals_of(trader.book), *cash_flow_of(trader.book)]
    Random(6).shuffle(found)
    return found


async def test_a_past_is_sorted_day_by_day_as_it_would_be_at_once() -> None:
    mixed = entries()
    assert len(mixed) > SORTED_AT_ONCE
    assert await _in_order(mixed) == sorted(mixed, key=order_of)
    assert await _in_order([]) == []


async def test_the_entry_of_a_later_group_takes_the_place_of_an_earlier_one() -> None:
    mixed = entries()[:10]
    known = await _by_identity(mixed, reversed(mixed))
    assert known == {identity_of(entry): entry for entry in mixed}
