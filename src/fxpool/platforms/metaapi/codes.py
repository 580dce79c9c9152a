"""MetaApi's trade codes: what each says of an order, in the words of all platforms. Pure.

Only the codes in ``DONE`` mean that a trade took effect. Some say that nobody knows, and so does
every code that this table does not name: it is never taken for a refusal.

Source: MetaApi documentation, metatraderTradeResponse; the trade server return codes of MQL5 and
the error codes of MQL4 that it refers to.
"""

from __future__ import annotations

from typing import Final

from fxpool.errors import (
    OutcomeUnclear,
    RequestError,
    RequestNotSent,
    TradeRefused,
)
from fxpool.platforms.metaapi.model import TradeAnswer

DONE: Final = frozenset({0, 10008, 10009, 10010, 10025})
DONE_PARTIALLY: Final = 10010
PLACED: Final = 10008
"""Accepted: for what is to be filled at once that is no fill yet."""

NEVER_DELIVERED: Final = -10
"""TRADE_RETCODE_DISCONNECTED_BEFORE_TRADE: it certainly had no effect."""

UNCLEAR: Final = frozenset({-11, -7, -1, 1, 128, 10012})
"""Disconnected during the trade, timed out, no result: it may be live."""

_WORDS: Final = {
    -4: "ORDER_TYPE_NOT_SUPPORTED",
    -6: "NO_QUOTES",
    -8: "TRADING_NOT_ALLOWED",
    4753: "POSITION_NOT_FOUND",
    4754: "ORDER_NOT_FOUND",
    10014: "TRADING_BAD_VOLUME",
    10015: "TRADING_BAD_PRICES",
    10016: "TRADING_BAD_STOPS",
    10017: "TRADING_NOT_ALLOWED",
    10018: "MARKET_CLOSED",
    10019: "NOT_ENOUGH_MONEY",
    10021: "NO_QUOTES",
    10024: "REQUEST_FREQUENCY_EXCEEDED",
    10028: "POSITION_LOCKED",
    10031: "CANT_ROUTE_REQUEST",
    10034: "MAX_EXPOSURE_REACHED",
    10036: "POSITION_NOT_FOUND",
    10038: "TRADING_BAD_VOLUME",
    10040: "TOO_MANY_POSITIONS",
    10042: "SHORT_SELLING_NOT_ALLOWED",
    6: "CANT_ROUTE_REQUEST",
    64: "RET_ACCOUNT_DISABLED",
    129: "TRADING_BAD_PRICES",
    130: "TRADING_BAD_STOPS",
    131: "TRADING_BAD_VOLUME",
    132: "MARKET_CLOSED",
    133: "TRADING_NOT_ALLOWED",
    134: "NOT_ENOUGH_MONEY",
    136: "NO_QUOTES",
    139: "POSITION_LOCKED",
    140: "SHORT_SELLING_NOT_ALLOWED",
    141: "REQUEST_FREQUENCY_EXCEEDED",
}
"""Codes for which all platforms have one word; the words of callers hang on it (``words``)."""

_MT5: Final = frozenset(range(10004, 10047)) - {10005, 10037}
_MT4: Final = frozenset({*range(10), 64, 65, *range(128, 151)}) - set(range(142, 145))
_OWN: Final = frozenset({-4, -5, -6, -8, -9, 4753, 4754})
REFUSALS: Final = (_MT5 | _MT4 | _OWN) - DONE - UNCLEAR
"""Documented codes that say no: the trade had no effect."""


def error_of(answer: TradeAnswer) -> RequestError | None:
    """Return what an answer means as an error, None if the trade was done."""
    code = answer.numeric_code
    if code in DONE:
        return None
    text = f"{answer.message or 'refused'} ({answer.string_code})"
    if code == NEVER_DELIVERED:
        return RequestNotSent(f"MetaApi lost the broker before the trade: {text}")
    if code in REFUSALS:
        return TradeRefused(_WORDS.get(code, answer.string_code.upper()), text)
    return OutcomeUnclear(answer.string_code.upper(), text)
