"""Account configuration files: what is read, and how errors name the entry and the cure."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from fxpool.errors import SettingsError
from fxpool.platforms.routing import (
    AccountConfig,
    load_demo_config,
    load_other_accounts,
    load_routing_config,
)
from fxpool.pool.channel import Environment

SHIPPED = Path(__file__).parents[3] / "config"


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(content))
    return path


def routing(tmp_path: Path, **entry: object) -> list[AccountConfig]:
    fields = {"platform": "ctrader", "environment": "demo"} | entry
    return load_routing_config(write(tmp_path, {"accounts": {"alpha": fields}}))


def test_a_name_that_stands_twice_is_refused_since_only_one_would_count(tmp_path: Path) -> None:
    path = tmp_path / "routing-config.json"
    entry = '{"platform": "ctrader", "environment": "demo", "maxVolume": 0.1, "maxVolume": 10}'
    path.write_text(f'{{"accounts": {{"alpha": {entry}}}}}')
    with pytest.raises(SettingsError, match='"maxVolume" stands twice in one object'):
        load_routing_config(path)


def test_only_ctrader_accounts_are_ours(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "accounts": {
                "0f6c2d1e": {"platform": "mt5", "region": "london"},
                "plain": {"region": "london"},
                "dx": {"platform": "dxtrade", "environment": "demo"},
                "ct": {"platform": "cTrader", "environment": "live", "accountId": 5120934},
            },
            "routes": [],
        },
    )
    (account,) = load_routing_config(path)
    assert (account.key, account.environment, account.login) == ("ct", Environment.LIVE, "5120934")


def test_all_fields_of_an_entry_are_read(tmp_path: Path) -> None:
    (account,) = routing(
        tmp_path,
        accountId="5120934",
        ctidTraderAccountId=28841907,
        nickname="Alpha",
        broker="ExampleMarkets",
        symbolSuffix=".d",
        type="destination",
        readOnly=True,
        enabled=False,
        maxVolume=2,
    )
    assert account == AccountConfig(
        key="alpha",
        environment=Environment.DEMO,
        login="5120934",
        ctid=28841907,
        name="Alpha",
        broker="ExampleMarkets",
        type="destination",
        symbol_suffix=".d",
        read_only=True,
        enabled=False,
        max_lots=Decimal(2),
    )


def test_a_numeric_key_is_the_login_when_none_is_given(tmp_path: Path) -> None:
    path = write(tmp_path, {"accounts": {"12345": {"platform": "ctrader", "environment": "demo"}}})
    assert load_routing_config(path)[0].login == "12345"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"environment": "paper"}, 'accounts.alpha.environment is "paper": set it to "demo" or'),
        ({"environment": None}, "accounts.alpha.environment"),
        ({"platform": "ninja"}, "accounts.alpha.platform"),
        ({"ctidTraderAccountId": "abc"}, "accounts.alpha.ctidTraderAccountId must be a whole"),
        ({"readOnly": "yes"}, "accounts.alpha.readOnly must be true or false"),
        ({"maxVolum": 1}, "accounts.alpha.maxVolum is not known: write maxVolume"),
        ({"read_only": True}, "accounts.alpha.read_only is not known: write readOnly"),
        ({"guard": {}}, "accounts.alpha.guard is not known: write guards"),
        ({"Enabled": False}, "accounts.alpha.Enabled is not known: write enabled"),
        ({"maxVolume": 0}, "accounts.alpha.maxVolume must be a number above 0"),
        ({"nickname": ["x"]}, "accounts.alpha.nickname must be a text"),
    ],
)
def test_a_wrong_entry_is_named_with_its_cure(
    tmp_path: Path, entry: dict[str, object], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        routing(tmp_path, **entry)
    assert words in str(caught.value)
    assert str(tmp_path / "file.json") in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no-such-file\.json: cannot be read"):
        load_routing_config(tmp_path / "no-such-file.json")


@pytest.mark.parametrize("text", ["{", "[]", '{"accounts": []}'])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"file\.json"):
        load_routing_config(path)


def test_fields_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    others = {"maxVolumeMultiplier": 2, "propFirmSettings": {}, "server": "x", "disabledBy": ""}
    assert routing(tmp_path, **others)


@pytest.mark.parametrize("limits", [{"guards": {"dailyLoss": {"percent": 5}}}, {"maxVolume": 1}])
@pytest.mark.parametrize("platform", ["metaapi", "mt5", "dxtrade"])
def test_limits_that_a_platform_cannot_keep_are_refused_and_not_forgotten(
    tmp_path: Path, platform: str, limits: dict[str, object]
) -> None:
    path = tmp_path / "routing-config.json"
    path.write_text(json.dumps({"accounts": {"mt": {"platform": platform} | limits}}))
    with pytest.raises(SettingsError, match=r"accounts\.mt\.\w+ cannot be kept"):
        load_other_accounts(path)


def test_the_shipped_files_are_valid() -> None:
    (account,) = load_routing_config(SHIPPED / "routing-config.json")
    assert account.key == "12345"
    demo = load_demo_config(SHIPPED / "demo.json")
    assert demo.login == "12345"
    assert demo.max_lots == Decimal("1.0")
    assert demo.symbols == ("EURUSD", "GBPUSD", "XAUUSD", "BTCUSD")
    assert not demo.read_only


def test_the_accounts_example_is_valid() -> None:
    path = SHIPPED / "routing-config.example.json"
    alpha, beta, reports = load_routing_config(path)
    assert (alpha.ctid, alpha.vault_path) == (28841907, "secret/ctrader/accounts/5120934")
    assert (beta.symbol_suffix, beta.guards is not None) == (".d", True)
    assert reports.read_only
    content = json.loads(path.read_text("utf-8"))
    ends = {route[end] for route in content["routes"] for end in ("source", "destination")}
    assert ends <= set(content["accounts"])


def test_a_demo_file_without_leave_to_trade_is_read_only(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "account": {"platform": "ctrader", "environment": "demo", "accountId": "12345"},
            "limits": {"allowTrading": False},
        },
    )
    account = load_demo_config(path)
    assert account.key == "12345"
    assert account.read_only


@pytest.mark.parametrize(
    "change",
    [
        {"account": None},
        {"account": {"environment": "demo"}},
        {"symbols": "EURUSD"},
        {"limits": {"maxVolume": -1}},
    ],
)
def test_a_wrong_demo_file_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    content = {"account": {"key": "a", "environment": "demo"}} | change
    with pytest.raises(SettingsError, match=r"file\.json"):
        load_demo_config(write(tmp_path, content))
