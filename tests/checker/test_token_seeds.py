"""No pair of tokens is lost or spent twice: a few seeds; ``make soak-tokens`` runs hundreds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.token_run import Servers, TokenReport, TokenRun
from fxpool.auth.rotation import Rotations
from fxpool.auth.tokens import MARGIN, TokenPair
from fxpool.store.leases import Lease
from harness.openbao import running_openbao
from harness.redis import RedisServer, running_redis

MONTH = 34


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


async def run_all(seeds: range, folder: Path, servers: Servers, days: int) -> list[TokenReport]:
    reports = []
    for seed in seeds:
        place = folder / str(seed)
        place.mkdir()
        reports.append(await TokenRun(seed, place, servers, days=days).run())
    return reports


def assert_kept(reports: list[TokenReport]) -> Counter[str]:
    broken = [str(report) for report in reports if report.found]
    assert not broken, "\n".join(broken)
    return sum((report.counts for report in reports), Counter[str]())


@pytest.mark.timeout(300)
async def test_tokens_survive_seals_restarts_and_kills_on_real_servers(
    redis: RedisServer, tmp_path: Path
) -> None:
    reports = []
    for seed in range(1, 7):
        with running_openbao() as openbao:
            servers = Servers(openbao, redis)
            reports += await run_all(range(seed, seed + 1), tmp_path, servers, MONTH)
    sums = assert_kept(reports)
    assert sums["renewed"] >= 6
    assert min(sums["kills"], sums["seals"], sums["redis stops"]) >= 3


async def test_tokens_survive_a_redis_that_comes_and_goes(
    redis: RedisServer, tmp_path: Path
) -> None:
    only_redis = Servers(redis=redis)
    sums = assert_kept(await run_all(range(101, 107), tmp_path, only_redis, MONTH))
    assert min(sums["kills"], sums["redis stops"]) >= 3


async def test_tokens_survive_two_months_of_kills_without_any_server(tmp_path: Path) -> None:
    sums = assert_kept(await run_all(range(201, 209), tmp_path, Servers(), 64))
    assert sums["renewed"] >= 16


class _Forgetful(Rotations):
    async def keep(self, old: TokenPair, new: TokenPair) -> bool:
        return True


class _Careless(Rotations):
    async def claim(self, pair: TokenPair, lease: Lease, **when: object) -> bool:
        return True


@pytest.mark.parametrize("planted", [_Forgetful, _Careless])
async def test_the_checker_finds_planted_bugs(
    planted: type[Rotations], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fxpool.auth.keeper.Rotations", planted)
    # Both processes find their pairs due at the same moment.
    monkeypatch.setattr(TokenPair, "renewed_at", lambda pair, early: pair.expires_at - MARGIN)
    reports = await run_all(range(201, 205), tmp_path, Servers(), MONTH)
    assert any(report.found for report in reports)
