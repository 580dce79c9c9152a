"""Alerts over real HTTP, from a platform on a simulated broker to a chat of the test."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal

import pytest
from pydantic import SecretStr

from fxpool.alerts import Alert, Alerts, sender_from
from fxpool.clock import SystemClock
from fxpool.errors import SettingsError
from fxpool.settings import Settings
from harness.platforms import Served, live_platform
from harness.wait import wait_until
from harness.webhook import PASSWORD, Webhook, webhook

NEW_ORDER = 2106


def alerting_platform(hook: Webhook) -> AbstractAsyncContextManager[Served]:
    return live_platform(alert_urls=SecretStr(hook.url))


async def test_an_unknown_outcome_and_what_became_of_it_reach_a_person() -> None:
    async with webhook() as hook, alerting_platform(hook) as served:
        served.simulator.faults.cut_before_answer(NEW_ORDER)
        result = await served.buy()
        assert result["outcome"] == "unknown"
        await wait_until(lambda: hook.of("outcome unknown") and hook.of("outcome resolved"))
        assert result["ticketId"] in hook.of("outcome unknown")[0]
        assert "executed" in hook.of("outcome resolved")[0]
        assert hook.received[0]["title"] == "fxpool: alpha: outcome unknown"
        await wait_until(lambda: served.platform.alerts.sent == 2)
        assert (await served.platform.health())["checks"]["alerts"] == "up"
        assert (await served.platform.pool_stats())["alerts"]["sent"] == 2


async def test_a_position_without_its_protection_is_told_loudly() -> None:
    async with webhook() as hook, alerting_platform(hook) as served:
        await served.buy(stop_loss=Decimal("1.12"))  # the symbol is quoted now
        served.simulator.stall_spots()
        served.quote("1.11000", "1.11010")
        result = await served.buy(stop_loss=Decimal("1.12"))
        assert result["protection"] == "failed"
        await wait_until(lambda: hook.of("protection failed"))
        assert result["positionId"] in hook.of("protection failed")[0]


async def test_a_margin_call_reaches_a_person() -> None:
    async with webhook() as hook, alerting_platform(hook) as served:
        assert (await served.buy("5.00"))["success"]
        served.quote("1.11600", "1.11610")
        await wait_until(lambda: hook.of("margin call"))
        assert "below 100 %" in hook.of("margin call")[0]


async def test_a_journal_that_fails_and_a_dead_token_reach_a_person() -> None:
    async with webhook() as hook, alerting_platform(hook) as served:
        served.platform._journal._down("database or disk is full")
        await wait_until(lambda: hook.of("journal down"))
        assert hook.of("journal down") == ["journal: database or disk is full"]
        served.simulator.invalidate_token(served.simulator.grant.access_token)
        await wait_until(lambda: hook.of("needs consent"))
        assert "fxpool connect" in hook.of("needs consent")[0]


@pytest.fixture
def logged() -> Callable[[], str]:
    """Everything that any library logs, at its most talkative."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream.getvalue
    root.removeHandler(handler)
    root.setLevel(level)


async def test_a_service_that_refuses_is_shown_and_no_secret_is_logged(
    logged: Callable[[], str],
) -> None:
    async with webhook() as hook:
        hook.status = 500
        sender = sender_from(Settings(alert_urls=SecretStr(hook.url)))
        alerts = Alerts(sender, clock=SystemClock())
        await alerts.open()
        alerts.tell(Alert("x", "one"))
        await wait_until(lambda: alerts.failure)
        assert alerts.failure == "a service did not take an alert"
        hook.status = 200
        await wait_until(lambda: alerts.sent == 1)
        await alerts.close()
    assert "Failed to send" in logged()
    assert PASSWORD not in logged()


async def test_telegram_is_one_of_the_services_and_a_wrong_url_says_which() -> None:
    token = SecretStr("123456789:AAabcdefghijklmnopqrstuvwxyz-_12345")
    sender = sender_from(Settings(telegram_bot_token=token, telegram_chat_id="-1001234"))
    assert sender is not None
    await sender.check()
    wrong = sender_from(Settings(alert_urls=SecretStr("json://127.0.0.1 nonsense://secret")))
    alerts = Alerts(wrong, clock=SystemClock())
    await alerts.open()
    await wait_until(lambda: alerts.failure)
    assert alerts.failure is not None
    assert "alert service 2" in alerts.failure
    assert "CTRADER_ALERT_URLS" in alerts.failure
    assert "secret" not in alerts.failure
    await alerts.close()


def test_half_of_telegrams_settings_name_the_other_half() -> None:
    with pytest.raises(SettingsError, match="TELEGRAM_CHAT_ID"):
        sender_from(Settings(telegram_bot_token=SecretStr("1:a")))
    assert sender_from(Settings()) is None
