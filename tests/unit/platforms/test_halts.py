from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fxpool.errors import SettingsError
from fxpool.platforms.halts import Halt, Halts

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
HALT = Halt("fat finger", "2026-03-02T12:00:00.000Z")


def test_a_halt_stops_its_account_and_no_other() -> None:
    halts = Halts()
    halts.halt("alpha", "fat finger", AT)
    assert halts.of("alpha") == HALT
    assert halts.of("beta") is None


def test_a_halt_of_all_stops_every_account_until_all_are_resumed() -> None:
    halts = Halts()
    halts.halt(None, "fat finger", AT)
    halts.resume("alpha")
    assert halts.of("alpha") == halts.everywhere == HALT
    halts.resume(None)
    assert halts.of("alpha") is None


def test_a_restart_remembers_halts(tmp_path: Path) -> None:
    path = tmp_path / "data" / "halts.json"
    halts = Halts(path)
    halts.halt("alpha", "fat finger", AT)
    halts.halt("beta", "", AT)
    halts.resume("beta")
    again = Halts(path)
    assert again.of("alpha") == HALT
    assert again.of("beta") is None


@pytest.mark.parametrize("content", ["", "[]", '{"everywhere": 1, "accounts": {}}', "{}"])
def test_halts_that_cannot_be_read_stop_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "halts.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"halts\.json"):
        Halts(path)


def test_a_halt_that_cannot_be_stored_holds_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    halts = Halts(None)
    halts._path = tmp_path / "file" / "halts.json"
    with pytest.raises(OSError, match="file"):
        halts.halt("alpha", "", AT)
    assert halts.of("alpha") is not None


def test_processes_that_share_a_file_share_its_halts(tmp_path: Path) -> None:
    path = tmp_path / "data" / "halts.json"
    one, other = Halts(path), Halts(path)
    one.halt("alpha", "fat finger", AT)
    assert other.of("alpha") == HALT
    other.halt("beta", "", AT)
    assert one.of("beta") is not None
    assert Halts(path).of("alpha") == HALT  # the second one has not forgotten the first
    other.resume("alpha")
    assert one.of("alpha") is None
    one.halt(None, "fat finger", AT)
    assert other.everywhere == HALT


def test_a_halt_that_could_not_be_stored_forgets_none_that_another_process_stored(
    tmp_path: Path,
) -> None:
    path = tmp_path / "halts.json"
    one, other = Halts(path), Halts(path)
    in_its_way = tmp_path / "halts.new"
    in_its_way.mkdir()
    with pytest.raises(OSError, match="directory"):
        one.halt("alpha", "fat finger", AT)
    in_its_way.rmdir()
    other.halt("beta", "", AT)
    assert (one.of("alpha"), one.of("beta") is None) == (HALT, False)
    one.halt("gamma", "", AT)
    assert [other.of(key) is None for key in ("alpha", "beta", "gamma")] == [False] * 3
    in_its_way.mkdir()
    with pytest.raises(OSError, match="directory"):
        one.resume("alpha")
    assert one.of("alpha") is None
    in_its_way.rmdir()
    other.halt("delta", "", AT)
    assert one.of("alpha") == HALT  # who resumed it was told that it is not stored


@pytest.mark.parametrize("content", ["{", None])
def test_a_file_that_is_damaged_or_gone_while_we_run_ends_no_halt(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "halts.json"
    halts = Halts(path)
    halts.halt("alpha", "fat finger", AT)
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert halts.of("alpha") == HALT
    halts.halt("beta", "", AT)
    again = Halts(path)
    assert (again.of("alpha"), again.of("beta") is None) == (HALT, False)
