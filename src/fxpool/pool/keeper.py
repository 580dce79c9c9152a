"""Keeps one session open and its accounts authorised on it, for as long as the pool wants it.

After each failure it waits, connects again and replays: the application, then the accounts, each
of which is told and asks again for what it had subscribed to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

import structlog
from google.protobuf.message import Message

from fxpool.clock import Clock
from fxpool.errors import (
    AuthRefused,
    FxPoolError,
    LinkLost,
    LocalProtocolError,
    RequestError,
    RequestRefused,
)
from fxpool.openapi import Reaction, reaction_to
from fxpool.openapi.proto.messages_pb2 import ProtoOAAccountAuthReq, ProtoOAAccountLogoutReq
from fxpool.pool.backoff import Backoff
from fxpool.pool.channel import AccountListener, Environment, Priority, Seat
from fxpool.pool.limits import PoolLimits
from fxpool.pool.member import Member
from fxpool.pool.outbox import Outbox
from fxpool.pool.stats import LinkStats, Tally
from fxpool.session import Dialler, Nap, Session, SpotSink

log = structlog.get_logger(__name__)

_NOT_BEFORE_SOMEBODY_ACTS: Final = frozenset({Reaction.TOKEN, Reaction.FATAL, Reaction.REFUSE})


@dataclass(frozen=True, slots=True)
class ApplicationCredentials:
    """Who we are to the broker; the secret shows in no repr."""

    client_id: str
    client_secret: str = field(repr=False)


class Keeper:
    """One session's supervisor; also the server of its members and the session's observer.

    Attributes:
        key: its number in the pool.
        members: the accounts placed on it, by id.
        spot_sinks: where the session puts each account's quotes.
        failure: why there is no session now; None while there is one or none was tried yet.
        request: sends a request as soon as the limits allow; see ``Outbox``.
    """

    def __init__(
        self,
        key: int,
        environment: Environment,
        dialler: Dialler,
        credentials: ApplicationCredentials,
        *,
        clock: Clock,
        random: Random,
        request_ids: Iterator[str],
        limits: PoolLimits,
        tally: Tally,
    ) -> None:
        self.key = key
        self.environment = environment
        self.members: dict[int, Member] = {}
        self.spot_sinks: Mapping[int, SpotSink] = {}
        self.failure: FxPoolError | None = None
        self._dialler = dialler
        self._credentials = credentials
        self._clock = clock
        self._random = random
        self._request_ids = request_ids
        self._limits = limits
        self._tally = tally
        self._backoff = Backoff(random)
        self._nap = Nap(clock)
        self._outbox = Outbox(clock, limits)
        self.request = self._outbox.request
        self._authorising = asyncio.Semaphore(limits.authorisations_at_once)
        self._settled = asyncio.Event()
        self._session: Session | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._ready_at: float | None = None
        self._since = clock.at()
        self._reconnects = 0
        self._was_reset = False
        self._is_closing = False
        self._running: asyncio.Task[None] | None = None
        self._log = log.bind(session=key, environment=environment.value)

    # -- its life ------------------------------------------------------------------------------

    def open(self) -> None:
        """Start keeping a session open."""
        self._running = asyncio.create_task(self._run(), name=f"keeper-{self.key}")

    async def close(self) -> None:
        """End the session for good."""
        self._is_closing = True
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))

    async def _run(self) -> None:
        while True:
            self._settled.clear()
            error = await self._attempt()
            if self._is_closing:
                # A task group that fails while it is cancelled tells only of the failure.
                return
            pause = self._after(error)
            self._log.warning("session_lost", error=str(error), pause=round(pause, 3))
            if not self._was_reset:
                self._settled.set()
                await self._nap.sleep(pause)
            self._was_reset = False

    async def settled(self) -> None:
        """Wait until the present attempt to connect has succeeded or failed."""
        await self._settled.wait()

    def reset(self) -> None:
        """End the session and open another one at once."""
        self._was_reset = True
        self._settled.clear()
        if self._session is not None:
            self._session.end(LinkLost("a reset was asked for"))
        self._nap.cut_short()

    async def _attempt(self) -> FxPoolError:
        """Hold a session for as long as it lasts, and return what ended it."""
        error: FxPoolError = LinkLost("the session ended without a reason")
        try:
            await self._hold_session()
        except* FxPoolError as group:
            error = _first(group)
        except* Exception as group:  # a bug of ours: log it, and let only this session suffer
            self._log.exception("session_failed", exc_info=group)
            error = LocalProtocolError("the session ended by a fault of ours; see the log")
        return error

    async def _hold_session(self) -> None:
        link = await self._dialler.open()
        session = Session(
            link,
            self,
            clock=self._clock,
            request_ids=self._request_ids,
            timing=self._limits.timing,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(session.run(), name=f"session-{self.key}")
                await self._introduce(session)
                self._become_ready(session, tasks)
        finally:
            session.end(LinkLost("the session was given up"))
            link.abort()

    async def _introduce(self, session: Session) -> None:
        deadline = self._clock.now() + self._limits.answer_timeout
        credentials = self._credentials
        try:
            await session.authenticate(credentials.client_id, credentials.client_secret, deadline)
        except RequestRefused as exc:
            if reaction_to(exc.code, exc.text) is not Reaction.ALREADY_SO:
                raise

    def _become_ready(self, session: Session, tasks: asyncio.TaskGroup) -> None:
        self._tally.sessions_created += 1
        if self.failure is not None:
            self._reconnects += 1
            self._tally.reconnects += 1
        self._session, self._tasks, self.failure = session, tasks, None
        self._ready_at, self._since = self._clock.now(), self._clock.at()
        tasks.create_task(self._outbox.open(session).run(), name=f"outbox-{self.key}")
        self._log.info("session_ready", accounts=len(self.members))
        self._settled.set()
        for member in self.members.values():
            self._authorise_soon(member)

    def _after(self, error: FxPoolError) -> float:
        """Tell the members of a failure, and return the pause before the next attempt."""
        was_ready = self._ready_at is not None
        lasted = 0.0 if self._ready_at is None else self._clock.now() - self._ready_at
        self.failure, self._ready_at = error, None
        self._outbox.close(error)
        if not was_ready:
            self._tell_all_without_session(error)
        epoch = self._clock.at().timestamp()
        return self._backoff.pause_after(error, lasted=lasted, epoch=epoch)

    def _tell_all_without_session(self, error: FxPoolError) -> None:
        for member in tuple(self.members.values()):
            if member.is_refused:
                continue
            listener = member.listener
            is_ours = isinstance(error, AuthRefused)  # the application: nobody's token mends it
            self._tell(member, listener.refused if is_ours else listener.lost, error)

    # -- accounts ------------------------------------------------------------------------------

    def admit(self, seat: Seat, listener: AccountListener) -> Member:
        """Take an account in; it is authorised as soon as there is a session."""
        member = Member(seat, listener, self, Backoff(self._random), Nap(self._clock))
        self.members[seat.account_id] = member
        self._renew_sinks()
        self._authorise_soon(member)
        return member

    async def dismiss(self, member: Member) -> None:
        """Let an account go; its listener hears nothing more."""
        del self.members[member.account_id]
        self._renew_sinks()
        member.is_leaving = True
        member.nap.cut_short()
        if member.authorising is not None:
            await asyncio.wait((member.authorising,))
        if not member.is_authorised or self._session is None:
            return
        member.authorised_at = None
        message = ProtoOAAccountLogoutReq(ctidTraderAccountId=member.account_id)
        timeout = self._limits.answer_timeout
        try:
            await self.request(message, timeout=timeout, priority=Priority.READ)
        except RequestError as exc:  # the broker forgets the account with the session at the latest
            self._log.info("logout_failed", account=member.account_id, error=str(exc))

    def reauthorise(self, member: Member) -> None:
        """Authorise an account again, even if it was refused before."""
        member.is_refused = False
        member.nap.cut_short()
        self._lose(member, LinkLost("the account is being authorised again"))
        self._authorise_soon(member)

    def _renew_sinks(self) -> None:
        self.spot_sinks = {key: member.listener.spot for key, member in self.members.items()}

    def _authorise_soon(self, member: Member, pause: float = 0.0) -> None:
        is_running = member.authorising is not None and not member.authorising.done()
        if self._tasks is None or member.is_refused or is_running:
            return
        name = f"authorise-{member.account_id}"
        member.authorising = self._tasks.create_task(self._authorise(member, pause), name=name)

    async def _authorise(self, member: Member, pause: float) -> None:
        """Try until the account is authorised, refused, detached, or the session is over."""
        while True:
            if pause > 0.0:
                await member.nap.sleep(pause)
            if member.is_leaving:
                return
            error = await self._try_to_authorise(member)
            if error is None:
                member.authorised_at = self._clock.now()
                self._tell(member, member.listener.authorised)
                return
            if self._session is None:
                return  # the next session tries again
            if _needs_somebody(error):
                member.is_refused = True
                self._log.warning("account_refused", account=member.account_id, error=str(error))
                self._tell(member, member.listener.refused, error)
                return
            self._tell(member, member.listener.lost, error)
            pause = self._pause_of(member, error, lasted=0.0)

    async def _try_to_authorise(self, member: Member) -> FxPoolError | None:
        timeout = self._limits.authorisation_timeout
        async with self._authorising:
            try:
                message = ProtoOAAccountAuthReq(
                    ctidTraderAccountId=member.account_id, accessToken=member.seat.access_token()
                )
                await self.request(message, timeout=timeout, priority=Priority.READ)
            except RequestRefused as exc:
                if reaction_to(exc.code, exc.text) is not Reaction.ALREADY_SO:
                    return exc
            except FxPoolError as exc:
                return exc
        if self._session is None or not self._session.serves(member.account_id):
            return LinkLost("the account was lost again right after its authorisation")
        return None

    def _pause_of(self, member: Member, error: FxPoolError, *, lasted: float) -> float:
        epoch = self._clock.at().timestamp()
        return member.backoff.pause_after(error, lasted=lasted, epoch=epoch)

    def _lose(self, member: Member, error: FxPoolError) -> None:
        if member.is_authorised:
            member.authorised_at = None
            self._tell(member, member.listener.lost, error)

    def _tell(self, member: Member, hear: Callable[..., None], *args: object) -> None:
        """Call a listener; its bug costs its own account a new start, and nobody else anything."""
        if member.is_leaving:
            return
        try:
            hear(*args)
        except Exception as exc:  # the listener is not ours, and the session serves others too
            self.sink_failed(member.account_id, exc)

    # -- what the session tells ----------------------------------------------------------------

    def sink_failed(self, account_id: int, error: Exception) -> None:
        """Start an account anew whose listener raised."""
        self._log.error("listener_failed", account=account_id, exc_info=error)
        fault = LocalProtocolError(f"the account's listener failed: {type(error).__name__}")
        self.account_lost(account_id, fault)

    def pushed(self, account_id: int, message: Message) -> None:
        """Hand a message to its account."""
        member = self.members.get(account_id)
        if member is not None:
            self._tell(member, member.listener.push, message)

    def finished(self, payload_type: int, error: RequestError | None) -> None:
        """Count a request; its payload type may have to be held back."""
        self._outbox.finished(payload_type, error)
        if error is None:
            self._tally.answered += 1
        else:
            self._tally.errors += 1

    def account_lost(self, account_id: int, error: FxPoolError) -> None:
        """Tell the account, and authorise it again after a pause."""
        member = self.members.get(account_id)
        if member is None or member.authorised_at is None:
            return
        lasted = self._clock.now() - member.authorised_at
        self._log.info("account_lost", account=account_id, error=str(error))
        self._lose(member, error)
        self._authorise_soon(member, self._pause_of(member, error, lasted=lasted))

    def writable_again(self) -> None:
        """Send what waited for the link."""
        self._outbox.writable_again()

    def ended(self, error: FxPoolError) -> None:
        """Tell all accounts, and refuse what waits; the run loop takes it from here."""
        if self._session is None:
            return
        self._session, self._tasks = None, None
        self.failure, self._since = error, self._clock.at()
        self._outbox.close(error)
        for member in tuple(self.members.values()):
            self._lose(member, error)

    # -- what it tells -------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""
        return 0 if self._session is None else self._session.in_flight

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot."""
        return self._outbox.waiting

    def stats(self) -> LinkStats:
        """Return what the pool tells about this session."""
        return LinkStats(
            environment=self.environment,
            is_connected=self._session is not None,
            since=self._since,
            reconnects=self._reconnects,
            last_error=None if self.failure is None else str(self.failure),
            accounts=len(self.members),
            authorised=sum(member.is_authorised for member in self.members.values()),
        )


def _needs_somebody(error: FxPoolError) -> bool:
    """Whether trying again is useless before a person or a new token has mended it."""
    if isinstance(error, RequestRefused):
        return reaction_to(error.code, error.text) in _NOT_BEFORE_SOMEBODY_ACTS
    return not isinstance(error, RequestError | LinkLost)  # the token could not even be read


def _first(group: BaseExceptionGroup[FxPoolError]) -> FxPoolError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, FxPoolError)  # noqa: S101 - except* chose it
    return error
