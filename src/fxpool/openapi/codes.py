"""The broker's error codes as data: what each means and how we react.

Codes travel as strings (the enum's names); strings outside the enums occur too, so an unknown one
is a normal case: on a write its outcome is unknown, on a read it is tried once more and refused.

Sources: ProtoErrorCode and ProtoOAErrorCode of the public schema; the remaining names (no number)
were seen by other clients or belong to the same backend's manager interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Reaction(Enum):
    """What a client does about an error code."""

    TRANSIENT = "transient"
    """Try again later, with back-off. The request had no effect."""
    RATE = "rate"
    """Hold this payload type for as long as told, on the same connection."""
    REAUTHORISE_ACCOUNT = "reauthorise_account"
    """The account's session is gone: authorise it again on this connection."""
    REAUTHORISE_APPLICATION = "reauthorise_application"
    """The connection lost its application: connect again."""
    TOKEN = "token"
    """The token is dead: read it again from its store, refresh it, or ask its owner."""
    ALREADY_SO = "already_so"
    """What was asked for is the case already: a success."""
    REFUSE = "refuse"
    """Tell the caller; the same request would be refused again."""
    FATAL = "fatal"
    """Wrong configuration or a dead account: stop until a person has looked."""
    UNKNOWN_OUTCOME = "unknown_outcome"
    """The write may have taken effect: reconcile before anything else."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code.

    Attributes:
        name: the string on the wire.
        number: its number in the schema, None for strings outside the enums.
        meaning: in our words.
        reaction: to a read, and to a write unless ``on_write`` says otherwise.
        on_write: the reaction to a write where it differs.
    """

    name: str
    number: int | None
    meaning: str
    reaction: Reaction
    on_write: Reaction | None = None


_TABLE: Final = (
    ErrorCode(
        "UNKNOWN_ERROR", 1, "an error without a name", Reaction.TRANSIENT, Reaction.UNKNOWN_OUTCOME
    ),
    ErrorCode(
        "UNSUPPORTED_MESSAGE",
        2,
        "the server does not know this payload type; also seen on the wrong host",
        Reaction.FATAL,
    ),
    ErrorCode(
        "INVALID_REQUEST",
        3,
        "bad input; one word for many causes, the description decides",
        Reaction.REFUSE,
    ),
    ErrorCode(
        "TIMEOUT_ERROR",
        5,
        "execution reached the server's time limit",
        Reaction.TRANSIENT,
        Reaction.UNKNOWN_OUTCOME,
    ),
    ErrorCode("ENTITY_NOT_FOUND", 6, "no object with this id", Reaction.REFUSE),
    ErrorCode(
        "CANT_ROUTE_REQUEST",
        7,
        "wrong environment for the account, or the broker's server is away",
        Reaction.TRANSIENT,
    ),
    ErrorCode("FRAME_TOO_LONG", 8, "the message was too large", Reaction.REFUSE),
    ErrorCode("MARKET_CLOSED", 9, "the market is closed", Reaction.REFUSE),
    ErrorCode("CONCURRENT_MODIFICATION", 10, "the object is being executed", Reaction.TRANSIENT),
    ErrorCode(
        "BLOCKED_PAYLOAD_TYPE", 11, "this payload type is blocked for a while", Reaction.RATE
    ),
    ErrorCode("OA_AUTH_TOKEN_EXPIRED", 1, "the access token expired", Reaction.TOKEN),
    ErrorCode(
        "ACCOUNT_NOT_AUTHORIZED",
        2,
        "no session for this account on this connection",
        Reaction.REAUTHORISE_ACCOUNT,
    ),
    ErrorCode("RET_NO_SUCH_LOGIN", 12, "the account does not exist any more", Reaction.FATAL),
    ErrorCode(
        "ALREADY_LOGGED_IN",
        14,
        "the account is authorised on this connection already",
        Reaction.ALREADY_SO,
    ),
    ErrorCode(
        "INCORRECT_BOUNDARIES", 35, "the time window is invalid or too wide", Reaction.REFUSE
    ),
    ErrorCode("RET_ACCOUNT_DISABLED", 64, "the account is disabled", Reaction.FATAL),
    ErrorCode(
        "CONNECTIONS_LIMIT_EXCEEDED",
        67,
        "too many connections of this application",
        Reaction.TRANSIENT,
    ),
    ErrorCode(
        "WORSE_GSL_NOT_ALLOWED",
        68,
        "a guaranteed stop may not be moved to more risk",
        Reaction.REFUSE,
    ),
    ErrorCode("SYMBOL_HAS_HOLIDAY", 69, "the symbol has a holiday", Reaction.REFUSE),
    ErrorCode(
        "CH_CLIENT_AUTH_FAILURE",
        101,
        "the application is not activated, or its secret is wrong",
        Reaction.FATAL,
    ),
    ErrorCode(
        "CH_CLIENT_NOT_AUTHENTICATED",
        102,
        "the application has not authenticated on this connection",
        Reaction.REAUTHORISE_APPLICATION,
    ),
    ErrorCode(
        "CH_CLIENT_ALREADY_AUTHENTICATED",
        103,
        "the application has authenticated already",
        Reaction.ALREADY_SO,
    ),
    ErrorCode(
        "CH_ACCESS_TOKEN_INVALID",
        104,
        "the access or refresh token is invalid, expired or spent",
        Reaction.TOKEN,
    ),
    ErrorCode(
        "CH_SERVER_NOT_REACHABLE",
        105,
        "the broker's trade server cannot be reached",
        Reaction.TRANSIENT,
    ),
    ErrorCode(
        "CH_CTID_TRADER_ACCOUNT_NOT_FOUND",
        106,
        "no such account id for this token; often the login was given instead",
        Reaction.FATAL,
    ),
    ErrorCode("CH_OA_CLIENT_NOT_FOUND", 107, "unknown client id", Reaction.FATAL),
    ErrorCode("REQUEST_FREQUENCY_EXCEEDED", 108, "too many requests", Reaction.RATE),
    ErrorCode(
        "SERVER_IS_UNDER_MAINTENANCE",
        109,
        "the broker's server is under maintenance",
        Reaction.TRANSIENT,
    ),
    ErrorCode(
        "CHANNEL_IS_BLOCKED", 110, "operations are not allowed for this account", Reaction.FATAL
    ),
    ErrorCode(
        "NOT_SUBSCRIBED_TO_SPOTS", 112, "a spot subscription is needed first", Reaction.REFUSE
    ),
    ErrorCode("ALREADY_SUBSCRIBED", 113, "the subscription exists already", Reaction.ALREADY_SO),
    ErrorCode("SYMBOL_NOT_FOUND", 114, "no such symbol", Reaction.REFUSE),
    ErrorCode("UNKNOWN_SYMBOL", 115, "no such symbol", Reaction.REFUSE),
    ErrorCode(
        "NO_QUOTES", 117, "no price is known for the symbol", Reaction.TRANSIENT, Reaction.REFUSE
    ),
    ErrorCode("NOT_ENOUGH_MONEY", 118, "not enough free margin", Reaction.REFUSE),
    ErrorCode("MAX_EXPOSURE_REACHED", 119, "the exposure limit is reached", Reaction.REFUSE),
    ErrorCode("POSITION_NOT_FOUND", 120, "no such position", Reaction.REFUSE),
    ErrorCode("ORDER_NOT_FOUND", 121, "no such order", Reaction.REFUSE),
    ErrorCode("POSITION_NOT_OPEN", 122, "the position is not open", Reaction.REFUSE),
    ErrorCode(
        "POSITION_LOCKED", 123, "the position's state forbids it at the moment", Reaction.TRANSIENT
    ),
    ErrorCode("TOO_MANY_POSITIONS", 124, "the limit of open positions is reached", Reaction.REFUSE),
    ErrorCode(
        "TRADING_BAD_VOLUME",
        125,
        "the volume is outside the symbol's limits or off its step",
        Reaction.REFUSE,
    ),
    ErrorCode(
        "TRADING_BAD_STOPS",
        126,
        "a stop loss, take profit or stop price on the wrong side",
        Reaction.REFUSE,
    ),
    ErrorCode("TRADING_BAD_PRICES", 127, "a price that cannot be", Reaction.REFUSE),
    ErrorCode("TRADING_BAD_STAKE", 128, "a spread-betting stake that cannot be", Reaction.REFUSE),
    ErrorCode(
        "PROTECTION_IS_TOO_CLOSE_TO_MARKET",
        129,
        "protection closer to the market than the symbol allows",
        Reaction.REFUSE,
    ),
    ErrorCode("TRADING_BAD_EXPIRATION_DATE", 130, "an expiration that cannot be", Reaction.REFUSE),
    ErrorCode(
        "PENDING_EXECUTION", 131, "the position has an order in execution", Reaction.TRANSIENT
    ),
    ErrorCode("TRADING_DISABLED", 132, "trading is disabled for the symbol", Reaction.REFUSE),
    ErrorCode("TRADING_NOT_ALLOWED", 133, "the account may not trade", Reaction.REFUSE),
    ErrorCode(
        "UNABLE_TO_CANCEL_ORDER",
        134,
        "the order cannot be cancelled, usually because it is being filled",
        Reaction.REFUSE,
    ),
    ErrorCode(
        "UNABLE_TO_AMEND_ORDER",
        135,
        "the order cannot be amended, usually because it is being filled",
        Reaction.REFUSE,
    ),
    ErrorCode(
        "SHORT_SELLING_NOT_ALLOWED", 136, "the symbol may not be sold short", Reaction.REFUSE
    ),
    ErrorCode(
        "NOT_SUBSCRIBED_TO_PNL",
        137,
        "a profit-and-loss subscription is needed first",
        Reaction.REFUSE,
    ),
    ErrorCode("NOT_ENOUGH_RIGHTS", None, "the account or token lacks the right", Reaction.REFUSE),
    ErrorCode("AUTHENTICATION_FAILED", None, "authentication failed", Reaction.REAUTHORISE_ACCOUNT),
    ErrorCode("TRADER_NOT_FOUND", None, "the account does not exist", Reaction.FATAL),
    ErrorCode("NO_SUCH_LOGIN", None, "the account does not exist", Reaction.FATAL),
    ErrorCode("WRONG_PASSWORD", None, "authentication failed", Reaction.FATAL),
    ErrorCode(
        "POSITION_CONCURRENT_CHANGE", None, "the position is being changed", Reaction.TRANSIENT
    ),
    ErrorCode("RECONCILIATION_IN_PROGRESS", None, "the server is reconciling", Reaction.TRANSIENT),
    ErrorCode(
        "UNABLE_TO_FORWARD_COMMAND",
        None,
        "the proxy could not forward the command",
        Reaction.TRANSIENT,
        Reaction.UNKNOWN_OUTCOME,
    ),
    ErrorCode(
        "DATASTORE_IS_NOT_AVAILABLE",
        None,
        "the server's data store is away",
        Reaction.TRANSIENT,
        Reaction.UNKNOWN_OUTCOME,
    ),
    ErrorCode("ORDER_TYPE_NOT_ALLOWED", None, "the order type is not allowed", Reaction.REFUSE),
    ErrorCode("OPERATION_NOT_ALLOWED", None, "the operation is not allowed", Reaction.REFUSE),
    ErrorCode("INVALID_DATA", None, "bad input", Reaction.REFUSE),
    ErrorCode("WRONG_LEVERAGE", None, "the leverage cannot be", Reaction.REFUSE),
    ErrorCode("HIDDEN_HISTORY", None, "the history is hidden", Reaction.REFUSE),
    ErrorCode("DEAL_NOT_FOUND", None, "no such deal", Reaction.REFUSE),
    ErrorCode("INCORRECT_POSITION_ID", None, "no such position", Reaction.REFUSE),
    ErrorCode("ALREADY_DELETED", None, "the object is gone already", Reaction.ALREADY_SO),
    ErrorCode(
        "NOT_SUBSCRIBED_TO_DEPTHS", None, "there is no depth subscription", Reaction.ALREADY_SO
    ),
    ErrorCode("POSITION_NOT_FOUND_OR_NOT_OPENED", None, "no such open position", Reaction.REFUSE),
    ErrorCode("ALREADY_CLOSED", None, "the position is closed already", Reaction.ALREADY_SO),
    ErrorCode("NO_ENOUGH_MONEY_TO_OPEN_POSITION", None, "not enough free margin", Reaction.REFUSE),
    ErrorCode(
        "CH_APPLICATION_NOT_AUTHORIZED",
        None,
        "the application has not authenticated on this connection",
        Reaction.REAUTHORISE_APPLICATION,
    ),
    ErrorCode("CH_OA_AUTH_TOKEN_EXPIRED", None, "the access token expired", Reaction.TOKEN),
    ErrorCode("ACCESS_TOKEN_EXPIRED", None, "the access token expired", Reaction.TOKEN),
    ErrorCode("TOKEN_EXPIRED", None, "the access token expired", Reaction.TOKEN),
    ErrorCode("OA_ACCESS_TOKEN_EXPIRED", None, "the access token expired", Reaction.TOKEN),
    ErrorCode(
        "INVALID_STOPS_LEVEL", None, "a stop loss or take profit that cannot be", Reaction.REFUSE
    ),
    ErrorCode(
        "INVALID_STOPLOSS_TAKEPROFIT",
        None,
        "a stop loss or take profit that cannot be",
        Reaction.REFUSE,
    ),
)

ERROR_CODES: Final = {code.name: code for code in _TABLE}

_BY_DESCRIPTION: Final = (
    ("not authorized", Reaction.REAUTHORISE_ACCOUNT),
    ("nothing to amend", Reaction.ALREADY_SO),
)
"""INVALID_REQUEST is one word for many causes; these descriptions were seen on live servers."""

_GONE: Final = frozenset(
    {
        "ENTITY_NOT_FOUND",
        "POSITION_NOT_FOUND",
        "POSITION_NOT_OPEN",
        "POSITION_NOT_FOUND_OR_NOT_OPENED",
        "ORDER_NOT_FOUND",
    }
)


def reaction_to(code: str, description: str = "", *, writing: bool = False) -> Reaction:
    """Return the reaction to an error answer; never a default that hides an unknown code.

    ``writing`` says that the request would have changed an order or a position.
    """
    if code == "INVALID_REQUEST":
        text = description.lower()
        for words, reaction in _BY_DESCRIPTION:
            if words in text:
                return reaction
    known = ERROR_CODES.get(code)
    if known is None:
        return Reaction.UNKNOWN_OUTCOME if writing else Reaction.TRANSIENT
    if writing and known.on_write is not None:
        return known.on_write
    return known.reaction


def says_gone(code: str) -> bool:
    """Whether a code says that the order or position named in the request does not exist.

    For a cancel or a close that is the goal; the caller still looks up why it is gone.
    """
    return code in _GONE
