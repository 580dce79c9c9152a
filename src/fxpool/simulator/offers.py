"""What a large broker offers: over two hundred models of symbols, by the names most brokers know.

Parameters follow recordings of a real server where there are any (EURUSD, the metals and the cash
indices); prices are round and long out of date, on purpose. The price of a currency pair follows
from what its two currencies are worth in dollars.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import combinations

from fxpool.simulator.engine.symbols import PRICE_SCALE, CommissionType


class Kind(Enum):
    """What a symbol is about; the value is its category's name."""

    MAJOR = "Forex Majors"
    CROSS = "Forex Crosses"
    EXOTIC = "Forex Exotics"
    METAL = "Metals"
    INDEX = "Cash Indices"
    CRYPTO = "Crypto"
    ENERGY = "Energies"


@dataclass(frozen=True, slots=True)
class Offer:
    """A model of a symbol.

    Attributes:
        key: its name, before a broker changes it.
        base, quote: asset names; an index is its own base.
        price: where its market begins, in 1/100000.
        spread: in 1/100000.
    """

    key: str
    description: str
    kind: Kind
    base: str
    quote: str
    price: int
    spread: int
    digits: int
    pip_position: int
    lot_size: int
    min_volume: int
    step_volume: int
    max_volume: int
    units: str = ""
    commission_type: CommissionType = CommissionType.USD_PER_LOT
    commission_rate: int = 0
    swap_long: float = 0.0
    swap_short: float = 0.0


_MAJORS = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY")

_CURRENCIES = {
    "EUR": ("Euro", "1.12568"),
    "GBP": ("Great Britain Pound", "1.31240"),
    "AUD": ("Australian Dollar", "0.65310"),
    "NZD": ("New Zealand Dollar", "0.58940"),
    "USD": ("United States Dollar", "1"),
    "CAD": ("Canadian Dollar", "0.72228"),
    "CHF": ("Swiss Franc", "1.24813"),
    "SGD": ("Singapore Dollar", "0.77020"),
    "DKK": ("Danish Krone", "0.15085"),
    "PLN": ("Polish Zloty", "0.26455"),
    "ILS": ("Israeli Shekel", "0.30120"),
    "CNH": ("Offshore Yuan", "0.13985"),
    "HKD": ("Hong Kong Dollar", "0.12860"),
    "SEK": ("Swedish Krona", "0.10495"),
    "NOK": ("Norwegian Krone", "0.09915"),
    "RON": ("Romanian Leu", "0.22150"),
    "ZAR": ("South African Rand", "0.05695"),
    "MXN": ("Mexican Peso", "0.05380"),
    "CZK": ("Czech Koruna", "0.04615"),
    "TRY": ("Turkish Lira", "0.02385"),
    "THB": ("Thai Baht", "0.03080"),
    "INR": ("Indian Rupee", "0.01130"),
    "JPY": ("Japanese Yen", "0.0068681"),
    "HUF": ("Hungarian Forint", "0.0029100"),
}
"""Names, and what a unit is worth in dollars; a pair's base stands before its quote here."""

_METALS = (
    ("XAU", "Gold", 398_500_000, 10_000, "Ounces"),
    ("XAG", "Silver", 4_850_000, 500_000, "Ounces"),
    ("XPT", "Platinum", 154_200_000, 10_000, "Ounces"),
    ("XPD", "Palladium", 139_800_000, 10_000, "Ounces"),
)
_METAL_QUOTES = ("USD", "EUR", "GBP", "AUD")

_INDICES = (
    ("US100", "US Tech 100", "USD", 2_481_000_000),
    ("US500", "US 500", "USD", 676_500_000),
    ("US30", "Wall Street 30", "USD", 4_702_000_000),
    ("US2000", "US Small Cap 2000", "USD", 241_500_000),
    ("GER40", "Germany 40", "EUR", 2_403_000_000),
    ("EU50", "Euro 50", "EUR", 564_000_000),
    ("FRA40", "France 40", "EUR", 812_000_000),
    ("ESP35", "Spain 35", "EUR", 1_602_000_000),
    ("NETH25", "Netherlands 25", "EUR", 96_400_000),
    ("UK100", "UK 100", "GBP", 969_000_000),
    ("SWI20", "Switzerland 20", "CHF", 1_262_000_000),
    ("JP225", "Japan 225", "JPY", 5_036_000_000),
    ("HK50", "Hong Kong 50", "HKD", 2_590_000_000),
    ("AUS200", "Australia 200", "AUD", 877_000_000),
)

_COINS = (
    ("BTC", "Bitcoin", 9_642_000_000, 2),
    ("ETH", "Ethereum", 318_500_000, 2),
    ("BNB", "Binance Coin", 93_150_000, 2),
    ("BCH", "Bitcoin Cash", 49_120_000, 2),
    ("SOL", "Solana", 14_230_000, 2),
    ("LTC", "Litecoin", 9_810_000, 2),
    ("XMR", "Monero", 40_200_000, 2),
    ("DASH", "Dash", 6_750_000, 2),
    ("AVAX", "Avalanche", 1_545_000, 3),
    ("LINK", "Chainlink", 1_420_000, 3),
    ("NEO", "Neo", 462_000, 3),
    ("UNI", "Uniswap", 742_000, 3),
    ("DOT", "Polkadot", 281_000, 4),
    ("XRP", "Ripple", 227_000, 4),
    ("ADA", "Cardano", 50_200, 5),
    ("XLM", "Stellar", 26_400, 5),
    ("ALGO", "Algorand", 17_300, 5),
    ("DOGE", "Dogecoin", 16_200, 5),
)

_ENERGIES = (
    ("XTI", "WTI Crude Oil", 5_942_000, 3),
    ("XBR", "Brent Crude Oil", 6_371_000, 3),
    ("XNG", "Natural Gas", 433_000, 3),
    ("XHO", "Heating Oil", 241_000, 4),
    ("XRB", "Gasoline", 191_000, 4),
)


def all_offers() -> list[Offer]:
    """Return all models, the best known first."""
    return [*_pairs(), *_metals(), *_indices(), *_coins(), *_energies()]


def _pairs() -> list[Offer]:
    """Return all pairs with a major currency in them; those of the dollar come first."""
    pairs = [
        _pair(base, quote)
        for base, quote in combinations(_in_order(), 2)
        if base in _MAJORS or quote in _MAJORS
    ]
    return sorted(pairs, key=lambda one: list(Kind).index(one.kind))


def _in_order() -> Iterator[str]:
    """Yield the currencies with the major ones first: in a pair the earlier is the base."""
    yield from _MAJORS
    yield from (name for name in _CURRENCIES if name not in _MAJORS)


def _pair(base: str, quote: str) -> Offer:
    (base_name, base_worth), (quote_name, quote_worth) = _CURRENCIES[base], _CURRENCIES[quote]
    worth = Fraction(base_worth) / Fraction(quote_worth)
    digits = 5 if worth < 50 else 3
    kind, share = _kind_of_pair(base, quote)
    step = 10 ** (5 - digits)
    price = int(worth * PRICE_SCALE) // step * step
    return Offer(
        key=base + quote,
        description=f"{base_name} vs {quote_name}",
        kind=kind,
        base=base,
        quote=quote,
        price=price,
        spread=max(step, price // share // step * step),
        digits=digits,
        pip_position=digits - 1,
        lot_size=10_000_000,
        min_volume=100_000,
        step_volume=100_000,
        max_volume=10_000_000_000,
        commission_rate=250_000_000,
        swap_long=-1.106,
        swap_short=0.059,
    )


def _kind_of_pair(base: str, quote: str) -> tuple[Kind, int]:
    """Return the kind, and what part of the price the spread is."""
    if base not in _MAJORS or quote not in _MAJORS:
        return Kind.EXOTIC, 2_000
    return (Kind.MAJOR, 18_000) if "USD" in (base, quote) else (Kind.CROSS, 9_000)


def _metals() -> Iterator[Offer]:
    for base, name, dollars, lot_size, units in _METALS:
        for quote in _METAL_QUOTES:
            step = 1_000
            price = int(dollars / Fraction(_CURRENCIES[quote][1])) // step * step
            yield Offer(
                key=base + quote,
                description=f"{name} vs {_CURRENCIES[quote][0]}",
                kind=Kind.METAL,
                base=base,
                quote=quote,
                price=price,
                spread=max(2 * step, price // 12_000 // step * step),
                digits=2,
                pip_position=0,
                lot_size=lot_size,
                min_volume=100,
                step_volume=100,
                max_volume=1_000_000_000,
                units=units,
                commission_type=CommissionType.PERCENTAGE_OF_VALUE,
                commission_rate=70,
                swap_long=-0.83,
                swap_short=-0.083,
            )


def _indices() -> Iterator[Offer]:
    for key, name, quote, price in _INDICES:
        yield Offer(
            key=key,
            description=f"{name} index",
            kind=Kind.INDEX,
            base=key,
            quote=quote,
            price=price,
            spread=price // 18_000 // 1_000 * 1_000,
            digits=2,
            pip_position=0,
            lot_size=100,
            min_volume=1,
            step_volume=1,
            max_volume=100_000,
            units="Contracts",
            swap_long=-6.3431,
            swap_short=0.2737,
        )


def _coins() -> Iterator[Offer]:
    for base, name, price, digits in _COINS:
        step = 10 ** (5 - digits)
        yield Offer(
            key=f"{base}USD",
            description=f"{name} vs United States Dollar",
            kind=Kind.CRYPTO,
            base=base,
            quote="USD",
            price=price,
            spread=max(step, price // 4_000 // step * step),
            digits=digits,
            pip_position=0,
            lot_size=100,
            min_volume=1,
            step_volume=1,
            max_volume=10_000_000,
            units="Coins",
            swap_long=-20.0,
            swap_short=-20.0,
        )


def _energies() -> Iterator[Offer]:
    for base, name, price, digits in _ENERGIES:
        step = 10 ** (5 - digits)
        yield Offer(
            key=f"{base}USD",
            description=name,
            kind=Kind.ENERGY,
            base=base,
            quote="USD",
            price=price,
            spread=max(step, price // 2_500 // step * step),
            digits=digits,
            pip_position=2,
            lot_size=10_000,
            min_volume=100,
            step_volume=100,
            max_volume=100_000_000,
            units="Barrels" if "Crude" in name else "Units",
            swap_long=-2.1,
            swap_short=-0.4,
        )
