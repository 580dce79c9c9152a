"""What a simulated broker does where the real one may do this or that: named switches. Pure data.

Each names its row of the list of open questions (SW-nn); defaults are the likeliest behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from fxpool.simulator.engine.rules import Rules
from fxpool.simulator.fault_kinds import Fault
from fxpool.simulator.switches import (
    EventOrder,
    ExpiredToken,
    HistoricalSet,
    LimitedAt,
    Maintenance,
    MaintenanceUnit,
    OldGrant,
    RateScope,
    RawJson,
    RefreshedSession,
    RefreshReply,
    SecondSession,
    ViewScopeTrade,
)


class WrongEnvironment(Enum):
    """What an account of the other environment is told (SW-01)."""

    CANT_ROUTE_REQUEST = "CANT_ROUTE_REQUEST"
    UNSUPPORTED_MESSAGE = "UNSUPPORTED_MESSAGE"
    INVALID_REQUEST = "INVALID_REQUEST"


class UnauthorisedAccount(Enum):
    """What a request for an account without a session is told (SW-10)."""

    INVALID_REQUEST = "INVALID_REQUEST"
    ACCOUNT_NOT_AUTHORIZED = "ACCOUNT_NOT_AUTHORIZED"


class RateError(Enum):
    """What a request beyond the rate is told (SW-15)."""

    BLOCKED_WITH_HINT = "blocked_with_hint"
    BLOCKED_WITHOUT_HINT = "blocked_without_hint"
    FREQUENCY_EXCEEDED = "frequency_exceeded"


class WindowError(Enum):
    """What a history request is told whose window is too wide (SW-17)."""

    TRUNCATED = "truncated"
    """No refusal: the newest rows, and hasMore."""
    INCORRECT_BOUNDARIES = "INCORRECT_BOUNDARIES"
    """The old documented table of windows by period."""
    INVALID_REQUEST = "INVALID_REQUEST"
    """720 hours for every period."""


class TrendbarCount(Enum):
    """How many bars a count of N gives (SW-18)."""

    EXACT = "exact"
    ONE_LESS_WHEN_FULL = "one_less_when_full"
    """N, but one less than a whole page where a whole page is asked for."""


class LiveBarClose(Enum):
    """The close of a live bar inside a spot event (SW-28)."""

    OMITTED = "omitted"
    PRESENT = "present"
    STALE = "stale"
    """One quote late."""


class UnknownInBatch(Enum):
    """What an unknown id does to a list of symbols (SW-52)."""

    REFUSED = "refused"
    SKIPPED = "skipped"
    EMPTY = "empty"
    """The answer holds no symbol at all."""


class SessionClose(Enum):
    """Which spot events carry the last session's close (SW-53)."""

    FIRST_EVENT = "first_event"
    EACH_EVENT = "each_event"
    NEVER = "never"


class WithoutSpots(Enum):
    """What a live trendbar or depth request is told without a spot subscription (SW-55)."""

    INVALID_REQUEST = "INVALID_REQUEST"
    NOT_SUBSCRIBED_TO_SPOTS = "NOT_SUBSCRIBED_TO_SPOTS"


class SpotsUnderBars(Enum):
    """What unsubscribing spots does where trendbars or depth are subscribed (SW-56)."""

    ALL_STOP = "all_stop"
    TRENDBARS_CONTINUE = "trendbars_continue"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Profile:
    """A broker's behaviour.

    Attributes:
        wrong_environment: SW-01. What an account of the other environment is told.
        raw_json: SW-02. How JSON travels on its port without WebSocket.
        json_needs_time_in_force: SW-03. On the JSON port a market order must say it.
        idle_timeout: SW-04. Seconds after which a silent client is cut.
        tells_idle_cut: SW-04. The cut of a silent client is announced with message 2148.
        heartbeat_after: SW-04. Seconds of own silence after which the server sends a heartbeat.
        max_connections: SW-05. Connections of one application; none for no limit.
        connections_limited_at: SW-05. When a connection too many is refused.
        second_session: SW-06. What an account's session on a second connection does to the first.
        old_grant: SW-08. What a new consent does to the user's earlier tokens.
        refreshed_session: SW-09. What a refresh does to sessions on the old access token.
        refresh_fails_requests: SW-09. What is in flight at a refresh is told an error; otherwise it
            is answered all the same. In flight are answers that a fault has delayed.
        unauthorised_account: SW-10. What a request for an account without a session is told.
        expired_token: SW-11. What an expired access token is told.
        expiry_ends_sessions: SW-11. Sessions are cut with message 2147 when their token expires.
        token_lifetime: SW-11. Seconds that an access token lives.
        view_scope_trade: SW-12. What an order is told whose token may only read.
        rate_scope: SW-13. What shares one rate of requests.
        requests_per_second: SW-13. Requests that are not historical; none for no limit.
        history_per_second: SW-14. Historical requests; none for no limit.
        historical_set: SW-14. Which requests count as historical.
        rate_error: SW-15. What a request beyond the rate is told.
        queues_excess: SW-15. Requests beyond the rate wait, and are not refused.
        hold_seconds: SW-15. How long a payload type stays blocked.
        history_quota: SW-16. Historical requests in a window of minutes; none for no quota.
        history_quota_window: SW-16. The quota's window in seconds.
        history_quota_hold: SW-16. Seconds of refusal once the quota is spent.
        answers_version_early: SW-07. The version is told before the application is known.
        too_wide_window: SW-17. What a history window beyond its limit is told.
        m1_window_ms: SW-17. The old table's limit for M1 to M5; 3024000000 is the other reading.
        trendbar_count: SW-18. How many bars a count gives.
        count_ignores_from: SW-18. A count of bars is not bounded by fromTimestamp.
        includes_bar_at_to: SW-18. The bar that opens exactly at toTimestamp is in the answer.
        deals_of_position_newest_first: SW-19. The deals of one position; else oldest first.
        max_subscriptions: SW-20. Spot subscriptions of one connection; None for no limit.
        bar_delay: SW-21. Seconds until a closed bar or a tick is in the history.
        deal_delay: SW-21. Seconds until a deal is in the history.
        serves_pnl_stream: SW-24. The stream 2189 to 2193 is served; else UNSUPPORTED_MESSAGE.
        live_bar_close: SW-28. The close of a bar inside a spot event.
        has_zero_delta_high: SW-29. A few historical bars that close on their low lack deltaHigh.
        unknown_in_batch: SW-52. What an unknown id does to a list of symbols.
        session_close: SW-53. Which spot events carry the last session's close.
        refuses_mixed_subscribe: SW-54. One subscribed symbol refuses the whole list; otherwise the
            new ones are subscribed.
        without_spots: SW-55. What live trendbars and depth are told without spots.
        spots_under_bars: SW-56. What unsubscribing spots does under trendbars and depth.
        refuses_idle_unsubscribe: SW-57. Unsubscribing what was not subscribed is an error.
        leaks_request_ids: SW-23. The account's other connections see the clientMsgId too.
        maintenance_unit: SW-27. What maintenanceEndTimestamp counts.
        feed_dies_after: SW-58. Seconds after the start when spots stop without a word.
        maintenance: SW-59. How maintenance looks from outside, unless a fault says otherwise.
        sends_unknown_fields: SW-60. Messages carry fields that are newer than the schema.
        refresh_reply: SW-61. When the answer to a refresh arrives.
        refresh_delay: SW-61. Seconds by which a late answer to a refresh is late.
        cut_write_chance: SW-62. How likely an order request is carried out and its link cut before
            the answer; 0 to 1.
        view_scope_hears_executions: SW-63. A token that may only read is told of executions.
        event_order: SW-64. In which order the events of several accounts on a connection come.
        token_requests_per_minute: token requests over HTTP before 429; none for no limit. No number
            is published.
        rules: the switches of the engine.
        faults: what goes wrong by itself from the start.
    """

    wrong_environment: WrongEnvironment = WrongEnvironment.CANT_ROUTE_REQUEST
    raw_json: RawJson = RawJson.NOT_OFFERED
    json_needs_time_in_force: bool = False
    idle_timeout: float = 30.0
    tells_idle_cut: bool = False
    heartbeat_after: float = 25.0
    max_connections: int | None = 25
    connections_limited_at: LimitedAt = LimitedAt.APPLICATION_AUTH
    second_session: SecondSession = SecondSession.BOTH_LIVE
    old_grant: OldGrant = OldGrant.STAYS
    refreshed_session: RefreshedSession = RefreshedSession.ENDS_WITH_EVENTS
    refresh_fails_requests: bool = True
    unauthorised_account: UnauthorisedAccount = UnauthorisedAccount.INVALID_REQUEST
    expired_token: ExpiredToken = ExpiredToken.INVALID
    expiry_ends_sessions: bool = True
    token_lifetime: int = 2_628_000
    view_scope_trade: ViewScopeTrade = ViewScopeTrade.ACCOUNT_NOT_AUTHORIZED
    rate_scope: RateScope = RateScope.CONNECTION
    requests_per_second: int | None = 50
    history_per_second: int | None = 5
    historical_set: HistoricalSet = HistoricalSet.ALL
    rate_error: RateError = RateError.BLOCKED_WITH_HINT
    queues_excess: bool = False
    hold_seconds: int = 1
    history_quota: int | None = 1000
    history_quota_window: float = 600.0
    history_quota_hold: float = 120.0
    answers_version_early: bool = False
    too_wide_window: WindowError = WindowError.TRUNCATED
    m1_window_ms: int = 302_400_000
    trendbar_count: TrendbarCount = TrendbarCount.ONE_LESS_WHEN_FULL
    count_ignores_from: bool = True
    includes_bar_at_to: bool = True
    deals_of_position_newest_first: bool = True
    max_subscriptions: int | None = None
    bar_delay: float = 0.5
    deal_delay: float = 0.0
    serves_pnl_stream: bool = False
    live_bar_close: LiveBarClose = LiveBarClose.OMITTED
    has_zero_delta_high: bool = True
    unknown_in_batch: UnknownInBatch = UnknownInBatch.REFUSED
    session_close: SessionClose = SessionClose.FIRST_EVENT
    refuses_mixed_subscribe: bool = True
    without_spots: WithoutSpots = WithoutSpots.INVALID_REQUEST
    spots_under_bars: SpotsUnderBars = SpotsUnderBars.ALL_STOP
    refuses_idle_unsubscribe: bool = False
    leaks_request_ids: bool = False
    maintenance_unit: MaintenanceUnit = MaintenanceUnit.DOCUMENTED
    feed_dies_after: float | None = None
    maintenance: Maintenance = Maintenance.NO_TLS
    sends_unknown_fields: bool = True
    refresh_reply: RefreshReply = RefreshReply.LATE
    refresh_delay: float = 0.2
    cut_write_chance: float = 0.0
    view_scope_hears_executions: bool = True
    event_order: EventOrder = EventOrder.INTERLEAVED
    token_requests_per_minute: int | None = 60
    rules: Rules = field(default_factory=Rules)
    faults: tuple[Fault, ...] = ()
