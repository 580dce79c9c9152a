"""Equity as it is recorded on a live account: changes, gaps, deposits, restarts."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from fxpool.account import Phase
from fxpool.domain.equity import EquityBucket
from fxpool.history import EquityKeeper
from fxpool.history.equity import EquityRecorder
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.store.equity import SqlEquity
from harness.accounts import USD_ACCOUNT
from harness.platforms import ALPHA, Served, live_platform, settings_for
from harness.wait import wait_until


def recorder_of(platform: CTraderPlatform) -> tuple[EquityRecorder, EquityKeeper]:
    keeper = platform._equity
    return keeper._recorders[0], keeper


async def restored(platform: CTraderPlatform) -> EquityRecorder:
    recorder, _ = recorder_of(platform)
    await wait_until(lambda: recorder.is_restored, within=5)
    return recorder


async def seen(platform: CTraderPlatform) -> list[EquityBucket]:
    """What was recorded, a sample of this moment included."""
    recorder, keeper = recorder_of(platform)
    keeper.sample(recorder)
    return await keeper.buckets(recorder)


async def equity_of(served: Served) -> int:
    return round((await served.platform.account_information("alpha"))["equity"] * 100)


async def test_a_fall_that_recovers_before_a_deal_is_in_the_record() -> None:
    async with live_platform() as served:
        recorder = await restored(served.platform)
        await served.buy("1.00")
        before = await equity_of(served)
        served.quote("1.12060", "1.12070")
        await wait_until(lambda: recorder.marks.last < before, within=5)
        low = await equity_of(served)
        served.quote("1.12560", "1.12570")
        await wait_until(lambda: recorder.marks.last == before, within=5)
        buckets = await seen(served.platform)
        assert min(bucket.lowest for bucket in buckets) == low
        assert buckets[-1].closing == before
        assert recorder.marks.max_drawdown > 0
        assert before - low == 50_000, "one lot, fifty pips, in cents"


async def test_a_deposit_moves_the_marks_and_is_no_gain() -> None:
    async with live_platform() as served:
        recorder = await restored(served.platform)
        start = (await seen(served.platform))[-1].closing
        served.simulator.deposit(USD_ACCOUNT, 250_000)
        await wait_until(lambda: recorder.marks.last == start + 250_000)
        buckets = await seen(served.platform)
        assert [bucket.moved for bucket in buckets if bucket.moved] == [250_000]
        assert recorder.marks.day_start == start + 250_000
        assert recorder.marks.drawdown == 0.0


async def test_the_result_of_a_trade_is_no_deposit() -> None:
    async with live_platform() as served:
        recorder = await restored(served.platform)
        position = await served.buy("1.00")
        served.quote("1.12160", "1.12170")
        await served.platform.close_positions("alpha")
        assert position["success"]
        await wait_until(lambda: recorder.marks.last == recorder._bucket.balance)  # type: ignore[union-attr] # it was sampled
        assert not any(bucket.moved for bucket in await seen(served.platform))


async def test_an_account_that_is_not_live_leaves_a_gap() -> None:
    async with live_platform() as served:
        recorder = await restored(served.platform)
        before = (await seen(served.platform))[-1]
        await served.cut()
        assert (await seen(served.platform))[-1] == before
        assert recorder.marks.last_ms == before.last_ms


async def test_a_restart_goes_on_and_finds_a_deposit_of_the_meantime() -> None:
    async with live_platform() as served:
        recorder = await restored(served.platform)
        await served.buy("0.10")
        served.quote("1.12060", "1.12070")
        await wait_until(lambda: recorder.marks.drawdown, within=5)
        peak, low = recorder.marks.peak, recorder.marks.last
        await served.platform.close()

        served.simulator.deposit(USD_ACCOUNT, 100_000)
        second = CTraderPlatform.from_settings(settings_for(served.simulator), accounts=[ALPHA])
        await second.open()
        try:
            after = await restored(second)
            await wait_until(lambda: after.marks.last == low + 100_000, within=5)
            assert after.marks.day_start == recorder.marks.day_start + 100_000
            expected = peak * (low + 100_000) // low
            assert after.marks.peak == expected, "the peak grows with the capital"
            assert after.account.state.phase is Phase.LIVE
        finally:
            await second.close()


async def test_what_a_database_does_not_take_is_kept_for_later(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite3"
    broken.write_text("no database")
    async with live_platform() as served:
        recorder, keeper = recorder_of(served.platform)
        await restored(served.platform)
        own, keeper._store = keeper._store, SqlEquity(SecretStr(f"sqlite:///{broken}"))
        await keeper._save()
        assert recorder.with_pending([], 0), "nothing was lost"
        await keeper._store.close()
        keeper._store = own
        await keeper._save()
        assert not recorder.with_pending([], 0)
        assert await keeper.buckets(recorder)


async def test_the_risk_counts_a_fall_that_no_deal_shows() -> None:
    async with live_platform() as served:
        recorder = await restored(served.platform)
        await served.buy("1.00")
        served.quote("1.11560", "1.11570")
        await wait_until(lambda: recorder.marks.drawdown, within=5)
        risk = await served.platform.risk_status("alpha")
        assert risk["drawdownSource"] == "balance_and_equity"
        assert risk["equityRecordedSince"] is not None
        low = risk["equity"]
        assert risk["maxDrawdown"] == round((10_000 - low) / 100, 2)
        served.quote("1.12560", "1.12570")
        await wait_until(lambda: recorder.marks.last > low * 100, within=5)
        after = await served.platform.risk_status("alpha")
        assert after["maxDrawdown"] == risk["maxDrawdown"], "it was so deep, and it stays known"
        assert after["current_drawdown_percent"] < 1
        day = (await served.platform.daily_growth("alpha"))["growth"][-1]
        assert day["equity"] == after["equity"]
