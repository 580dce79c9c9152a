"""What the trading commands ask for, and how they end."""

from __future__ import annotations

import pytest
import typer

from fxpool.cli import trading
from fxpool.cli.exits import Exit, end_with, exit_of
from fxpool.mapping.formats import TradeResult
from fxpool.platforms.base import PlatformError


def test_a_partial_close_says_what_stays_open() -> None:
    result = TradeResult(
        success=True,
        outcome="executed",
        closedVolume=0.1,
        closePrice=1.1256,
        profit=-2.5,
        remainingVolume=0.2,
    )

    assert trading.closed("7", result) == (
        "position 7 closed: 0.10 lots at 1.1256, realised -2.50, 0.20 lots stay open"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PlatformError(404, "ACCOUNT_NOT_FOUND", "no"), Exit.REFUSED),
        (PlatformError(503, "NOT_READY", "not yet"), Exit.REFUSED),
        (PlatformError(401, "UNAUTHORIZED", "no key"), Exit.USAGE),
        (PlatformError(503, "POOL_UNREACHABLE", "gone"), Exit.UNREACHABLE),
        (PlatformError(504, "X", "silence", outcome="unknown"), Exit.OUTCOME_UNKNOWN),
    ],
)
def test_an_error_stands_for_an_exit_code(error: PlatformError, code: Exit) -> None:
    assert exit_of(error) is code


def test_who_sent_no_key_is_told_the_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        end_with(PlatformError(401, "KEY_MISSING", "send a key"))
    assert "CTRADER_POOL_API_KEY" in capsys.readouterr().err


def ended(result: TradeResult, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code of a result and what was said on stderr."""
    pool = trading.Pool("http://unused", "", as_json=False)
    with pytest.raises(typer.Exit) as exit_info:
        trading.end(pool, result, "done")
    return exit_info.value.exit_code, " ".join(capsys.readouterr().err.split())


def test_an_unknown_outcome_is_said_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    result = TradeResult(success=False, outcome="unknown", error="silence")

    code, said = ended(result, capsys)

    assert code == Exit.OUTCOME_UNKNOWN
    assert "OUTCOME UNKNOWN" in said
    assert "may be live" in said


def test_a_repeatable_unknown_outcome_may_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    result = TradeResult(success=False, outcome="unknown", error="silence", retryable=True)

    assert "may be repeated" in ended(result, capsys)[1]


def test_a_refusal_prints_the_brokers_reason_and_code(capsys: pytest.CaptureFixture[str]) -> None:
    result = TradeResult(
        success=False, outcome="not_executed", error="not enough money [x]", code="NOT_ENOUGH_MONEY"
    )

    code, said = ended(result, capsys)

    assert code == Exit.REFUSED
    assert "not enough money [x]" in said
    assert "NOT_ENOUGH_MONEY" in said


def test_a_position_without_its_protection_is_not_a_success(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = TradeResult(success=True, outcome="executed", protection="failed", error="too close")

    code, said = ended(result, capsys)

    assert code == Exit.REFUSED
    assert "WITHOUT its protection" in said
