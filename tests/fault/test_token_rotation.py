"""Renewing tokens while everything fails: no pair is spent twice, and none is lost that was seen.

The checker asks the broker: what a process hands to sessions is let in, and no refresh token was
presented a second time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from fxpool.auth import TokenKeeper
from fxpool.auth.keeper import LOOK_SECONDS, STORE_RETRY_SECONDS
from fxpool.auth.rotation import CLAIM_SECONDS
from fxpool.errors import FxPoolError, NeedsConsent, RequestNotSent
from harness.clock import ManualClock
from harness.tokens import ACCOUNTS, FragileStore, Killed, TokenWorld
from harness.wait import wait_until

DAY = 86_400.0


def presented_twice(world: TokenWorld) -> list[str]:
    return [token for token, times in Counter(world.service.presented).items() if times > 1]


def assert_let_in(world: TokenWorld, keeper: TokenKeeper) -> None:
    for name in ACCOUNTS:
        assert world.service.accepts(keeper.access_token(name))


async def settled(clock: ManualClock, *keepers: TokenKeeper) -> None:
    """Wait until every process sleeps until its next look."""

    def is_quiet() -> bool:
        return clock.sleepers == len(keepers) and not any(k._rotating for k in keepers)

    await wait_until(is_quiet)


@pytest.mark.parametrize("dies_at", range(1, 17))
async def test_a_process_killed_at_any_step_of_the_store_loses_nothing_and_spends_nothing_twice(
    tmp_path: Path, dies_at: int
) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    keeper = await world.process()
    fragile = FragileStore(world.file(), dies_at=dies_at)
    keeper.store = fragile
    keeper._rotations._store = fragile
    with suppress(Killed, FxPoolError):
        await keeper.renew("alpha")
    spent_in_memory = bool(world.service.presented) and not await _successor_is_stored(world)

    heir = await world.process()
    if spent_in_memory or not world.service.presented:
        await watched_claim(world, heir)
    if spent_in_memory:
        # The one gap that no store can close: the reply was heard and the process died before it
        # could write a byte. It is told, and nothing is made up.
        with pytest.raises(NeedsConsent):
            await heir.renew("alpha")
        assert heir.status("alpha").error
        return
    assert_let_in(world, heir)
    with suppress(RequestNotSent):
        await heir.renew("alpha")
    assert_let_in(world, heir)
    assert presented_twice(world) == []


async def watched_claim(world: TokenWorld, heir: TokenKeeper) -> None:
    """Let a process look at the claim of a dead one for as long as it takes to believe it."""
    world.clock.advance(31 * DAY)
    for _ in range(int(CLAIM_SECONDS / LOOK_SECONDS) + 2):
        await heir._look(())
        await wait_until(lambda: not heir._rotating)
        world.clock.advance(LOOK_SECONDS)


async def _successor_is_stored(world: TokenWorld) -> bool:
    entry = await world.file().read(f"ctrader/rotations/{world.first.fingerprint}")
    return "access_token" in entry.fields


async def test_a_renewed_pair_is_in_every_entry_that_shared_the_old_one(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    keeper = await world.process()
    await keeper.renew("alpha")
    alpha, beta = await world.stored("alpha"), await world.stored("beta")
    assert alpha["access_token"] == beta["access_token"] == keeper.access_token("beta")
    assert alpha["refresh_token"] != world.first.refresh_token
    assert alpha["acc_num"] == "7"


async def test_a_sealed_store_keeps_the_old_pair_in_use_and_unspent(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    fragile = FragileStore(world.file())
    keeper = await world.process(fragile)
    fragile.is_sealed = True
    with pytest.raises(RequestNotSent, match="sealed"):
        await keeper.renew("alpha")
    assert world.service.presented == []
    assert_let_in(world, keeper)
    fragile.is_sealed = False
    await keeper.renew("alpha")
    assert_let_in(world, keeper)


async def test_a_store_that_cannot_be_used_is_told_before_a_pair_needs_it(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    fragile = FragileStore(world.file())
    keeper = await world.process(fragile)
    await keeper._look(())
    assert keeper.store_failure is None
    fragile.is_sealed = True
    await keeper._look(())
    assert keeper.store_failure == "sealed for the test"
    fragile.is_sealed = False
    await keeper._look(())
    assert keeper.store_failure is None


class _SealsOnReply:
    """Seals the store in the very moment in which the new pair arrives."""

    def __init__(self, world: TokenWorld, store: FragileStore) -> None:
        self._world, self._store = world, store

    async def refresh(self, refresh_token: str):  # type: ignore[no-untyped-def] # a test double
        pair = await self._world.service.refresh(refresh_token)
        self._store.is_sealed = True
        return pair


async def test_a_pair_that_cannot_be_stored_is_not_used_before_it_can(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    fragile = FragileStore(world.file())
    keeper = await world.process(fragile)
    keeper._refresher = _SealsOnReply(world, fragile)
    renewing = asyncio.create_task(keeper.renew("alpha"))
    await wait_until(lambda: "waits to be stored" in keeper.status("alpha").error)
    with pytest.raises(RequestNotSent, match="being renewed"):
        keeper.access_token("alpha")
    fragile.is_sealed = False
    world.clock.advance(60.0)
    await renewing
    assert_let_in(world, keeper)
    assert keeper.status("alpha").error == ""


async def test_a_pair_rescued_beside_a_sealed_store_survives_a_kill(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    fragile = FragileStore(world.file())
    keeper = await world.process(fragile, rescue=world.file("rescued"))
    keeper._refresher = _SealsOnReply(world, fragile)
    await keeper.renew("alpha")
    assert_let_in(world, keeper)

    heir = await world.process(rescue=world.file("rescued"))
    assert_let_in(world, heir)
    await heir._look(())
    assert (await world.stored("beta"))["access_token"] == heir.access_token("beta")
    assert presented_twice(world) == []


async def test_a_process_that_waits_for_its_store_is_not_robbed_of_its_pair(
    tmp_path: Path,
) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    fragile = FragileStore(world.file())
    keeper, other = await world.process(fragile), await world.process()
    keeper._refresher = _SealsOnReply(world, fragile)
    world.clock.advance(28 * DAY)
    renewing = asyncio.create_task(keeper.renew("alpha"))
    await wait_until(lambda: "waits to be stored" in keeper.status("alpha").error)
    for _ in range(int(CLAIM_SECONDS / LOOK_SECONDS) - 1):
        await other._look(())
        await wait_until(lambda: not other._rotating)
        world.clock.advance(LOOK_SECONDS)
    fragile.is_sealed = False
    world.clock.advance(STORE_RETRY_SECONDS)
    await renewing
    await other._look(["alpha", "beta"])
    assert_let_in(world, keeper)
    assert_let_in(world, other)
    assert len(world.service.presented) == 1


async def test_a_lost_reply_is_told_and_parks_that_consent_only(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    keeper = await world.process()
    world.service.loses_replies = 1
    with pytest.raises(RequestNotSent, match="no answer"):
        await keeper.renew("alpha")
    with pytest.raises(NeedsConsent, match="answer to an earlier attempt was lost"):
        await keeper.renew("alpha")
    assert "was lost" in keeper.status("beta").error
    assert not world.service.accepts(keeper.access_token("beta")), "the broker parks its account"


async def test_a_cancelled_caller_does_not_cut_a_renewal_off(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    keeper = await world.process()
    caller = asyncio.create_task(keeper.renew("alpha"))
    await wait_until(lambda: keeper._rotating)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    await wait_until(lambda: not keeper._rotating)
    assert_let_in(world, keeper)
    assert len(world.service.presented) == 1


async def test_processes_with_different_accounts_of_one_consent_share_its_renewals(
    tmp_path: Path,
) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    one = await world.process(accounts=["alpha"])
    other = await world.process(accounts=["beta"])
    await one.renew("alpha")
    await other.renew("beta")
    assert world.service.accepts(other.access_token("beta"))
    assert len(world.service.presented) == 1


async def test_a_parked_account_hears_of_tokens_that_another_process_stored(
    tmp_path: Path,
) -> None:
    world = TokenWorld(tmp_path)
    keeper = await world.process()
    with pytest.raises(NeedsConsent, match="run `fxpool connect alpha`"):
        keeper.access_token("alpha")
    told: list[str] = []
    running = asyncio.create_task(keeper.run(lambda: ["alpha"], told.append))
    await settled(world.clock, keeper)
    await world.store_first_pair()
    world.clock.advance(LOOK_SECONDS)
    await wait_until(lambda: told == ["alpha"])
    assert world.service.accepts(keeper.access_token("alpha"))
    running.cancel()
    await asyncio.wait([running])


async def test_two_processes_renew_each_pair_once_a_period_for_three_months(
    tmp_path: Path,
) -> None:
    world = TokenWorld(tmp_path)
    await world.store_first_pair()
    keepers = [await world.process(), await world.process()]
    parked: list[set[str]] = [set(), set()]
    tasks = [
        asyncio.create_task(keeper.run(lambda mine=mine: mine, lambda _: None))  # type: ignore[misc] # bound early
        for keeper, mine in zip(keepers, parked, strict=True)
    ]
    hours = Random(3)
    for _ in range(3 * 30 * 2):
        await settled(world.clock, *keepers)
        for keeper, mine in zip(keepers, parked, strict=True):
            # A session whose token has died is parked, as the broker's refusal parks it.
            mine.clear()
            mine.update(n for n in ACCOUNTS if not world.service.accepts(keeper.access_token(n)))
        world.clock.advance(hours.uniform(0.4, 0.6) * DAY)
    await settled(world.clock, *keepers)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert presented_twice(world) == []
    assert len(world.service.presented) == 3
    alpha = await world.stored("alpha")
    assert world.service.accepts(alpha["access_token"])


async def test_a_refused_store_error_shows_where_it_was(tmp_path: Path) -> None:
    world = TokenWorld(tmp_path)
    fragile = FragileStore(world.file())
    fragile.is_sealed = True
    keeper = await world.process(fragile)
    with pytest.raises(RequestNotSent, match="not read: sealed"):
        keeper.access_token("alpha")
    assert not keeper.status("alpha").is_linked
