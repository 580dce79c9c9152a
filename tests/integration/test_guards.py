"""Loss limits on live accounts: reached, latched, reset; unknown, restarted, carried out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import structlog
from google.protobuf.message import Message

from fxpool.account import Phase
from fxpool.clock import SystemClock
from fxpool.domain.guards import GuardAction, GuardKind, GuardRule, GuardState, LimitUnit
from fxpool.mapping.formats import GuardInfo
from fxpool.mapping.instants import ms_from_instant
from fxpool.openapi import encode
from fxpool.openapi.proto.messages_pb2 import ProtoOATraderRes
from fxpool.platforms.base import PlatformError, TradeRequest
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.guard_config import GuardPlan
from fxpool.simulator import conversation
from fxpool.simulator.engine.model import CashKind
from harness.accounts import USD_ACCOUNT
from harness.platforms import ALPHA, Heard, Served, live_platform, settings_for
from harness.stack import running_stack
from harness.wait import wait_until

Rules = tuple[GuardRule, ...]


def daily(limit: str, action: GuardAction = GuardAction.HALT) -> GuardRule:
    return GuardRule(GuardKind.DAILY_LOSS, Decimal(limit), LimitUnit.MONEY, action)


def drawdown(limit: str, action: GuardAction = GuardAction.HALT) -> GuardRule:
    return GuardRule(GuardKind.DRAWDOWN, Decimal(limit), LimitUnit.PERCENT_OF_EQUITY, action)


@asynccontextmanager
async def guarded(*rules: GuardRule) -> AsyncIterator[Served]:
    """A live account with 10,000.00, limits that are watched, and one lot of EURUSD bought."""
    config = replace(ALPHA, guards=GuardPlan(rules, ZoneInfo("Europe/Prague")))
    async with live_platform([config]) as served:
        await known(served.platform)
        assert (await served.buy("1.00"))["success"]
        yield served


async def known(platform: CTraderPlatform) -> None:
    async with asyncio.timeout(5):
        while await state(platform) == "unknown":  # noqa: ASYNC110 (asked, not awaited)
            await asyncio.sleep(0.005)


async def state(platform: CTraderPlatform) -> str:
    return (await platform.guards("alpha"))["state"]


async def only(platform: CTraderPlatform) -> GuardInfo:
    (guard,) = (await platform.guards("alpha"))["guards"]
    return guard


def lose(served: Served, pips: int) -> None:
    """Move the bid so many pips below the entry of 1.12570: 10.00 each."""
    bid = Decimal("1.12570") - Decimal(pips) / 10_000
    served.quote(str(bid), str(bid + Decimal("0.00010")))


async def test_a_limit_halts_at_the_quote_that_reaches_it_and_stays() -> None:
    async with guarded(daily("500")) as served:
        async with served.platform.subscribe() as stream:
            heard = Heard(stream)
            lose(served, 45)  # 450.00 and 2.50 of commission
            warned = await heard.until("guardWarning")
            assert warned.body["guard"]["loss"] == 452.5
            assert warned.body["guard"]["limitMoney"] == 500.0
            with structlog.testing.capture_logs() as logs:
                lose(served, 50)
                tripped = await heard.until("guardTripped")
        assert tripped.body["guard"]["state"] == "tripped"
        (line,) = (log for log in logs if log["event"] == "guard tripped")
        assert (line["account"], line["guard"], line["action"]) == ("alpha", "dailyLoss", "halt")

        lose(served, 0)  # the loss is gone, the latch is not
        refused = await served.buy("0.10")
        assert refused["outcome"] == "not_executed"
        assert "guard dailyLoss: loss 502.50 of 500.00" in refused["error"]
        assert await state(served.platform) == "tripped"
        risk = await served.platform.risk_status("alpha")
        assert (risk["risk_status"], risk["riskLevel"]) == ("CRITICAL", "high")
        assert risk["guards"][0]["state"] == "tripped"
        health = await served.platform.health()
        assert health["details"]["alpha"]["halted"].startswith("guard dailyLoss")
        assert (await served.platform.pool_stats())["guardsTripped"] == 1

        resumed = await served.platform.resume("alpha")
        assert resumed["halted"], "only a reset ends what a limit latched"
        assert "reset" in resumed["message"]
        assert (await served.platform.close_positions("alpha"))["success"], "closing stays allowed"


async def test_a_reset_by_a_person_counts_from_there() -> None:
    async with guarded(daily("500")) as served:
        lose(served, 60)
        await wait_until(lambda: served.platform._guards._desk.of("alpha").halt)  # type: ignore[union-attr] # it is watched
        with structlog.testing.capture_logs() as logs:
            after = await served.platform.reset_guards("alpha", by="Ada")
        (line,) = (log for log in logs if log["event"] == "guard reset")
        assert (line["by"], line["forgiven"]) == ("Ada", "602.50")
        assert after["state"] == "ok"
        assert after["guards"][0]["loss"] == 0.0
        assert (await served.buy("0.01"))["success"]
        lose(served, 115)
        await wait_until(lambda: served.platform._guards._desk.of("alpha").halt)  # type: ignore[union-attr] # it is watched


async def test_a_closing_limit_closes_everything_and_keeps_it_closed() -> None:
    async with guarded(drawdown("5", GuardAction.CLOSE)) as served:
        pending = TradeRequest(
            "EURUSD", "BUY_LIMIT", Decimal("0.10"), open_price=Decimal("1.10000")
        )
        assert (await served.platform.execute("alpha", pending))["success"]
        lose(served, 51)

        async def is_flat() -> bool:
            positions = await served.platform.positions("alpha")
            orders = await served.platform.orders("alpha")
            return not positions["positions"] and not orders["orders"]

        async with asyncio.timeout(5):
            while not await is_flat():  # noqa: ASYNC110 (asked, not awaited)
                await asyncio.sleep(0.01)
        assert await state(served.platform) == "tripped"


async def test_a_limit_that_only_notifies_stops_nothing() -> None:
    async with guarded(daily("500", GuardAction.NOTIFY)) as served:
        lose(served, 60)
        async with asyncio.timeout(5):
            while await state(served.platform) != "tripped":  # noqa: ASYNC110 (asked)
                await asyncio.sleep(0.005)
        assert (await served.buy("0.01"))["success"]


async def test_an_account_that_is_not_live_is_unknown_and_never_ok() -> None:
    async with guarded(daily("500")) as served:
        assert await state(served.platform) == "ok"
        await served.cut()
        guard = await only(served.platform)
        assert guard["state"] == "unknown"
        assert "reconnecting" in guard["reason"]
        assert guard["loss"] is None
        assert (await served.platform.pool_stats())["guardsUnknown"] == 1
        with pytest.raises(PlatformError, match="reconnecting"):
            await served.platform.reset_guards("alpha")


async def test_a_guard_that_fails_says_that_it_is_blind_until_it_can_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with guarded(daily("500")) as served:
        guard = served.platform._guards._desk.of("alpha")
        assert guard is not None
        await wait_until(lambda: guard.worst is GuardState.OK)
        with monkeypatch.context() as defect, structlog.testing.capture_logs() as logs:
            defect.delattr(guard, "_recorded")
            await wait_until(lambda: guard.worst is GuardState.UNKNOWN)
        assert [log["account"] for log in logs if log["event"] == "a guard could not look"]
        assert guard.readings[0].reason == "an internal error: AttributeError"
        await wait_until(lambda: guard.worst is GuardState.OK)
        lose(served, 60)
        await wait_until(lambda: guard.halt)


async def test_a_latch_outlives_a_restart_and_an_outage() -> None:
    async with guarded(daily("500")) as served:
        lose(served, 60)
        await wait_until(lambda: served.platform._guards._desk.of("alpha").halt)  # type: ignore[union-attr] # it is watched
        config = served.platform._accounts["alpha"].account.config
        await served.platform.close()
        second = CTraderPlatform.from_settings(settings_for(served.simulator), accounts=[config])
        guard = await only(second)
        assert guard["state"] == "tripped", "though nothing of the account is known yet"
        assert guard["trippedSince"] is not None
        await second.open()
        try:
            await second.initialize_streaming("alpha")
            refused = await second.execute("alpha", TradeRequest("EURUSD", "BUY", Decimal("0.01")))
            assert "guard dailyLoss" in refused["error"]
        finally:
            await second.close()


async def test_a_withdrawal_is_no_loss() -> None:
    async with guarded(daily("500"), drawdown("5")) as served:
        before = (await served.platform.guards("alpha"))["guards"]
        served.simulator.deposit(USD_ACCOUNT, -200_000)
        async with asyncio.timeout(5):
            while True:
                now = (await served.platform.guards("alpha"))["guards"]
                if now[0]["equity"] != before[0]["equity"]:
                    break
                await asyncio.sleep(0.005)
        assert [guard["state"] for guard in now] == ["ok", "ok"]
        assert now[0]["loss"] == before[0]["loss"]


@pytest.mark.parametrize(
    ("kind", "is_loss"),
    [(CashKind.ROLLOVER, True), (CashKind.WITHDRAWAL, False)],
)
async def test_a_fee_booked_while_the_link_is_down_is_a_loss_and_a_withdrawal_is_none(
    kind: CashKind, is_loss: bool
) -> None:
    async with guarded(daily("500")) as served:
        await served.simulator.stop_accepting()
        served.simulator.cut_all()
        await served.phase("alpha", Phase.RECONNECTING)
        ledger = served.simulator.venue.engine.books[USD_ACCOUNT].ledger
        now_ms = ms_from_instant(SystemClock().at())
        ledger.book_cash(kind, -60_000, now_ms, equity_before=1_000_000)
        await served.simulator.resume_accepting()
        await served.phase("alpha", Phase.LIVE)
        served.quote("1.12560", "1.12570")
        async with asyncio.timeout(5):
            while (guard := await only(served.platform))["state"] == "unknown":  # noqa: ASYNC110 (asked, not awaited)
                await asyncio.sleep(0.01)
        assert guard["state"] == ("tripped" if is_loss else "ok")


async def test_a_broker_that_counts_money_in_other_digits_trips_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digits = 2

    def counted(message: Message, request_id: str = "") -> bytes:
        if isinstance(message, ProtoOATraderRes):
            message.trader.moneyDigits = digits
            message.trader.balance *= 10 ** (digits - 2)
        return encode(message, request_id)

    monkeypatch.setattr(conversation, "encode", counted)
    async with guarded(daily("500"), drawdown("20")) as served:
        live = served.platform._accounts.find("alpha").live
        lose(served, 20)
        for digits in (8, 2, 4):
            live._trader_due = True  # what happens every minute
            live._work.set()
            await wait_until(lambda: live.book.trader.money_digits == digits)  # noqa: B023 (awaited here)
            lose(served, 21)
            lose(served, 20)
            async with asyncio.timeout(5):
                while (listing := await served.platform.guards("alpha"))["state"] == "unknown":  # noqa: ASYNC110 (asked, not awaited)
                    await asyncio.sleep(0.01)
            assert [(one["state"], one["loss"]) for one in listing["guards"]] == [("ok", 202.5)] * 2
        risk = await served.platform.risk_status("alpha")
        assert risk["maxDrawdown"] < 3.0
        lose(served, 60)
        await wait_until(lambda: served.platform._guards._desk.of("alpha").halt)  # type: ignore[union-attr] # it is watched


async def test_limits_of_the_routing_file_are_served_over_http_and_reset() -> None:
    accounts = {
        "alpha": {
            "platform": "ctrader",
            "environment": "demo",
            "accountId": "12345",
            "guards": {"timeZone": "Asia/Tokyo", "dailyLoss": {"percent": 1, "of": "balance"}},
        },
        "beta": {"platform": "ctrader", "environment": "demo", "accountId": "12346"},
    }
    async with running_stack(accounts=accounts) as stack:
        remote = stack.remote()
        await remote.open()
        try:
            await known(stack.platform)
            limits = await remote.guards("alpha")
            assert (limits["timeZone"], limits["state"]) == ("Asia/Tokyo", "ok")
            assert limits["guards"][0]["limitMoney"] == 100.0
            assert (await remote.risk_status("alpha"))["max_daily_loss_percent"] == 1.0
            request = TradeRequest("EURUSD", "BUY", Decimal("1.00"))
            assert (await remote.execute("alpha", request))["success"]
            stack.simulator.quote("EURUSD", Decimal("1.11000"), Decimal("1.11010"))
            async with asyncio.timeout(5):
                while (await remote.guards("alpha"))["state"] != "tripped":  # noqa: ASYNC110 (remote)
                    await asyncio.sleep(0.01)
            assert (await remote.reset_guards("alpha", by="Ada"))["state"] == "ok"
            assert (await remote.guards("beta"))["guards"] == []
            with pytest.raises(PlatformError, match="no limits"):
                await remote.reset_guards("beta")
        finally:
            await remote.close()
