"""The profile as a file: every question is a switch, every option loads, mistakes are named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest

from fxpool.errors import SettingsError
from fxpool.simulator import Profile
from fxpool.simulator.fault_kinds import Fault, FaultKind
from fxpool.simulator.profile_file import Switch, default_text, differences, parse, switches
from fxpool.simulator.tables import NONE, written
from harness.terminal import make_venue, ready_terminal

QUESTIONS = frozenset(range(1, 66))

NOT_MODELLED = {
    65: "only one reading was ever seen: negative is a cost, everywhere",
}
"""Questions without a switch, each with the reason."""


def every_option() -> Iterator[tuple[Switch, object]]:
    """Each switch with each of its words; a number with another one, and with none."""
    for switch in switches():
        field = switch.field
        values: tuple[object, ...] = field.options
        if not values and field.kind in {int, float}:
            values = (field.kind(7), *((NONE,) if field.may_be_none else ()))
        for value in values:
            yield switch, value


def as_file(switch: Switch, value: object) -> str:
    table = f"[{switch.table}]\n" if switch.table else ""
    return f"{table}{switch.field.name} = {written(value)}\n"


def test_every_question_is_a_switch_or_is_named_with_the_reason() -> None:
    answered = {number for switch in switches() for number in switch.numbers}
    assert answered | NOT_MODELLED.keys() == QUESTIONS
    assert not answered & NOT_MODELLED.keys()


def test_every_switch_says_in_words_what_it_is_about() -> None:
    for switch in switches():
        text = switch.field.text.partition(". ")[2] or switch.field.text
        assert len(text) > 20, switch.field.name


def test_the_default_file_is_the_default_profile() -> None:
    assert parse(default_text()) == Profile()
    assert differences(Profile()) == []


def test_the_default_file_holds_every_switch_with_its_options() -> None:
    text = default_text()
    document = tomllib.loads(text)
    for switch in switches():
        holder = document["rules"] if switch.table else document
        assert switch.field.name in holder
        for option in switch.field.options:
            assert written(option) in text


@pytest.mark.parametrize(
    ("switch", "value"),
    list(every_option()),
    ids=lambda one: one.field.name if isinstance(one, Switch) else str(one),
)
def test_every_option_loads_and_a_broker_opens_with_it(switch: Switch, value: object) -> None:
    profile = parse(as_file(switch, value))
    holder = profile.rules if switch.table else profile
    loaded = getattr(holder, switch.field.name)
    assert written(loaded) == written(value)
    assert len(differences(profile)) == (loaded != switch.field.default)
    ready_terminal(make_venue(profile))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("idle_timout = 1.0", "unknown key 'idle_timout'; did you mean 'idle_timeout'?"),
        ("bonus_counts = true", "'bonus_counts' belongs under [rules]"),
        ("[rules]\nextra_digit = 1", "unknown key 'extra_digit'; did you mean 'extra_digits'?"),
        ("idle_timeout = 'long'", "idle_timeout is 'long', not float"),
        ("max_connections = true", "max_connections is True, not int"),
        ("old_grant = 'lives'", "old_grant is 'lives', not one of stays, dies, loses_unticked"),
        ("idle_timeout = ", "Invalid value"),
        ("rules = 1", "[rules] is not a table"),
        ("faults = 1", "faults is not a list of tables"),
        ("[[faults]]\nseconds = 1", "kind is missing"),
        ("[[faults]]\nkind = 'cuts'", "kind is 'cuts', not one of"),
        ("[[faults]]\nkind = 'cut'\nsecond = 1", "did you mean 'seconds'?"),
    ],
)
def test_a_mistake_in_a_file_is_named(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert sentence in str(caught.value)


def test_a_file_may_hold_faults() -> None:
    profile = parse("[[faults]]\nkind = 'delay_events'\nseconds = 2\ntimes = 0\n")
    assert profile.faults == (Fault(FaultKind.DELAY_EVENTS, seconds=2.0, times=0),)
    assert differences(profile) == ["fault: delay_events"]
