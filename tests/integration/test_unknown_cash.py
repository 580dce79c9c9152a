"""A cash operation of a kind that is newer than this build: told, counted, and no blindness."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.message import Message

from fxpool.account import Phase
from fxpool.clock import SystemClock
from fxpool.domain.guards import GuardAction, GuardKind, GuardRule, LimitUnit
from fxpool.mapping.instants import ms_from_instant
from fxpool.openapi import encode
from fxpool.platforms.guard_config import GuardPlan
from fxpool.simulator import conversation
from fxpool.simulator.engine.model import CashEntry, CashKind, ExecutionKind
from fxpool.simulator.engine.notices import Cause, Execution
from harness.accounts import USD_ACCOUNT
from harness.platforms import ALPHA, Served, live_platform

ROLLOVER_AS_SENT = b"\x08\x12\x10"  # operationType 18, and the tag of the field behind it
NEWER_AS_SENT = b"\x08\x7d\x10"  # operationType 125
LIMIT = GuardRule(GuardKind.DAILY_LOSS, Decimal(500), LimitUnit.MONEY, GuardAction.HALT)


def encode_newer(message: Message, request_id: str = "") -> bytes:
    """Encode as a server whose cash operations have kinds that nobody here knows."""
    return encode(message, request_id).replace(ROLLOVER_AS_SENT, NEWER_AS_SENT)


def book(served: Served, delta: int) -> CashEntry:
    ledger = served.simulator.venue.engine.books[USD_ACCOUNT].ledger
    now_ms = ms_from_instant(SystemClock().at())
    return ledger.book_cash(CashKind.ROLLOVER, delta, now_ms, equity_before=1_000_000)


async def guard(served: Served) -> tuple[str, float | None]:
    """Return state and loss of the limit, once it is known."""
    async with asyncio.timeout(5):
        while True:
            listing = await served.platform.guards("alpha")
            if listing["state"] != "unknown":
                return listing["state"], listing["guards"][0]["loss"]
            await asyncio.sleep(0.01)


async def test_a_cash_operation_of_an_unknown_kind_blinds_neither_limits_nor_statistics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conversation, "encode", encode_newer)
    config = replace(ALPHA, guards=GuardPlan((LIMIT,), ZoneInfo("UTC")))
    async with live_platform([config]) as served:
        platform = served.platform
        assert (await platform.metrics("alpha"))["gain"] == 0.0
        assert await guard(served) == ("ok", 0.0)

        told = Execution(
            ExecutionKind.DEPOSIT_WITHDRAW, cash=book(served, -2_000), cause=Cause.BROKER
        )
        served.simulator.venue._tell([(USD_ACCOUNT, told)])
        async with asyncio.timeout(5):
            while await guard(served) != ("ok", 20.0):  # noqa: ASYNC110 (asked, not awaited)
                await asyncio.sleep(0.01)

        await served.cut()
        book(served, 100_000)  # money of which nobody knows why it came hides no loss
        book(served, -3_000)
        await served.simulator.resume_accepting()
        await served.phase("alpha", Phase.LIVE)
        assert await guard(served) == ("ok", 50.0)

        metrics = await platform.metrics("alpha")
        assert (metrics["proven"], metrics["charges"], metrics["deposits"]) == (
            True,
            -50.0,
            11_000.0,
        )
        assert metrics["gain"] is None
        assert (await platform.daily_growth("alpha"))["growth"][-1]["balance"] == 10_950.0
        rows = (await platform.trades("alpha", include_balance=True))["trades"]
        assert sorted(row["profit"] for row in rows if row["type"] == "DEAL_TYPE_CORRECTION") == [
            -30.0,
            -20.0,
            1_000.0,
        ]
        report = await platform.report("alpha")
        assert any("does not know: 3." in note for note in report["notes"])
