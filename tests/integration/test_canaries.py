"""Secrets planted in every input of a real gateway, and looked for in all that leaves it.

The gateway is a process of its own with real Redis and real OpenBao, and logs all that it can.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
import redis
import structlog
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fxpool.account import Phase
from fxpool.cli import logs
from fxpool.platforms.base import PlatformError
from fxpool.platforms.remote import RemotePlatform
from fxpool.redaction import HIDDEN, hidden, hidden_text, learn
from fxpool.settings import Settings
from fxpool.simulator import Simulator, SimulatorOptions
from fxpool.simulator.refusal import Refusal
from fxpool.simulator.tokens import Grant
from fxpool.simulator.tokens import TokenKeeper as BrokersTokens
from harness.commands import command, interrupted, line_where, started
from harness.openbao import ROOT_TOKEN, running_openbao
from harness.platforms import open_platform
from harness.redis import PASSWORD, running_redis

ROUTING = {"accounts": {"12345": {"platform": "ctrader", "environment": "demo"}}}
PLANTED = {
    "CTRADER_POOL_API_KEY": "canary-service-key",
    "CTRADER_CALLBACK_SECRET": "canary-callback-secret-of-some-length",
    "TELEGRAM_BOT_TOKEN": "123456:canary-telegram-token-of-bot",
    "TELEGRAM_CHAT_ID": "1",
    "METAAPI_TOKEN": "canary-metaapi-token",
}


def found_in(text: str | bytes, secrets: Mapping[str, str]) -> list[str]:
    """Return the names of the secrets in a text."""
    content = text.encode() if isinstance(text, str) else text
    return [name for name, secret in secrets.items() if secret.encode() in content]


async def test_no_planted_secret_leaves_a_gateway(tmp_path: Path) -> None:
    routing = tmp_path / "routing-config.json"
    routing.write_text(json.dumps(ROUTING))
    options = SimulatorOptions(
        ticks_per_second=0, oauth_port=0, client_secret="canary-client-secret"
    )
    answers: list[str] = []
    with running_openbao() as openbao, running_redis() as server:
        async with Simulator(options) as simulator:
            grant = simulator.grant
            secrets = {
                **{name: value for name, value in PLANTED.items() if "canary" in value},
                "client secret": "canary-client-secret",
                "access token": grant.access_token,
                "refresh token": grant.refresh_token,
                "vault token": ROOT_TOKEN,
                "redis password": PASSWORD,
                "wrong key": "canary-wrong-key",
                "wrong bearer": "canary-wrong-bearer",
                "wrong cookie": "canary-wrong-cookie",
                "query token": "canary-query-token",
                "oauth code": "canary-oauth-code",
                "oauth state": "canary-oauth-state",
                "body secret": "canary-body-secret",
            }
            openbao.ask(
                "POST",
                "secret/data/ctrader/accounts/12345",
                {
                    "data": {
                        "access_token": grant.access_token,
                        "refresh_token": grant.refresh_token,
                    }
                },
            )
            environment = {
                **PLANTED,
                "LOG_LEVEL": "DEBUG",
                "VAULT_ADDR": openbao.address,
                "VAULT_TOKEN": ROOT_TOKEN,
                "REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0",
                "CTRADER_CLIENT_ID": simulator.credentials.client_id,
                "CTRADER_CLIENT_SECRET": "canary-client-secret",
                "CTRADER_TOKEN_URL": f"{simulator.oauth_url}/apps/token",
                "CTRADER_DEMO_HOST": simulator.host,
                "CTRADER_DEMO_PORT": str(simulator.port),
                "CTRADER_CA_FILE": str(simulator.ca_file),
                "CTRADER_ROUTING_CONFIG": str(routing),
                "CTRADER_DATA_DIR": str(tmp_path / "data"),
            }
            async with started("serve", "--port", "0", **environment) as process:
                line = await line_where(process.stderr, lambda line: "gateway listens" in line)
                url = json.loads(line)["url"]
                await _call_everything(url, answers)
                done = await interrupted(process)
        kept = redis.Redis(port=server.port, password=PASSWORD)
        dump = b"".join(key + (kept.dump(key) or b"") for key in kept.scan_iter())
        kept.close()

    assert done.code == 0
    assert '"level":"debug"' in done.err.replace(" ", "") or "debug" in done.err
    assert found_in(line + done.err + done.out, secrets) == [], "in the log"
    assert found_in("\n".join(answers), secrets) == [], "in an answer"
    assert dump, "Redis was not used"
    assert found_in(dump, secrets) == [], "in Redis"
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert found_in(file.read_bytes(), secrets) == [], f"in {file.name}"
    audited = (tmp_path / "data" / "audit.sqlite3").read_bytes()
    wal = tmp_path / "data" / "audit.sqlite3-wal"
    assert b"access refused" in audited + (wal.read_bytes() if wal.exists() else b"")


async def _call_everything(url: str, answers: list[str]) -> None:
    """Send secrets wherever a caller can put one; keep the answers."""
    good = {"X-API-Key": PLANTED["CTRADER_POOL_API_KEY"]}
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:

        async def call(method: str, path: str, **options: object) -> httpx.Response:
            response = await client.request(method, path, **options)  # type: ignore[arg-type]  # httpx's
            answers.append(f"{response.text}\n{dict(response.headers)}")
            return response

        for headers in (
            {"X-API-Key": "canary-wrong-key"},
            {"Authorization": "Bearer canary-wrong-bearer"},
            {"Cookie": "session=canary-wrong-cookie; fxpool_consent=canary-oauth-state"},
        ):
            assert (await call("GET", "/accounts", headers=headers)).status_code == 401
            await call("POST", "/halt", headers=headers)
        await call("GET", "/events?access_token=canary-query-token")
        await call("GET", "/accounts?access_token=canary-query-token&token=canary-query-token")
        await call("GET", "/callback?code=canary-oauth-code&state=canary-oauth-state")
        cookies = {"Cookie": "fxpool_consent=canary-oauth-state"}
        await call("GET", "/callback?code=canary-oauth-code", headers=cookies)
        order = {"account_id": "12345", "symbol": "EURUSD", "action": "BUY", "volume": 0.1}
        secret = {"password": "canary-body-secret", "access_token": "canary-body-secret"}
        await call("POST", "/trade/execute", headers=good, json={**order, **secret})
        await call("POST", "/halt", headers=good, json={"reason": "lunch", **secret})
        await call("POST", "/resume", headers=good, json=secret)
        await call("POST", "/oauth/refresh?account_id=12345", headers=good)
        for path in ("/accounts", "/health", "/metrics", "/openapi.json", "/audit", "/tickets"):
            assert (await call("GET", path, headers=good)).status_code == 200, path
        await call("GET", "/oauth/status", headers=good)
    with pytest.raises(InvalidStatus):
        await connect(f"{url.replace('http', 'ws')}/ws?access_token=canary-query-token")


async def test_a_gateway_that_cannot_start_says_why_without_a_password(tmp_path: Path) -> None:
    routing = tmp_path / "routing-config.json"
    routing.write_text(json.dumps(ROUTING))
    done = await command(
        "serve",
        "--port",
        "0",
        CTRADER_ROUTING_CONFIG=str(routing),
        CTRADER_DATA_DIR=str(tmp_path / "data"),
        CTRADER_DATABASE_URL="postgresql+asyncpg://pool:canary-db-password@127.0.0.1:1/fxpool",
        LOG_LEVEL="DEBUG",
    )
    assert done.code != 0
    assert "down" in done.err
    assert "canary" not in done.err + done.out


async def test_a_secret_that_others_repeat_in_their_words_is_in_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The broker, the token service and another pool's address, as error texts quote them."""
    secrets = {
        "access": "canary-access-token-that-ended",
        "refresh": "canary-refresh-token-that-ended",
        "pool": "canary-password-in-an-address",
    }
    echo = BrokersTokens.find

    def repeats(tokens: BrokersTokens, access_token: str, at_ms: int | None = None) -> Grant:
        try:
            return echo(tokens, access_token, at_ms)
        except Refusal as exc:
            raise Refusal(exc.code, f"{access_token} is no token", carrier=exc.carrier) from exc

    monkeypatch.setattr(BrokersTokens, "find", repeats)
    tokens = {"access_token": secrets["access"], "refresh_token": secrets["refresh"]}
    async with open_platform(**{name: SecretStr(value) for name, value in tokens.items()}) as one:
        await one.phase("alpha", Phase.NEEDS_CONSENT)
        shown = [json.dumps(await one.platform.health())]
        with pytest.raises(PlatformError, match="is no token") as refused:
            await one.platform.positions("alpha")
        shown.append(str(refused.value))
    settings = Settings(dxtrade_pool_url=f"http://me:{secrets['pool']}@127.0.0.1:9")
    learn(settings.secrets())
    remote = RemotePlatform(settings.dxtrade_pool_url)
    with pytest.raises(PlatformError, match="not running at http://me:") as unreachable:
        await remote.positions("alpha")
    await remote.close()
    shown.append(str(unreachable.value))
    assert found_in("\n".join(shown), secrets) == []


def test_a_crash_dump_shows_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # restored at the end
    logs.configure("INFO", secrets=["canary-known-secret"])
    error = RuntimeError("canary-known-secret: https://user:canary-password@host/x")
    sys.excepthook(RuntimeError, error, None)
    structlog.reset_defaults()

    printed = capsys.readouterr().err
    assert "RuntimeError" in printed
    assert "canary-known" not in printed
    assert "canary-password" not in printed


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer canary-token-1",
        "X-API-Key: canary-token-2",
        "GET /ws?access_token=canary-token-3&symbols=EURUSD",
        "GET /callback?code=canary-token-4",
        "https://api.telegram.org/bot123456:canary-token-5/sendMessage",
        "postgresql+asyncpg://pool:canary-token-6@host/db",
        "redis://:canary-token-7@host:6379/0",
        '{"refresh_token": "canary-token-8"}',
        "client_secret=canary-token-9",
        "fxp_0123456789ab_canary-token-10-of-a-key",
        "eyJcanarytoken.eyJcanarytoken.canarytoken",
    ],
)
def test_what_looks_like_a_secret_is_hidden_in_any_text(text: str) -> None:
    assert "canary" not in hidden_text(text)
    assert HIDDEN in hidden_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "account alpha is live",
        "position 21 of EURUSD closed at 1.10020",
        "authentication failed: wrong service key",
        "2 tokens renewed",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert hidden_text(text) == text
    assert hidden({"note": text}) == {"note": text}
