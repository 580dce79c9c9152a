"""A hundred thousand deals: our statistics and those of public libraries on the same rows.

``pandas`` groups the broker's rows, ``empyrical`` and ``scipy`` compute the ratios. They share no
code with ours and read the deals, not our trades.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal, localcontext
from functools import lru_cache
from random import Random
from time import process_time

import empyrical
import pandas as pd
import pytest
from scipy import stats

from fxpool.domain.trades import CashFlow, Deal
from fxpool.history.record import AccountRecord, Entry, order_of
from fxpool.history.statistics import growth_of
from harness.large_past import BEGIN, TWO_YEARS, large_past
from harness.past import record_of

DEALS = 100_000
END = BEGIN + TWO_YEARS
CLOSE = {"rel_tol": 1e-9, "abs_tol": 1e-12}
AT_ONCE_SECONDS = 0.25
"""What any question may cost in time of the processor; measured are less than 10 ms."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The broker's rows as tables of cents.

    Attributes:
        closes: one row per closing deal. ``trades``: one per position, by the last of its deals.
        changes: every change of the balance by its version.
    """

    closes: pd.DataFrame
    trades: pd.DataFrame
    changes: pd.DataFrame


@lru_cache(maxsize=1)
def past() -> tuple[list[Entry], AccountRecord, Rows]:
    entries = large_past(DEALS)
    return entries, record_of(entries), tables_of(entries)


def cents(money: Decimal) -> int:
    return int(money * 100)


def tables_of(entries: list[Entry]) -> Rows:
    closes = pd.DataFrame(
        {
            "version": entry.close.balance_version,
            "position": entry.position_id,
            "symbol": entry.symbol_id,
            "at": entry.executed_at,
            "net": cents(entry.close.net_profit),
            "balance": cents(entry.close.balance),
        }
        for entry in entries
        if isinstance(entry, Deal) and entry.close is not None
    ).sort_values("version")
    cash = pd.DataFrame(
        {
            "version": entry.balance_version,
            "at": entry.at,
            "net": cents(entry.delta),
            "balance": cents(entry.balance),
            "is_cash": True,
        }
        for entry in entries
        if isinstance(entry, CashFlow)
    )
    closes["capital"] = closes["balance"] - closes["net"]
    trades = closes.groupby("position").agg(
        net=("net", "sum"),
        capital=("capital", "first"),
        at=("at", "last"),
        version=("version", "last"),
        symbol=("symbol", "first"),
    )
    changes = pd.concat([closes.assign(is_cash=False), cash]).sort_values("version")
    return Rows(closes, trades.sort_values("version"), changes)


def test_ratios_of_a_large_history_agree_with_empyrical_and_scipy() -> None:
    _, record, rows = past()
    returns = rows.trades["net"] / rows.trades["capital"]
    profits = rows.trades["net"] / 100
    found = record.ratios()
    expected = {
        "sharpe": empyrical.sharpe_ratio(returns, annualization=1),
        "sortino": empyrical.sortino_ratio(returns, annualization=1),
        "kurtosis": stats.kurtosis(profits),
        "mean_return": returns.mean(),
        "geometric_return": geometric_return(rows.trades),
        "profit_deviation": profits.std(),
        "z_score": runs_score(profits > 0),
    }
    for name, value in expected.items():
        ours = getattr(found, name)
        assert math.isclose(ours, value, rel_tol=1e-9), (name, ours, value)
    assert found.confidence_percent is not None
    two_sided = 100 * (1 - 2 * stats.norm.sf(abs(expected["z_score"])))
    assert math.isclose(found.confidence_percent, two_sided, **CLOSE)


def geometric_return(trades: pd.DataFrame) -> float:
    """The n-th root of the product, in decimals of fifty digits: 1 + r as a float loses eight."""
    with localcontext(prec=50):
        product = Decimal(1)
        for net, capital in zip(trades["net"], trades["capital"], strict=True):
            product *= 1 + Decimal(int(net)) / Decimal(int(capital))
        return float(product ** (Decimal(1) / len(trades)) - 1)


def runs_score(wins: pd.Series) -> float:
    """The z-score of runs by its textbook formula, on another path: changes of a series."""
    n, won = len(wins), int(wins.sum())
    runs = int(wins.ne(wins.shift()).sum())
    p = 2 * won * (n - won)
    return float((n * (runs - 0.5) - p) / math.sqrt(p * (p - n) / (n - 1)))


def test_growth_and_drawdown_of_a_large_history_agree_with_empyrical() -> None:
    _, record, rows = past()
    results = rows.changes[~rows.changes["is_cash"].astype(bool)]
    returns = (results["net"] / (results["balance"] - results["net"])).reset_index(drop=True)
    growth = growth_of(record.curve, record.profit(), END)
    assert growth.gain is not None
    assert math.isclose(growth.gain, empyrical.cum_returns_final(returns), **CLOSE)
    assert growth.max_drawdown is not None
    assert math.isclose(growth.max_drawdown, -empyrical.max_drawdown(returns), **CLOSE)
    days = TWO_YEARS / timedelta(days=1)
    assert growth.cagr is not None
    assert math.isclose(growth.cagr, (1 + growth.gain) ** (365 / days) - 1, **CLOSE)
    cash = rows.changes["net"].where(rows.changes["is_cash"].astype(bool), 0).cumsum()
    money = rows.changes["balance"] - cash
    assert cents(record.curve.max_fall) == int((money.cummax() - money).max())


def test_sums_of_a_large_history_agree_with_groups_of_its_rows() -> None:
    _, record, rows = past()
    tally, net = record.tally(), rows.trades["net"]
    assert (tally.trades, tally.won, tally.lost) == (len(net), (net > 0).sum(), (net < 0).sum())
    assert cents(tally.gross_profit) == net[net > 0].sum()
    assert cents(tally.gross_loss) == -net[net < 0].sum()
    assert tally.best is not None
    assert cents(tally.best.net_profit) == net.max()
    since = END - timedelta(days=90)
    recent = rows.trades[rows.trades["at"] >= since]
    for symbol, expected in recent.groupby("symbol")["net"].sum().items():
        assert cents(record.tally_of(symbol, since).profit) == expected
    by_day = rows.closes.groupby(rows.closes["at"].dt.date)["net"].sum().to_dict()
    ours = {day.date: cents(day.profit) for day in record.curve.days}
    assert {day: ours.get(day) for day in by_day} == by_day


def test_results_are_the_change_of_the_balance_less_cash_flow() -> None:
    entries, record, rows = past()
    is_cash = rows.changes["is_cash"].astype(bool)
    last = int(rows.changes["balance"].iloc[-1])
    assert cents(record.profit()) == last - int(rows.changes["net"][is_cash].sum())
    assert record.curve.breaks == 0
    assert record.deals == sum(isinstance(entry, Deal) for entry in entries)


def test_questions_about_a_hundred_thousand_deals_are_answered_at_once() -> None:
    entries = list(past()[0])
    record = record_of(entries[:-2])
    record.ratios()
    record.take(entries[-2])  # a change, after which all is asked again
    record.take(entries[-1])
    questions = {
        "ratios": record.ratios,
        "tally": record.tally,
        "growth": lambda: growth_of(record.curve, record.profit(), END),
        "symbol": lambda: record.tally_of(1, END - timedelta(days=90)),
        "parts": lambda: record.parts_since(END - timedelta(days=30)),
    }
    for name, ask in questions.items():
        began = process_time()
        ask()
        assert process_time() - began < AT_ONCE_SECONDS, name


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_deals_at_one_instant_changes_nothing(seed: int) -> None:
    entries = [at_the_hour(entry) for entry in large_past(2_000, seed=seed)]
    mixed = entries.copy()
    Random(seed).shuffle(mixed)
    one, other = record_of(entries), record_of(mixed)
    assert sorted(map(order_of, entries)) == sorted(map(order_of, mixed))
    assert one.ratios() == other.ratios()
    assert one.tally() == other.tally()
    assert one.curve.days == other.curve.days
    assert (one.curve.breaks, other.curve.breaks) == (0, 0)


def at_the_hour(entry: Entry) -> Entry:
    """Many entries at one instant, as a broker's batch makes them."""
    at = entry.at if isinstance(entry, CashFlow) else entry.executed_at
    whole = at.replace(minute=0, second=0, microsecond=0)
    if isinstance(entry, CashFlow):
        return replace(entry, at=whole)
    return replace(entry, executed_at=whole)
