"""From ``fxpool connect`` to the first quote, with a real browser at the simulator's page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from fxpool.cli.exits import Exit
from harness.commands import command, line_where, started
from harness.connecting import connecting_to
from harness.devtools import Person

ROUTING = {"accounts": {"alpha": {"platform": "ctrader", "environment": "demo", "login": "12345"}}}


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    someone = Person(tmp_path)
    yield someone
    someone.leave()


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    async with started("sim") as process:
        broker = json.loads(await line_where(process.stdout, lambda line: line.startswith("{")))
        yield connecting_to(broker, ROUTING, tmp_path)


async def first_quote(url: str) -> float:
    """Wait until the gateway at ``url`` tells a price of the account."""
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=url, trust_env=False) as http:
        while (told := await _price(http)) is None:  # noqa: ASYNC110 (it is asked over HTTP)
            await asyncio.sleep(0.1)
    return told


async def _price(http: httpx.AsyncClient) -> float | None:
    symbol = {"symbol": "EURUSD", "account_id": "alpha"}
    try:
        await http.post("/streaming/subscribe", json=symbol)
        response = await http.get("/prices/EURUSD", params={"account_id": "alpha"})
    except httpx.HTTPError:
        return None
    return float(response.json()["bid"]) if response.status_code == httpx.codes.OK else None


@pytest.mark.timeout(240)
async def test_a_person_connects_in_a_browser_and_gets_a_quote(
    environment: dict[str, str], person: Person
) -> None:
    opening = {**environment, "BROWSER": str(person.command)}
    async with started("connect", "alpha", **opening) as process:
        async with person.looking() as page:
            shown = await person.sees(page, "Allow access")
            assert "12345 (demo" in shown
            await person.evaluate(page, "document.querySelector('button').click()")
            shown = await person.sees(page, "You can close this page")
            assert "alpha: linked, demo account 12345 (trading)" in shown
        assert process.stdout is not None
        out = (await process.stdout.read()).decode()
        assert await process.wait() == Exit.OK
    assert "linked alpha: demo account 12345 (trading)" in out

    async with started("serve", **environment) as process:
        assert await first_quote(f"http://127.0.0.1:{environment['CTRADER_POOL_PORT']}") > 0


@pytest.mark.timeout(240)
async def test_an_owner_follows_a_link_in_a_browser(
    environment: dict[str, str], person: Person
) -> None:
    port = environment["CTRADER_POOL_PORT"]
    url = f"http://127.0.0.1:{port}"
    async with started("serve", **environment):
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as http:
            while not await _answers(http, f"{url}/health/ready"):  # noqa: ASYNC110 (the same)
                await asyncio.sleep(0.1)
        made = await command("connect", "alpha", "--link", "--url", url, **environment)
        assert made.code == Exit.OK, made.err
        link = next(line for line in made.out.splitlines() if line.startswith("http"))
        assert "works once" in made.out
        opened = await asyncio.create_subprocess_exec(str(person.command), link)
        assert await opened.wait() == 0
        async with person.looking() as page:
            await person.sees(page, "Continue to cTrader")
            await person.evaluate(page, "document.querySelector('button').click()")
            await person.sees(page, "Allow access")
            await person.evaluate(page, "document.querySelector('button').click()")
            shown = await person.sees(page, "You can close this page")
        assert "alpha: linked, demo account 12345 (trading)" in shown
        assert await first_quote(url) > 0


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        await http.get(url)
    except httpx.HTTPError:
        return False
    return True
