"""What an older pool in front of MetaApi says, in our shapes, and what it cannot be told. Pure.

Source: the answers that callers of that pool read.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn, cast

from fxpool.mapping import formats
from fxpool.platforms.base import PlatformError, TradeRequest
from fxpool.platforms.pool_results import whole_result
from fxpool.platforms.words import refusal

_MARGIN: Final = ("not enough money", "no money", "insufficient margin", "not enough free margin")

_PLAIN: Final = TradeRequest("", "", None)
"""What an order has that asks for nothing special."""


def unsaid(request: TradeRequest) -> list[str]:
    """Return what an order asks for and that pool cannot be told."""
    said = {"symbol", "action", "volume", "stop_loss", "take_profit", "comment", "environment"}
    said |= {"client_id", "allow_unsynchronized"}  # a label that is lost harms nobody
    return [
        name
        for name in TradeRequest.__dataclass_fields__
        if name not in said and getattr(request, name) != getattr(_PLAIN, name)
    ]


def flat_result(result: formats.TradeResult) -> formats.TradeResult:
    """Return that pool's answer in our shape: facts out of ``result``, texts out of ``detail``.

    Raises UnusableAnswer where it does not say what became of the trade.
    """
    raw: dict[str, Any] = dict(result)
    nested = raw.pop("result", None)
    flat = {**nested, **raw} if isinstance(nested, dict) else raw
    for name in ("orderId", "positionId", "order_id"):
        if flat.get(name) is not None:
            flat[name] = str(flat[name])
    if flat.get("order_id") and not flat.get("orderId"):
        flat["orderId"] = flat["order_id"]
    whole = whole_result(cast("formats.TradeResult", flat))
    if whole["success"]:
        return whole
    text = with_margin_words(str(flat.get("detail") or whole["error"]))
    return whole | formats.TradeResult(error=text, detail=text)


def with_margin_words(text: str) -> str:
    """Return a text about a missing margin with the words that callers look for."""
    is_margin = any(words in text.lower() for words in _MARGIN)
    return f"Insufficient free margin: {text}" if is_margin else text


def position_row(row: object, account: str) -> formats.PositionInfo:
    """Return a row with the keys that callers read. Raises PlatformError for one without an id."""
    if not isinstance(row, dict) or not row.get("id"):
        raise unusable("getPositions with a row without an id")
    opened = row.get("openTime") or row.get("time")
    known = {"account_id": account, "platform": "metaapi", "stopLoss": None, "takeProfit": None}
    told = {"id": str(row["id"]), "time": opened, "openTime": opened}
    return cast("formats.PositionInfo", {**known, **row, **told})


def refused(text: str, code: str = "NOT_SUPPORTED") -> formats.TradeResult:
    """Return the answer to a trade that is not sent."""
    return refusal(_not_supported(text, code))


def refuse(what: str) -> NoReturn:
    """Raise the PlatformError for a call that the pool does not have."""
    raise _not_supported(f"{what}: the pool in front of MetaApi has no such call")


def _not_supported(text: str, code: str = "NOT_SUPPORTED") -> PlatformError:
    prefix = "not supported: " if code == "NOT_SUPPORTED" else ""
    return PlatformError(501, code, f"{prefix}{text}", outcome="not_executed")


def unusable(what: str) -> PlatformError:
    """Return the error for an answer that makes no sense."""
    text = f"invalid response from getPositions: {what}" if "getPositions" in what else what
    return PlatformError(502, "INVALID_ANSWER", f"the pool in front of MetaApi answered {text}")
