"""The token keeper: every account's pair, renewed before it ends, stored before it is used.

All accounts of one consent share a pair, and a pair is spent once: by one task, in one process.
Knows accounts by key only; the broker's sessions hear of a new pair through ``renewed``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

import structlog

from fxpool import redaction
from fxpool.auth.rotation import Rotations
from fxpool.auth.schedule import RenewalSchedule
from fxpool.auth.secrets import ACCOUNT_ID, ACCOUNTS, APPLICATION, Secret, SecretStore
from fxpool.auth.service import Refresher
from fxpool.auth.tokens import TokenPair, pair_from, with_pair
from fxpool.clock import Clock
from fxpool.errors import (
    FxPoolError,
    NeedsConsent,
    RequestNotSent,
    RequestRefused,
    SecretConflict,
    SecretError,
    SecretForbidden,
    SecretReadOnly,
)
from fxpool.openapi import Reaction, reaction_to
from fxpool.store.leases import Lease, Leases, leased

LOOK_SECONDS: Final = 5.0
"""How often the keeper looks what is due: short sleeps, so that no month-long timer overflows."""

STORE_RETRY_SECONDS: Final = 5.0
"""The pause before a new pair that no store would take is tried again."""

LOCK_SECONDS: Final = 60.0
"""How long a process that died keeps others from renewing; one that lives renews its lease."""

FINISH_SECONDS: Final = 75.0
"""How long an end of the process waits for renewals under way."""

_DEAD_CODES: Final = frozenset({"ACCESS_DENIED", "INVALID_GRANT", "invalid_grant"})
"""Refusals of the token endpoint that are about the refresh token, beside those of the protocol."""

log = structlog.get_logger(__name__)
audit = structlog.get_logger("fxpool.audit")


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """What may be told of an account's tokens: nothing of the tokens themselves.

    Attributes:
        can_renew: a refresh token is there, and a place to store its successor.
        error: what is wrong now, empty if nothing is.
    """

    is_linked: bool
    expires_at: datetime | None
    renewed_at: datetime | None
    scope: str
    can_renew: bool
    error: str


@dataclass(slots=True, eq=False)
class _Held:
    """One account's tokens as this process knows them.

    Attributes:
        paths: where its entry may be, most likely first.
        path: where it is, or would be written.
        given: fingerprint of the pair that a session was last given.
        is_behind: its entry still holds an older pair than this.
        is_removed: its tokens were removed here; what stands in for an entry brings none back.
    """

    paths: Sequence[str]
    path: str
    pair: TokenPair | None = None
    scope: str = ""
    given: str = ""
    error: str = "not read yet"
    is_read: bool = False
    is_behind: bool = False
    is_removed: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class TokenKeeper:
    """Access tokens by account key.

    ``owner`` names this process to others; ``rescue`` takes a new pair while the store is away.
    ``leases`` keep processes from fighting for a pair of the ``application``; what keeps them from
    spending it twice is the claim in the store.
    """

    def __init__(
        self,
        store: SecretStore,
        refresher: Refresher,
        *,
        clock: Clock,
        random: Random,
        owner: str,
        application: str,
        leases: Leases,
        rescue: SecretStore | None = None,
    ) -> None:
        self.store = store
        self._refresher = refresher
        self._clock = clock
        self._schedule = RenewalSchedule(random)
        self._application, self._leases = application, leases
        self._rotations = Rotations(store, rescue, owner=owner)
        self._accounts: dict[str, _Held] = {}
        self._dead: dict[str, NeedsConsent] = {}
        self._rotating: dict[str, asyncio.Task[None]] = {}
        self._renewed: Callable[[str], None] = lambda _: None
        self.keeps_failing: Callable[[str, str], None] = lambda _key, _why: None
        """Called with an account and why, at each failure after several and where a refresh token
        is refused for good; its owner may replace it."""
        self._untended = ""  # why the store cannot be used
        self._homeless = ""  # why rescued tokens are not in the store

    def add(self, key: str, paths: Sequence[str]) -> None:
        """Take an account in; its entry is at the first of ``paths`` that exists."""
        self._accounts[key] = _Held(paths, paths[0])

    @property
    def store_failure(self) -> str | None:
        """Why no pair could be renewed now, as far as the store goes; None while it works."""
        if self._untended:
            return self._untended
        return f"rescued tokens are not in it: {self._homeless}" if self._homeless else None

    # What sessions ask

    def access_token(self, key: str) -> str:
        """Return an account's access token, also where no refresh token works any more: whether it
        still opens the account only the broker knows.

        Raises NeedsConsent if there is none, RequestNotSent while it is being renewed or the store
        could not be read yet.
        """
        held = self._accounts[key]
        pair = held.pair
        if pair is None:
            if not held.is_read:
                raise RequestNotSent(f"the tokens of account {key} are not read: {held.error}")
            raise NeedsConsent(held.error)
        if pair.fingerprint in self._rotating:
            raise RequestNotSent(f"the tokens of account {key} are being renewed")
        held.given = pair.fingerprint
        return pair.access_token

    async def changed(self, key: str) -> None:
        """Wait until an account has another pair; a change that nobody waited for counts."""
        held = self._accounts[key]
        await held.changed.wait()
        held.changed.clear()

    def status(self, key: str) -> TokenStatus:
        """Return what may be told of an account's tokens."""
        held = self._accounts[key]
        pair = held.pair
        error = held.error
        if pair is not None and pair.fingerprint in self._dead:
            error = str(self._dead[pair.fingerprint])
        return TokenStatus(
            is_linked=pair is not None,
            expires_at=None if pair is None else pair.expires_at,
            renewed_at=None if pair is None else pair.obtained_at,
            scope=held.scope,
            can_renew=self._can_renew(pair),
            error=error,
        )

    # Life

    async def run(
        self, parked: Callable[[], Collection[str]], renewed: Callable[[str], None]
    ) -> None:
        """Keep all pairs fresh until cancelled; a renewal that has begun is finished first.

        ``parked`` returns the accounts that no session serves for want of a token: their entries
        are read again, since a person or another process may have mended them. ``renewed`` is
        called with each account that is to be authorised with another token.
        """
        self._renewed = renewed
        try:
            while True:
                await self._look(parked())
                await self._clock.sleep(LOOK_SECONDS)
        finally:
            await self._finish()

    async def read_all(self) -> None:
        """Read every account's entry once; an error shows in its ``status``."""
        for key in tuple(self._accounts):
            await self._read(key)

    async def _finish(self) -> None:
        """Wait for renewals under way: what is cut off here would be lost for good."""
        if not self._rotating:
            return
        _, late = await asyncio.wait(self._rotating.values(), timeout=FINISH_SECONDS)
        for task in late:
            log.error("a renewal was cut off; its tokens may be lost", renewal=task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _look(self, parked: Collection[str]) -> None:
        """Do what is due. Errors are kept as the accounts' state, never raised."""
        await self._tend_store()
        await self._bring_home()
        for key, held in tuple(self._accounts.items()):
            if key in parked or not held.is_read:
                await self._read(key)
            if held.is_behind:
                await self._write_entry(key)
        for pair in self._distinct_pairs():
            if self._is_due(pair, parked):
                self._start(pair)

    # Renewal

    async def renew(self, key: str) -> None:
        """Renew an account's pair now; returns when it is done or has failed.

        Raises NeedsConsent without a pair or with a dead one, SecretReadOnly if the successor
        could not be stored, RequestNotSent if it failed and may be tried again.
        """
        held = self._accounts[key]
        pair = held.pair
        if pair is None or not pair.refresh_token or pair.fingerprint in self._dead:
            raise NeedsConsent(f"account {key} has no refresh token that works")
        if self.store.is_read_only:
            raise SecretReadOnly(f"{self.store.place}: a renewed pair could not be stored")
        await asyncio.shield(self._start(pair))
        if pair.fingerprint in self._dead:
            raise self._dead[pair.fingerprint]
        if held.pair is not None and held.pair.fingerprint == pair.fingerprint:
            raise RequestNotSent(f"the tokens of account {key} were not renewed: {held.error}")

    def _distinct_pairs(self) -> list[TokenPair]:
        pairs = (held.pair for held in self._accounts.values() if held.pair is not None)
        return list({pair.fingerprint: pair for pair in pairs}.values())

    def _can_renew(self, pair: TokenPair | None) -> bool:
        has_token = pair is not None and bool(pair.refresh_token)
        return has_token and not self.store.is_read_only

    def _is_due(self, pair: TokenPair, parked: Collection[str]) -> bool:
        mark = pair.fingerprint
        if not self._can_renew(pair) or mark in self._dead or mark in self._rotating:
            return False
        is_refused = any(self._accounts[key].given == mark for key in parked)
        at, now = self._clock.at(), self._clock.now()
        return self._schedule.is_due(pair, at=at, now=now, is_refused=is_refused)

    def _start(self, pair: TokenPair) -> asyncio.Task[None]:
        """Begin to renew a pair, once at a time; ``_finish`` owns the task."""
        mark = pair.fingerprint
        running = self._rotating.get(mark)
        if running is None:
            running = asyncio.create_task(self._rotate(pair), name=f"renew-{mark}")
            self._rotating[mark] = running
            running.add_done_callback(lambda _: self._done(pair))
        return running

    def _done(self, pair: TokenPair) -> None:
        """Let sessions go on, with whatever pair there is now."""
        self._rotating.pop(pair.fingerprint, None)
        for key, held in self._accounts.items():
            if held.pair is not None and held.given == pair.fingerprint != held.pair.fingerprint:
                self._tell(key)

    async def _rotate(self, pair: TokenPair) -> None:
        """Spend a pair and store its successor: the outermost frame of its task."""
        name = f"token:lock:{self._application}:{pair.fingerprint}"
        try:
            async with leased(self._leases, name, LOCK_SECONDS, clock=self._clock) as lease:
                if lease is not None and await self._may_spend(pair, lease):
                    await self._spend(pair)
                else:
                    await self._adopt(pair)
        except FxPoolError as exc:
            self._failed(pair, exc)
        except Exception as exc:  # this pair is told of and tried again, the others go on
            log.exception("renewing tokens failed", pair=pair.fingerprint)
            self._failed(pair, RequestNotSent(f"an internal error: {type(exc).__name__}"))

    async def _may_spend(self, pair: TokenPair, lease: Lease) -> bool:
        """Claim a pair; not if that took longer than the lease lasts, for it may have an heir."""
        at, now = self._clock.at(), self._clock.now()
        is_claimed = await self._rotations.claim(pair, lease, at=at, now=now)
        return is_claimed and await self._leases.renew(lease, LOCK_SECONDS)

    async def _spend(self, pair: TokenPair) -> None:
        try:
            fresh = await self._refresher.refresh(pair.refresh_token)
        except RequestRefused as exc:
            # A process that was paused under its claim may find the pair spent by its heir.
            if not await self._adopt(pair):
                self._refused(pair, exc)
            return
        redaction.learn((fresh.access_token, fresh.refresh_token))
        audit.info("tokens renewed", pair=pair.fingerprint, successor=fresh.fingerprint)
        while not await self._rotations.keep(pair, fresh):
            self._note(pair, "a new pair waits to be stored; it is not used before that")
            await self._clock.sleep(STORE_RETRY_SECONDS)
        await self._bring_home()
        await self._take(pair, fresh)

    async def _adopt(self, pair: TokenPair) -> bool:
        """Take the pair that another process got for this one; False if there is none yet."""
        newest = await self._rotations.newest(pair)
        if newest.fingerprint == pair.fingerprint:
            return False
        await self._take(pair, newest)
        return True

    async def _tend_store(self) -> None:
        try:
            await self.store.tend()
        except SecretError as exc:
            if self._untended != str(exc):
                log.warning("the secret store cannot be used", error=str(exc))
            self._untended = str(exc)
        else:
            self._untended = ""

    async def _bring_home(self) -> None:
        """Move rescued pairs to the store, or later if it is away: they are safe and in use."""
        try:
            await self._rotations.bring_home()
        except SecretError as exc:
            if self._homeless != str(exc):
                log.warning("rescued tokens are not in the store yet", error=str(exc))
            self._homeless = str(exc)
        else:
            self._homeless = ""

    async def _take(self, old: TokenPair, new: TokenPair) -> None:
        """Use a stored pair from now on, and bring the accounts' own entries up to date."""
        for held in self._sharing(old):
            held.pair, held.error, held.is_behind = new, "", True
        for key, held in tuple(self._accounts.items()):
            if held.is_behind:
                await self._write_entry(key)

    def _refused(self, pair: TokenPair, error: RequestRefused) -> None:
        """Park the pair if it is dead; raise the error if it is about anything else."""
        is_token = reaction_to(error.code, error.text) is Reaction.TOKEN
        if not is_token and error.code not in _DEAD_CODES:
            raise error
        is_unclear = self._schedule.is_unclear(pair)
        lost = "; the answer to an earlier attempt was lost" if is_unclear else ""
        text = f"the refresh token was refused ({error}){lost}: authorise the application again"
        self._dead[pair.fingerprint] = NeedsConsent(text)
        audit.error("tokens are dead", outcome="failed", pair=pair.fingerprint, error=str(error))
        self._tell_of_failing(pair, text)

    def _failed(self, pair: TokenPair, error: FxPoolError) -> None:
        pause = self._schedule.failed(pair, error, self._clock.now())
        self._note(pair, f"renewing failed, again in {pause:.0f} s: {error}")
        log.warning("renewing tokens failed", pair=pair.fingerprint, error=str(error))
        if self._schedule.is_failing(pair):
            self._tell_of_failing(pair, str(error))

    def _tell_of_failing(self, pair: TokenPair, why: str) -> None:
        end = "" if pair.expires_at is None else f"; they end on {pair.expires_at:%F %H:%M} UTC"
        for key in [key for key, held in self._accounts.items() if held.pair == pair]:
            self.keeps_failing(key, f"{why}{end}")

    def _note(self, pair: TokenPair, text: str) -> None:
        for held in self._sharing(pair):
            held.error = text

    def _sharing(self, pair: TokenPair) -> list[_Held]:
        mark = pair.fingerprint
        accounts = self._accounts.values()
        return [held for held in accounts if held.pair and held.pair.fingerprint == mark]

    def _tell(self, key: str) -> None:
        self._accounts[key].changed.set()
        self._renewed(key)

    # Entries

    async def _read(self, key: str) -> None:
        """Read an account's entry, and tell its session if that has another pair now."""
        held = self._accounts[key]
        before = held.pair
        try:
            entry = await self._find(held)
            stored = pair_from(entry.fields, source=held.path)
            newest = None if stored is None else await self._rotations.newest(stored)
        except SecretError as exc:
            held.error = str(exc)
            return
        if held.pair is not before or (before and before.fingerprint in self._rotating):
            return  # a renewal knows better than what was read beside it
        if held.is_removed and (entry.is_borrowed or not entry.exists):
            return
        held.is_read, held.is_removed = True, False
        held.scope = entry.fields.get("scope", "")
        if newest is None:
            tried = ", ".join(held.paths)
            held.pair = None
            held.error = (
                f"no tokens in {self.store.place} (tried {tried}): run `fxpool connect {key}`"
            )
            return
        held.is_behind = stored is not None and stored.fingerprint != newest.fingerprint
        held.pair, held.error = newest, ""
        if held.given != newest.fingerprint:
            self._tell(key)

    async def _find(self, held: _Held) -> Secret:
        """Return an account's entry and remember its path; one of its own goes before others."""
        found, held.path = Secret(), held.paths[0]
        for path in held.paths:
            entry = await self.store.read(path)
            if entry.exists and (not found.exists or not entry.is_borrowed):
                found, held.path = entry, path
            if found.exists and not found.is_borrowed:
                break
        return found

    async def _write_entry(self, key: str) -> None:
        """Put the newest pair into an account's own entry, unless somebody else changed that."""
        held = self._accounts[key]
        if held.pair is None:
            return
        try:
            entry = await self.store.read(held.path)
            stored = pair_from(entry.fields, source=held.path)
            is_ours = stored is not None and (
                (await self._rotations.newest(stored)).fingerprint == held.pair.fingerprint
            )
            if is_ours and stored != held.pair:
                fields = with_pair(entry.fields, held.pair)
                await self.store.write(held.path, fields, version=entry.version)
        except SecretConflict:
            return  # it stays behind, and is looked at again
        except SecretError as exc:
            held.error = f"the new tokens are safe but not in {held.path} yet: {exc}"
            return
        held.is_behind = False
        if not is_ours:
            await self._read(key)

    # Linking

    async def check_store(self) -> None:
        """Raise SecretError if the store cannot be reached or written now."""
        if self.store.is_read_only:
            raise SecretReadOnly(f"{self.store.place}: new tokens could not be stored")
        await self.store.read(APPLICATION)

    async def link(
        self,
        key: str,
        pair: TokenPair,
        facts: Mapping[str, str],
        opens: Collection[int] | None = None,
    ) -> None:
        """Store the pair of a new consent for an account, and use it.

        ``facts`` are further fields of the entry, ``opens`` are the ids of all accounts that the
        pair opens, None where they are not known. Raises SecretError; nothing is changed then.
        """
        redaction.learn((pair.access_token, pair.refresh_token))
        held = self._accounts[key]
        while True:
            entry = await self._find(held)
            if opens is not None and self._is_anothers(held, entry, opens):
                if held.path == held.paths[0]:
                    raise SecretError(
                        f"{held.path} holds the tokens of another account with the same login, "
                        "which this consent is not for: give one of them an entry of its own, by "
                        f'"_vaultPath": "{ACCOUNTS}/{key}" in the routing file, and restart'
                    )
                held.path = held.paths[0]
                entry = await self.store.read(held.path)
            fields = with_pair({**entry.fields, **facts}, pair)
            try:
                await self.store.write(held.path, fields, version=entry.version)
            except SecretConflict:
                continue
            break
        held.pair, held.error, held.is_read, held.is_behind = pair, "", True, False
        held.is_removed = False
        held.scope = fields.get("scope", "")
        self._tell(key)

    def _is_anothers(self, held: _Held, entry: Secret, opens: Collection[int]) -> bool:
        """Whether an entry is that of an account which other tokens open: logins of two brokers may
        be equal. An account that got another id is alone with its entry."""
        owner = entry.fields.get(ACCOUNT_ID)
        if not owner or owner in map(str, opens):
            return False
        others = (other for other in self._accounts.values() if other is not held)
        return any(held.path in other.paths for other in others)

    async def forget(self, key: str) -> bool:
        """Remove an account's tokens from wherever the store has them and from here.

        Return whether something else than the store has some too, which a restart would use.
        Raises SecretError; the account is served on then.
        """
        held = self._accounts[key]
        mine = (await self._find(held)).fields.get(ACCOUNT_ID)
        is_elsewhere = False
        for path in held.paths:
            try:
                entry = await self.store.read(path)
                if entry.fields.get(ACCOUNT_ID, mine) != mine:
                    continue  # of an account with the same login at another broker
                if entry.exists and not entry.is_borrowed:
                    await self.store.delete(path)
                    entry = await self.store.read(path)
            except SecretForbidden:
                if path == held.path:
                    raise
                continue  # what we may not read brings nothing back
            is_elsewhere |= entry.is_borrowed
        held.pair, held.is_read, held.error = None, True, "its tokens were removed on demand"
        held.is_removed = True
        self._tell(key)
        return is_elsewhere

    def sharing(self, key: str) -> list[str]:
        """Return the accounts that share an account's pair, itself included."""
        pair = self._accounts[key].pair
        if pair is None:
            return []
        mine = self._sharing(pair)
        return [other for other, held in self._accounts.items() if held in mine]
