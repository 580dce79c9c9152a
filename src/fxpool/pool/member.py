"""An account in the pool: its seat, its listener, and the channel that it sends through."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from google.protobuf.message import Message

from fxpool.errors import LocalProtocolError, RequestNotSent
from fxpool.openapi import TRADING_REQUESTS, payload_type_of
from fxpool.openapi.proto.messages_pb2 import ProtoOANewOrderReq
from fxpool.pool.backoff import Backoff
from fxpool.pool.channel import (
    TRADE_SECONDS,
    AccountListener,
    LastCheck,
    Priority,
    Seat,
    TradeReply,
)
from fxpool.session import Nap, Reply


class Server(Protocol):
    """What a member asks of whoever holds its session."""

    async def request(
        self,
        message: Message,
        *,
        timeout: float,
        priority: Priority,
        last_check: LastCheck | None = None,
    ) -> Reply:
        """Send a request and return its answer; see AccountChannel."""
        ...

    def reauthorise(self, member: Member) -> None:
        """Authorise the account again, even if it was refused before."""
        ...


class Member:
    """One account as its session's keeper knows it; to the account it is an AccountChannel.

    Attributes:
        is_refused: the broker refused the account; it is not tried again before ``reauthorise``.
        is_leaving: the account was detached while an authorisation was under way.
        authorised_at: monotonic seconds, while it is authorised.
        authorising: the running authorisation, if there is one.
    """

    def __init__(
        self, seat: Seat, listener: AccountListener, server: Server, backoff: Backoff, nap: Nap
    ) -> None:
        self.seat = seat
        self.listener = listener
        self.backoff = backoff
        self.nap = nap
        self.is_refused = False
        self.is_leaving = False
        self.authorised_at: float | None = None
        self.authorising: asyncio.Task[None] | None = None
        self._server = server

    @property
    def account_id(self) -> int:
        """The ``ctidTraderAccountId``."""
        return self.seat.account_id

    @property
    def is_authorised(self) -> bool:
        """Whether a session serves the account now."""
        return self.authorised_at is not None

    async def request(
        self, message: Message, *, timeout: float = 10.0, priority: Priority = Priority.READ
    ) -> Message:
        """Send a request and return its answer; see AccountChannel."""
        if payload_type_of(message) in TRADING_REQUESTS:
            raise LocalProtocolError("an order request goes through trade()")
        reply = await self._send(message, timeout, priority)
        assert isinstance(reply, Message)  # noqa: S101 - only order requests end in a tuple
        return reply

    async def trade(
        self,
        message: Message,
        *,
        timeout: float = TRADE_SECONDS,
        last_check: LastCheck | None = None,
    ) -> TradeReply:
        """Send an order request and return once its outcome is known; see AccountChannel."""
        opens = isinstance(message, ProtoOANewOrderReq)
        priority = Priority.TRADE if opens else Priority.EXIT
        reply = await self._send(message, timeout, priority, last_check)
        if not isinstance(reply, tuple):
            raise LocalProtocolError(f"{type(message).__name__} is no order request")
        return TradeReply(reply)

    async def reauthorise(self) -> None:
        """Start authorising the account again; its listener hears how it goes."""
        self._server.reauthorise(self)

    def _send(
        self,
        message: Message,
        timeout: float,
        priority: Priority,
        last_check: LastCheck | None = None,
    ) -> Coroutine[Any, Any, Reply]:
        if self.authorised_at is None:
            raise RequestNotSent(f"account {self.account_id} is not authorised on any session")
        return self._server.request(
            message, timeout=timeout, priority=priority, last_check=last_check
        )
