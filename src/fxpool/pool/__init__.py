"""Many accounts on few sessions: placement, pacing, queues, reconnects.

``rate``, ``admission``, ``placement`` and ``backoff`` are pure; ``keeper``, ``outbox`` and
``supervisor`` carry their decisions out.
"""

from fxpool.pool.channel import (
    TRADE_SECONDS,
    AccountChannel,
    AccountListener,
    Environment,
    Priority,
    Seat,
    TradeReply,
)
from fxpool.pool.keeper import ApplicationCredentials
from fxpool.pool.limits import PoolLimits
from fxpool.pool.stats import LinkStats, PoolStats
from fxpool.pool.supervisor import Pool
from fxpool.session import Endpoint, Timing

__all__ = [
    "TRADE_SECONDS",
    "AccountChannel",
    "AccountListener",
    "ApplicationCredentials",
    "Endpoint",
    "Environment",
    "LinkStats",
    "Pool",
    "PoolLimits",
    "PoolStats",
    "Priority",
    "Seat",
    "Timing",
    "TradeReply",
]
