"""An account's past, read from a simulated broker with its rate limits on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from fxpool.domain.past import Past, Span
from fxpool.domain.trades import CloseReason
from fxpool.errors import NotReady
from fxpool.history import AccountRecord, HistoryStore, MemoryHistory
from fxpool.simulator import Simulator, SimulatorOptions
from fxpool.simulator.engine.commands import ClosePosition
from fxpool.simulator.link import milliseconds
from fxpool.simulator.profile import Profile
from fxpool.store.history import SqlHistory
from harness.accounts import USD_ACCOUNT
from harness.past import STEP, cash_flow_of, deals_of
from harness.past_desk import EarlierClock, NoPause, PastDesk, past_desk
from harness.wait import wait_until

SHORT = timedelta(days=9)
"""A past of two windows."""


def matches_ledger(record: AccountRecord, desk: PastDesk) -> bool:
    """Whether a record holds the broker's ledger, each entry once."""
    closings = [deal.deal_id for deal in deals_of(desk.book) if deal.close is not None]
    flows = [flow.history_id for flow in cash_flow_of(desk.book)]
    return (
        sorted(part.deal_id for part in record.parts) == sorted(closings)
        and [flow.history_id for flow in record.flows] == flows
        and record.deals == len(desk.book.deals)
        and record.curve.breaks == 0
        and record.curve.balance == Decimal(desk.book.ledger.balance).scaleb(-2)
    )


async def kept_deals(store: HistoryStore, desk: PastDesk) -> list[int]:
    past, _ = await store.load(desk.keeper._name())
    return sorted(deal.deal_id for deal in past.deals)


async def test_five_thousand_deals_are_kept_exactly_once_although_the_link_was_cut_ten_times(
    tmp_path: Path,
) -> None:
    store = SqlHistory(SecretStr(f"sqlite:///{tmp_path / 'history.sqlite3'}"))
    desk_of = past_desk(store, ago=timedelta(days=56), steps=3900, chance=NoPause())
    async with desk_of as desk:
        assert len(desk.book.deals) > 5000
        with pytest.raises(NotReady, match="of the account's history is read"):
            await desk.keeper.ready(0)
        assert "of the account's history is read" in (desk.keeper.reading or "")
        sessions: set[int] = set()

        def got_on() -> bool:
            is_served = desk.account.channel.is_authorised and desk.account._session not in sessions
            return is_served and desk.keeper.progress().share >= 0.08 * len(sessions)

        for _ in range(10):
            await wait_until(got_on, within=30)
            sessions.add(desk.account._session)
            desk.simulator.cut_all()
        await wait_until(lambda: desk.account.channel.is_authorised, within=15)
        await desk.live()
        record = await desk.keeper.ready(30)
        assert str(desk.keeper.progress()) == "100% of the account's history is read"
        assert desk.keeper.reading is None
        assert matches_ledger(record, desk)
        assert await kept_deals(store, desk) == sorted(deal.deal_id for deal in desk.book.deals)
        kept, _ = await store.load(desk.keeper._name())
        flows = sorted(flow.history_id for flow in kept.cash_flow)
        assert flows == sorted(entry.entry_id for entry in desk.book.ledger.cash_entries)
    await store.close()


class CountedHistory(MemoryHistory):
    """Counts the windows that were read, and the deals that were kept."""

    windows = 0

    def __init__(self) -> None:
        super().__init__()
        self.deals: set[int] = set()

    async def save(self, account: str, past: Past, covered: Span) -> None:
        self.windows += 1
        self.deals |= {deal.deal_id for deal in past.deals}
        await super().save(account, past, covered)


async def test_a_second_process_reads_only_what_is_new() -> None:
    store = CountedHistory()
    async with past_desk(store, ago=SHORT) as first:
        await first.keeper.ready(30)
        assert store.windows > 1
        store.windows = 0
        async with past_desk(store, simulator=first.simulator) as second:
            assert matches_ledger(await second.keeper.ready(30), second)
            assert store.windows == 1


async def test_live_deals_and_deposits_are_taken_at_once_and_then_confirmed() -> None:
    store = MemoryHistory()
    async with past_desk(store, ago=SHORT) as desk:
        record = await desk.keeper.ready(30)
        before = len(record.parts)
        desk.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
        await desk.close(await desk.buy())
        desk.simulator.deposit(USD_ACCOUNT, 12_300)
        await wait_until(lambda: matches_ledger(desk.keeper.record, desk))
        assert len(desk.keeper.record.parts) == before + 1
        part = desk.keeper.record.parts[-1]
        await wait_until(lambda: desk.keeper.reason(part) is CloseReason.MANUAL)
        assert part.deal_id in await kept_deals(store, desk)


@pytest.mark.parametrize("hours_behind", [10, 1, -10])
async def test_no_deal_is_missed_though_the_clocks_differ_by_hours(hours_behind: int) -> None:
    store = CountedHistory()
    clock = EarlierClock(timedelta(hours=10))
    jump = (10 - hours_behind) * 3600
    async with Simulator(SimulatorOptions(ticks_per_second=0), clock) as simulator:
        simulator.jump_clock(jump)
        async with past_desk(store, simulator=simulator) as desk:
            await desk.live()
            await desk.keeper.ready(30)
            simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
            await desk.close(await desk.buy())
            await wait_until(lambda: len(store.deals) == 2)
            position_id = await desk.buy()
            await simulator.stop_accepting()
            simulator.cut_all()
            await wait_until(lambda: not desk.account.is_live)
            close = ClosePosition(position_id, STEP)
            simulator.venue.engine.submit(USD_ACCOUNT, close, milliseconds(clock) + jump * 1000)
            await simulator.resume_accepting()
            await desk.live()
            assert matches_ledger(await desk.keeper.ready(30), desk)


async def test_an_order_does_not_wait_for_the_past() -> None:
    async with past_desk(MemoryHistory(), ago=SHORT) as desk:
        with pytest.raises(NotReady):
            await desk.keeper.ready(0)
        desk.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
        await wait_until(lambda: desk.keeper.progress().share > 0)
        async with asyncio.timeout(0.5):
            await desk.buy()
        assert desk.keeper.progress().share < 1


async def test_a_deal_that_comes_late_is_put_in_its_place() -> None:
    async with past_desk(MemoryHistory(), ago=SHORT) as desk:
        before = await desk.keeper.ready(30)
        first = next(deal for deal in deals_of(desk.book) if deal.close is None)
        late = replace(first, deal_id=first.deal_id + 10**9, position_id=first.position_id + 10**9)
        await desk.keeper._take_all([late])
        after = desk.keeper.record
        assert after.deals == before.deals + 1
        assert after.parts == before.parts
        assert after.curve.days == before.curve.days


async def test_a_deal_that_the_history_does_not_show_yet_counts_already() -> None:
    slow = SimulatorOptions(ticks_per_second=0, profile=Profile(deal_delay=30))
    async with past_desk(MemoryHistory(), ago=SHORT, options=slow) as desk:
        await desk.keeper.ready(30)
        desk.simulator.quote("EURUSD", Decimal("1.12560"), Decimal("1.12570"))
        await desk.close(await desk.buy())
        await wait_until(lambda: matches_ledger(desk.keeper.record, desk))
