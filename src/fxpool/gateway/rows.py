"""Clients in rows: those whose streams are equal and who have been sent the same so far.

A row has one queue: it is looked at once per turn, whatever the number of clients, and each is
written the same bytes. A client that is told something alone, or does not read, leaves its row;
it finds one again when it has been sent all. Knows nothing of tasks, nor of what events say.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Final, Protocol

from fxpool.gateway.event_links import EventLink
from fxpool.gateway.frames import Form, SharedFrames
from fxpool.gateway.metrics import Metrics
from fxpool.platforms.base import SharedQueue

MOST_IN_ROW: Final = 200
"""Clients that are written to without a pause: in a millisecond or two."""


class RowClient(Protocol):
    """Who stands in a row, and leaves it by ``Row.remove``.

    Attributes:
        link: its client's.
    """

    link: EventLink

    def leave_to_task(self) -> None:
        """Leave the row; what is ready is written at the client's own pace."""
        ...

    def fail(self, failure: Exception) -> None:
        """Leave the row; the stream ends by this."""
        ...


class Row:
    """Clients of one kind that have been sent the same."""

    def __init__(
        self,
        leader: SharedQueue,
        form: Form,
        *,
        frames: SharedFrames,
        metrics: Metrics,
        on_empty: Callable[[Row], None],
    ) -> None:
        """``leader`` is closed, and ``on_empty`` called, when the last client leaves."""
        self._leader, self._form = leader, form
        self._frames, self._metrics, self._on_empty = frames, metrics, on_empty
        self._clients: dict[EventLink, RowClient] = {}  # a turn looks at the links alone

    @property
    def clients(self) -> int:
        """How many stand in it."""
        return len(self._clients)

    @property
    def is_idle(self) -> bool:
        """Whether its clients have been sent all."""
        return self._leader.is_idle

    def add(self, client: RowClient, queue: SharedQueue) -> None:
        """Take in a client that has been sent all, as those in the row have."""
        queue.follow(self._leader)
        self._clients[client.link] = client

    def remove(self, client: RowClient, queue: SharedQueue) -> None:
        """Let a client go, with what the row has not been sent yet."""
        del self._clients[client.link]
        queue.part()
        if not self._clients:
            self._leader.close()
            self._on_empty(self)

    def take_ready(self) -> bytes:
        """Return what all are to be written now; who does not read has left the row."""
        for link in [each for each in self._clients if not each.can_write]:
            self._clients[link].leave_to_task()
        try:
            return self._take()
        except Exception as exc:  # a callback's outermost frame: the clients' tasks raise it
            for client in tuple(self._clients.values()):
                client.fail(exc)
            return b""

    def write(self, data: bytes) -> None:
        """Write to all."""
        for link in tuple(self._clients):
            try:
                link.write(data)
            except Exception as exc:  # a callback's outermost frame: the client's task raises it
                self._clients[link].fail(exc)

    def _take(self) -> bytes:
        events = self._leader.take()
        if not events or not self._clients:
            return b""
        self._metrics.events += len(events) * len(self._clients)
        return self._frames.of(events, self._form)


class Rows:
    """All rows of a gateway."""

    def __init__(
        self, frames: SharedFrames, metrics: Metrics, on_ready: Callable[[Row], None]
    ) -> None:
        """``on_ready`` is called with a row that has something to be taken."""
        self._frames, self._metrics, self._on_ready = frames, metrics, on_ready
        self._by_kind: dict[tuple[Form, Hashable], list[Row]] = {}

    def place(self, client: RowClient, queue: SharedQueue, form: Form) -> Row | None:
        """Put a client that was just sent all into a row; None if the row is yet to be sent it."""
        row = self._open_row(queue, form)
        if not row.is_idle:
            return None
        row.add(client, queue)
        return row

    def _open_row(self, queue: SharedQueue, form: Form) -> Row:
        """Return the first that is not full."""
        kind = form, queue.kind
        rows = self._by_kind.setdefault(kind, [])
        for row in rows:
            if row.clients < MOST_IN_ROW:
                return row
        leader = queue.leader()
        row = Row(
            leader,
            form,
            frames=self._frames,
            metrics=self._metrics,
            on_empty=partial(self._forget, kind),
        )
        leader.on_ready(partial(self._on_ready, row))
        rows.append(row)
        return row

    def _forget(self, kind: tuple[Form, Hashable], row: Row) -> None:
        rows = self._by_kind[kind]
        rows.remove(row)
        if not rows:
            del self._by_kind[kind]
