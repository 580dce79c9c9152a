"""Random trading on the simulated broker's engine: money, margin and limits hold whatever comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from enum import Enum
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from fxpool.simulator.engine import Rules
from fxpool.simulator.engine.accounts import AccountType, MarginMode
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.commands import (
    AmendOrder,
    AmendProtection,
    CancelOrder,
    ClosePosition,
    Command,
    PlaceOrder,
)
from fxpool.simulator.engine.matching import stop_quote, wants_to_trade
from fxpool.simulator.engine.model import (
    ExecutionKind,
    Order,
    OrderKind,
    Position,
    Side,
    TimeInForce,
    TriggerMethod,
)
from fxpool.simulator.engine.notices import Execution, Notice
from fxpool.simulator.engine.rules import NettedExcess, PartialFills, TriggeredFill
from fxpool.simulator.engine.symbols import CommissionType, DynamicLeverage, LeverageTier
from fxpool.simulator.refusal import Refusal
from harness.trader import EUR, EURUSD, INDEX, USD, USDJPY, Trader, words

STEPS = 600
HOUR_MS = 3_600_000

COSTLY: dict[str, Any] = {
    "commission_type": CommissionType.USD_PER_LOT,
    "commission_rate": 250_000_000,
    "min_commission": 1_000_000,
    "pnl_conversion_fee_rate": 70,
    "swap_long": -1.106,
    "swap_short": 0.059,
    "allows_guaranteed_stops": True,
    "gsl_charge": 100,
    "liquidity": 300_000,
    "depth_levels": 3,
    "leverage_id": 7,
}
TIERS = (DynamicLeverage(7, (LeverageTier(500_000, 5_000), LeverageTier(2_000_000, 2_000))),)


class Chance:
    """Chooses commands by chance; most make sense, some do not."""

    def __init__(self, trader: Trader, random: Random) -> None:
        self._trader, self._random = trader, random

    def step(self) -> list[Notice]:
        """Do one thing: move a quote, let hours pass, move money, or ask for something."""
        roll = self._random.random()
        if roll < 0.5:
            return self._tick()
        if roll < 0.51:
            return self._trader.sleep(30)
        if roll < 0.53:
            return self._trader.sleep(self._random.randint(1, 12) * HOUR_MS)
        if roll < 0.54:
            return self._cash()
        try:
            return self._trader.submit(self._command())
        except Refusal:
            return []

    def _tick(self) -> list[Notice]:
        symbol_id = self._random.choice([EURUSD, EURUSD, USDJPY, INDEX])
        quote = self._trader.engine.rates.quote(symbol_id)
        step = self._trader.engine.symbols[symbol_id].price_step
        reach = self._random.choice([30, 60, 500])
        bid = quote.bid + step * self._random.randint(-reach, reach)
        return self._trader.tick(bid, bid + step * self._random.randint(0, 12), symbol_id)

    def _cash(self) -> list[Notice]:
        engine, account_id = self._trader.engine, self._trader.book.spec.account_id
        delta = self._random.randint(-20_000, 50_000)
        give = self._random.choice([engine.deposit, engine.give_bonus])
        return give(account_id, delta, self._trader.at_ms)

    def _command(self) -> Command:
        book = self._trader.book
        choices: list[Callable[[], Command]] = [
            self._place,
            self._place,
            self._pend,
            self._go_all_in,
        ]
        if book.positions:
            choices += [self._close, self._protect]
        if book.orders:
            choices += [self._cancel, self._amend]
        return self._random.choice(choices)()

    def _place(self) -> Command:
        symbol_id = self._random.choice([EURUSD, EURUSD, USDJPY, INDEX])
        symbol = self._trader.engine.symbols[symbol_id]
        quote = self._trader.engine.rates.quote(symbol_id)
        target = None
        if self._trader.book.positions and self._random.random() < 0.2:
            position = self._random.choice(list(self._trader.book.positions.values()))
            target, symbol_id = position.position_id, position.symbol_id
        return PlaceOrder(
            symbol_id,
            self._random.choice([OrderKind.MARKET, OrderKind.MARKET_RANGE]),
            self._random.choice(list(Side)),
            symbol.min_volume + symbol.step_volume * self._random.choice([1, 3, 8, 60]),
            time_in_force=self._random.choice(
                [TimeInForce.GOOD_TILL_CANCEL, TimeInForce.FILL_OR_KILL]
            ),
            base_slippage_price=quote.bid,
            slippage_points=self._random.randint(0, 12),
            relative_stop_loss=self._distance(symbol_id),
            relative_take_profit=self._distance(symbol_id),
            trailing=self._random.random() < 0.3,
            guaranteed=self._random.random() < 0.2,
            position_id=target,
        )

    def _go_all_in(self) -> Command:
        """Open, without protection, nearly as much as the account's money is good for."""
        book, side = self._trader.book, self._random.choice(list(Side))
        symbol_id = self._random.choice([USDJPY, INDEX])
        least = self._trader.engine.symbols[symbol_id].min_volume
        each = max(1, book.worth.expected_margin(symbol_id, side, 1000 * least))
        times = max(1, 900 * max(0, book.worth.free_margin()) // each)
        return PlaceOrder(symbol_id, OrderKind.MARKET, side, least * times)

    def _pend(self) -> Command:
        symbol_id = self._random.choice([EURUSD, USDJPY, INDEX])
        symbol, price = self._trader.engine.symbols[symbol_id], self._price(symbol_id)
        return PlaceOrder(
            symbol_id,
            self._random.choice([OrderKind.LIMIT, OrderKind.STOP, OrderKind.STOP_LIMIT]),
            self._random.choice(list(Side)),
            symbol.min_volume + symbol.step_volume * self._random.randint(0, 8),
            time_in_force=self._random.choice(list(TimeInForce)),
            limit_price=price,
            stop_price=price,
            slippage_points=self._random.randint(0, 20),
            expiration_ms=self._trader.at_ms + self._random.randint(1, 48) * HOUR_MS,
            relative_stop_loss=self._distance(symbol_id),
            trailing=self._random.random() < 0.3,
            trigger=self._random.choice(list(TriggerMethod)),
        )

    def _close(self) -> Command:
        position = self._random.choice(list(self._trader.book.positions.values()))
        step = self._trader.engine.symbols[position.symbol_id].step_volume
        part = step * self._random.randint(1, 4)
        return ClosePosition(position.position_id, self._random.choice([position.volume, part]))

    def _protect(self) -> Command:
        position = self._random.choice(list(self._trader.book.positions.values()))
        levels = [None, self._price(position.symbol_id)]
        return AmendProtection(
            position.position_id,
            self._random.choice(levels),
            self._random.choice(levels),
            trailing=self._random.choice([None, True, False]),
            trigger=self._random.choice([None, *TriggerMethod]),
        )

    def _cancel(self) -> Command:
        return CancelOrder(self._random.choice(list(self._trader.book.orders)))

    def _amend(self) -> Command:
        order = self._random.choice(list(self._trader.book.orders.values()))
        price = self._price(order.symbol_id)
        return AmendOrder(order.order_id, limit_price=price, stop_price=price)

    def _price(self, symbol_id: int) -> int:
        step = self._trader.engine.symbols[symbol_id].price_step
        bid = self._trader.engine.rates.quote(symbol_id).bid
        return bid + step * self._random.randint(-150, 150)

    def _distance(self, symbol_id: int) -> int | None:
        step = self._trader.engine.symbols[symbol_id].price_step
        return self._random.choice([None, step * self._random.randint(5, 300)])


# -- what holds at any time ------------------------------------------------------------------


def check_ledger(book: Book, swaps: int) -> None:
    """The balance is the sum of its entries; ``swaps`` is what the client was told of them."""
    closes = [deal.close for deal in book.deals if deal.close is not None]
    realised = sum(one.gross + one.swap + one.commission + one.fee for one in closes)
    cash = sum(entry.delta for entry in book.ledger.cash_entries)
    assert book.ledger.balance == cash + realised
    assert book.ledger.version == 1 + len(book.ledger.cash_entries) + len(closes)
    assert book.ledger.bonus == sum(entry.delta for entry in book.ledger.bonus_entries)
    accrued = sum(position.commission for position in book.positions.values())
    charged = sum(deal.commission for deal in book.deals)
    assert charged == accrued + sum(one.commission for one in closes)
    assert swaps == sum(one.swap for one in closes) + sum(
        position.swap for position in book.positions.values()
    )


def check_positions(book: Book) -> None:
    """A position is what its deals made it, and its protective order is as large as it."""
    signed: dict[int, int] = {}
    for deal in book.deals:
        size = deal.side.sign * deal.filled_volume
        signed[deal.position_id] = signed.get(deal.position_id, 0) + size
    held = {one.position_id: one.side.sign * one.volume for one in book.positions.values()}
    assert {key: size for key, size in signed.items() if size} == held
    for position in book.positions.values():
        is_protected = position.protection_order_id is not None
        assert is_protected is not position.levels.is_empty
        if is_protected:
            order = book.orders[position.protection_order_id or 0]
            assert (order.volume, order.stop_price, order.limit_price) == (
                position.volume,
                position.levels.stop_loss,
                position.levels.take_profit,
            )


def check_waiting(trader: Trader) -> None:
    """No order waits for a price that is there; trailing stops stay within their distance.

    EURUSD is left out: its market may take no more.
    """
    for order in trader.book.orders.values():
        if order.symbol_id == EURUSD or trader.engine.is_taken(order.order_id):
            continue
        quote = trader.engine.rates.quote(order.symbol_id)
        assert not order.is_triggered or order.kind is OrderKind.STOP_LIMIT
        assert not wants_to_trade(order, quote)
        if order.trail_distance is not None and order.stop_price is not None:
            gap = order.side.sign * (order.stop_price - stop_quote(order, quote))
            assert gap <= order.trail_distance


def check_limits(orders: list[Order]) -> None:
    """No order with a limit fills worse than that, and no fill exceeds its order."""
    for order in orders:
        assert order.executed_volume <= order.volume
        if order.execution_price is None or order.kind is OrderKind.PROTECTION:
            continue
        worst = order.limit_price
        if order.kind is OrderKind.MARKET_RANGE:
            step = 1000 if order.symbol_id == INDEX else 100 if order.symbol_id == USDJPY else 1
            reach = (order.slippage_points or 0) * step
            worst = (order.base_slippage_price or 0) + order.side.sign * reach
        if worst is not None:
            assert order.side.sign * (worst - order.execution_price) >= 0


# -- margin and equity, computed once more ---------------------------------------------------


def cents(value: Fraction) -> int:
    """Return whole cents, halves away from zero."""
    size = int(abs(value) + Fraction(1, 2))
    return size if value >= 0 else -size


def to_deposit(trader: Trader, asset_id: int, amount: Fraction) -> Fraction:
    """Return an amount of dollars or yen in dollars or euros; a loss has to be bought."""
    deposit, quote = trader.book.spec.deposit_asset_id, trader.engine.rates.quote
    if asset_id == 8:
        yen = quote(USDJPY)
        amount = amount * 100_000 / (yen.ask if amount >= 0 else yen.bid)
        asset_id = USD
    if asset_id != deposit:
        euro = quote(EURUSD)
        amount = amount * 100_000 / (euro.ask if amount >= 0 else euro.bid)
    return amount


def profit(trader: Trader, position: Position) -> int:
    symbol = trader.engine.symbols[position.symbol_id]
    quote = trader.engine.rates.quote(position.symbol_id)
    market = quote.bid if position.side is Side.BUY else quote.ask
    gained = sum(
        (Fraction((market - lot.price) * lot.volume, 10_000_000) for lot in position.lots),
        Fraction(),
    )
    gained *= position.side.sign
    gross = cents(100 * to_deposit(trader, symbol.quote_asset_id, gained))
    return gross + position.swap + position.commission


def margins(trader: Trader) -> dict[int, int]:
    """Return the margin of each position: lots in order of opening, slice by slice."""
    used, filled = {}, dict[tuple[int, Side], Fraction]()
    for position in trader.book.positions.values():
        tiers = TIERS[0].tiers if trader.engine.symbols[position.symbol_id].leverage_id else ()
        key = (position.symbol_id, position.side)
        value = sum((lot.volume * lot.margin_rate for lot in position.lots), Fraction()) / 100
        dollars = sum((lot.volume * lot.usd_rate for lot in position.lots), Fraction()) / 100
        start, divided = filled.get(key, Fraction()), Fraction()
        end, at = start + dollars, start
        for number, tier in enumerate(tiers):
            top = end if number == len(tiers) - 1 else min(end, Fraction(tier.volume, 100))
            if top > at:
                leverage = Fraction(min(tier.leverage, 10_000), 100)
                divided, at = divided + (top - at) / leverage, top
        filled[key] = end
        share = divided / dollars if tiers else Fraction(1, 100)
        used[position.position_id] = cents(100 * value * share)
    return used


def check_worth(trader: Trader) -> None:
    book = trader.book
    total = book.ledger.balance + sum(profit(trader, one) for one in book.positions.values())
    assert book.worth.equity() == total
    used = margins(trader)
    assert {key: one.used_margin for key, one in book.positions.items()} == used
    combine = {
        MarginMode.SUM: lambda buys, sells: buys + sells,
        MarginMode.MAX: max,
        MarginMode.NET: lambda buys, sells: abs(buys - sells),
    }[book.spec.margin_mode]
    expected = 0
    for symbol_id in (EURUSD, USDJPY, INDEX):
        sides = [
            sum(
                used[key]
                for key, one in book.positions.items()
                if one.symbol_id == symbol_id and one.side is side
            )
            for side in Side
        ]
        expected += combine(*sides)
    assert book.worth.margin_total() == expected


def check_thresholds(trader: Trader) -> None:
    """An account below its stop-out level holds nothing: the guard never sleeps too long."""
    book = trader.book
    needed = book.spec.stop_out_percent * book.worth.margin_total()
    assert (
        not book.positions or not book.worth.margin_total() or book.worth.equity() * 100 >= needed
    )


ACCOUNTS: list[tuple[dict[str, Any], Rules]] = [
    ({}, Rules()),
    ({"deposit_asset_id": EUR, "balance": 60_000}, Rules()),
    (
        {"account_type": AccountType.NETTED, "margin_mode": MarginMode.NET},
        Rules(
            netted_excess=NettedExcess.SAME_POSITION, triggered_fill=TriggeredFill.ACCEPTED_FIRST
        ),
    ),
    (
        {"account_type": AccountType.NETTED, "margin_mode": MarginMode.MAX, "balance": 60_000},
        Rules(netted_excess=NettedExcess.REFUSED, partial_fills=PartialFills.ALWAYS_FILLED),
    ),
    ({"fair_stop_out": True, "balance": 40_000}, Rules(pushes_account_changes=True)),
    ({"balance": 60_000}, Rules(execution_delay_ms=20)),
    ({"account_type": AccountType.NETTED}, Rules(execution_delay_ms=20)),
]


_RECOMPUTED = {"conversion_side", "tier_leverage_unit", "bonus_counts", "margin_basis"}
"""Switches whose default the arithmetic of this file repeats."""


def random_rules(random: Random) -> Rules:
    """Return rules with every switch set by chance, but for those of the arithmetic."""
    changes: dict[str, Any] = {}
    for one in fields(Rules):
        if one.name in _RECOMPUTED:
            continue
        if isinstance(one.default, bool):
            changes[one.name] = random.random() < 0.5
        elif isinstance(one.default, Enum):
            changes[one.name] = random.choice(list(type(one.default)))
    return Rules(**changes)


@pytest.mark.parametrize("seed", range(12))
def test_any_combination_of_switches_keeps_the_account_whole(seed: int) -> None:
    random = Random(seed)
    account = {
        "account_type": random.choice(list(AccountType)),
        "margin_mode": random.choice(list(MarginMode)),
        "fair_stop_out": random.random() < 0.5,
        "balance": random.choice([40_000, 1_000_000]),
    }
    trade_at_random(account, random_rules(random), seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("account", "rules"), ACCOUNTS)
def test_random_trading_keeps_every_account_whole(
    account: dict[str, Any], rules: Rules, seed: int
) -> None:
    trade_at_random(account, rules, seed)


def trade_at_random(account: dict[str, Any], rules: Rules, seed: int) -> None:
    """Trade, and check after every step what has to hold then."""
    trader = Trader(rules, symbol=COSTLY, account=account, leverages=TIERS)
    chance, swaps, told = Chance(trader, Random(seed)), 0, 0
    known: dict[int, int] = {}
    for _ in range(STEPS):
        for notice in chance.step():
            told += 1
            if isinstance(notice, Execution) and notice.kind is ExecutionKind.SWAP:
                assert notice.position is not None
                swaps += notice.position.swap - known.get(notice.position.position_id, 0)
            if isinstance(notice, Execution) and notice.position is not None:
                known[notice.position.position_id] = notice.position.swap
        check_worth(trader)
        check_thresholds(trader)
        check_waiting(trader)
    check_ledger(trader.book, swaps)
    check_positions(trader.book)
    check_limits(list(trader.book.history.values()))
    assert told > STEPS // 5


def test_the_random_accounts_come_to_their_thresholds() -> None:
    """The runs above would prove little if nobody was ever called or stopped out."""
    account, rules = {"fair_stop_out": False, "balance": 40_000}, Rules()
    heard = set()
    for seed in range(3):
        trader = Trader(rules, account=account)
        chance = Chance(trader, Random(seed))
        for _ in range(STEPS):
            heard |= {word.split()[0] for word in words(chance.step())}
            check_thresholds(trader)
        heard |= {"out" for one in trader.book.history.values() if one.is_stop_out}
    assert heard >= {"A", "F", "R", "C", "X", "E", "trail", "call", "out", "cash", "bonus"}


def test_equal_inputs_give_equal_notices() -> None:
    def heard(seed: int) -> list[Notice]:
        trader = Trader(Rules(lost_execution_chance=0.2), symbol=COSTLY, leverages=TIERS)
        chance = Chance(trader, Random(seed))
        return [notice for _ in range(300) for notice in chance.step()]

    assert heard(5) == heard(5)
    assert heard(5) != heard(6)


@pytest.mark.parametrize("seed", range(5))
def test_netting_and_hedging_give_the_same_money(seed: int) -> None:
    """Closing the oldest lots first is what a netted account does by itself.

    On an index in the deposit asset each profit is whole cents, so that no rounding differs.
    """
    random = Random(seed)
    netted = Trader(account={"account_type": AccountType.NETTED})
    hedged = Trader()
    for _ in range(150):
        bid = 1_000_000_000 + 100_000 * random.randint(-50, 50)
        for trader in (netted, hedged):
            trader.tick(bid, bid + 100_000, INDEX)
        side, volume = random.choice(list(Side)), 100 * random.randint(1, 5)
        netted.place(side=side, volume=volume, symbol_id=INDEX)
        for position in list(hedged.book.positions.values()):
            if position.side is not side and volume:
                part = min(volume, position.volume)
                hedged.close(position.position_id, part)
                volume -= part
        if volume:
            hedged.place(side=side, volume=volume, symbol_id=INDEX)
        assert netted.book.ledger.balance == hedged.book.ledger.balance
        assert netted.book.worth.equity() == hedged.book.worth.equity()
        assert len(netted.book.positions) <= 1


def test_a_symbol_that_others_never_touch_changes_nothing() -> None:
    """The same trades with thousands of other positions beside them cost the same."""
    alone, crowded = Trader(), Trader(account={"balance": 1_000_000_000})
    for _ in range(200):
        crowded.open(symbol_id=INDEX, volume=1)
    results = []
    for trader in (alone, crowded):
        position = trader.open(volume=300_000)
        trader.tick(112_800, 112_810)
        trader.close(position.position_id, 200_000)
        detail = trader.book.deals[-1].close
        assert detail is not None
        results.append(replace(detail, balance=0, balance_version=0))
        trader.tick(112_560, 112_570)
    assert results[0] == results[1]
