"""`fxpool guards`: what a person reads."""

from __future__ import annotations

from rich.console import Console

from fxpool.cli.guards import guard_table
from fxpool.mapping.formats import GuardInfo, GuardList


def info(**more: object) -> GuardInfo:
    known = {
        "guard": "dailyLoss",
        "state": "ok",
        "reason": "loss 12.50 of 500.00",
        "action": "halt",
        "limit": 5.0,
        "unit": "percent of balance",
        "warnAtPercent": 80.0,
        "trippedSince": None,
        "countsFrom": 10_000.0,
        "countsFromTime": "2026-03-02T00:00:00.000Z",
        "limitMoney": 500.0,
        "loss": 12.5,
        "equity": 9_987.5,
    } | more
    return GuardInfo(**known)  # type: ignore[typeddict-item] # keywords of a test


def shown(*rows: GuardInfo) -> str:
    console = Console(width=140)
    limits = GuardList(account_id="a", timeZone="Europe/Prague", state="ok", guards=list(rows))
    with console.capture() as capture:
        console.print(guard_table(limits))
    return capture.get()


def test_a_limit_is_one_row_with_its_loss_and_its_amount() -> None:
    text = shown(info())
    assert "dailyLoss 5 percent of balance" in text
    assert "12.50" in text
    assert "500.00" in text
    assert "days of Europe/Prague" in text


def test_a_tripped_limit_says_since_when_and_that_it_waits_for_a_person() -> None:
    text = shown(info(state="tripped", trippedSince="2026-03-02T10:00:00.000Z"))
    assert "tripped since 2026-03-02T10:00:00.000Z, until it is reset" in text


def test_an_unknown_limit_says_why() -> None:
    text = shown(info(state="unknown", reason="the account is reconnecting", loss=None))
    assert "unknown: the account is reconnecting" in text
