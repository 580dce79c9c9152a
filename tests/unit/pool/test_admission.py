from __future__ import annotations

import math

import pytest

from fxpool.errors import Outcome, PoolBusy
from fxpool.pool.admission import HOLD_CAP, Admission
from fxpool.pool.channel import Priority
from fxpool.pool.limits import PoolLimits

ORDER, CLOSE, TRADER, ASSETS, BARS, DEALS = 2106, 2111, 2121, 2112, 2137, 2133
NOW = 1000.0


def paced(**limits: float) -> Admission[str]:
    """Return an admission whose burst is spent, so that everything queues."""
    admission: Admission[str] = Admission(PoolLimits(**limits), NOW)  # type: ignore[arg-type]
    while admission.admit(TRADER, NOW):
        pass
    return admission


def everything(admission: Admission[str], now: float) -> list[str]:
    """Take all that may leave, letting time pass as needed."""
    items: list[str] = []
    while len(admission) and math.isfinite(now):
        item = admission.next(now)
        if item is None:
            now = admission.free_at(now)
        else:
            items.append(item)
    return items


def test_a_request_leaves_at_once_while_a_slot_is_free() -> None:
    admission: Admission[str] = Admission(PoolLimits(), NOW)
    assert admission.admit(TRADER, NOW)


def test_nobody_overtakes_what_waits_for_a_slot() -> None:
    admission = paced()
    admission.queue("waits", TRADER, Priority.READ, NOW + 9, NOW)
    assert not admission.admit(ORDER, NOW + 5)
    assert admission.next(NOW + 5) == "waits"
    assert admission.admit(ORDER, NOW + 5)


def test_trades_go_first_then_reads_then_history_each_in_order() -> None:
    admission = paced()
    for name, kind, priority in (
        ("bars", BARS, Priority.HISTORY),
        ("trader", TRADER, Priority.READ),
        ("assets", ASSETS, Priority.READ),
        ("trader again", TRADER, Priority.READ),
        ("order", ORDER, Priority.TRADE),
    ):
        admission.queue(name, kind, priority, NOW + 60, NOW)
    order = everything(admission, NOW)
    assert order == ["order", "trader", "assets", "trader again", "bars"]


def test_a_close_overtakes_opens_and_has_room_when_they_fill_their_queue() -> None:
    admission = paced(waiting_requests=2)
    for name in ("first", "second"):
        admission.queue(name, ORDER, Priority.TRADE, NOW + 60, NOW)
    with pytest.raises(PoolBusy):
        admission.queue("third", ORDER, Priority.TRADE, NOW + 60, NOW)
    admission.queue("close", CLOSE, Priority.EXIT, NOW + 60, NOW)
    assert everything(admission, NOW) == ["close", "first", "second"]


def test_waiting_history_holds_no_read_up() -> None:
    admission = paced()
    assert not admission.admit(BARS, NOW)
    later = NOW + 1.0
    assert admission.admit(BARS, later)
    admission.queue("deals", DEALS, Priority.HISTORY, NOW + 900, later)
    admission.queue("trader", TRADER, Priority.READ, NOW + 60, later)
    assert admission.next(later) == "trader"
    assert admission.next(later) is None
    assert admission.free_at(later) == pytest.approx(later + 0.25)


def test_history_draws_from_both_budgets() -> None:
    admission: Admission[str] = Admission(PoolLimits(), NOW)
    assert admission.admit(BARS, NOW)
    ordinary = 0
    while admission.admit(TRADER, NOW):
        ordinary += 1
    fresh: Admission[str] = Admission(PoolLimits(), NOW)
    without = 0
    while fresh.admit(TRADER, NOW):
        without += 1
    assert ordinary == without - 1


def test_a_held_payload_type_waits_while_others_go_on() -> None:
    admission: Admission[str] = Admission(PoolLimits(), NOW)
    admission.hold(TRADER, 7.0, NOW)
    assert not admission.admit(TRADER, NOW)
    admission.queue("trader", TRADER, Priority.READ, NOW + 60, NOW)
    admission.queue("assets", ASSETS, Priority.READ, NOW + 60, NOW)
    assert admission.next(NOW) == "assets"
    assert admission.next(NOW) is None
    assert admission.free_at(NOW) == NOW + 7.0
    assert admission.next(NOW + 7.0) == "trader"


def test_a_type_blocked_again_and_again_waits_twice_as_long_up_to_a_cap() -> None:
    admission: Admission[str] = Admission(PoolLimits(), NOW)
    admission.queue("trader", TRADER, Priority.READ, NOW + 9999, NOW)
    now, waits = NOW, []
    for _ in range(12):
        admission.hold(TRADER, None, now)
        waits.append(admission.free_at(now) - now)
        now = admission.free_at(now)
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == HOLD_CAP
    admission.release(TRADER, now)
    admission.hold(TRADER, None, now)
    assert admission.free_at(now) == now + 1.0


def test_answers_and_blocks_that_were_on_the_wire_already_do_not_change_a_hold() -> None:
    admission: Admission[str] = Admission(PoolLimits(), NOW)
    admission.queue("trader", TRADER, Priority.READ, NOW + 9999, NOW)
    admission.hold(TRADER, 7.0, NOW)
    admission.hold(TRADER, None, NOW + 0.1)
    admission.release(TRADER, NOW + 0.2)
    assert admission.free_at(NOW + 0.2) == pytest.approx(NOW + 7.0)


def test_a_full_queue_is_busy_for_its_own_priority_only() -> None:
    admission = paced(waiting_requests=1)
    admission.queue("read", TRADER, Priority.READ, NOW + 9, NOW)
    with pytest.raises(PoolBusy) as busy:
        admission.queue("another", ASSETS, Priority.READ, NOW + 9, NOW)
    assert busy.value.outcome is Outcome.NOT_SENT
    assert busy.value.retry_after >= 1.0
    admission.queue("order", ORDER, Priority.TRADE, NOW + 9, NOW)


def test_a_deadline_that_passes_in_the_queue_takes_the_request_out() -> None:
    admission = paced()
    admission.queue("soon", TRADER, Priority.READ, NOW + 1, NOW)
    admission.queue("late", TRADER, Priority.READ, NOW + 9, NOW)
    assert admission.expires_at() == NOW + 1
    assert admission.expired(NOW + 0.9) == []
    assert admission.expired(NOW + 1) == ["soon"]
    assert admission.next(NOW + 1) == "late"
    assert admission.expires_at() == math.inf


def test_a_withdrawn_request_is_never_sent_and_frees_its_place() -> None:
    admission = paced(waiting_requests=2)
    first = admission.queue("first", TRADER, Priority.READ, NOW + 9, NOW)
    second = admission.queue("second", TRADER, Priority.READ, NOW + 9, NOW)
    admission.withdraw(second)
    admission.withdraw(second)
    admission.queue("third", TRADER, Priority.READ, NOW + 9, NOW)
    admission.withdraw(first)
    assert everything(admission, NOW) == ["third"]


def test_a_drained_queue_is_empty() -> None:
    admission = paced()
    ticket = admission.queue("read", TRADER, Priority.READ, NOW + 9, NOW)
    admission.queue("order", ORDER, Priority.TRADE, NOW + 9, NOW)
    assert sorted(admission.drain()) == ["order", "read"]
    assert len(admission) == 0
    admission.withdraw(ticket)
    assert admission.expired(NOW + 99) == []
