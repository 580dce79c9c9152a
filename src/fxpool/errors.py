"""Every error that fxpool raises on purpose. Imports nothing of ours.

After a failed request a caller needs one fact before all others: may an order be live? Each
``RequestError`` answers with its ``outcome``. Errors carry facts as attributes, so that nobody
parses messages; messages hold no secrets.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

DATABASE_CURE: Final = (
    "See that the database answers and has room (CTRADER_DATABASE_URL, or the disk of "
    "CTRADER_DATA_DIR); it is taken up again by itself"
)
"""What callers are told to do about a database that is down."""


class Outcome(Enum):
    """What a failed request did at the broker."""

    NOT_SENT = "not_sent"
    """It never left us; it had no effect."""
    REFUSED = "refused"
    """The broker said no; it had no effect."""
    UNKNOWN = "unknown"
    """It left us and no answer was seen: reconcile before anything else."""

    @property
    def is_certain(self) -> bool:
        """Whether the request certainly had no effect."""
        return self is not Outcome.UNKNOWN


class FxPoolError(Exception):
    """Base of all errors that fxpool raises on purpose."""


class SettingsError(FxPoolError):
    """The configuration cannot be used. The text names the setting and the cure."""


class AddressTaken(SettingsError):
    """Another process has the address to listen on; it may be one that is about to end."""


class MappingError(FxPoolError):
    """A message that makes no sense as a trade: an unknown enum value, a missing field."""


class SecretError(FxPoolError):
    """A secret store cannot do what is asked. The text names the place and the cure, no secret."""


class SecretStoreDown(SecretError):
    """The store does not answer now: unreachable, slow or overloaded. It may later."""


class SecretStoreSealed(SecretStoreDown):
    """The store answers that it is sealed; somebody has to unseal it."""


class SecretForbidden(SecretError):
    """The store refuses us: a token or role that is wrong, expired or allowed too little."""


class SecretConflict(SecretError):
    """Somebody else wrote the entry since it was read; nothing was written."""


class SecretReadOnly(SecretError):
    """The place of the secrets cannot be written."""


class SecretUnreadable(SecretError):
    """What is stored makes no sense: a wrong key, a damaged file, a field of a wrong shape."""


class RedisDown(FxPoolError):
    """Redis does not answer now; each process goes on alone. The text names place and cure."""


class RedisRefused(RedisDown):
    """Redis answers and refuses us: the password, the user's rights, the number of the database."""


class SymbolNotFound(FxPoolError):
    """No symbol, or more than one, answers to a name on this account.

    Attributes:
        name: the name that was asked for.
        candidates: the nearest names of the account, best first.
    """

    def __init__(self, name: str, candidates: tuple[str, ...] = (), *, ambiguous: bool = False):
        hint = f"; did you mean {', '.join(candidates)}?" if candidates else ""
        reason = "Symbol not found (ambiguous)" if ambiguous else "Symbol not found"
        super().__init__(f"{reason}: {name}{hint}")
        self.name, self.candidates, self.ambiguous = name, candidates, ambiguous


class InvalidVolume(FxPoolError):
    """A volume that the symbol does not allow: off the step, or out of range."""


class InvalidCall(FxPoolError):
    """What a caller sent makes no sense, and nothing was done. The text names field and cure."""


class InvalidOrder(InvalidCall):
    """An order that cannot be sent as asked: a missing price, an impossible combination."""


class HistoryDown(FxPoolError):
    """The copy of the accounts' past cannot be read or kept now; trading goes on."""


class AccessStoreDown(FxPoolError):
    """The API keys or the volumes of their days cannot be read or kept now."""


class AuditDown(FxPoolError):
    """The audit log cannot be written or read now; what waits is written later."""


class NoQuote(FxPoolError):
    """No price is known for a symbol, so nothing that needs one can be computed."""


class LinkError(FxPoolError):
    """The byte stream to the broker."""


class ConnectFailed(LinkError):
    """No link could be made: name lookup, TCP or TLS, within the whole-connect time-out."""


class LinkLost(LinkError):
    """The link ended."""


class HeartbeatMissed(LinkLost):
    """The link is open and silent for longer than the watchdog allows."""


class ApplicationDisconnected(LinkLost):
    """The broker cut the whole application off; connecting again at once makes it worse."""


class ProtocolError(FxPoolError):
    """Bytes or messages against the protocol."""


class LocalProtocolError(ProtocolError):
    """We would have broken the protocol: our bug."""


class RemoteProtocolError(ProtocolError):
    """The other side broke the protocol."""


class FrameTooLarge(RemoteProtocolError):
    """A frame's size prefix exceeds the limit; nothing was buffered for it.

    Attributes:
        size: the announced size in bytes.
        limit: the largest size that we accept.
    """

    def __init__(self, size: int, *, limit: int) -> None:
        super().__init__(f"a frame of {size} bytes exceeds the limit of {limit}")
        self.size, self.limit = size, limit


class PoolError(FxPoolError):
    """The pool of sessions."""


class PoolClosed(PoolError):
    """The pool is closing; nothing more is accepted."""


class SlowConsumer(PoolError):
    """A subscriber did not keep up and was closed; it must reconcile."""


class NotReady(FxPoolError):
    """The account's state is not known yet, or not any more. Reads raise this, never answer empty.

    Attributes:
        phase: the account's phase, for example ``synchronising``.
        retry_after: seconds after which asking again makes sense.
    """

    def __init__(self, text: str, *, phase: str, retry_after: float = 1.0) -> None:
        super().__init__(text)
        self.phase, self.retry_after = phase, retry_after


class RequestError(FxPoolError):
    """A request to the broker that did not succeed; ``outcome`` says what it may have done."""

    outcome: Outcome = Outcome.UNKNOWN


class RequestNotSent(RequestError):
    """The request never left us: no session, no authorisation, or the link ended before it."""

    outcome = Outcome.NOT_SENT


class TradingHalted(RequestNotSent):
    """A person, or a limit of losses, lets the account open nothing."""


class PoolBusy(RequestNotSent):
    """The queue in front of the session is full.

    Attributes:
        retry_after: seconds after which a slot is likely.
    """

    def __init__(self, text: str, *, retry_after: float = 1.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class JournalDown(RequestNotSent):
    """The order journal cannot store an intent now, so the order was not sent."""


class KeyTaken(RequestNotSent):
    """Another request claimed the same idempotency key a moment before."""


class RequestRefused(RequestError):
    """The broker answered with an error code instead of a result.

    Attributes:
        code: the broker's error word, one of ours in ``openapi.codes`` or one we do not know.
        text: the broker's own description, possibly empty.
        retry_after: seconds until the payload type is unlocked, if the broker said so.
        maintenance_end: epoch seconds at which maintenance ends, if the broker said so.
    """

    outcome = Outcome.REFUSED

    def __init__(
        self,
        code: str,
        text: str = "",
        *,
        retry_after: float | None = None,
        maintenance_end: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {text}" if text else code)
        self.code, self.text = code, text
        self.retry_after, self.maintenance_end = retry_after, maintenance_end


class AuthRefused(RequestRefused):
    """The application, the token or the account was refused."""


class NeedsConsent(AuthRefused):
    """No token of the account works any more: its owner must authorise the application again."""

    def __init__(self, text: str, *, code: str = "CH_ACCESS_TOKEN_INVALID") -> None:
        super().__init__(code, text)
        self.args = (text,)  # the words are ours; the code only tells what kind of refusal it is


class TradeRefused(RequestRefused):
    """An order request was refused, by the broker or by a rule of the broker's that is known here;
    it had no effect."""


class RateLimited(RequestRefused):
    """The broker blocked this payload type for a while."""


class Maintenance(RequestRefused):
    """The broker's server is away for a while."""


class OutcomeUnclear(RequestRefused):
    """The broker answered a write with an error that does not say whether it took effect."""

    outcome = Outcome.UNKNOWN


class RequestTimedOut(RequestError):
    """No answer before the deadline. After sending, this is never a rejection."""

    outcome = Outcome.UNKNOWN


class RequestAbandoned(RequestError):
    """The link ended between sending and the answer."""

    outcome = Outcome.UNKNOWN


class AlertNotSent(FxPoolError):
    """An alert did not reach anybody; the text holds no secret."""
