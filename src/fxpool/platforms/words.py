"""Errors in the words that callers match: one table from broker codes to phrases. Pure.

A copy trader decides from the error text whether to give up, to try again or to queue an exit, so
each phrase contains the words of its class and none of another.
Where a second attempt could open a second position, the text holds no word that asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from fxpool.errors import (
    DATABASE_CURE,
    FxPoolError,
    InvalidCall,
    InvalidOrder,
    InvalidVolume,
    JournalDown,
    MappingError,
    NoQuote,
    NotReady,
    Outcome,
    PoolBusy,
    RequestAbandoned,
    RequestError,
    RequestRefused,
    RequestTimedOut,
    SymbolNotFound,
    TradingHalted,
)
from fxpool.mapping.formats import OutcomeWord, TradeResult
from fxpool.platforms.base import PlatformError

RETRY_WORDS: Final = (
    "timeout",
    "etimedout",
    "econnrefused",
    "econnreset",
    "connection refused",
    "no response",
    "socket hang up",
    "network",
    "esockettimedout",
    "position not found",
    "invalid response from getpositions",
)
"""What makes a copy trader send the same call again, searched in the lower-cased text."""

UNKNOWN_OUTCOME: Final = (
    "Outcome unknown: the order was sent and no clear answer was seen, so it may be live. "
    "Look at positions and orders before trading again"
)


UNKNOWN_PART: Final = (
    "Outcome unknown: the close of a part was sent and no clear answer was seen, so it may be "
    "done. Look at the position before closing more of it"
)


NOTHING_SENT: Final = ". Nothing was sent, the same call may be repeated"
"""Ends what is said of a trade that did not leave, and may succeed later."""


class Call(Enum):
    """What failed; it decides whether a second attempt is harmless."""

    READ = "read"
    NEW_ORDER = "new_order"
    KEYED_ORDER = "keyed_order"
    """A new order with a key that recognises a second attempt: that one is answered, not sent."""
    CHANGE = "change"
    """A close, a protection change, a cancel: it names its object, a second one finds it done."""
    PART_CLOSE = "part_close"
    """The close of a part of a position: a second one takes another part."""


_UNKNOWN: Final = {Call.NEW_ORDER: UNKNOWN_OUTCOME, Call.PART_CLOSE: UNKNOWN_PART}
"""What is said of calls of which a second one is not harmless, where nobody knows the outcome."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """What callers are told about a broker code.

    Attributes:
        text: begins the error text; the broker's own words follow.
        status: the HTTP status of a read that failed so.
        retryable: whether the same call may succeed later.
    """

    text: str
    status: int = 502
    retryable: bool = False


_NO_MONEY = Phrase("not enough money")
_BAD_VOLUME = Phrase("invalid volume")
_NO_SYMBOL = Phrase("symbol not found", status=404)
_CLOSED = Phrase("market closed")
_BLOCKED = Phrase("account disabled")
_NO_POSITION = Phrase("position not found", status=404)
_NO_ORDER = Phrase("order not found", status=404)
_BAD_STOPS = Phrase("invalid stops")
_NOT_AUTHORISED = Phrase("authentication failed", status=503)
_BUSY = Phrase("timeout: the object is busy, nothing was executed", status=503, retryable=True)
_AWAY = Phrase("network: the broker is away", status=503, retryable=True)
_TOO_MANY = Phrase("network: too many requests", status=429, retryable=True)

PHRASES: Final = {
    "NOT_ENOUGH_MONEY": _NO_MONEY,
    "NO_ENOUGH_MONEY_TO_OPEN_POSITION": _NO_MONEY,
    "TRADING_BAD_VOLUME": _BAD_VOLUME,
    "SYMBOL_NOT_FOUND": _NO_SYMBOL,
    "UNKNOWN_SYMBOL": _NO_SYMBOL,
    "MARKET_CLOSED": _CLOSED,
    "SYMBOL_HAS_HOLIDAY": _CLOSED,
    "TRADING_DISABLED": _CLOSED,
    "RET_ACCOUNT_DISABLED": _BLOCKED,
    "CHANNEL_IS_BLOCKED": _BLOCKED,
    "TRADING_NOT_ALLOWED": Phrase("account disabled: trading not allowed"),
    "NOT_ENOUGH_RIGHTS": Phrase("account disabled: trading not allowed"),
    "OPERATION_NOT_ALLOWED": Phrase("account disabled: operation not allowed"),
    "SHORT_SELLING_NOT_ALLOWED": Phrase("trading not allowed: no short selling"),
    "MAX_EXPOSURE_REACHED": Phrase("exposure limit reached"),
    "TOO_MANY_POSITIONS": Phrase("too many positions"),
    "NO_QUOTES": Phrase("no price is known for the symbol"),
    "POSITION_NOT_FOUND": _NO_POSITION,
    "POSITION_NOT_OPEN": _NO_POSITION,
    "POSITION_NOT_FOUND_OR_NOT_OPENED": _NO_POSITION,
    "INCORRECT_POSITION_ID": _NO_POSITION,
    "ALREADY_CLOSED": _NO_POSITION,
    "ORDER_NOT_FOUND": _NO_ORDER,
    "ALREADY_DELETED": _NO_ORDER,
    "TRADING_BAD_STOPS": _BAD_STOPS,
    "TRADING_BAD_PRICES": _BAD_STOPS,
    "PROTECTION_IS_TOO_CLOSE_TO_MARKET": _BAD_STOPS,
    "INVALID_STOPS_LEVEL": _BAD_STOPS,
    "INVALID_STOPLOSS_TAKEPROFIT": _BAD_STOPS,
    "WORSE_GSL_NOT_ALLOWED": _BAD_STOPS,
    "OA_AUTH_TOKEN_EXPIRED": _NOT_AUTHORISED,
    "CH_OA_AUTH_TOKEN_EXPIRED": _NOT_AUTHORISED,
    "ACCESS_TOKEN_EXPIRED": _NOT_AUTHORISED,
    "TOKEN_EXPIRED": _NOT_AUTHORISED,
    "OA_ACCESS_TOKEN_EXPIRED": _NOT_AUTHORISED,
    "CH_ACCESS_TOKEN_INVALID": _NOT_AUTHORISED,
    "ACCOUNT_NOT_AUTHORIZED": _NOT_AUTHORISED,
    "AUTHENTICATION_FAILED": _NOT_AUTHORISED,
    "CH_CLIENT_AUTH_FAILURE": _NOT_AUTHORISED,
    "CH_CLIENT_NOT_AUTHENTICATED": _NOT_AUTHORISED,
    "CH_OA_CLIENT_NOT_FOUND": _NOT_AUTHORISED,
    "CH_APPLICATION_NOT_AUTHORIZED": _NOT_AUTHORISED,
    "CH_CTID_TRADER_ACCOUNT_NOT_FOUND": _NOT_AUTHORISED,
    "WRONG_PASSWORD": _NOT_AUTHORISED,
    "POSITION_LOCKED": _BUSY,
    "PENDING_EXECUTION": _BUSY,
    "CONCURRENT_MODIFICATION": _BUSY,
    "POSITION_CONCURRENT_CHANGE": _BUSY,
    "SERVER_IS_UNDER_MAINTENANCE": Phrase(
        "network: the broker is under maintenance", status=503, retryable=True
    ),
    "CANT_ROUTE_REQUEST": _AWAY,
    "CH_SERVER_NOT_REACHABLE": _AWAY,
    "UNABLE_TO_FORWARD_COMMAND": _AWAY,
    "DATASTORE_IS_NOT_AVAILABLE": _AWAY,
    "RECONCILIATION_IN_PROGRESS": _AWAY,
    "CONNECTIONS_LIMIT_EXCEEDED": _AWAY,
    "REQUEST_FREQUENCY_EXCEEDED": _TOO_MANY,
    "BLOCKED_PAYLOAD_TYPE": _TOO_MANY,
}
"""Broker code to phrase. A code that is not here is told as it came, with its description."""

_STOPS_DESCRIPTIONS: Final = ("new sl for", "new tp for", "sl for", "tp for")
"""INVALID_REQUEST is one word for many causes; these begin the refusals of protection prices."""


def explain(error: FxPoolError, call: Call = Call.READ) -> PlatformError:
    """Return an error as callers are told of it. A PlatformError is returned as it is."""
    if isinstance(error, PlatformError):
        return error
    outcome = None if call is Call.READ else _outcome(error)
    if call in _UNKNOWN and outcome == "unknown":
        return _unknown(error, _UNKNOWN[call])
    if isinstance(error, RequestRefused):
        return _refused(error, outcome)
    return _of_ours(error, outcome)


def refusal(error: PlatformError) -> TradeResult:
    """Return a failed trading call in the shape that trading endpoints answer with."""
    return TradeResult(
        success=False,
        outcome=error.outcome or "not_executed",
        error=error.detail,
        detail=error.detail,
        code=error.code,
        retryable=error.retryable,
    )


def _outcome(error: FxPoolError) -> OutcomeWord:
    uncertain = isinstance(error, RequestError) and error.outcome is Outcome.UNKNOWN
    return "unknown" if uncertain else "not_executed"


def _unknown(error: FxPoolError, text: str) -> PlatformError:
    code = "OUTCOME_UNKNOWN"
    if isinstance(error, RequestRefused):
        code = error.code
        words = str(error)
        if not any(word in words.lower() for word in RETRY_WORDS):
            text = f"{text}. The broker said: {words}"
    return PlatformError(504, code, text, outcome="unknown")


def _refused(error: RequestRefused, outcome: OutcomeWord | None) -> PlatformError:
    phrase = _phrase(error)
    broker = error.text or error.code
    detail = f"{phrase.text}: {broker}" if phrase else str(error)
    return PlatformError(
        phrase.status if phrase else 502,
        error.code,
        detail,
        retryable=phrase.retryable if phrase else outcome == "unknown",
        outcome=outcome,
        retry_after=error.retry_after,
    )


def _phrase(error: RequestRefused) -> Phrase | None:
    if error.code == "INVALID_REQUEST":
        text = error.text.lower()
        if "not authorized" in text:
            return _NOT_AUTHORISED
        return _BAD_STOPS if any(words in text for words in _STOPS_DESCRIPTIONS) else None
    return PHRASES.get(error.code)


def _of_ours(error: FxPoolError, outcome: OutcomeWord | None) -> PlatformError:
    """Return an error that no broker code stands behind."""
    text = str(error)

    def told(status: int, code: str, detail: str, *, retryable: bool = False) -> PlatformError:
        if retryable and outcome == "not_executed":
            detail += NOTHING_SENT
        return PlatformError(
            status,
            code,
            detail,
            retryable=retryable,
            outcome=outcome,
            retry_after=getattr(error, "retry_after", None) if retryable else None,
            phase=error.phase if isinstance(error, NotReady) else "",
        )

    match error:
        case SymbolNotFound():
            return told(404, "SYMBOL_NOT_FOUND", text)
        case InvalidVolume():
            return told(422, "TRADING_BAD_VOLUME", text)
        case InvalidOrder():
            return told(422, "INVALID_ORDER", text)
        case InvalidCall():
            return told(422, "INVALID_REQUEST", text)
        case NoQuote():
            return told(404, "NO_QUOTE", f"timeout: {text}", retryable=True)
        case NotReady(phase="refused" | "needs_consent"):
            return told(503, "ACCOUNT_NOT_AUTHORIZED", f"authentication failed: {text}")
        case NotReady():
            return told(503, "NOT_READY", f"network: {text}", retryable=True)
        case TradingHalted():
            return told(403, "HALTED", text)
        case PoolBusy():
            return told(429, "POOL_BUSY", f"network: {text}", retryable=True)
        case RequestTimedOut():
            detail = f"timeout: no response from the broker: {text}"
            return told(504, "TIMEOUT", detail, retryable=True)
        case RequestAbandoned():
            detail = f"network: the link ended, no response: {text}"
            return told(503, "LINK_LOST", detail, retryable=True)
        case JournalDown():
            detail = f"network: {text}. {DATABASE_CURE}"
            return told(503, "JOURNAL_DOWN", detail, retryable=True)
        case RequestError():
            return told(503, "NOT_SENT", f"network: {text}", retryable=True)
        case MappingError():
            return told(502, "UNREADABLE_ANSWER", f"the broker's answer is not readable: {text}")
        case _:
            return told(503, "POOL_ERROR", f"network: {text}", retryable=True)
