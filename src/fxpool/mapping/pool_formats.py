"""The JSON shapes of the pool itself: its accounts at a glance, its health and what it counts.

Times and money are written as in ``formats``.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class AccountSummary(TypedDict, total=False):
    """One row of ``GET /accounts/summary``; an account in error has no balance keys."""

    name: str
    platform: str
    environment: str
    simulated: bool
    status: str
    connected: bool
    balance: float
    equity: float
    margin: float
    currency: str
    openPositions: int
    lastActivity: str
    error: str


class AccountListing(TypedDict):
    """One row of ``GET /accounts``: configuration without secrets."""

    id: str
    name: str
    platform: str
    environment: str
    type: str | None
    enabled: bool
    readOnly: bool


class LinkStats(TypedDict):
    """One broker link."""

    environment: str
    connected: bool
    reconnects: int
    accounts: int
    since: str | None
    lastError: str | None


class RedisStats(TypedDict):
    """How the pool stands with its Redis; a pool without one does not tell.

    ``eventsWaiting`` are not in the event log yet, ``eventsLost`` never will be.
    """

    up: bool
    eventsWaiting: int
    eventsLost: int


class PoolStats(TypedDict):
    """``GET /pool/stats``: true numbers since the start of the process."""

    connectionsCreated: int
    connectionsReused: int
    tradesExecuted: int
    errors: int
    activeConnections: int
    reuse_ratio: float
    accounts: dict[str, int]
    links: list[LinkStats]
    requestsInFlight: int
    subscriptions: int
    uptimeSeconds: float
    feedsResubscribed: int
    feedsRevived: int
    ticketsUnknown: int
    ticketsLost: int
    guardsTripped: int
    guardsUnknown: int
    profitChecks: int
    profitChecksFailed: int
    profitDifferences: int
    exitsUnjournaled: int
    ordersUnreadable: int
    alerts: dict[str, int]
    redis: NotRequired[RedisStats]


class Health(TypedDict):
    """``GET /health``: ``status`` is healthy, degraded, unhealthy or starting."""

    status: str
    service: str
    version: str
    timestamp: str
    simulated: bool
    stats: dict[str, int]
    checks: dict[str, str]
    accounts: dict[str, str]
    details: dict[str, AccountHealth]


class ProfitDifferenceInfo(TypedDict):
    """A position whose gross result we compute otherwise than the broker, or whose costs differ."""

    positionId: str
    ours: float
    broker: float
    ourCosts: float
    brokerCosts: float


class AccountHealth(TypedDict):
    """An account's phase with its reason and since when; ``halted`` is why nothing is opened,
    ``history`` how far the reading of its past is, while that goes on; ``unreadableOrders`` says
    why pending orders that the broker shows make no sense to us, by id."""

    phase: str
    reason: str
    since: str
    halted: NotRequired[str]
    history: NotRequired[str]
    unreadableOrders: NotRequired[dict[str, str]]
    profitDifferences: NotRequired[list[ProfitDifferenceInfo]]
