"""`fxpool secrets import`, typed: what it takes in, what it leaves, what it never prints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fxpool.auth.secrets import SecretStore
from fxpool.auth.stores import file_store_from, own_store_from
from fxpool.cli.app import app
from fxpool.settings import Settings
from harness.openbao import ROOT_TOKEN, OpenBao, running_openbao

PATH = "ctrader/accounts/12345"
ROUTING = {
    "demo": {"platform": "ctrader", "accountId": "12345", "environment": "demo"},
}


def pair(mark: str, obtained_at: int = 0) -> dict[str, str]:
    fields = {"access_token": f"canary-{mark}", "refresh_token": f"canary-r-{mark}"}
    return {**fields, "obtained_at": str(obtained_at)} if obtained_at else fields


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CTRADER_DATA_DIR", str(tmp_path / "data"))
    return Settings.from_environment()


@pytest.fixture(scope="module")
def openbao() -> Iterator[OpenBao]:
    with running_openbao() as server:
        yield server


def imported(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["secrets", "import", *arguments])
    assert "canary" not in result.output
    return result


def from_json(folder: Path, entries: object, *options: str) -> Result:
    file = folder / "old.json"
    file.write_text(json.dumps(entries))
    return imported(str(file), *options)


def stored(store: SecretStore, path: str = PATH) -> dict[str, str]:
    async def read() -> dict[str, str]:
        try:
            return dict((await store.read(path)).fields)
        finally:
            await store.close()

    return asyncio.run(read())


def test_a_dry_run_names_the_entries_and_writes_nothing(settings: Settings, tmp_path: Path) -> None:
    result = from_json(tmp_path, {PATH: pair("a")}, "--dry-run")
    assert result.exit_code == 0, result.output
    assert PATH in result.output
    assert "nothing is written" in result.output
    assert not settings.data_dir.exists()


def test_a_pair_is_replaced_by_a_newer_one_only_unless_it_is_forced(
    settings: Settings, tmp_path: Path
) -> None:
    store = file_store_from(settings)
    assert from_json(tmp_path, {PATH: pair("b", 2_000_000_000_000)}).exit_code == 0
    kept = from_json(tmp_path, {PATH: pair("a", 1_900_000_000_000)})
    assert "0 of 0 imported" in kept.output
    assert "--force" in kept.output
    assert stored(store) == pair("b", 2_000_000_000_000)
    assert "0 of 0" in from_json(tmp_path, {PATH: pair("unknown")}).output
    assert "1 of 1" in from_json(tmp_path, {PATH: pair("c", 2_100_000_000_000)}).output
    assert stored(store) == pair("c", 2_100_000_000_000)
    assert "1 of 1" in from_json(tmp_path, {PATH: pair("a", 1_900_000_000_000)}, "--force").output
    assert stored(store) == pair("a", 1_900_000_000_000)
    assert "same" in from_json(tmp_path, {PATH: pair("a", 1_900_000_000_000)}).output


def test_an_act_is_in_the_audit_log_with_names_and_without_values(
    settings: Settings, tmp_path: Path
) -> None:
    from_json(tmp_path, {PATH: pair("a")})
    told = CliRunner().invoke(app, ["audit", "list", "--json"]).output
    assert "secrets imported" in told
    assert PATH in told
    assert "canary" not in told


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        ([], "must be an object"),
        ({PATH: {"access_token": {"x": "canary"}}}, "access_token must be"),
        ({PATH: pair("a") | {"expires_at": "canary"}}, "expires_at is no ISO time"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name_and_nothing_is_written(
    settings: Settings, tmp_path: Path, entries: object, error: str
) -> None:
    result = from_json(tmp_path, entries)
    assert result.exit_code != 0
    assert error in result.output
    assert not settings.secrets_path.exists()


def test_the_environments_token_becomes_the_entry_of_each_account(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "routing.json").write_text(json.dumps({"accounts": ROUTING}))
    monkeypatch.setenv("CTRADER_ROUTING_CONFIG", str(tmp_path / "routing.json"))
    monkeypatch.setenv("CTRADER_ACCESS_TOKEN", "canary-a")
    monkeypatch.setenv("CTRADER_CLIENT_ID", "an-id")
    monkeypatch.setenv("CTRADER_CLIENT_SECRET", "canary-s")
    result = imported("environment")
    assert result.exit_code == 0, result.output
    store = file_store_from(settings)
    assert stored(store) == {"access_token": "canary-a"}
    assert stored(store, "ctrader/oauth")["client_secret"] == "canary-s"


def test_a_file_moves_to_a_vault_with_the_key_of_its_audit_log_and_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, openbao: OpenBao
) -> None:
    (tmp_path / "routing.json").write_text(json.dumps({"accounts": ROUTING}))
    monkeypatch.setenv("CTRADER_ROUTING_CONFIG", str(tmp_path / "routing.json"))
    from_json(tmp_path, {PATH: pair("a", 2_000_000_000_000)})
    monkeypatch.setenv("VAULT_ADDR", openbao.address)
    monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
    result = imported("file")
    assert result.exit_code == 0, result.output
    assert stored(own_store_from(Settings.from_environment())) == pair("a", 2_000_000_000_000)
    verified = CliRunner().invoke(app, ["audit", "verify"])
    assert verified.exit_code == 0, verified.output
    openbao.ask("POST", f"secret/data/{PATH}", {"data": pair("b", 2_100_000_000_000)})
    back = imported("vault", "--to-file")
    assert back.exit_code == 0, back.output
    assert stored(file_store_from(settings)) == pair("b", 2_100_000_000_000)
    assert "already" in imported("file", "--to-file").output
