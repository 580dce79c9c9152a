"""fxpool: one pool for trading accounts on cTrader and MetaTrader, in MetaApi's data formats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fxpool.client import UnifiedPoolClient

__version__ = "0.1.0"
__all__ = ["UnifiedPoolClient", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the client when it is first asked for, so that ``import fxpool`` stays cheap."""
    if name == "UnifiedPoolClient":
        from fxpool.client import UnifiedPoolClient  # noqa: PLC0415 (that is the point)

        return UnifiedPoolClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
