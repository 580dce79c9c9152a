"""A client's connection issues over real HTTP: one message of a storm, and nothing waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fxpool.alerts import Alerts, sender_from
from fxpool.alerts.desk import RETRY_SECONDS
from fxpool.client import UnifiedPoolClient
from fxpool.client.assembly import AlertNotifier
from fxpool.platforms.base import PlatformError
from fxpool.platforms.remote import RemotePlatform
from fxpool.settings import Settings
from harness.clock import ManualClock
from harness.http_server import serving
from harness.stack import running_stack
from harness.wait import wait_until
from harness.webhook import PASSWORD, Webhook, webhook


async def _away(_: Request) -> Response:
    return JSONResponse({"detail": "network: the broker is away", "code": "NOT_READY"}, 503)


@asynccontextmanager
async def pool_without_a_broker() -> AsyncIterator[str]:
    async with serving(Starlette(routes=[Route("/positions/{account}", _away)])) as url:
        yield url


async def storm(client: UnifiedPoolClient, account: str, reads: int) -> None:
    """Ask for positions again and again, as a copier does; each read must be refused."""
    for _ in range(reads):
        with pytest.raises(PlatformError, match="broker is away"):
            await client.get_positions(account)


@pytest.mark.parametrize("opens", [True, False])
async def test_of_a_storm_of_failures_one_message_arrives_per_account(
    opens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way from the environment: routing file, client, notifier, apprise, HTTP. The ready
    instance of older programs is used without being opened."""
    entries = {
        name: {"platform": "dxtrade", "environment": "demo", "nickname": nickname}
        for name, nickname in (("dx-1", "Main account"), ("dx-2", "Second account"))
    }
    routing = tmp_path / "routing-config.json"
    routing.write_text(json.dumps({"accounts": entries}))
    async with pool_without_a_broker() as url, webhook() as hook:
        monkeypatch.setenv("CTRADER_ALERT_URLS", hook.url)
        monkeypatch.setenv("DXTRADE_POOL_API_URL", url)
        client = UnifiedPoolClient.from_environment(routing)
        if opens:
            await client.__aenter__()
        await asyncio.gather(*(storm(client, name, 20) for name in entries))
        await wait_until(lambda: len(hook.received) == 2)
        await storm(client, "dx-1", 5)
        assert client.shouldSuppressAlert("dx-1")
        await client.close()  # sends what waits
    told = sorted(hook.received, key=lambda message: str(message["title"]))
    assert [m["title"] for m in told] == [f"fxpool: {name}: connection issue" for name in entries]
    first, second = (m["message"] for m in told)
    assert first.startswith("Connection issue on Main account (dx-1): 3 failures in a row. ")
    assert "Operations continue; the next alert is possible at 20" in first
    assert second.startswith("Connection issue on Second account (dx-2): 3 failures in a row. ")


def notifier_to(hook: Webhook, clock: ManualClock) -> tuple[Alerts, AlertNotifier]:
    alerts = Alerts(sender_from(Settings(alert_urls=SecretStr(hook.url))), clock=clock)
    return alerts, AlertNotifier(alerts)


async def test_a_receiver_that_never_answers_holds_up_no_trade() -> None:
    async with running_stack() as stack, pool_without_a_broker() as url, webhook() as hook:
        hook.answers.clear()
        _, notifier = notifier_to(hook, ManualClock())
        client = UnifiedPoolClient(
            RemotePlatform(stack.url),
            RemotePlatform(url, name="dxtrade"),
            accounts={"dx": "dxtrade"},
            notifier=notifier,
        )
        async with client:
            await storm(client, "dx", 5)
            await wait_until(lambda: hook.received)  # it has the alert, and says nothing
            opened = await client.execute_trade(
                "alpha", symbol="EURUSD", action="BUY", volume=Decimal("0.1")
            )
            closed = await client.close_position("alpha", position_id=opened["positionId"])
            assert (opened["success"], closed["success"]) == (True, True)
            assert not hook.answers.is_set()
            hook.answers.set()
    assert len(hook.received) == 1


async def test_a_receiver_that_refuses_is_tried_again_and_then_told_in_the_log() -> None:
    clock = ManualClock()
    async with pool_without_a_broker() as url, webhook() as hook:
        hook.status = 500
        alerts, notifier = notifier_to(hook, clock)
        with structlog.testing.capture_logs() as logged:
            client = UnifiedPoolClient(RemotePlatform(url, name="dxtrade"), notifier=notifier)
            async with client:
                await storm(client, "dx", 5)
                for pause in RETRY_SECONDS:
                    await wait_until(lambda: clock.sleepers)
                    await storm(client, "dx", 1)  # reads go on meanwhile
                    clock.advance(pause)
                await wait_until(lambda: alerts.failed == 1)
    assert len(hook.received) == 1 + len(RETRY_SECONDS)
    (line,) = (each for each in logged if each["event"] == "alert not sent")
    assert (line["log_level"], line["account"]) == ("error", "dx")
    assert line["error"] == alerts.failure == "a service did not take an alert"
    assert PASSWORD not in str(logged)
