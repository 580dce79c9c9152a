"""What is waited for of an account's state: conditions that are looked at when it changes.

Knows no account. Whoever changes the state says so by ``check``; nothing is polled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Waits:
    """The tasks that wait for a condition each.

    Attributes:
        pending: one pair per task: its condition, and what ends its wait. Empty most of the time,
            which the socket's turn of the loop can see without a call.
    """

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition to hold, for so long at most; return whether it does.

        Ends early on ``release``.
        """
        if condition():
            return True
        done = asyncio.get_running_loop().create_future()
        waiter = (condition, done)
        self.pending.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await done
        except TimeoutError:
            return condition()
        finally:
            self.pending.remove(waiter)
        return condition()

    def check(self) -> None:
        """Wake the tasks whose condition holds now."""
        for condition, done in self.pending:
            if not done.done() and condition():
                done.set_result(None)

    def release(self) -> None:
        """Wake all tasks: what they wait for may never come."""
        for _, done in self.pending:
            if not done.done():
                done.set_result(None)
