"""What becomes of an account that runs out of margin: called, stopped out, told."""

from __future__ import annotations

from dataclasses import replace

from fxpool.simulator import SimulatorOptions
from fxpool.simulator.catalogue import DEFAULT_ACCOUNTS
from harness.accounts import USD_ACCOUNT
from harness.platforms import Heard, live_platform
from harness.wait import wait_until

POOR = SimulatorOptions(
    ticks_per_second=0,
    accounts=tuple(
        replace(spec, balance=100_000) if spec.account_id == USD_ACCOUNT else spec
        for spec in DEFAULT_ACCOUNTS
    ),
)


async def test_a_margin_call_is_told_and_then_each_part_that_a_stop_out_closes() -> None:
    async with live_platform(options=POOR) as served, served.platform.subscribe() as stream:
        heard = Heard(stream)
        for lots in ("0.20", "0.30", "0.30"):
            assert (await served.buy(lots))["success"]
        await served.platform.account_information("alpha")  # waits until its equity is known
        served.quote("1.12400", "1.12410")
        called = (await heard.until("marginCall")).body
        assert called["marginLevelThreshold"] == 100.0
        assert called["account"]["marginLevel"] < 100.0

        served.quote("1.11800", "1.11810")
        part = await heard.until("positionPartiallyClosed")
        assert [call.body["marginLevelThreshold"] for call in heard.of("marginCall")] == [
            100.0,
            80.0,
            60.0,
        ]
        assert part.body["newVolume"] < part.body["oldVolume"]

        served.quote("1.02000", "1.02010")
        await wait_until(lambda: not served.simulator.venue.engine.books[USD_ACCOUNT].positions)
        closed = [await heard.until("positionClosed") for _ in range(3)]
        assert {one.body["closeInfo"]["reason"] for one in closed} == {"STOP_OUT"}
        assert len({one.body["positionId"] for one in closed}) == 3
        information = await served.platform.account_information("alpha")
        results = [one.body["closedProfit"] for one in closed]
        assert information["balance"] == round(1_000 + sum(results), 2)
        assert information["balance"] < 0
        assert information["marginLevel"] is None
