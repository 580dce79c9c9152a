"""A way to the broker that answers from a table."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import Message

from fxpool.pool.channel import LastCheck, Priority, TradeReply


class AnsweringChannel:
    """An AccountChannel for reads: each kind of request always gets the same answer."""

    account_id = 1
    is_authorised = True

    def __init__(self, answers: Mapping[type[Message], Message]) -> None:
        self._answers = answers

    async def request(
        self, message: Message, *, timeout: float = 10.0, priority: Priority = Priority.READ
    ) -> Message:
        return self._answers[type(message)]

    async def trade(
        self, message: Message, *, timeout: float = 30.0, last_check: LastCheck | None = None
    ) -> TradeReply:
        raise AssertionError("reads only")

    async def reauthorise(self) -> None:
        raise AssertionError("reads only")
