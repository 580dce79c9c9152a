"""Which accounts the access token opens: configured accounts are matched exactly, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fxpool.errors import MappingError
from fxpool.openapi.proto import messages_pb2 as wire
from fxpool.openapi.proto.model_pb2 import SCOPE_VIEW
from fxpool.platforms.routing import AccountConfig
from fxpool.pool import Environment, Pool


class AccountMismatch(Exception):
    """The token does not open the account as it is configured; the text says why and the cure."""


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """One account that the token opens.

    Attributes:
        broker: the broker's short title, empty where the server left it out.
        is_view_only: the token may look and not trade.
    """

    ctid: int
    login: int | None
    environment: Environment
    broker: str
    is_view_only: bool


def match_account(config: AccountConfig, opened: Sequence[TokenAccount]) -> TokenAccount:
    """Return the account that the configuration means, and never another one.

    Raises AccountMismatch.
    """
    if config.ctid is not None:
        found = [account for account in opened if account.ctid == config.ctid]
        wanted = f"ctidTraderAccountId {config.ctid}"
    else:
        found = [account for account in opened if str(account.login) == config.login]
        wanted = f"login {config.login}"
    here = [account for account in found if account.environment is config.environment]
    if len(here) > 1:
        here = [account for account in here if account.broker.lower() == config.broker.lower()]
    if len(here) == 1:
        return here[0]
    if found and not here and len(found) == 1:
        raise AccountMismatch(
            f"{wanted} is a {found[0].environment.value} account, the configuration says "
            f"{config.environment.value}: correct its environment"
        )
    if found:
        candidates = ", ".join(map(_described, found))
        raise AccountMismatch(
            f"{wanted} occurs {len(found)} times in the token's list ({candidates}): "
            "set ctidTraderAccountId in the configuration"
        )
    raise AccountMismatch(
        f"{wanted} is not in the token's list of {len(opened)} accounts: authorise the "
        "application for it, or correct the configuration"
    )


def _described(account: TokenAccount) -> str:
    """Return what tells an account from others with its login."""
    facts = (account.environment.value, account.broker, f"ctid {account.ctid}")
    return " ".join(fact for fact in facts if fact)


class TokenAccounts:
    """The account lists of tokens, each read once per environment that asks for it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reading = asyncio.Lock()
        self._known: dict[tuple[Environment, str], list[TokenAccount]] = {}

    async def find(self, config: AccountConfig, access_token: str) -> TokenAccount:
        """Return the configured account from a token's list.

        Raises AccountMismatch, and what ``Pool.request`` raises.
        """
        return match_account(config, await self.all(config.environment, access_token))

    async def all(self, environment: Environment, access_token: str) -> list[TokenAccount]:
        """Return all accounts that a token opens. Raises what ``Pool.request`` raises."""
        key = (environment, access_token)
        async with self._reading:
            opened = self._known.get(key)
            if opened is None:
                opened = self._known[key] = await self._read(*key)
        return opened

    async def _read(self, environment: Environment, access_token: str) -> list[TokenAccount]:
        request = wire.ProtoOAGetAccountListByAccessTokenReq(accessToken=access_token)
        answer = await self._pool.request(environment, request, timeout=60.0)
        if not isinstance(answer, wire.ProtoOAGetAccountListByAccessTokenRes):
            raise MappingError(f"the account list was answered by {type(answer).__name__}")
        is_view_only = answer.HasField("permissionScope") and answer.permissionScope == SCOPE_VIEW
        return [
            TokenAccount(
                ctid=account.ctidTraderAccountId,
                login=account.traderLogin if account.HasField("traderLogin") else None,
                environment=Environment.LIVE if account.isLive else Environment.DEMO,
                broker=account.brokerTitleShort,
                is_view_only=is_view_only,
            )
            for account in answer.ctidTraderAccount
        ]
