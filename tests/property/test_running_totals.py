"""The totals of an account, kept by each change, against the sums over its positions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from fxpool.account.book import AccountBook
from fxpool.domain.accounts import MarginMode
from fxpool.domain.symbols import LightSymbol
from fxpool.domain.trades import ExecutionType, Position, PositionStatus, Side
from harness.values import (
    EURUSD,
    GBPJPY,
    JPY,
    LIGHTS,
    USD,
    USDJPY,
    closing_deal,
    execution,
    live_book,
    position,
    trader,
)

_, USDJPY_LIGHT, _ = LIGHTS

money = st.decimals(-(10**16), 10**16, places=2) | st.decimals(-(10**10), 10**10, places=8)
margins = st.none() | st.decimals(0, 10**16, places=2)
ids = st.integers(1, 8)
SYMBOLS = (EURUSD, USDJPY, GBPJPY)


@st.composite
def states(draw: st.DrawFn) -> Position:
    """A position's id tells its symbol and side, which it keeps."""
    position_id = draw(ids)
    return position(
        position_id,
        symbol_id=SYMBOLS[position_id % 3],
        side=Side.BUY if position_id % 2 else Side.SELL,
        volume_cents=draw(st.integers(1, 10**9)),
        swap=draw(money),
        commission=draw(money),
        used_margin=draw(margins),
        margin_rate=None,
    )


moves = st.one_of(
    st.tuples(st.just("snapshot"), st.lists(states(), max_size=5)),
    st.tuples(st.just("close"), ids),
    st.tuples(st.just("margin"), st.tuples(ids, st.decimals(0, 10**16, places=2))),
    st.tuples(st.just("load_mode"), st.sampled_from(MarginMode)),
    st.tuples(st.just("quote"), st.tuples(st.sampled_from(SYMBOLS), st.integers(0, 10**9))),
    st.tuples(st.just("conversion"), st.sampled_from([[USDJPY_LIGHT], []])),
)


class Moved:
    """A book that is moved step by step."""

    def __init__(self) -> None:
        self.book = live_book()
        self.mode = MarginMode.SUM
        self._deal_ids = count(1)

    def snapshot(self, positions: list[Position]) -> None:
        self.book.begin_reconcile()
        self.book.reconcile(positions, ())

    def close(self, position_id: int) -> None:
        held = self.book.position(position_id)
        if held is None:
            return
        other = Side.SELL if held.side is Side.BUY else Side.BUY
        ended = position(position_id, status=PositionStatus.CLOSED, volume_cents=0, side=held.side)
        deal = closing_deal(next(self._deal_ids), position_id=position_id, side=other)
        self.book.apply_execution(
            execution(ExecutionType.ORDER_FILLED, position=ended, deal=deal, order=None)
        )
        assert self.book.position(position_id) is None

    def margin(self, told: tuple[int, Decimal]) -> None:
        self.book.apply_margin(*told)

    def load_mode(self, mode: MarginMode) -> None:
        self.mode = mode
        self.book.load_trader(trader(margin_mode=mode))

    def quote(self, told: tuple[int, int]) -> None:
        symbol_id, bid = told
        self.book.apply_quote(symbol_id, bid, bid + 7, None, 0.0)

    def conversion(self, chain: list[LightSymbol]) -> None:
        self.book.set_conversion(JPY, USD, chain)


def margin_of(book: AccountBook, mode: MarginMode) -> Fraction | None:
    """Return the account's margin by its definition."""
    total = Fraction(0)
    for symbol_id in SYMBOLS:
        sides = {Side.BUY: Fraction(0), Side.SELL: Fraction(0)}
        for each in book.positions.values():
            if each.used_margin is None:
                return None
            if each.symbol_id == symbol_id:
                sides[each.side] += Fraction(each.used_margin)
        buy, sell = sides.values()
        total += {
            MarginMode.SUM: buy + sell,
            MarginMode.MAX: max(buy, sell),
            MarginMode.NET: abs(buy - sell),
        }[mode]
    return total


def exact(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


@given(steps=st.lists(moves, max_size=30))
def test_the_totals_kept_by_each_change_are_the_sums_over_the_positions(
    steps: list[tuple[str, object]],
) -> None:
    moved = Moved()
    for name, value in steps:
        getattr(moved, name)(value)
        book, totals = moved.book, moved.book.totals()
        positions = book.positions
        results = [book.gross(i) for i in positions]
        gross = None if None in results else sum((Fraction(r) for r in results if r), Fraction(0))
        swap = sum((Fraction(p.swap) for p in positions.values()), Fraction(0))
        commission = sum((Fraction(p.commission) for p in positions.values()), Fraction(0))
        margin = margin_of(book, moved.mode)
        held = {(p.symbol_id, p.side) for p in positions.values()}
        assert held == {(s, d) for s in SYMBOLS for d in Side if book.has_position(s, d)}
        assert (exact(totals.swap), exact(totals.commission)) == (swap, commission)
        assert (exact(totals.gross), exact(totals.margin)) == (gross, margin)
        net = None if gross is None else gross + swap + commission
        assert exact(totals.net) == net
        equity = None if net is None else Fraction(totals.balance) + net
        assert exact(totals.equity) == equity
        free = None if equity is None or margin is None else equity - margin
        assert exact(totals.free_margin) == free
