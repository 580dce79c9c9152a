"""Whenever a snapshot is taken and whenever its answer arrives, the book ends the same."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from fxpool.account.book import AccountBook
from fxpool.account.events import PositionClosed, PositionOpened
from fxpool.domain.trades import (
    Execution,
    ExecutionType,
    Order,
    OrderStatus,
    Position,
    PositionStatus,
    Side,
)
from harness.values import (
    at,
    closing_deal,
    closing_order,
    created,
    deal,
    execution,
    limit_order,
    live_book,
    order,
    position,
)

UNIT = 100_000
T = TypeVar("T")


@dataclass
class Broker:
    """What a server would hold and push, one command at a time; a second passes for each."""

    second: int = 0
    balance: Decimal = Decimal("1000.00")
    version: int = 1
    positions: dict[int, Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    pushed: list[Execution] = field(default_factory=list)
    ids: int = 100

    def do(self, command: str, pick: int) -> None:
        self.second += 1
        getattr(self, command)(pick)

    def open(self, pick: int) -> None:
        position_id, units = self._id(), 1 + pick % 3
        opened = position(
            position_id,
            side=Side.BUY if pick % 2 else Side.SELL,
            volume_cents=units * UNIT,
            opened_at=at(self.second),
            updated_at=at(self.second),
        )
        self._fill(opened, order(self._id(), position_id=position_id))

    def place(self, _pick: int) -> None:
        order_id, position_id = self._id(), self._id()
        resting = limit_order(order_id, position_id=position_id, updated_at=at(self.second))
        self.orders[order_id] = resting
        self._push(ExecutionType.ORDER_ACCEPTED, order=resting, position=created(position_id))

    def trigger(self, pick: int) -> None:
        if resting := self._pick(self.orders, pick):
            del self.orders[resting.order_id]
            assert resting.position_id is not None
            opened = position(
                resting.position_id, opened_at=at(self.second), updated_at=at(self.second)
            )
            self._fill(opened, resting)

    def cancel(self, pick: int) -> None:
        if resting := self._pick(self.orders, pick):
            del self.orders[resting.order_id]
            gone = replace(resting, status=OrderStatus.CANCELLED, updated_at=at(self.second))
            self._push(ExecutionType.ORDER_CANCELLED, order=gone)

    def amend(self, pick: int) -> None:
        if held := self._pick(self.positions, pick):
            stop = Decimal(1) + Decimal(pick).scaleb(-5)
            amended = replace(held, stop_loss=stop, updated_at=at(self.second))
            self.positions[held.position_id] = amended
            self._push(ExecutionType.ORDER_REPLACED, position=amended)

    def close(self, pick: int) -> None:
        if held := self._pick(self.positions, pick):
            left = (pick % 2) * (held.volume_cents - UNIT)
            closed = held.volume_cents - left
            self.balance += 1
            self.version += 1
            done = closing_deal(
                self._id(),
                position_id=held.position_id,
                side=held.side.opposite,
                filled_volume_cents=closed,
                executed_at=at(self.second),
                balance=str(self.balance),
                version=self.version,
            )
            rest = replace(held, volume_cents=left, updated_at=at(self.second))
            if left:
                self.positions[held.position_id] = rest
            else:
                del self.positions[held.position_id]
                rest = replace(rest, status=PositionStatus.CLOSED)
            closing = closing_order(done.order_id, position_id=held.position_id)
            self._push(ExecutionType.ORDER_FILLED, order=closing, position=rest, deal=done)

    def _fill(self, opened: Position, by: Order) -> None:
        self.positions[opened.position_id] = opened
        done = deal(
            self._id(),
            position_id=opened.position_id,
            side=opened.side,
            filled_volume_cents=opened.volume_cents,
            executed_at=at(self.second),
        )
        filled = replace(by, status=OrderStatus.FILLED, updated_at=at(self.second))
        self._push(ExecutionType.ORDER_FILLED, order=filled, position=opened, deal=done)

    def _push(self, type: ExecutionType, **parts: object) -> None:  # noqa: A002 (domain's word)
        self.pushed.append(execution(type, **parts))

    def _id(self) -> int:
        self.ids += 1
        return self.ids

    @staticmethod
    def _pick(of: dict[int, T], pick: int) -> T | None:
        return list(of.values())[pick % len(of)] if of else None


commands = st.lists(
    st.tuples(
        st.sampled_from(["open", "place", "trigger", "cancel", "amend", "close"]),
        st.integers(0, 20),
    ),
    max_size=30,
)


def check_equal(book: AccountBook, broker: Broker) -> None:
    assert book.positions == broker.positions
    assert book.orders == broker.orders
    assert book.trader.balance == broker.balance


@given(commands=commands, data=st.data())
def test_any_interleaving_of_executions_and_a_snapshot_gives_the_brokers_book(
    commands: list[tuple[str, int]], data: st.DataObject
) -> None:
    broker, book = Broker(), live_book()
    asked, taken, answered = sorted(
        data.draw(st.lists(st.integers(0, len(commands)), min_size=3, max_size=3))
    )
    snapshot: tuple[list[Position], list[Order]] = ([], [])
    events = []
    for number in range(len(commands) + 1):
        if number == asked:
            book.begin_reconcile()
        if number == taken:
            snapshot = (list(broker.positions.values()), list(broker.orders.values()))
        if number == answered:
            events += book.reconcile(*snapshot)
        if number < len(commands):
            broker.do(*commands[number])
            # Events may lag behind the snapshot's answer; they keep their order.
            for _ in range(data.draw(st.integers(0, len(broker.pushed)))):
                events += book.apply_execution(broker.pushed.pop(0))
    for each in broker.pushed:
        events += book.apply_execution(each)
    check_equal(book, broker)
    assert book.vanished == {}
    for kind in (PositionOpened, PositionClosed):
        ids = [event.position.position_id for event in events if isinstance(event, kind)]
        assert len(ids) == len(set(ids))


@given(before=commands, away=commands, after=commands)
def test_after_an_absence_a_snapshot_and_deals_give_the_brokers_book(
    before: list[tuple[str, int]], away: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    broker, book = Broker(), live_book()
    for command in before:
        broker.do(*command)
    history = list(broker.pushed)
    for each in broker.pushed:
        book.apply_execution(each)
    broker.pushed.clear()
    for command in away:
        broker.do(*command)
    history += broker.pushed
    broker.pushed.clear()

    book.begin_reconcile()
    book.reconcile(broker.positions.values(), broker.orders.values())
    deals = [each.deal for each in history if each.deal is not None]
    for position_id in [*book.vanished, *book.deals_wanted()]:
        mine = [each for each in deals if each.position_id == position_id]
        book.prove_closed(position_id, mine, None) or book.add_deals(position_id, mine)
    book.load_trader(replace(book.trader, balance=broker.balance, balance_version=broker.version))
    check_equal(book, broker)
    assert book.vanished == {}
    assert book.deals_wanted() == set()

    for command in after:
        broker.do(*command)
    for each in broker.pushed:
        book.apply_execution(each)
    check_equal(book, broker)


@given(commands=commands)
def test_a_second_snapshot_says_nothing_new(commands: list[tuple[str, int]]) -> None:
    broker, book = Broker(), live_book()
    for command in commands:
        broker.do(*command)
    events = []
    for _ in range(2):
        book.begin_reconcile()
        events = book.reconcile(broker.positions.values(), broker.orders.values())
    assert events == []
