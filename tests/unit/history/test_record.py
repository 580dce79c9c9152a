"""The record and its curve at their edges: what cannot be computed is None, never 0."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

import numpy as np
import pytest

from fxpool.domain.cash import CashOperation
from fxpool.domain.trades import CashFlow
from fxpool.history import ratios
from fxpool.history.record import AccountRecord, order_of, start_of_days
from fxpool.history.series import ResultSeries
from fxpool.history.statistics import growth_of, ratios_of
from harness.past import cash_flow_of, deals_of, trade_at_random
from harness.trader import ACCOUNT, START_MS, Trader
from harness.values import NOON, at

TODAY = date(2026, 3, 2)


def cash(
    number: int, delta: str, balance: str, operation: CashOperation = CashOperation.DEPOSIT
) -> CashFlow:
    return CashFlow(number, Decimal(delta), Decimal(balance), number, at(number), operation)


def record(*flows: CashFlow) -> AccountRecord:
    made = AccountRecord()
    for flow in flows:
        made.take(flow)
    return made


def test_an_account_without_a_past_has_no_rates() -> None:
    empty = AccountRecord()
    tally, growth = empty.tally(), growth_of(empty.curve, empty.profit(), NOON)
    assert (tally.trades, tally.average_win, tally.profit_factor) == (0, None, None)
    assert (growth.gain, growth.calmar, growth.recovery_factor) == (None, None, None)
    assert ratios_of(ResultSeries()).sharpe is None


def test_deposits_and_withdrawals_are_no_gain_and_no_fall() -> None:
    curve = record(cash(1, "1000", "1000"), cash(2, "-600", "400", CashOperation.WITHDRAW)).curve
    assert (curve.deposits, curve.withdrawals) == (Decimal(1000), Decimal(600))
    assert (curve.index, curve.max_fall, curve.max_drawdown) == (1.0, 0, 0.0)


def test_a_fee_is_a_result_and_no_withdrawal() -> None:
    fee = CashOperation.WITHDRAW_INACTIVITY_FEE
    found = record(cash(1, "1000", "1000"), cash(2, "-50", "950", fee))
    assert (found.curve.withdrawals, found.curve.charges) == (0, Decimal(-50))
    assert found.profit() == Decimal(-50)
    assert found.curve.max_drawdown == pytest.approx(0.05)


def test_a_lost_account_stays_lost_after_a_new_deposit() -> None:
    fee = CashOperation.WITHDRAW_GSL_CHARGE
    found = record(cash(1, "100", "100"), cash(2, "-100", "0", fee), cash(3, "500", "500")).curve
    assert (found.index, found.max_drawdown) == (0.0, 1.0)
    assert found.days[-1].gain == -1.0


def test_a_result_without_capital_has_no_rate_from_then_on() -> None:
    found = record(cash(1, "10", "10", CashOperation.DEPOSIT_REBATE), cash(2, "500", "510")).curve
    assert found.index is None
    assert found.drawdown_at(Decimal(100)) is None


def test_a_balance_that_does_not_follow_is_counted() -> None:
    assert record(cash(1, "100", "100"), cash(2, "100", "250")).curve.breaks == 1


def test_an_entry_is_taken_once_and_in_order() -> None:
    found = record(cash(2, "100", "100"))
    assert found.has(cash(2, "100", "100"))
    assert not found.fits(cash(1, "100", "100"))
    with pytest.raises(ValueError, match="is not next"):
        found.take(cash(1, "100", "100"))


def test_the_days_loss_counts_from_its_start_and_its_deposits() -> None:
    found = record(cash(1, "1000", "1000"))
    assert found.loss_today(Decimal(950), TODAY) == pytest.approx(0.05)
    assert found.loss_today(Decimal(1200), TODAY) == 0.0
    assert found.loss_today(Decimal(900), date(2026, 3, 3)) == pytest.approx(0.1)
    assert AccountRecord().loss_today(Decimal(0), TODAY) is None


def test_the_present_drawdown_takes_open_positions_in() -> None:
    curve = record(cash(1, "1000", "1000")).curve
    assert curve.drawdown_at(Decimal(900)) == pytest.approx(0.1)
    assert curve.drawdown_at(Decimal(-5)) == 1.0


def test_days_are_days_of_utc_and_today_is_one_of_them() -> None:
    late = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    assert start_of_days(late, 1) == datetime(2026, 3, 2, tzinfo=UTC)
    assert start_of_days(late, 30) == datetime(2026, 2, 1, tzinfo=UTC)


def test_ratios_are_those_of_all_trades_and_follow_each_of_them() -> None:
    trader = Trader()
    trade_at_random(
        trader.engine,
        ACCOUNT,
        begin_ms=START_MS + 10,
        end_ms=START_MS + 10_000_000,
        steps=80,
        chance=Random(1),
    )
    record = AccountRecord()
    for entry in sorted([*deals_of(trader.book), *cash_flow_of(trader.book)], key=order_of):
        record.take(entry)
        assert record.ratios() == ratios_of(ResultSeries.of(record.trades))


def test_results_that_are_all_equal_have_no_spread() -> None:
    flat = np.array([0.1, 0.1, 0.1])  # the rounded mean of these is not 0.1
    assert ratios.deviation(flat) == 0.0
    assert (ratios.sharpe(flat), ratios.excess_kurtosis(flat)) == (None, None)
