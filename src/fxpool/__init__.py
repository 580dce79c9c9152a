"""fxpool: one pool for trading accounts on cTrader and MetaTrader, in MetaApi's data formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fxpool.version import VERSION

if TYPE_CHECKING:
    from fxpool.client import SyncPoolClient, UnifiedPoolClient

    unified_pool_client: UnifiedPoolClient
    """A client of all pools that the environment names, made when it is first asked for."""

__version__ = VERSION
__all__ = ["SyncPoolClient", "UnifiedPoolClient", "__version__", "unified_pool_client"]


def __getattr__(name: str) -> Any:
    """Import what is first asked for, so that ``import fxpool`` stays cheap."""
    if name in {"SyncPoolClient", "UnifiedPoolClient"}:
        import fxpool.client  # noqa: PLC0415 (that is the point)

        return getattr(fxpool.client, name)
    if name in {"unified_pool_client", "unifiedPoolClient"}:
        from fxpool.client import UnifiedPoolClient  # noqa: PLC0415 (that is the point)

        return globals().setdefault("unified_pool_client", UnifiedPoolClient.from_environment())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
