"""Random books against the simulator's own ledger, which shares no code with our valuation.

Each run is a broker with symbols of all kinds of costs and an account of each kind and currency;
after every step all money of all accounts is compared to the cent.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import cycle
from random import Random

import pytest

from fxpool.account.events import PositionPartiallyClosed
from fxpool.domain.trades import Position, Side
from fxpool.mapping import metaapi
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.simulator.catalogue import DEFAULT_CATALOGUE, EUR, USD, Catalogue
from fxpool.simulator.engine.accounts import AccountSpec, AccountType, MarginMode
from fxpool.simulator.engine.rules import MarginBasis, Rules
from fxpool.simulator.engine.symbols import (
    CommissionType,
    DynamicLeverage,
    LeverageTier,
    MinCommissionType,
    SwapKind,
)
from fxpool.simulator.profile import Profile
from fxpool.simulator.venue import Credentials, Venue
from harness.mirror import Mirror
from harness.terminal import NO_LIMITS, START_MS, TOKEN

RUNS, STEPS = 30, 60
DAY_MS = 86_400_000
GBP, JPY, CHF = 6, 8, 3
DOLLAR_CENTS = 100

LEVERAGES = (
    DynamicLeverage(1, (LeverageTier(100_000 * DOLLAR_CENTS, 3_300), LeverageTier(10**13, 333))),
    DynamicLeverage(
        2,
        (
            LeverageTier(20_000 * DOLLAR_CENTS, 20_000),
            LeverageTier(60_000 * DOLLAR_CENTS, 5_000),
            LeverageTier(10**12, 1_000),
        ),
    ),
)


def catalogue(random: Random) -> Catalogue:
    """Return the usual symbols, each with costs and margins by chance."""
    symbols = tuple(
        replace(
            symbol,
            commission_type=kind,
            commission_rate=(
                random.choice([0, 70, 2_500])
                if kind is CommissionType.PERCENTAGE_OF_VALUE
                else random.choice([0, 250_000_000, 3_512_345_678])
            ),
            min_commission=random.choice([0, 0, 150_000_000]),
            min_commission_type=random.choice(list(MinCommissionType)),
            pnl_conversion_fee_rate=random.choice([0, 70]),
            swap_kind=random.choice(list(SwapKind)),
            leverage_id=random.choice([None, 1, 2]),
        )
        for symbol, kind in zip(
            DEFAULT_CATALOGUE.symbols, cycle(random.sample(list(CommissionType), 4)), strict=False
        )
    )
    return replace(DEFAULT_CATALOGUE, symbols=symbols, leverages=LEVERAGES)


def accounts(random: Random) -> list[AccountSpec]:
    """Return one account of each type, in different currencies and with any margin mode."""
    return [
        AccountSpec(
            10_000_000 + number,
            50_000 + number,
            deposit_asset_id=asset,
            balance=10**9,
            account_type=AccountType(number % 3),
            margin_mode=random.choice(list(MarginMode)),
            leverage_cents=random.choice([3_000, 10_000, 50_000]),
        )
        for number, asset in enumerate(random.sample([USD, EUR, JPY, GBP, CHF], 3))
    ]


class Run:
    """One broker, its accounts and their mirrors.

    Attributes:
        seen: how many books, positions and parts closed were compared.
    """

    def __init__(self, seed: int, *, says_margins: bool = True) -> None:
        self.random = random = Random(seed)
        self.at_ms = START_MS
        self.seen: Counter[str] = Counter()
        basis = random.choice(list(MarginBasis)) if says_margins else MarginBasis.AT_OPENING
        renews = basis is MarginBasis.AT_EACH_EVENT
        profile = replace(
            NO_LIMITS,
            rules=Rules(margin_basis=basis, pushes_account_changes=renews),
        )
        self.venue = self._venue(profile, seed)
        # An account in dollars whose margins are fixed at the opening has to compute them exactly.
        self.mirrors = [
            Mirror(
                self.venue,
                book.spec.account_id,
                rereads_margins=renews or book.spec.deposit_asset_id != USD,
                hears_margins=says_margins,
            )
            for book in self.venue.engine.books.values()
            if says_margins or book.spec.deposit_asset_id == USD
        ]

    def _venue(self, profile: Profile, seed: int) -> Venue:
        venue = Venue(
            Credentials("client", "secret"),
            iter(f"made-up-{number}" for number in range(1000)).__next__,
            opened_ms=START_MS,
            profile=profile,
            catalogue=catalogue(self.random),
            accounts=accounts(self.random),
            seed=seed,
        )
        for symbol_id, price in DEFAULT_CATALOGUE.start_prices.items():
            spread = DEFAULT_CATALOGUE.spreads[symbol_id]
            venue.tick(symbol_id, price, price + spread, START_MS)
        venue.tokens.grant(tuple(venue.engine.books), access_token=TOKEN, refresh_token="r")
        return venue

    def step(self) -> None:
        """Let one thing happen, then let everybody hear it."""
        self.at_ms += self.random.choice([250, 30_000, DAY_MS // 2])
        self.venue.time_passed(self.at_ms)  # the nights since then are charged
        for mirror in self.mirrors:
            mirror.hear()
        act = self.random.choice([self._open, self._open, self._close, self._tick, self._cash])
        act(self.random.choice(self.mirrors))
        for mirror in self.mirrors:
            mirror.hear()
        if self.random.random() < 0.05:
            self.random.choice(self.mirrors).read_again()

    def _open(self, mirror: Mirror) -> None:
        symbol = self.random.choice(self.venue.catalogue.symbols)
        volume = symbol.min_volume + symbol.step_volume * self.random.randrange(40)
        request = m.ProtoOANewOrderReq(
            ctidTraderAccountId=mirror.account_id,
            symbolId=symbol.symbol_id,
            orderType=1,
            tradeSide=self.random.choice([1, 2]),
            volume=volume,
        )
        held = [p for p in mirror.book.positions.values() if p.symbol_id == symbol.symbol_id]
        if held and self.random.random() < 0.3:
            request.positionId = held[0].position_id  # adds to a position, or takes from it
        mirror.trade(request, self.at_ms)

    def _close(self, mirror: Mirror) -> None:
        if not mirror.book.positions:
            return
        position = self.random.choice(list(mirror.book.positions.values()))
        step = self.venue.engine.symbols[position.symbol_id].step_volume
        part = step * self.random.randint(1, position.volume_cents // step)
        mirror.trade(
            m.ProtoOAClosePositionReq(
                ctidTraderAccountId=mirror.account_id,
                positionId=position.position_id,
                volume=part,
            ),
            self.at_ms,
        )

    def _tick(self, _: Mirror) -> None:
        for symbol_id in self.random.sample(sorted(self.venue.engine.symbols), 5):
            quote = self.venue.engine.rates.quote(symbol_id)
            step = self.venue.engine.symbols[symbol_id].price_step
            width = max(step, quote.bid // 100 // step * step)
            bid = quote.bid + self.random.randrange(-width, width, step)
            ask = bid + step * self.random.choice([0, 1, 7, 30])
            self.venue.tick(symbol_id, bid, ask, self.at_ms)

    def _cash(self, mirror: Mirror) -> None:
        self.venue.deposit(mirror.account_id, self.random.choice([500_000, -123_456]), self.at_ms)

    def compare(self) -> None:
        """Compare all that is worth money, on every account."""
        for mirror in self.mirrors:
            self._compare(mirror)

    def _compare(self, mirror: Mirror) -> None:
        ledger = self.venue.engine.books[mirror.account_id]
        totals = mirror.book.totals()
        assert totals.balance == cents(ledger.ledger.balance)
        assert totals.margin == cents(ledger.worth.margin_total())
        assert totals.equity == cents(ledger.worth.equity())
        assert totals.free_margin == cents(ledger.worth.free_margin())
        assert mirror.book.positions.keys() == ledger.positions.keys()
        for position_id, position in mirror.book.positions.items():
            gross, net = ledger.worth.unrealised(ledger.positions[position_id])
            own = mirror.book.gross(position_id)
            assert own == cents(gross)
            assert own + position.swap + position.commission == cents(net)
            self._compare_ticks(mirror, position, own)
            self.seen["positions"] += 1
        self.seen["books"] += bool(mirror.book.positions)

    def _compare_ticks(self, mirror: Mirror, position: Position, gross: Decimal) -> None:
        """Tick values are the broker's rates, and a client that uses them finds the profit."""
        symbol = mirror.book.symbols[position.symbol_id]
        ticks = mirror.book.tick_values(position.symbol_id)
        assert ticks is not None
        ends = (symbol.light.quote_asset_id, mirror.book.trader.deposit_asset_id)
        size = Fraction(symbol.tick_size) * Fraction(symbol.lot_size_cents, 100)
        for value, gaining in ((ticks.profit, True), (ticks.loss, False)):
            rate = self.venue.engine.rates.profit_rate(*ends, gaining=gaining)
            assert abs(Fraction(value) - size * rate) <= size * rate / 10**20
        realised = mirror.book.realised(position.position_id)
        row = metaapi.position_info(
            position,
            symbol,
            account="a",
            symbol_name=symbol.name,
            quote=mirror.book.quotes[position.symbol_id],
            gross=gross,
            realised=realised,
            ticks=ticks,
        )
        assert row["currentPrice"] is not None
        assert row["currentTickValue"] is not None
        moved = Decimal(repr(row["currentPrice"])) - Decimal(repr(row["openPrice"]))
        sign = 1 if position.side is Side.BUY else -1
        found = (
            sign
            * moved
            * Decimal(repr(row["currentTickValue"]))
            * Decimal(repr(row["volume"]))
            / symbol.tick_size
        )
        assert abs(found - gross) <= Decimal("0.0051")


def cents(amount: int) -> Decimal:
    """Return money of the simulator, which counts cents whatever the currency."""
    return Decimal(amount).scaleb(-2)


@pytest.mark.parametrize("seed", range(RUNS))
def test_all_money_equals_the_brokers_ledger_to_the_cent(seed: int) -> None:
    run = Run(seed)
    for _ in range(STEPS):
        run.step()
        run.compare()
    parts = _parts_closed(run)
    assert run.seen["books"] > STEPS
    assert run.seen["positions"] > 5 * STEPS
    assert parts > 0


@pytest.mark.parametrize("seed", [1, 2, 3, 5])
def test_a_margin_that_the_broker_never_says_is_computed(seed: int) -> None:
    """Dynamic leverage, all margin modes: an account in dollars among them."""
    run = Run(seed, says_margins=False)
    for _ in range(2 * STEPS):
        run.step()
        run.compare()
    assert run.seen["positions"] > STEPS


def _parts_closed(run: Run) -> int:
    return sum(
        isinstance(event, PositionPartiallyClosed)
        for mirror in run.mirrors
        for event in mirror.events
    )
