"""What a cTrader platform says of itself: its numbers and its health, from all of its parts."""

from __future__ import annotations

from typing import Final

from fxpool.account import Phase
from fxpool.alerts import Alerts
from fxpool.background import Background
from fxpool.clock import Clock
from fxpool.domain.guards import GuardState
from fxpool.mapping import pool_formats
from fxpool.mapping.instants import iso
from fxpool.platforms import ctrader_health, health_words
from fxpool.platforms.ctrader_guards import CTraderGuards
from fxpool.platforms.ctrader_served import ServedAccounts
from fxpool.platforms.ctrader_tokens import CTraderTokens
from fxpool.platforms.ticket_desk import TicketDesk
from fxpool.pool import Pool
from fxpool.store import Journal
from fxpool.store.shared import SharedState
from fxpool.version import VERSION

SERVICE: Final = "cTrader Connection Pool"


class CTraderStatus:
    """Asks the parts, and changes none.

    Attributes:
        opened_at: when the platform was opened, by the clock's ``now``.
    """

    def __init__(
        self,
        accounts: ServedAccounts,
        *,
        pool: Pool,
        tokens: CTraderTokens,
        journal: Journal,
        desk: TicketDesk,
        guards: CTraderGuards,
        alerts: Alerts,
        shared: SharedState,
        background: Background,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._pool = pool
        self._tokens = tokens
        self._journal = journal
        self._desk = desk
        self._guards = guards
        self._alerts = alerts
        self._shared = shared
        self._background = background
        self._clock = clock
        self.opened_at = clock.now()

    def pool_stats(self) -> pool_formats.PoolStats:
        states = self._accounts.states()
        enabled = self._accounts.enabled()
        stats = ctrader_health.pool_stats(
            self._pool.stats(),
            trades_executed=self._trades_executed(),
            accounts=len(states),
            synchronized=sum(state.phase is Phase.LIVE for state in states.values()),
            subscriptions=sum(len(served.live.subscribed) for served in self._accounts.enabled()),
            uptime_seconds=self._clock.now() - self.opened_at,
            feeds_resubscribed=sum(s.live.feed.resubscribed for s in self._accounts.enabled()),
            feeds_revived=sum(s.live.feed.died for s in self._accounts.enabled()),
            tickets_unknown=self._desk.unknown,
            tickets_lost=self._desk.lost,
            guards_tripped=self._guards.count(GuardState.TRIPPED),
            guards_unknown=self._guards.count(GuardState.UNKNOWN),
            profits=[served.live.profit for served in self._accounts.enabled()],
            exits_unjournaled=self._desk.exits_unjournaled,
            orders_unreadable=sum(len(s.live.book.unreadable_orders) for s in enabled),
            alerts={
                "sent": self._alerts.sent,
                "failed": self._alerts.failed,
                "dropped": self._alerts.dropped,
            },
        )
        if self._shared.redis is not None:
            events = self._shared.events
            stats["redis"] = pool_formats.RedisStats(
                up=self._shared.redis.is_up, eventsWaiting=events.waiting, eventsLost=events.lost
            )
        return stats

    def health(self) -> pool_formats.Health:
        states, stats = self._accounts.states(), self._pool.stats()
        enabled, failures = self._accounts.enabled(), self._failures()
        return pool_formats.Health(
            status=health_words.status_word(
                states.values(),
                ever_live=all(served.account.is_known for served in enabled),
                uptime_seconds=self._clock.now() - self.opened_at,
                is_impaired=any(failures.values())
                or any(served.live.book.unreadable_orders for served in enabled),
            ),
            service=SERVICE,
            version=VERSION,
            timestamp=iso(self._clock.at()),
            simulated=any(served.account.is_simulated for served in enabled),
            stats=ctrader_health.counters(stats, self._trades_executed()),
            checks=ctrader_health.link_checks(
                stats, dict.fromkeys(served.account.config.environment for served in enabled)
            )
            | health_words.part_checks(failures | self._alert_failures())
            | health_words.part_checks(self._shared.failures),
            accounts=health_words.account_words(states),
            details=health_words.account_details(
                states,
                {s.key: halt.reason for s in enabled if (halt := s.account.halt) is not None},
                {s.key: s.live.profit.differs.values() for s in enabled},
                {s.key: told for s in enabled if (told := s.past.reading) is not None},
                {s.key: s.live.book.unreadable_orders.values() for s in enabled},
            ),
        )

    def _failures(self) -> dict[str, str | None]:
        """What does not work and why, of the parts that all accounts need; None where it does."""
        return {
            "journal": self._journal.failure or self._journal.left_behind,
            "tokens": self._tokens.failure,
            "tickets": self._desk.failure,
            "work": self._background.failure or self._journal.work_failure,
        }

    def _alert_failures(self) -> dict[str, str | None]:
        """The same of alerts, without which accounts trade on."""
        return {"alerts": self._alerts.failure} if self._alerts.is_sent else {}

    def _trades_executed(self) -> int:
        return sum(served.trades.executed for served in self._accounts.values())
