"""Names on the simulated broker, which calls gold GOLD and bitcoin Bitcoin."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.platforms import live_platform


@pytest.mark.parametrize(("name", "broker_name"), [("XAUUSD", "GOLD"), ("BTCUSD", "Bitcoin")])
async def test_a_well_known_alias_needs_no_symbols_file(
    name: str, broker_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where no configuration is
    async with live_platform() as served:
        assert (await served.platform.symbol_mapping(name))["cTraderName"] == broker_name
