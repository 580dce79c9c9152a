"""What an operator hears of renewals that keep failing, while the tokens still work."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fxpool.alerts import Alerts
from fxpool.errors import NeedsConsent, RequestNotSent
from fxpool.platforms.operator_alerts import RENEWAL_COOLDOWN, OperatorAlerts
from harness.tokens import ACCOUNTS, FragileStore, TokenWorld


async def test_renewals_that_keep_failing_are_told_once_in_six_hours_for_each_account(
    tmp_path: Path,
) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    store = FragileStore(world.file())
    keeper = await world.process(store)
    keeper.keeps_failing = OperatorAlerts(Alerts(None, clock=world.clock)).renewal_fails
    store.is_sealed = True

    async def told_after(attempts: int) -> list[str]:
        with capture_logs() as lines:
            for _ in range(attempts):
                with pytest.raises(RequestNotSent):
                    await keeper.renew(ACCOUNTS[0])
        alerts = [line for line in lines if line.get("kind") == "renewal_fails"]
        assert all("sealed" in line["text"] and "they end on" in line["text"] for line in alerts)
        return [line["account"] for line in alerts]

    assert await told_after(4) == []
    assert await told_after(3) == list(ACCOUNTS)
    world.clock.advance(RENEWAL_COOLDOWN + 1)
    assert await told_after(1) == list(ACCOUNTS)
    assert world.service.presented == []


async def test_a_refused_refresh_token_is_told_at_once_since_the_access_token_may_work_for_days(
    tmp_path: Path,
) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    keeper = await world.process()
    keeper.keeps_failing = OperatorAlerts(Alerts(None, clock=world.clock)).renewal_fails
    world.service.tokens.refresh(world.first.refresh_token)  # by another program
    with capture_logs() as lines, pytest.raises(NeedsConsent):
        await keeper.renew(ACCOUNTS[0])
    alerts = [line for line in lines if line.get("kind") == "renewal_fails"]
    assert [line["account"] for line in alerts] == list(ACCOUNTS)
    for line in alerts:
        assert "was refused" in line["text"]
        assert "they end on" in line["text"]
