"""Alerts in a bounded queue: nobody waits, a failing sender is tried again and shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from string import ascii_lowercase

from fxpool.alerts import Alert, Alerts
from fxpool.alerts.desk import MAX_WAITING, RETRY_SECONDS
from fxpool.errors import AlertNotSent
from fxpool.store.cooldowns import ProcessCooldowns
from harness.clock import ManualClock
from harness.wait import wait_until


class Chat:
    """A chat that may be away."""

    def __init__(self, *, failures: int = 0, error: Exception | None = None) -> None:
        self.received: list[str] = []
        self.failures = failures
        self._error = error or AlertNotSent("the chat is away")

    async def check(self) -> None:
        if self.failures < 0:
            raise AlertNotSent("the chat has no name")

    async def send(self, alert: Alert) -> None:
        if self.failures:
            self.failures -= 1
            raise self._error
        self.received.append(alert.text)


@asynccontextmanager
async def opened(chat: Chat | None, clock: ManualClock) -> AsyncIterator[Alerts]:
    alerts = Alerts(chat, clock=clock)
    await alerts.open()
    yield alerts
    await alerts.close()


def names(number: int) -> list[str]:
    """Return texts that differ by more than digits."""
    return [f"{ascii_lowercase[i // 26]}{ascii_lowercase[i % 26]}" for i in range(number)]


async def test_alerts_arrive_in_order_and_repetitions_do_not() -> None:
    chat = Chat()
    async with opened(chat, ManualClock()) as alerts:
        for text in ("one", "two", "one"):
            alerts.tell(Alert("x", text))
        await wait_until(lambda: alerts.sent == 2)
    assert chat.received == ["one", "two"]


async def test_a_failure_is_tried_again_and_shown_until_one_arrives() -> None:
    clock, chat = ManualClock(), Chat(failures=1)
    async with opened(chat, clock) as alerts:
        alerts.tell(Alert("x", "one"))
        await wait_until(lambda: clock.sleepers)
        assert alerts.failure == "the chat is away"
        clock.advance(RETRY_SECONDS[0])
        await wait_until(lambda: alerts.sent == 1)
        assert (alerts.failure, alerts.failed, chat.received) == (None, 0, ["one"])


async def test_what_cannot_be_sent_is_counted_and_the_next_one_is_tried() -> None:
    clock, chat = ManualClock(), Chat(failures=3, error=ValueError("a bug of a library"))
    async with opened(chat, clock) as alerts:
        alerts.tell(Alert("x", "one"))
        alerts.tell(Alert("x", "two"))
        for pause in RETRY_SECONDS:
            await wait_until(lambda: clock.sleepers)
            clock.advance(pause)
        await wait_until(lambda: alerts.sent == 1)
        assert (alerts.failed, chat.received) == (1, ["two"])


async def test_a_full_queue_keeps_the_first_ones_and_counts_the_rest() -> None:
    clock, chat = ManualClock(), Chat(failures=1)
    async with opened(chat, clock) as alerts:
        texts = names(MAX_WAITING + 10)
        for text in texts:
            alerts.tell(Alert("x", text))
        assert alerts.dropped == 10
        await wait_until(lambda: clock.sleepers)
        clock.advance(RETRY_SECONDS[0])
        await wait_until(lambda: alerts.sent == MAX_WAITING)
        assert chat.received == texts[:MAX_WAITING]


async def test_a_sender_that_cannot_work_shows_before_anything_is_told() -> None:
    chat = Chat(failures=-1)
    async with opened(chat, ManualClock()) as alerts:
        await wait_until(lambda: alerts.failure)
        assert alerts.failure == "the chat has no name"
        chat.failures = 0


async def test_without_a_sender_alerts_are_logged_only() -> None:
    async with opened(None, ManualClock()) as alerts:
        alerts.tell(Alert("x", "one"))
        assert not alerts.is_sent
        assert (alerts.sent, alerts.dropped, alerts.failure) == (0, 0, None)


async def test_what_waits_is_sent_at_the_end() -> None:
    chat = Chat()
    async with opened(chat, ManualClock()) as alerts:
        alerts.tell(Alert("x", "one"))
    assert chat.received == ["one"]


async def test_of_processes_that_share_cool_downs_one_sends() -> None:
    clock, chat = ManualClock(), Chat()
    shared = ProcessCooldowns(clock)
    async with AsyncExitStack() as stack:
        desks = [Alerts(chat, clock=clock, cooldowns=shared) for _ in range(2)]
        for desk in desks:
            await desk.open()
            stack.push_async_callback(desk.close)
            desk.tell(Alert("needs_consent", "alpha needs 1 consent", "alpha"))
            desk.tell(Alert("needs_consent", "beta needs 1 consent", "beta"))
        await wait_until(lambda: all(desk._idle.is_set() for desk in desks))
    assert sorted(chat.received) == ["alpha needs 1 consent", "beta needs 1 consent"]


async def test_what_one_process_could_not_send_another_sends() -> None:
    clock, dead, alive = ManualClock(), Chat(failures=99), Chat()
    shared = ProcessCooldowns(clock)
    failing = Alerts(dead, clock=clock, cooldowns=shared)
    working = Alerts(alive, clock=clock, cooldowns=shared)
    await failing.open()
    failing.tell(Alert("x", "one"))
    for pause in RETRY_SECONDS:
        await wait_until(lambda: clock.sleepers)
        clock.advance(pause)
    await wait_until(lambda: failing.failed == 1)
    await working.open()
    working.tell(Alert("x", "one"))
    await wait_until(lambda: working.sent == 1)
    await failing.close()
    await working.close()
