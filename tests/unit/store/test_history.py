"""The kept past: in a file and in memory, each entry once, whole for what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from pydantic import SecretStr

from fxpool.domain.past import Past, Span
from fxpool.history import HistoryStore, MemoryHistory
from fxpool.history.windows import joined
from fxpool.store.history import SqlHistory
from fxpool.store.past import ROWS_AT_ONCE, with_rests
from harness.past import cash_flow_of, deals_of, trade_at_random
from harness.trader import ACCOUNT, START_MS, Trader
from harness.values import at, order

FIRST, SECOND = Span(at(0), at(10)), Span(at(10), at(30))


def past() -> Past:
    trader = Trader()
    trade_at_random(
        trader.engine,
        ACCOUNT,
        begin_ms=START_MS + 10,
        end_ms=START_MS + 10_000_000,
        steps=40,
        chance=Random(1),
    )
    return Past(tuple(deals_of(trader.book)), (order(7),), tuple(cash_flow_of(trader.book)))


def url(folder: Path) -> SecretStr:
    return SecretStr(f"sqlite:///{folder / 'history.sqlite3'}")


@pytest.fixture(params=["memory", "file"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HistoryStore]:
    made = MemoryHistory() if request.param == "memory" else SqlHistory(url(tmp_path))
    yield made
    await made.close()


async def test_what_was_saved_is_loaded_exactly(store: HistoryStore) -> None:
    saved = past()
    await store.save("alpha", saved, FIRST)
    loaded, covered = await store.load("alpha")
    assert sorted(loaded.deals, key=lambda d: d.deal_id) == list(saved.deals)
    assert loaded.orders == saved.orders
    assert loaded.cash_flow == saved.cash_flow
    assert covered == (FIRST,)


async def test_a_repeat_is_kept_once_and_an_order_in_its_newest_state(store: HistoryStore) -> None:
    saved = past()
    await store.save("alpha", saved, FIRST)
    newer = replace(order(7), comment="amended")
    await store.save("alpha", replace(saved, orders=(newer,)), SECOND)
    loaded, covered = await store.load("alpha")
    assert len(loaded.deals) == len(saved.deals)
    assert loaded.orders == (newer,)
    assert joined(covered) == (Span(at(0), at(30)),)


async def test_accounts_are_apart_and_an_unknown_one_has_nothing(store: HistoryStore) -> None:
    await store.save("alpha", past(), FIRST)
    assert await store.load("beta") == (Past(), ())


async def test_a_span_without_length_covers_nothing(store: HistoryStore) -> None:
    await store.save("alpha", Past(), Span(at(5), at(3)))
    assert (await store.load("alpha"))[1] == ()


async def test_the_file_outlives_its_process(tmp_path: Path) -> None:
    before, saved = SqlHistory(url(tmp_path)), past()
    await before.save("alpha", saved, FIRST)
    await before.close()
    after = SqlHistory(url(tmp_path))
    loaded, covered = await after.load("alpha")
    await after.close()
    assert len(loaded.deals) == len(saved.deals)
    assert covered == (FIRST,)


@pytest.mark.parametrize("count", [0, 1, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 1])
def test_rows_are_taken_in_batches_and_none_is_left_out(count: int) -> None:
    batches = list(with_rests(iter(range(count))))
    assert [row for batch in batches for row in batch] == list(range(count))
    assert all(0 < len(batch) <= ROWS_AT_ONCE for batch in batches)
