"""``fxpool sim`` with a profile, a transcript and all its ports; ``fxpool sim profile``."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from fxpool.cli.exits import Exit
from harness.commands import command, interrupted, line_where, started


async def test_the_printed_profile_is_valid_and_changes_nothing(tmp_path: Path) -> None:
    printed = await command("sim", "profile")
    assert printed.code == Exit.OK
    path = tmp_path / "default.toml"
    path.write_text(printed.out)
    checked = await command("sim", "profile", "check", str(path))
    assert (checked.code, checked.out) == (Exit.OK, f"{path}: valid; the defaults\n")


async def test_a_checked_profile_says_what_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('second_session = "older_ends"\n[[faults]]\nkind = "cut"\nafter = 5\n')
    checked = await command("sim", "profile", "check", str(path))
    assert 'second_session = "older_ends" (default "both_live")' in checked.out
    assert "fault: cut" in checked.out


async def test_a_bad_profile_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("idle_timout = 3.0\n")
    for arguments in (("sim", "profile", "check", str(path)), ("sim", "--profile", str(path))):
        refused = await command(*arguments)
        assert refused.code == Exit.USAGE
        assert "did you mean 'idle_timeout'?" in refused.err
    missing = await command("sim", "--profile", str(tmp_path / "none.toml"))
    assert (missing.code, "cannot be read" in missing.err) == (Exit.USAGE, True)


async def test_the_simulator_serves_every_port_and_keeps_a_transcript(tmp_path: Path) -> None:
    profile, record = tmp_path / "mine.toml", tmp_path / "wire.jsonl"
    profile.write_text('[[faults]]\nkind = "refuse"\ntimes = 0\n')
    async with started("sim", "--profile", str(profile), "--record", str(record)) as process:
        ready = json.loads(await line_where(process.stdout, lambda line: line.startswith("{")))
        async with httpx.AsyncClient() as http:
            faults = (await http.get(f"{ready['control_url']}/faults")).json()
            page = await http.get(f"{ready['oauth_url']}/apps/token")
        done = await interrupted(process)
    assert [one["kind"] for one in faults["standing"]] == ["refuse"]
    assert page.json()["errorCode"] == "CH_CLIENT_AUTH_FAILURE"
    assert ready["json_port"] > 0
    assert done.code == Exit.OK
    assert record.exists()


async def test_ports_can_be_left_out() -> None:
    off = ("--json-port", "-1", "--oauth-port", "-1", "--control-port", "-1")
    async with started("sim", *off) as process:
        ready = json.loads(await line_where(process.stdout, lambda line: line.startswith("{")))
    assert not {"json_port", "oauth_url", "control_url"} & ready.keys()
