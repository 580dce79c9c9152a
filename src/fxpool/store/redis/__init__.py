"""Redis: what several gateway processes share, and what outlives one. Never a token, never money.

Every key begins with ``ctrader:``. Nothing here is needed to trade: while Redis is away each
process goes on alone (``store.shared``). Idempotency keys and tickets stay in SQL, where a trade's
answer is durable before the order leaves.
"""

from fxpool.store.redis.connection import RedisAddress, RedisConnection

__all__ = ["RedisAddress", "RedisConnection"]
