"""The Telegram bot of alerts, from the environment or from a secret store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from fxpool.auth import with_stored_alerts
from fxpool.settings import Settings
from harness.openbao import ROOT_TOKEN, OpenBao, running_openbao

POLICY = 'path "secret/data/ctrader/*" { capabilities = ["read"] }'


@pytest.fixture(scope="module")
def openbao() -> Iterator[OpenBao]:
    with running_openbao() as server:
        server.ask(
            "POST",
            "secret/data/telegram",
            {"data": {"bot_token": "1:stored", "chat_id": -100123}},
        )
        yield server


def settings(openbao: OpenBao, folder: Path, token: str = ROOT_TOKEN, **more: object) -> Settings:
    vault = {"vault_addr": openbao.address, "vault_token": SecretStr(token)}
    return Settings(data_dir=folder, **vault, **more)  # type: ignore[arg-type] # fields of a test


async def test_the_stored_bot_is_used(openbao: OpenBao, tmp_path: Path) -> None:
    found = await with_stored_alerts(settings(openbao, tmp_path))
    assert found.telegram_bot_token.get_secret_value() == "1:stored"
    assert found.telegram_chat_id == "-100123"
    assert "1:stored" not in repr(found)


async def test_the_environment_goes_before_the_store(openbao: OpenBao, tmp_path: Path) -> None:
    given = settings(openbao, tmp_path, telegram_bot_token=SecretStr("2:own"), telegram_chat_id="7")
    assert await with_stored_alerts(given) is given


async def test_a_policy_that_hides_the_bot_keeps_nothing_from_starting(
    openbao: OpenBao, tmp_path: Path
) -> None:
    openbao.ask("PUT", "sys/policies/acl/pool", {"policy": POLICY})
    made = openbao.ask("POST", "auth/token/create", {"policies": ["pool"]})
    given = settings(openbao, tmp_path, made["auth"]["client_token"])
    assert (await with_stored_alerts(given)).telegram_chat_id == ""


async def test_without_a_store_there_is_no_bot(tmp_path: Path) -> None:
    found = await with_stored_alerts(Settings(data_dir=tmp_path, vault_addr=""))
    assert found.telegram_chat_id == ""
