"""Bugs that the checker must find: parts of the product that break one promise each."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from fxpool.domain.tickets import Entry, Ticket, TicketState
from fxpool.errors import Outcome, RequestError
from fxpool.platforms.ctrader import CTraderPlatform
from fxpool.platforms.event_hub import EventHub
from fxpool.platforms.events import Event
from fxpool.pool import AccountChannel, Pool, Seat, TradeReply
from fxpool.store import Journal


def plant(bug: str, platform: CTraderPlatform) -> None:
    """Put a bug's part in the place of the right one; ``forget`` and ``neglect`` are journals of
    their own."""
    hub = DroppingHub(platform._hub)
    for served in platform._accounts.values():
        if bug == "resend":
            served.live._pool = ResendingPool(served.live._pool)  # type: ignore[assignment] # a stand-in
        if bug == "drop":
            served.feed._hub = platform._hub = hub


class ResendingPool:
    """Hands out channels that send an order again when its answer is lost."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def attach(self, seat: Seat, listener: Any) -> ResendingChannel:
        return ResendingChannel(self._pool.attach(seat, listener))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


class ResendingChannel:
    """Resends on time-out."""

    def __init__(self, channel: AccountChannel) -> None:
        self._channel = channel

    async def trade(self, message: Message, **options: Any) -> TradeReply:
        try:
            return await self._channel.trade(message, **options)
        except RequestError as exc:
            if exc.outcome is not Outcome.UNKNOWN:
                raise
            return await self._channel.trade(message, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


class ForgetfulJournal(Journal):
    """Says that everything is stored, and stores nothing."""

    async def enter(self, entry: Entry) -> bool:
        return True

    def note(self, ticket: Ticket) -> None:
        pass

    async def write(self, ticket: Ticket, *, frees_key: bool = False) -> None:
        pass

    async def settle(
        self, ticket: Ticket, expected: TicketState, *, frees_key: bool = False
    ) -> bool:
        return True


class DroppingHub(EventHub):
    """Loses one deal on its way to the subscribers, without a gap in the numbers."""

    def __init__(self, hub: EventHub) -> None:
        super().__init__(hub._log)
        self._left = 3

    def publish(self, event: Event) -> None:
        if event.type == "dealAdded":
            self._left -= 1
            if self._left == 0:
                return
        super().publish(event)
