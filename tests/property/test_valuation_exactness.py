"""The valuation against an independent recomputation with fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from fxpool.domain.trades import Position, Side
from harness.values import EUR, EURUSD, GBPJPY, JPY, LIGHTS, USD, USDJPY, live_book, position

EURUSD_LIGHT, USDJPY_LIGHT, GBPJPY_LIGHT = LIGHTS

prices = st.decimals("0.00001", "99999", places=5) | st.floats(0.001, 99999).map(
    lambda value: Decimal(repr(value))
)
sides = st.integers(1, 10**9)
quotes = st.tuples(sides, sides).map(lambda pair: (min(pair), max(pair)))


@st.composite
def portfolios(draw: st.DrawFn) -> list[Position]:
    count = draw(st.integers(1, 6))
    return [
        position(
            500 + number,
            symbol_id=draw(st.sampled_from([EURUSD, USDJPY, GBPJPY])),
            side=draw(st.sampled_from(Side)),
            volume_cents=draw(st.integers(1, 10**12)),
            price=draw(prices),
            swap=draw(st.decimals(-1000, 1000, places=2)),
            commission=draw(st.decimals(-1000, 0, places=2)),
        )
        for number in range(count)
    ]


def rounded(value: Fraction, digits: int) -> Decimal:
    """Half away from zero."""
    scaled = floor(abs(value) * 10**digits + Fraction(1, 2))
    return (Decimal(scaled) if value >= 0 else Decimal(-scaled)).scaleb(-digits)


def converted(
    amount: Fraction, asset: int, account: int, market: dict[int, tuple[int, int]]
) -> Fraction:
    """JPY -> USD by USDJPY, USD -> EUR by EURUSD: both are divisions."""
    for symbol_id, quote_asset, base_asset in ((USDJPY, JPY, USD), (EURUSD, USD, EUR)):
        if asset == account:
            break
        if asset == quote_asset:
            bid, ask = market[symbol_id]
            amount /= Fraction(ask if amount >= 0 else bid, 100_000)
            asset = base_asset
    return amount


@given(
    portfolio=portfolios(),
    ticks=st.lists(st.tuples(st.sampled_from([EURUSD, USDJPY, GBPJPY]), quotes), max_size=8),
    opening=st.tuples(quotes, quotes, quotes),
    digits=st.sampled_from([0, 2, 8]),
    account=st.sampled_from([USD, EUR]),
)
def test_the_valuation_equals_the_exact_result(
    portfolio: list[Position],
    ticks: list[tuple[int, tuple[int, int]]],
    opening: tuple[tuple[int, int], ...],
    digits: int,
    account: int,
) -> None:
    book = live_book(*portfolio, deposit_asset_id=account, money_digits=digits)
    chains = (
        {JPY: [USDJPY_LIGHT], USD: []}
        if account == USD
        else {
            JPY: [USDJPY_LIGHT, EURUSD_LIGHT],
            USD: [EURUSD_LIGHT],
        }
    )
    for asset, _ in book.conversions_wanted():
        book.set_conversion(asset, account, chains[asset])
    market: dict[int, tuple[int, int]] = {}
    moves = [*zip((EURUSD, USDJPY, GBPJPY), opening, strict=True), *ticks]
    for symbol_id, (bid, ask) in moves:
        market[symbol_id] = (bid, ask)
        book.apply_quote(symbol_id, bid, ask, None, 0.0)

    expected = Decimal(0)
    for each in portfolio:
        bid, ask = market[each.symbol_id]
        move = (
            Fraction(bid, 100_000) - Fraction(each.price)
            if each.side is Side.BUY
            else Fraction(each.price) - Fraction(ask, 100_000)
        )
        asset = USD if each.symbol_id == EURUSD else JPY
        exact = converted(move * Fraction(each.volume_cents, 100), asset, account, market)
        assert book.gross(each.position_id) == rounded(exact, digits)
        expected += rounded(exact, digits) + each.swap + each.commission
    assert book.totals().equity == Decimal("1000.00") + expected
