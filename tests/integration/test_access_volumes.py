"""Volume caps of keys, per order and per UTC day, over gateways, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fxpool.domain.permissions import Permissions, Principal, Role
from fxpool.gateway.access.guard import GuardedPlatform
from fxpool.gateway.access.volume_caps import VolumeCaps
from fxpool.mapping.order_words import VolumeUnits
from fxpool.platforms.base import OrderChange, PlatformError, TradeRequest
from fxpool.store.access import SqlAccessStore
from harness.clock import ManualClock
from harness.spy_platform import ANSWERS, SpyPlatform, new_key

CAPPED = Principal(
    "key:1",
    "copier",
    Permissions(Role.TRADE, max_order_lots=Decimal(2), max_day_lots=Decimal(3)),
)


def order(lots: str | None, **more: Any) -> TradeRequest:
    return TradeRequest("EURUSD", "BUY", None if lots is None else Decimal(lots), **more)


class Desk:
    """Two gateways on one database, and a platform that answers as a test says."""

    def __init__(self, url: SecretStr) -> None:
        self.clock, self.platform = ManualClock(), SpyPlatform()
        self.stores = [SqlAccessStore(url), SqlAccessStore(url)]
        self.gateways = [
            GuardedPlatform(self.platform, CAPPED, VolumeCaps(store, clock=self.clock))
            for store in self.stores
        ]

    async def buy(self, lots: str | None, gateway: int = 0, **more: Any) -> str:
        result = await self.gateways[gateway].execute("mine", order(lots, **more))
        return "executed" if result["success"] else result["code"]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(SecretStr(f"sqlite:///{tmp_path / 'keys.sqlite3'}"))
    yield desk
    for store in desk.stores:
        await store.close()


async def test_an_order_beyond_a_cap_never_reaches_the_platform(desk: Desk) -> None:
    assert await desk.buy("2.01") == "VOLUME_CAP"
    assert await desk.buy("1000", volume_units=VolumeUnits.UNITS) == "VOLUME_CAP"
    assert await desk.buy(None, risk_percent=Decimal(1)) == "VOLUME_CAP"
    assert desk.platform.calls == []
    result = await desk.gateways[0].execute("mine", order("2.5"))
    assert result["outcome"] == "not_executed"
    assert "invalid volume" in result["error"]


async def test_the_day_is_counted_over_gateways_and_begins_anew_at_midnight(desk: Desk) -> None:
    assert [await desk.buy("2"), await desk.buy("1.01", 1), await desk.buy("1", 1)] == [
        "executed",
        "VOLUME_CAP",
        "executed",
    ]
    assert await desk.buy("0.01") == "VOLUME_CAP"
    desk.clock.advance(24 * 3600)
    assert await desk.buy("0.01") == "executed"


async def test_of_orders_at_the_same_moment_as_many_pass_as_fit(desk: Desk) -> None:
    buys = [desk.buy("0.7", number % 2) for number in range(12)]
    told = await asyncio.gather(*buys)
    assert sorted(told) == ["VOLUME_CAP"] * 8 + ["executed"] * 4


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ({"success": False, "outcome": "not_executed", "code": "X", "error": "no"}, False),
        ({"success": True, "outcome": "executed", "duplicate": True}, False),
        ({"success": False, "outcome": "unknown", "code": "X", "error": "?"}, True),
    ],
)
async def test_only_what_certainly_was_not_executed_does_not_count(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], counts: bool
) -> None:
    monkeypatch.setitem(ANSWERS, "execute", answer)
    await desk.buy("2")
    monkeypatch.delitem(ANSWERS, "execute")
    assert await desk.buy("2", 1) == ("VOLUME_CAP" if counts else "executed")


@pytest.mark.parametrize(
    ("known", "outcome"), [(["k1"], "unknown"), (["k2"], "not_executed"), (["k2"] * 500, "unknown")]
)
async def test_a_repeat_beyond_the_cap_that_the_first_order_used_up_is_not_called_not_executed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, known: list[str], outcome: str
) -> None:
    assert await desk.buy("2", idempotency_key="k1") == "executed"
    rows = [{"id": f"t{number}", "idempotencyKey": key} for number, key in enumerate(known)]
    monkeypatch.setitem(ANSWERS, "tickets", {"tickets": rows, "count": len(rows)})
    again = await desk.gateways[1].execute("mine", order("2", idempotency_key="k1"))
    assert (again["code"], again["outcome"]) == ("VOLUME_CAP", outcome)
    assert again.get("ticketId") == ("t0" if known == ["k1"] else None)
    assert [name for name, _ in desk.platform.calls].count("execute") == 1


async def test_a_larger_volume_of_a_resting_order_counts_as_new(desk: Desk) -> None:
    change = OrderChange("1", volume=Decimal("2.5"))
    assert (await desk.gateways[0].modify_order("mine", change))["code"] == "VOLUME_CAP"
    assert desk.platform.calls == []


async def test_a_key_is_kept_whole_but_for_its_secret_and_revoked_for_ever(desk: Desk) -> None:
    first, second = desk.stores
    text, key = new_key(1, CAPPED.permissions, expires_at=desk.clock.at())
    await first.add(key)
    assert await second.keys() == [key]
    assert await second.revoke(key.key_id, desk.clock.at())
    assert not await second.revoke("nobody", desk.clock.at())
    (kept,) = await first.keys()
    assert kept.revoked_at == desk.clock.at()
    assert text.rsplit("_", 1)[1] not in repr(kept)


async def test_an_account_that_is_not_for_a_key_is_refused_as_one_that_is_not_there(
    desk: Desk,
) -> None:
    narrow = Principal("key:2", "narrow", Permissions(Role.TRADE, frozenset({"mine"})))
    guard = GuardedPlatform(desk.platform, narrow, VolumeCaps(None, clock=desk.clock))
    texts = set()
    for name in ("other", "222", "unknown"):
        with pytest.raises(PlatformError) as refused:
            await guard.execute(name, order("1"))
        texts.add(refused.value.detail.replace(name, "?"))
        assert refused.value.status == 403
    assert len(texts) == 1
    assert desk.platform.calls == []
