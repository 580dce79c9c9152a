"""The loss limits of one account: watched at every quote, latched until a person resets them.

The book is told one number, the open result at which the next limit is reached, so a quote costs
one comparison; what a limit counts from is looked at again at every change and once a second. What
cannot be known is UNKNOWN with its reason, never OK, and unlatches nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Protocol

import structlog

from fxpool.account import Account, Phase
from fxpool.clock import Clock
from fxpool.domain.equity import EquityMarks
from fxpool.domain.guards import (
    Footing,
    GuardAction,
    GuardKind,
    GuardRule,
    GuardState,
)
from fxpool.errors import NotReady
from fxpool.mapping.formats import GuardInfo, GuardList
from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.platforms import guard_reading
from fxpool.platforms.guard_config import GuardPlan
from fxpool.platforms.guard_reading import Reading, Seen, money
from fxpool.platforms.guard_store import Forgiven, GuardStore, Latch
from fxpool.platforms.halts import Halt

RETRY_SECONDS: Final = 5.0
"""How long after one closing of everything the next may begin, while something is still open."""

WARN_SECONDS: Final = 60.0
"""The least time between two warnings of one limit."""

_NOT_KNOWN: Final = (
    "the start of the day is not known yet, or what moved the balance while the link was down"
)

log = structlog.get_logger(__name__)
audit = structlog.get_logger("fxpool.audit")


class Recorded(Protocol):
    """What is recorded of the account's equity."""

    @property
    def zoned(self) -> EquityMarks | None:
        """Peak and start of the day of the limits; None while they are not known."""
        ...

    def sample(self) -> None:
        """Take a sample now."""
        ...


class GuardOwner(Protocol):
    """Who carries out what a guard decides; never waits."""

    def close_everything(self, account_key: str) -> None:
        """Begin to close all positions and to cancel all orders of an account."""
        ...

    def told_of_guard(self, account_key: str, kind: str, guard: GuardInfo) -> None:
        """Tell whoever listens how the account stands to a limit."""
        ...


class AccountGuard:
    """The limits of one account.

    Attributes:
        readings: how each rule stood when it was looked at last.
    """

    def __init__(
        self,
        account: Account,
        plan: GuardPlan,
        store: GuardStore,
        recorded: Recorded,
        owner: GuardOwner,
        *,
        clock: Clock,
    ) -> None:
        self.readings: list[Reading] = []
        self._account = account
        self._plan = plan
        self._store = store
        self._memory = store.of(account.key)
        self._recorded = recorded
        self._owner = owner
        self._clock = clock
        self._closed_at: float | None = None
        self._warned_at: dict[GuardKind, float] = {}
        self._seen: Seen | None = None

    # What stands

    @property
    def halt(self) -> Halt | None:
        """What stops the account from opening anything, None if no latched limit does."""
        for rule in self._plan.rules:
            latch = self._memory.latch(rule.kind)
            if latch is not None and rule.action.halts:
                return Halt(f"guard {rule.kind.value}: {latch.reason}", latch.since)
        return None

    @property
    def daily_limit_percent(self) -> Decimal | None:
        """The daily loss limit where it is a percentage."""
        for rule in self._plan.rules:
            if rule.kind is GuardKind.DAILY_LOSS and rule.unit.is_percent:
                return rule.limit
        return None

    @property
    def worst(self) -> GuardState:
        """The gravest state of all limits."""
        return guard_reading.worst(self.readings)

    def listing(self, shown_id: str) -> GuardList:
        """Return all limits as callers see them, as they are now."""
        self.look()
        return GuardList(
            account_id=shown_id,
            timeZone=self._plan.zone.key,
            state=self.worst.value,
            guards=[self._row(reading) for reading in self.readings],
        )

    # Watching

    def look(self) -> None:
        """Compare the account with its limits, act, and say when the book is to call again."""
        try:
            seen = self._look()
        except NotReady as exc:
            self.blind(str(exc))
            return
        marks = self._recorded.zoned
        if marks is None or not self._are_of_now(marks, seen):
            why = _NOT_KNOWN
            self._take([self._unknown(rule, why) for rule in self._plan.rules], seen)
            return
        self._note_day(marks, seen)
        self._take([self._read(rule, marks, seen) for rule in self._plan.rules], seen)

    def blind(self, why: str) -> None:
        """Say of all limits that they are not known; what is latched stays."""
        self._take([self._unknown(rule, why) for rule in self._plan.rules], None)

    def _look(self) -> Seen:
        """Return the account as it is. Raises NotReady with what is missing."""
        account, book = self._account, self._account.book
        state = account.state
        if state.phase is not Phase.LIVE:
            raise NotReady(f"the account is {state.phase.value}: {state.reason}", phase="live")
        silent = [i for i in book.quotes_wanted() if not account.is_quoted(i)]
        if silent:
            light = book.light_symbols.get(silent[0])
            name = str(silent[0]) if light is None else light.name
            raise NotReady(f"no quote of {name} on this session yet", phase="live")
        seen = Seen.of(book.totals(), book.trader.money_digits)
        self._memory.count_in(seen.digits)
        self._recorded.sample()
        return seen

    def _are_of_now(self, marks: EquityMarks, seen: Seen) -> bool:
        """Whether marks are about this day, and counted as the broker counts now."""
        is_of_day = marks.is_of_day(ms_from_instant(self._clock.at()))
        return is_of_day and marks.digits == seen.digits

    def _note_day(self, marks: EquityMarks, seen: Seen) -> None:
        if self._memory.day_ms != marks.day_begin_ms:
            self._memory.day_ms = marks.day_begin_ms
            self._memory.day_balance = seen.balance
            self._save()

    def _read(self, rule: GuardRule, marks: EquityMarks, seen: Seen) -> Reading:
        footing = self._footing(rule, marks)
        return guard_reading.read(rule, footing, seen, self._memory.latch(rule.kind))

    def _footing(self, rule: GuardRule, marks: EquityMarks) -> Footing:
        if rule.kind is GuardKind.DAILY_LOSS:
            start, anchor_ms = marks.day_start, marks.day_begin_ms
        else:
            start, anchor_ms = marks.peak, marks.peak_ms
        forgiven = self._memory.forgiven.get(rule.kind.value)
        if forgiven is not None and forgiven.anchor_ms == anchor_ms:
            start -= forgiven.amount
        return Footing(start, self._memory.day_balance, anchor_ms)

    def _unknown(self, rule: GuardRule, reason: str) -> Reading:
        return guard_reading.unknown(rule, reason, self._memory.latch(rule.kind))

    # Acting

    def _take(self, readings: Sequence[Reading], seen: Seen | None) -> None:
        before = {reading.rule.kind: reading.state for reading in self.readings}
        self._seen = seen
        self.readings = list(readings)
        for reading in readings:
            self._act(reading, before.get(reading.rule.kind))
        self._account.book.set_floor(guard_reading.floor_of(self.readings, seen), self.look)
        self._keep_closed()

    def _act(self, reading: Reading, before: GuardState | None) -> None:
        rule, state = reading.rule, reading.state
        if state is before:
            return
        if state is GuardState.TRIPPED and self._memory.latch(rule.kind) is None:
            self._trip(reading)
        elif state is GuardState.WARNING and self._may_warn(rule.kind):
            log.warning("guard", account=self._account.key, guard=rule.kind.value, state="warning")
            self._tell("guardWarning", reading)
        elif state is GuardState.UNKNOWN and before is not None:
            self._tell("guardUnknown", reading)

    def _may_warn(self, kind: GuardKind) -> bool:
        """Whether a warning is news: an equity may go to and fro around it at every quote."""
        now = self._clock.now()
        if now - self._warned_at.get(kind, -WARN_SECONDS) < WARN_SECONDS:
            return False
        self._warned_at[kind] = now
        return True

    def _trip(self, reading: Reading) -> None:
        rule = reading.rule
        self._memory.latches[rule.kind.value] = Latch(reading.reason, iso(self._clock.at()))
        self._audit("guard tripped", rule, reason=reading.reason, action=rule.action.value)
        self._save()
        self._tell("guardTripped", reading)

    def _keep_closed(self) -> None:
        """While a closing limit is latched nothing stays open; what fails is tried again."""
        closes = any(
            rule.action is GuardAction.CLOSE and self._memory.latch(rule.kind) is not None
            for rule in self._plan.rules
        )
        account = self._account
        if not closes or account.state.phase is not Phase.LIVE:
            return
        now = self._clock.now()
        is_due = self._closed_at is None or now - self._closed_at >= RETRY_SECONDS
        book = account.book
        if is_due and (book.positions or book.orders or book.unreadable_orders):
            self._closed_at = now
            self._owner.close_everything(account.key)

    # A person

    def reset(self, by: str) -> None:
        """End all latches; what was lost so far counts no more until the next day, or a new peak.

        Raises NotReady while the equity is not known, and OSError if a restart would bring the
        latches back.
        """
        seen = self._look()
        marks = self._recorded.zoned
        if marks is None:
            raise NotReady(_NOT_KNOWN, phase="live")
        for rule in self._plan.rules:
            if self._memory.latches.pop(rule.kind.value, None) is None:
                continue
            self._memory.forgiven.pop(rule.kind.value, None)
            footing = self._footing(rule, marks)
            loss = seen.loss_from(footing)
            self._memory.forgiven[rule.kind.value] = Forgiven(footing.anchor_ms, loss)
            self._audit("guard reset", rule, by=by, forgiven=money(loss, seen.digits))
        self._closed_at = None
        self._store.save()
        self.look()
        for reading in self.readings:
            self._tell("guardReset", reading)

    # Small parts

    def _save(self) -> None:
        try:
            self._store.save()
        except OSError as exc:
            log.exception(
                "guards are not kept", account=self._account.key, error=exc.strerror or str(exc)
            )

    def _audit(self, what: str, rule: GuardRule, **more: str) -> None:
        """Write a line that an audit log takes over."""
        audit.warning(what, account=self._account.key, guard=rule.kind.value, **more)

    def _tell(self, kind: str, reading: Reading) -> None:
        self._owner.told_of_guard(self._account.key, kind, self._row(reading))

    def _row(self, reading: Reading) -> GuardInfo:
        return guard_reading.row(reading, self._seen, self._memory.latch(reading.rule.kind))


class GuardDesk:
    """All guards of a platform."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._guards: dict[str, AccountGuard] = {}

    def add(self, key: str, guard: AccountGuard) -> None:
        """Watch one more account."""
        self._guards[key] = guard

    def of(self, key: str) -> AccountGuard | None:
        return self._guards.get(key)

    def count(self, state: GuardState) -> int:
        """Return how many accounts are in a state at worst."""
        return sum(guard.worst is state for guard in self._guards.values())

    async def run(self, every: float = 1.0) -> None:
        """Look at all guards once in ``every`` seconds until cancelled: days begin, feeds end."""
        async with asyncio.TaskGroup() as tasks:
            for key, guard in self._guards.items():
                tasks.create_task(self._watch(key, guard, every), name=f"guard-{key}")

    async def _watch(self, key: str, guard: AccountGuard, every: float) -> None:
        """The outermost frame of a guard's task: a fault of one account blinds no other."""
        while True:
            try:
                guard.look()
            except Exception as exc:  # the others are watched on, and this one says it is blind
                log.exception("a guard could not look", account=key)
                guard.blind(f"an internal error: {type(exc).__name__}")
            await self._clock.sleep(every)


def looking(guard: AccountGuard | None) -> Callable[[], None]:
    """Return what to call when an account changed; nothing where it has no guard."""
    return (lambda: None) if guard is None else guard.look
