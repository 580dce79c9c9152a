"""Numbers for Prometheus: the gateway's own counters, and the pool's true numbers at a scrape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fxpool.mapping.pool_formats import PoolStats


class Metrics:
    """The counters of one gateway, in a registry of its own.

    Attributes:
        streams: event streams open now.
        events: events written to streams, a plain number because it counts on the hot path.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "fxpool_http_requests",
            "HTTP answers.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "fxpool_http_request_seconds",
            "Time to the first byte of an answer.",
            ("route",),
            registry=self._registry,
        )
        self.streams = 0
        self.events = 0

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Take note of one answer."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, stats: PoolStats, checks: Mapping[str, str]) -> bytes:
        """Return all numbers in Prometheus' text format; ``checks`` are those of /health."""
        now = CollectorRegistry()
        now.register(_Numbers(stats, checks, streams=self.streams, events=self.events))
        return generate_latest(now) + generate_latest(self._registry)


class _Numbers(Collector):
    """The numbers of one moment, as metric families."""

    def __init__(
        self, stats: PoolStats, checks: Mapping[str, str], *, streams: int, events: int
    ) -> None:
        self._stats, self._checks, self._streams, self._events = stats, checks, streams, events

    def collect(self) -> Iterator[Metric]:
        stats = self._stats
        yield _counter("connections", "Broker links made.", stats["connectionsCreated"])
        yield _counter("connections_reused", "Requests on a link.", stats["connectionsReused"])
        yield _counter("trades", "Trades executed.", stats["tradesExecuted"])
        yield _counter("errors", "Failed requests.", stats["errors"])
        yield _gauge("active_connections", "Broker links up.", stats["activeConnections"])
        yield _gauge("requests_in_flight", "Requests unanswered.", stats["requestsInFlight"])
        yield _gauge("subscriptions", "Symbols quoted.", stats["subscriptions"])
        yield _gauge("tickets_unknown", "Orders of unknown outcome now.", stats["ticketsUnknown"])
        yield _counter("tickets_lost", "Orders that lost their answer.", stats["ticketsLost"])
        yield _counter(
            "exits_unjournaled", "Exits sent without a ticket.", stats["exitsUnjournaled"]
        )
        yield _gauge(
            "orders_unreadable", "Pending orders nobody can read.", stats["ordersUnreadable"]
        )
        yield _gauge("guards_tripped", "Accounts with a limit reached.", stats["guardsTripped"])
        yield _gauge(
            "guards_unknown", "Accounts whose limits nobody can watch.", stats["guardsUnknown"]
        )
        yield _counter("profit_checks", "Results compared.", stats["profitChecks"])
        yield _counter(
            "profit_checks_failed", "Comparisons not answered.", stats["profitChecksFailed"]
        )
        yield _gauge(
            "profit_differences",
            "Positions the broker values otherwise.",
            stats["profitDifferences"],
        )
        yield _counter(
            "silent_symbols", "Symbols subscribed again for silence.", stats["feedsResubscribed"]
        )
        yield _counter(
            "dead_feeds", "Accounts authorised again for silence.", stats["feedsRevived"]
        )
        if (redis := stats.get("redis")) is not None:
            yield _gauge("redis_up", "1 while Redis answers.", redis["up"])
            yield _gauge("events_waiting", "Events not in the log yet.", redis["eventsWaiting"])
            yield _counter("events_lost", "Events the log will not have.", redis["eventsLost"])
        yield _gauge("uptime_seconds", "Age of the pool.", stats["uptimeSeconds"])
        yield _gauge("streams", "Event streams open.", self._streams)
        yield _counter("stream_events", "Events written to streams.", self._events)
        alerts = CounterMetricFamily(
            "fxpool_alerts", "Alerts by what became of them.", labels=("outcome",)
        )
        for outcome, number in stats["alerts"].items():
            alerts.add_metric((outcome,), number)
        yield alerts
        checks = GaugeMetricFamily("fxpool_check_up", "1 while /health says up.", labels=("check",))
        for name, word in self._checks.items():
            checks.add_metric([name], word == "up")
        yield checks
        accounts = GaugeMetricFamily("fxpool_accounts", "Accounts by state.", labels=("state",))
        for state, number in stats["accounts"].items():
            accounts.add_metric((state,), number)
        yield accounts


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"fxpool_{name}", text, value=value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"fxpool_{name}", text, value=value)
