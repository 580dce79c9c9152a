"""What became of a trade -> MetaApi's numeric and string codes. Pure.

Only 10009, 10010 and 10025 are told as done. ``-11`` says that an order may be live; ``-10`` that
it certainly never left, so that the same call may be made again. A word of a broker that is not in
the table is 10011, with the word in the message.

Source: MetaApi documentation, metatraderTradeResponse; the trade server return codes of MQL5.
"""

from __future__ import annotations

from typing import Final

from fxpool.mapping.formats import CloseResults, TradeResult
from fxpool.mapping.metaapi_formats import MetaApiTradeAnswer, MetaApiTradeExtras

DONE: Final = 10009
DONE_PARTIALLY: Final = 10010
NO_CHANGES: Final = 10025
NEVER_DELIVERED: Final = -10
UNKNOWN: Final = -11
NOT_SUPPORTED: Final = -4
INVALID: Final = 10013
INVALID_STOPS: Final = 10016
INVALID_EXPIRATION: Final = 10022
POSITION_CLOSED: Final = 10036
INVALID_CLOSE_VOLUME: Final = 10038
OTHER_ERROR: Final = 10011

STRINGS: Final = {
    -4: "TRADE_RETCODE_ORDER_TYPE_NOT_SUPPORTED",
    -6: "ERR_NO_QUOTES",
    -8: "ERR_INVESTOR",
    -10: "TRADE_RETCODE_DISCONNECTED_BEFORE_TRADE",
    -11: "TRADE_RETCODE_DISCONNECTED_DURING_TRADE",
    4753: "ERR_TRADE_POSITION_NOT_FOUND",
    4754: "ERR_TRADE_ORDER_NOT_FOUND",
    10006: "TRADE_RETCODE_REJECT",
    10009: "TRADE_RETCODE_DONE",
    10010: "TRADE_RETCODE_DONE_PARTIAL",
    10011: "TRADE_RETCODE_ERROR",
    10012: "TRADE_RETCODE_TIMEOUT",
    10013: "TRADE_RETCODE_INVALID",
    10014: "TRADE_RETCODE_INVALID_VOLUME",
    10015: "TRADE_RETCODE_INVALID_PRICE",
    10016: "TRADE_RETCODE_INVALID_STOPS",
    10017: "TRADE_RETCODE_TRADE_DISABLED",
    10018: "TRADE_RETCODE_MARKET_CLOSED",
    10019: "TRADE_RETCODE_NO_MONEY",
    10022: "TRADE_RETCODE_INVALID_EXPIRATION",
    10024: "TRADE_RETCODE_TOO_MANY_REQUESTS",
    10025: "TRADE_RETCODE_NO_CHANGES",
    10027: "TRADE_RETCODE_CLIENT_DISABLES_AT",
    10028: "TRADE_RETCODE_LOCKED",
    10029: "TRADE_RETCODE_FROZEN",
    10031: "TRADE_RETCODE_CONNECTION",
    10034: "TRADE_RETCODE_LIMIT_VOLUME",
    10036: "TRADE_RETCODE_POSITION_CLOSED",
    10038: "TRADE_RETCODE_INVALID_CLOSE_VOLUME",
    10040: "TRADE_RETCODE_LIMIT_POSITIONS",
    10042: "TRADE_RETCODE_LONG_ONLY",
    10044: "TRADE_RETCODE_CLOSE_ONLY",
}

CODES: Final = {
    "NOT_ENOUGH_MONEY": 10019,
    "NO_ENOUGH_MONEY_TO_OPEN_POSITION": 10019,
    "TRADING_BAD_VOLUME": 10014,
    "TRADING_BAD_STAKE": 10014,
    "TRADING_BAD_STOPS": INVALID_STOPS,
    "PROTECTION_IS_TOO_CLOSE_TO_MARKET": 10016,
    "WORSE_GSL_NOT_ALLOWED": 10016,
    "INVALID_STOPS_LEVEL": 10016,
    "INVALID_STOPLOSS_TAKEPROFIT": 10016,
    "TRADING_BAD_PRICES": 10015,
    "TRADING_BAD_EXPIRATION_DATE": INVALID_EXPIRATION,
    "POSITION_NOT_FOUND": 4753,
    "POSITION_NOT_FOUND_OR_NOT_OPENED": 4753,
    "INCORRECT_POSITION_ID": 4753,
    "POSITION_NOT_OPEN": POSITION_CLOSED,
    "ALREADY_CLOSED": POSITION_CLOSED,
    "ORDER_NOT_FOUND": 4754,
    "ALREADY_DELETED": 4754,
    "UNABLE_TO_CANCEL_ORDER": 10029,
    "UNABLE_TO_AMEND_ORDER": 10029,
    "POSITION_LOCKED": 10028,
    "PENDING_EXECUTION": 10028,
    "CONCURRENT_MODIFICATION": 10028,
    "POSITION_CONCURRENT_CHANGE": 10028,
    "MARKET_CLOSED": 10018,
    "SYMBOL_HAS_HOLIDAY": 10018,
    "TRADING_DISABLED": 10017,
    "TRADING_NOT_ALLOWED": 10017,
    "NOT_ENOUGH_RIGHTS": 10017,
    "OPERATION_NOT_ALLOWED": 10017,
    "CHANNEL_IS_BLOCKED": 10017,
    "RET_ACCOUNT_DISABLED": 10017,
    "NO_LOGIN": 10017,
    "READ_ONLY": -8,
    "NO_TRADING": -8,
    "CLOSE_ONLY": 10044,
    "HALTED": 10027,
    "SHORT_SELLING_NOT_ALLOWED": 10042,
    "NO_QUOTES": -6,
    "MAX_EXPOSURE_REACHED": 10034,
    "TOO_MANY_POSITIONS": 10040,
    "REQUEST_FREQUENCY_EXCEEDED": 10024,
    "BLOCKED_PAYLOAD_TYPE": 10024,
    "POOL_BUSY": 10024,
    "TIMEOUT_ERROR": 10012,
    "CANT_ROUTE_REQUEST": 10031,
    "CH_SERVER_NOT_REACHABLE": 10031,
    "SERVER_IS_UNDER_MAINTENANCE": 10031,
    "SYMBOL_NOT_FOUND": INVALID,
    "UNKNOWN_SYMBOL": INVALID,
    "INVALID_ORDER": INVALID,
    "INVALID_REQUEST": INVALID,
    "IDEMPOTENCY_CONFLICT": INVALID,
    "ORDER_TYPE_NOT_SUPPORTED": NOT_SUPPORTED,
    "NOT_SUPPORTED": NOT_SUPPORTED,
    "ORDER_REJECTED": 10006,
    "DUPLICATE_COPY": 10006,
    "NOT_READY": NEVER_DELIVERED,
    "NOT_SENT": NEVER_DELIVERED,
    "NOT_EXECUTED": NEVER_DELIVERED,
    "LINK_LOST": NEVER_DELIVERED,
    "JOURNAL_DOWN": NEVER_DELIVERED,
    "POOL_ERROR": NEVER_DELIVERED,
    "ACCOUNT_NOT_AUTHORIZED": NEVER_DELIVERED,
    "OA_AUTH_TOKEN_EXPIRED": NEVER_DELIVERED,
    "CH_ACCESS_TOKEN_INVALID": NEVER_DELIVERED,
}
"""The pool's word of a trade that certainly had no effect -> MetaApi's code."""

STOPS_TEXT: Final = "invalid stops"
"""How the pool's text on stops begins that it refused itself; callers match it as well."""

_DONE_TEXT: Final = "Request completed"


def answer_of(result: TradeResult) -> MetaApiTradeAnswer:
    """Return what a trading call came to."""
    answer = _answer(code_of(result), _text(result))
    order_id = result.get("orderId") or result.get("order_id")
    if order_id:
        answer["orderId"] = order_id
    if "positionId" in result:
        answer["positionId"] = result["positionId"]
    answer["ctrader"] = _extras(result)
    return answer


def answer_of_closes(results: CloseResults) -> MetaApiTradeAnswer:
    """Return what closing several positions came to: done only if none of them is left open. With
    nothing to close, nothing was changed."""
    if results["success"]:
        return _answer(DONE if results["results"] else NO_CHANGES, results["message"])
    failed = TradeResult(
        success=False, outcome=results["outcome"], code=results["code"], error=results["error"]
    )
    undone = [row for row in results["results"] if not row["success"]]
    if results["outcome"] == "executed" and undone:  # some were closed, and this is about the rest
        failed["outcome"] = undone[0]["outcome"]
    return _answer(code_of(failed), results["error"])


def refused(code: int, text: str) -> MetaApiTradeAnswer:
    """Return the refusal of a trade that never reached a platform."""
    return _answer(code, text)


def code_of(result: TradeResult) -> int:
    """Return the numeric code of a trading call."""
    if result["success"]:
        return DONE_PARTIALLY if result.get("partial") else DONE
    word = result.get("code", "")
    if result["outcome"] != "not_executed":
        return CODES["TIMEOUT_ERROR"] if word == "TIMEOUT_ERROR" else UNKNOWN
    if result.get("alreadyClosed"):
        return POSITION_CLOSED
    if word == "INVALID_ORDER" and result["error"].startswith(STOPS_TEXT):
        return INVALID_STOPS
    return CODES.get(word, OTHER_ERROR)


def _text(result: TradeResult) -> str:
    if "error" not in result:
        return result.get("message") or _DONE_TEXT
    code = result.get("code", "")
    return result["error"] if code in CODES or not code else f"{result['error']} ({code})"


def _answer(code: int, text: str) -> MetaApiTradeAnswer:
    return MetaApiTradeAnswer(numericCode=code, stringCode=STRINGS[code], message=text)


def _extras(result: TradeResult) -> MetaApiTradeExtras:
    extras = MetaApiTradeExtras(outcome=result["outcome"])
    if "code" in result:
        extras["code"] = result["code"]
    if "protection" in result:
        extras["protection"] = result["protection"]
    if "duplicate" in result:
        extras["duplicate"] = result["duplicate"]
    if "ticketId" in result:
        extras["ticketId"] = result["ticketId"]
    return extras
