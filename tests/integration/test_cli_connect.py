"""``fxpool connect`` and ``fxpool secrets``: a person, a browser, and an encrypted file."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fxpool.cli.exits import Exit
from harness.commands import command, line_where, started
from harness.connecting import connecting_to

ROUTING = {"accounts": {"12345": {"platform": "ctrader", "environment": "demo"}}}


@pytest.fixture
async def broker() -> AsyncIterator[dict[str, Any]]:
    async with started("sim") as process:
        yield json.loads(await line_where(process.stdout, lambda line: line.startswith("{")))


@pytest.fixture
def environment(broker: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    return connecting_to(broker, ROUTING, tmp_path)


async def test_an_account_is_linked_and_its_tokens_are_where_it_says(
    environment: dict[str, str], tmp_path: Path
) -> None:
    before = await command("secrets", "check", **environment)
    assert before.code == Exit.REFUSED
    assert "fxpool connect 12345" in " ".join(before.out.split())  # wrapped by width

    async with started("connect", "12345", "--no-browser", **environment) as process:
        line = await line_where(process.stderr, lambda line: "Open this in a browser" in line)
        start = line.rsplit(" ", 1)[1].strip()
        async with httpx.AsyncClient() as browser:
            page = (await browser.get(start)).headers["location"]
            back = (await browser.post(page, content="account=10012345")).headers["location"]
            assert "12345: linked" in (await browser.get(back)).text
        assert process.stdout is not None
        out = (await process.stdout.read()).decode()
        assert await process.wait() == Exit.OK
    assert "linked 12345: demo account 12345 (trading)" in out
    assert str(tmp_path / "data" / "secrets.bin") in out

    after = await command("secrets", "check", **environment)
    assert after.code == Exit.OK
    names = await command("secrets", "list", **environment)
    assert names.out.split() == ["ctrader/accounts/12345"]
    (line,) = json.loads((await command("audit", "list", "--json", **environment)).out)
    assert (line["subject"], line["action"]) == ("command line", "accounts linked")
    assert line["details"] == {"linked": ["12345"], "failed": []}
    assert (await command("audit", "verify", **environment)).code == Exit.OK


async def test_a_pair_that_has_ended_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    pair = {"access_token": "a", "refresh_token": "r", "expires_at": "2020-01-02T00:00:00Z"}
    source = tmp_path / "pairs.json"
    source.write_text(json.dumps({"ctrader/accounts/12345": pair}))
    assert (await command("secrets", "import", str(source), **environment)).code == Exit.OK
    checked = await command("secrets", "check", **environment)
    assert "WARN" in checked.out
    assert "ended 2020-01-02" in " ".join(checked.out.split())


async def test_an_account_that_is_not_configured_is_refused(environment: dict[str, str]) -> None:
    done = await command("connect", "99999", "--no-browser", **environment)
    assert done.code == Exit.REFUSED
    assert "Account not found: 99999" in done.err


async def test_a_redirect_uri_that_leads_elsewhere_is_named_with_the_cure(
    environment: dict[str, str],
) -> None:
    elsewhere = {**environment, "CTRADER_REDIRECT_URI": "https://pool.example/callback"}
    done = await command("connect", "12345", "--no-browser", **elsewhere)
    assert done.code == Exit.USAGE
    assert "/api/ctrader/oauth/authorize?account_id=12345" in done.err


async def test_the_doctor_names_what_is_missing_and_how_to_mend_it(
    environment: dict[str, str],
) -> None:
    done = await command("doctor", "--json", **environment)
    assert done.code == Exit.REFUSED
    found = {one["what"]: one for one in done.json()["findings"]}
    for what in ("demo: name lookup", "demo: TCP", "demo: TLS", "demo: application login"):
        assert found[what]["verdict"] == "PASS", found[what]
    assert found["account 12345"]["verdict"] == "FAIL"
    assert "fxpool connect 12345" in found["account 12345"]["text"]
    assert environment["CTRADER_CLIENT_SECRET"] not in done.out + done.err


async def test_the_doctor_stops_at_the_step_that_fails(environment: dict[str, str]) -> None:
    away = {"CTRADER_DEMO_PORT": "9", "REDIS_URL": "redis://:planted-canary@127.0.0.1:9"}
    done = await command("doctor", "--json", **{**environment, **away})
    assert done.code == Exit.REFUSED
    assert "planted-canary" not in done.out + done.err
    found = {one["what"]: one for one in done.json()["findings"]}
    assert found["redis"]["verdict"] == "WARN"
    assert "goes on alone" in found["redis"]["text"]
    assert found["demo: TCP"]["verdict"] == "FAIL"
    assert "firewall" in found["demo: TCP"]["text"]
    assert "demo: TLS" not in found
