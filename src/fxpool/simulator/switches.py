"""The answers that a simulated broker can be told to give about connections, tokens and rates.

Pure data; each class is one open question (SW-nn), its first value our default. The questions about
quotes and history are beside the profile, those about orders beside the engine.
"""

from __future__ import annotations

from enum import Enum


class RawJson(Enum):
    """How JSON travels on a raw TLS stream, without WebSocket (SW-02)."""

    NOT_OFFERED = "not_offered"
    NEWLINE = "newline"
    LENGTH_PREFIX = "length_prefix"


class LimitedAt(Enum):
    """When a connection too many is refused (SW-05)."""

    APPLICATION_AUTH = "application_auth"
    CONNECT = "connect"


class SecondSession(Enum):
    """What authorising an account on a second connection does to the first (SW-06)."""

    BOTH_LIVE = "both_live"
    OLDER_ENDS = "older_ends"


class OldGrant(Enum):
    """What a new consent does to the user's earlier tokens (SW-08)."""

    STAYS = "stays"
    DIES = "dies"
    LOSES_UNTICKED = "loses_unticked"
    """It keeps the accounts that were ticked again."""


class RefreshedSession(Enum):
    """What a refresh does to sessions on the old access token (SW-09)."""

    ENDS_WITH_EVENTS = "ends_with_events"
    SURVIVES_EVENTS = "survives_events"
    SURVIVES_SILENTLY = "survives_silently"


class ExpiredToken(Enum):
    """What an expired access token is told (SW-11)."""

    INVALID = "CH_ACCESS_TOKEN_INVALID"
    EXPIRED = "OA_AUTH_TOKEN_EXPIRED"


class ViewScopeTrade(Enum):
    """What an order is told whose token may only read (SW-12)."""

    ACCOUNT_NOT_AUTHORIZED = "ACCOUNT_NOT_AUTHORIZED"
    TRADING_NOT_ALLOWED = "TRADING_NOT_ALLOWED"
    INVALID_REQUEST = "INVALID_REQUEST"
    NOT_ENOUGH_RIGHTS = "NOT_ENOUGH_RIGHTS"


class RateScope(Enum):
    """What shares one rate of requests (SW-13)."""

    CONNECTION = "connection"
    APPLICATION = "application"
    ACCOUNT = "account"


class HistoricalSet(Enum):
    """Which requests count as historical (SW-14)."""

    ALL = "all"
    """Bars, ticks, deals, orders, cash flow."""
    WITHOUT_ORDERS = "without_orders"
    BARS_TICKS_DEALS = "bars_ticks_deals"
    BARS_TICKS = "bars_ticks"


class MaintenanceUnit(Enum):
    """What maintenanceEndTimestamp counts (SW-27)."""

    DOCUMENTED = "documented"
    """Milliseconds in message 50, seconds in message 2142."""
    MILLISECONDS = "milliseconds"


class Maintenance(Enum):
    """How maintenance looks from outside (SW-59)."""

    NO_TLS = "no_tls"
    """TCP is accepted, and the TLS handshake never ends."""
    REFUSES_TCP = "refuses_tcp"
    ANSWERS = "answers"
    """Connections live; every request is told SERVER_IS_UNDER_MAINTENANCE."""
    DROPS_ACCOUNTS = "drops_accounts"
    """Accounts are ended with 2164, and their requests told CANT_ROUTE_REQUEST."""


class RefreshReply(Enum):
    """When the answer to a refresh arrives (SW-61); the tokens are exchanged in any case."""

    LATE = "late"
    NORMAL = "normal"
    LOST = "lost"


class EventOrder(Enum):
    """In which order the events of several accounts on one connection come (SW-64)."""

    INTERLEAVED = "interleaved"
    """Each account's in order, the accounts in turn."""
    GLOBAL = "global"
    """As they happened, one account after the other."""
