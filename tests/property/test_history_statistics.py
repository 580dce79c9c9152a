"""Statistics of random pasts: they agree with the broker's ledger and with another computation."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from random import Random

import pytest

from fxpool.domain.trades import CashFlow, Deal
from fxpool.history.record import AccountRecord, Entry
from fxpool.history.statistics import growth_of
from fxpool.simulator.engine.book import Book
from harness.past import cash_flow_of, deals_of, record_of, trade_at_random
from harness.trader import ACCOUNT, START_MS, Trader

WEEK_MS = 604_800_000
SEEDS = range(8)


@lru_cache(maxsize=16)
def past(seed: int) -> tuple[Book, tuple[Entry, ...]]:
    """Return a broker's book after weeks of trading, and what an account reads of it."""
    trader = Trader()
    trade_at_random(
        trader.engine,
        ACCOUNT,
        begin_ms=START_MS + 10,
        end_ms=START_MS + 6 * WEEK_MS,
        steps=400,
        chance=Random(seed),
    )
    return trader.book, (*deals_of(trader.book), *cash_flow_of(trader.book))


def results_by_position(entries: tuple[Entry, ...]) -> dict[int, Decimal]:
    """The same trades, computed another way: by a sum over each position's closing deals."""
    found: dict[int, Decimal] = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, Deal) and entry.close is not None:
            close = entry.close
            found[entry.position_id] += (
                close.gross_profit + close.swap + close.commission + close.conversion_fee
            )
    return found


def balances(entries: tuple[Entry, ...]) -> list[tuple[datetime, Decimal, Decimal, bool]]:
    """All changes by the broker's own numbering: time, change, balance after, is it cash."""
    numbered: list[tuple[int, datetime, Decimal, Decimal, bool]] = []
    for entry in entries:
        if isinstance(entry, CashFlow):
            numbered.append(
                (entry.balance_version or 0, entry.at, entry.delta, entry.balance, True)
            )
        elif entry.close is not None:
            close = entry.close
            row = (entry.executed_at, close.net_profit, close.balance, False)
            numbered.append((close.balance_version or 0, *row))
    return [row[1:] for row in sorted(numbered)]


@pytest.mark.parametrize("seed", SEEDS)
def test_results_and_cash_flow_are_the_whole_balance(seed: int) -> None:
    book, entries = past(seed)
    record = record_of(list(entries))
    parts = sum((p.profit + p.swap + p.commission for p in record.parts), Decimal(0))
    cash = sum((flow.delta for flow in record.flows), Decimal(0))
    assert parts + cash == Decimal(book.ledger.balance).scaleb(-2)
    assert record.curve.balance == Decimal(book.ledger.balance).scaleb(-2)
    assert record.curve.breaks == 0
    assert record.profit() == parts
    assert record.curve.deposits - record.curve.withdrawals == cash
    assert record.deals == len(book.deals)


@pytest.mark.parametrize("seed", SEEDS)
def test_counts_and_sums_agree_with_sums_by_position(seed: int) -> None:
    _, entries = past(seed)
    results = list(results_by_position(entries).values())
    tally = record_of(list(entries)).tally()
    wins, losses = [r for r in results if r > 0], [r for r in results if r < 0]
    assert (tally.trades, tally.won, tally.lost) == (len(results), len(wins), len(losses))
    assert (tally.gross_profit, tally.gross_loss) == (sum(wins), -sum(losses))
    assert tally.best is not None
    assert tally.worst is not None
    assert (tally.best.net_profit, tally.worst.net_profit) == (max(results), min(results))


@pytest.mark.parametrize("seed", SEEDS)
def test_ratios_agree_with_the_standard_library(seed: int) -> None:
    _, entries = past(seed)
    record = record_of(list(entries))
    capital: dict[int, Decimal] = {}
    ended: dict[int, datetime] = {}
    for entry in sorted(
        (e for e in entries if isinstance(e, Deal) and e.close is not None),
        key=lambda deal: deal.close.balance_version,  # type: ignore[union-attr] # filtered
    ):
        assert entry.close is not None
        capital.setdefault(entry.position_id, entry.close.balance - entry.close.net_profit)
        ended[entry.position_id] = entry.executed_at
    results = results_by_position(entries)
    returns = [float(results[i] / capital[i]) for i in results]
    profits = [float(results[i]) for i in results]
    downside = math.sqrt(statistics.fmean(min(0.0, r) ** 2 for r in returns))
    spread = statistics.pstdev(profits)
    kurtosis = statistics.fmean(((p - statistics.fmean(profits)) / spread) ** 4 for p in profits)
    found = record.ratios()
    close = {"rel_tol": 1e-9}
    assert found.sharpe is not None
    assert math.isclose(
        found.sharpe, statistics.fmean(returns) / statistics.stdev(returns), **close
    )
    assert math.isclose(found.sortino or 0, statistics.fmean(returns) / downside, **close)
    assert math.isclose(found.kurtosis or 0, kurtosis - 3, **close)
    assert math.isclose(found.profit_deviation or 0, statistics.stdev(profits), **close)
    factors = [1 + r for r in returns]
    assert math.isclose(
        found.geometric_return or 0, statistics.geometric_mean(factors) - 1, rel_tol=1e-8
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_growth_and_drawdown_agree_with_a_walk_over_the_balances(seed: int) -> None:
    _, entries = past(seed)
    record = record_of(list(entries))
    walk = balances(entries)
    index, peak, drawdown = 1.0, 1.0, 0.0
    cash, money_peak, fall = Decimal(0), None, Decimal(0)
    for _, change, balance, is_cash in walk:
        if is_cash:
            cash += change
        else:
            index *= float(balance) / float(balance - change)
        peak = max(peak, index)
        drawdown = max(drawdown, 1 - index / peak)
        result = balance - cash  # the curve without deposits and withdrawals
        money_peak = result if money_peak is None else max(money_peak, result)
        fall = max(fall, money_peak - result)
    growth = growth_of(record.curve, record.profit(), walk[-1][0])
    assert math.isclose(growth.gain or 0, index - 1, rel_tol=1e-9)
    assert math.isclose(growth.max_drawdown or 0, drawdown, rel_tol=1e-9)
    assert record.curve.max_fall == fall


@pytest.mark.parametrize("seed", SEEDS)
def test_days_hold_what_happened_on_them(seed: int) -> None:
    _, entries = past(seed)
    record = record_of(list(entries))
    profit: dict[date, Decimal] = defaultdict(Decimal)
    last: dict[date, Decimal] = {}
    for at, change, balance, is_cash in balances(entries):
        profit[at.date()] += 0 if is_cash else change
        last[at.date()] = balance
    assert {day.date: day.profit for day in record.curve.days} == profit
    assert {day.date: day.balance for day in record.curve.days} == last
    assert record.curve.days[-1].total_profit == record.profit()


def figures(record: AccountRecord) -> tuple[object, ...]:
    tally, curve = record.tally(), record.curve
    return (
        (tally.trades, tally.won, tally.lost, tally.long, tally.gross_profit, tally.gross_loss),
        (tally.commission, tally.swap, tally.volumes, tally.duration),
        (curve.balance, curve.deposits, curve.withdrawals, curve.max_fall, curve.max_drawdown),
        (curve.index, record.ratios(), curve.days),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_in_which_history_comes_changes_nothing(seed: int) -> None:
    _, entries = past(seed)
    mixed = list(entries)
    Random(seed).shuffle(mixed)
    assert figures(record_of(mixed)) == figures(record_of(list(entries)))


@pytest.mark.parametrize("seed", SEEDS)
def test_scaling_money_and_volume_scales_sums_and_leaves_ratios(seed: int) -> None:
    _, entries = past(seed)
    plain = record_of(list(entries))
    scaled = record_of([scaled_by(7, entry) for entry in entries])
    small, large = plain.tally(), scaled.tally()
    assert large.profit == 7 * small.profit
    assert large.volumes == {symbol: 7 * volume for symbol, volume in small.volumes.items()}
    assert scaled.curve.max_fall == 7 * plain.curve.max_fall
    assert large.profit_factor == small.profit_factor
    assert math.isclose(scaled.curve.max_drawdown, plain.curve.max_drawdown, rel_tol=1e-9)
    assert math.isclose(
        scaled.ratios().sharpe or 0, plain.ratios().sharpe or 0, rel_tol=1e-9, abs_tol=1e-12
    )


def scaled_by(factor: int, entry: Entry) -> Entry:
    if isinstance(entry, CashFlow):
        return replace(entry, delta=entry.delta * factor, balance=entry.balance * factor)
    close = entry.close
    return replace(
        entry,
        volume_cents=entry.volume_cents * factor,
        filled_volume_cents=entry.filled_volume_cents * factor,
        close=None
        if close is None
        else replace(
            close,
            gross_profit=close.gross_profit * factor,
            swap=close.swap * factor,
            commission=close.commission * factor,
            conversion_fee=close.conversion_fee * factor,
            balance=close.balance * factor,
            closed_volume_cents=(close.closed_volume_cents or 0) * factor,
        ),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_closing_in_two_parts_makes_the_same_trades(seed: int) -> None:
    _, entries = past(seed)
    halves = [half for entry in entries for half in in_halves(entry)]
    whole, split = record_of(list(entries)), record_of(halves)
    one, other = whole.tally(), split.tally()
    assert (one.trades, one.won, one.lost, one.profit) == (
        other.trades,
        other.won,
        other.lost,
        other.profit,
    )
    assert (one.volumes, one.commission, one.swap) == (other.volumes, other.commission, other.swap)
    assert whole.ratios() == split.ratios()
    assert split.curve.breaks == 0
    assert [d.balance for d in whole.curve.days] == [d.balance for d in split.curve.days]


def in_halves(entry: Entry) -> list[Entry]:
    """A closing deal as two at the same instant; ids and versions are spread to make room."""
    if isinstance(entry, CashFlow):
        return [replace(entry, balance_version=2 * (entry.balance_version or 0))]
    close = entry.close
    if close is None:
        return [replace(entry, deal_id=2 * entry.deal_id)]
    cents = (close.closed_volume_cents or 0) // 2
    first = replace(
        close,
        gross_profit=close.gross_profit / 2,
        swap=close.swap / 2,
        commission=close.commission / 2,
        conversion_fee=close.conversion_fee / 2,
        balance=close.balance - close.net_profit / 2,
        closed_volume_cents=cents,
        balance_version=2 * (close.balance_version or 0) - 1,
    )
    second = replace(
        first,
        balance=close.balance,
        closed_volume_cents=(close.closed_volume_cents or 0) - cents,
        balance_version=2 * (close.balance_version or 0),
    )
    return [
        replace(entry, deal_id=2 * entry.deal_id - 1, filled_volume_cents=cents, close=first),
        replace(
            entry,
            deal_id=2 * entry.deal_id,
            filled_volume_cents=entry.filled_volume_cents - cents,
            close=second,
        ),
    ]
