"""What open positions are worth now: quotes and conversion chains in, exact integers out. Pure.

The result of a position is ``(price - entry) * units * rate``, where the price is the side at
which it would close and the rate leads from the symbol's quote asset to the account's. Quotes are
integers in 1/100000, results are integers in the account's money digits; no Decimal is made until
somebody reads one. Knows nothing of executions, orders or snapshots.

Source: Open API help, "Profit and loss calculation" and "Symbol rate conversion". They leave open
which side of a conversion quote counts; we take the side at which the money would change hands:
a profit is sold at the bid (or bought at the ask), a loss the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from fxpool.account.position_sums import PositionSums
from fxpool.domain.accounts import AccountTotals, MarginMode
from fxpool.domain.money import PRICE_EXPONENT, PRICE_SCALE, money_from_wire, round_ratio_half_up
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbols import LightSymbol, Symbol, TickValues
from fxpool.domain.trades import Position, Side
from fxpool.errors import MappingError

_CENTS_DIGITS: Final = 2
_NO_FLOOR: Final = -(10**30)
"""Below any amount of money."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of a conversion: multiply by the symbol's price if the money is in its base asset,
    divide if it is in its quote asset."""

    quote: LiveQuote
    multiplies: bool


class Exposure:
    """One open position as integers. ``gross`` is None while a quote it needs is unknown."""

    __slots__ = (
        "_divisor",
        "_entry",
        "_factor",
        "_is_buy",
        "_legs",
        "_quote",
        "_unvalued",
        "_weight",
        "gross",
    )

    def __init__(
        self,
        position: Position,
        quote: LiveQuote,
        legs: tuple[Leg, ...] | None,
        money_digits: int,
        unvalued: set[Exposure],
    ) -> None:
        """``legs`` is None where the conversion is unknown, empty where none is needed. It is in
        ``unvalued`` while its ``gross`` is None."""
        self._quote, self._legs, self._unvalued = quote, legs, unvalued
        self._is_buy = position.side is Side.BUY
        _, _, exponent = position.price.as_tuple()
        decimals = max(-PRICE_EXPONENT, -int(exponent))
        self._factor = 10 ** (decimals + PRICE_EXPONENT)
        self._entry = int(position.price.scaleb(decimals))
        # price units * cents = 10 ** -(decimals + 2) of the quote asset; the rest is money digits.
        shift = decimals + _CENTS_DIGITS - money_digits
        volume = position.volume_cents if self._is_buy else -position.volume_cents
        self._weight = volume * 10 ** max(0, -shift)
        self._divisor = 10 ** max(0, shift)
        self.gross: int | None = None
        self.revalue()

    def revalue(self) -> int:
        """Compute ``gross`` again; return by how much it moved, unknown counting as 0. The hot
        path: integers only."""
        before = self.gross
        price = self._quote.bid if self._is_buy else self._quote.ask
        legs = self._legs
        if price is None or legs is None:
            return self._forget()
        amount = (price * self._factor - self._entry) * self._weight
        divisor = self._divisor
        if legs:
            rate = _rate(legs, is_profit=amount >= 0)
            if rate is None:
                return self._forget()
            amount *= rate[0]
            divisor *= rate[1]
        self.gross = gross = round_ratio_half_up(amount, divisor)
        if before is None:
            self._unvalued.discard(self)
            return gross
        return gross - before

    def _forget(self) -> int:
        before, self.gross = self.gross, None
        self._unvalued.add(self)
        return -(before or 0)


def _rate(legs: Iterable[Leg], *, is_profit: bool) -> tuple[int, int] | None:
    """Return the conversion rate as numerator and denominator, or None while a quote is unknown."""
    numerator = denominator = 1
    for leg in legs:
        price = leg.quote.bid if leg.multiplies is is_profit else leg.quote.ask
        if price is None:
            return None
        if leg.multiplies:
            numerator *= price
            denominator *= PRICE_SCALE
        else:
            numerator *= PRICE_SCALE
            denominator *= price
    return numerator, denominator


class Valuation:
    """The quotes of one account and what its open positions are worth at them.

    Attributes:
        without_margin: the ids of positions whose margin the broker did not say.
        has: whether a symbol has an open position of a side.
    """

    def __init__(self) -> None:
        self.quotes: dict[int, LiveQuote] = {}
        self._lights: Mapping[int, LightSymbol] = {}
        self._deposit: tuple[int, int] | None = None  # asset id, money digits
        self._chains: dict[int, tuple[LightSymbol, ...]] = {}  # by the asset they start from
        self._positions: dict[int, Position] = {}
        self._sums = PositionSums()
        self.without_margin: AbstractSet[int] = self._sums.without_margin
        self.has = self._sums.has
        self._exposures: dict[int, Exposure] = {}
        self._unvalued: set[Exposure] = set()
        # By the symbol whose quote moves, then by position.
        self._dependents: dict[int, dict[int, Exposure]] = {}
        self._floating = 0  # the sum of all gross results, unknown ones counting as 0
        self._floor = _NO_FLOOR
        self._on_floor: Callable[[], None] = lambda: None

    def apply_quote(
        self, symbol_id: int, bid: int | None, ask: int | None, timestamp_ms: int | None, now: float
    ) -> None:
        """Take a quote; an absent side keeps its last value, and 0 says that there is no price.
        Revalues only what depends on it."""
        quote = self.quotes.get(symbol_id)
        if quote is None:
            quote = self._quote(symbol_id)
        if bid is not None:
            quote.bid = bid or None
        if ask is not None:
            quote.ask = ask or None
        if timestamp_ms is not None:
            quote.timestamp_ms = timestamp_ms
        quote.received_at = now
        dependents = self._dependents.get(symbol_id)
        if dependents is not None:
            floating = self._floating
            for exposure in dependents.values():
                floating += exposure.revalue()
            self._floating = floating
            if floating <= self._floor:
                self._on_floor()

    def forget_quotes(self) -> None:
        """Take no price for true any more until it is quoted again: what moved meanwhile is not
        known."""
        for quote in self.quotes.values():
            quote.bid = quote.ask = None
        self._floating += sum(exposure.revalue() for exposure in self._exposures.values())

    def values_by(self, symbol_id: int) -> bool:
        """Whether an open position's result depends on a symbol's quotes."""
        return bool(self._dependents.get(symbol_id))

    def set_floor(self, floor: Decimal | None, on_floor: Callable[[], None]) -> None:
        """Have ``on_floor`` called at each quote after which all gross results together are at or
        below ``floor``, in the account's currency; None ends it. It must not raise."""
        if floor is None or self._deposit is None:
            self._floor = _NO_FLOOR
        else:
            self._floor = int(floor.scaleb(self._deposit[1]).to_integral_value(ROUND_CEILING))
        self._on_floor = on_floor

    def set_deposit(self, asset_id: int, money_digits: int) -> None:
        """Say in which asset and with how many digits the account's money is counted."""
        if self._deposit != (asset_id, money_digits):
            if self._deposit is not None and self._deposit[0] != asset_id:
                self._chains.clear()
            self._deposit = (asset_id, money_digits)
            self._rebuild()

    def set_symbols(self, symbols: Mapping[int, LightSymbol]) -> None:
        """Replace the symbol list: which assets each symbol trades."""
        self._lights = symbols
        self._rebuild()

    def set_chain(self, from_asset_id: int, chain: Sequence[LightSymbol]) -> None:
        """Set how money of an asset becomes the account's; an empty chain says: it cannot.

        Raises MappingError if the chain does not lead to the account's asset.
        """
        asset_id = from_asset_id
        for light in chain:
            asset_id = _other_asset(light, asset_id)
        if chain and self._deposit is not None and asset_id != self._deposit[0]:
            raise MappingError(
                f"the conversion chain of asset {from_asset_id} ends at asset {asset_id}, "
                f"not at the account's {self._deposit[0]}"
            )
        self._chains[from_asset_id] = tuple(chain)
        self._rebuild()

    def set_margin_mode(self, mode: MarginMode) -> None:
        """Say how the margins of a symbol's two sides are counted together."""
        self._sums.set_margin_mode(mode)

    def put(self, position: Position) -> None:
        """Value this position from now on, in place of an earlier state of it."""
        earlier = self._positions.get(position.position_id)
        if earlier is not None:
            self._sums.take_out(earlier)
        self._positions[position.position_id] = position
        self._sums.add(position)
        self._expose(position)

    def remove(self, position_id: int) -> None:
        """Forget a position. Raises KeyError for an unknown one."""
        position = self._positions.pop(position_id)
        self._sums.take_out(position)
        exposure = self._exposures.pop(position_id)
        self._unvalued.discard(exposure)
        self._floating -= exposure.gross or 0
        for symbol_id in self._symbols_behind(position):
            del self._dependents[symbol_id][position_id]

    def gross(self, position_id: int) -> Decimal | None:
        """Return a position's unrealised result in the account's currency, rounded half up to its
        money digits; swap and commission are not in it. Raises KeyError for an unknown position."""
        gross = self._exposures[position_id].gross
        if gross is None or self._deposit is None:
            return None
        return money_from_wire(gross, self._deposit[1])

    def totals(
        self, balance: Decimal, corrected: Iterable[tuple[Position, Position]]
    ) -> AccountTotals:
        """Return an account's totals from its balance; ``corrected`` as in ``PositionSums``.

        A bonus is not part of equity: whether a broker counts it is not told by the protocol.
        """
        swap, commission = self._sums.swap, self._sums.commission
        gross = net = equity = free = level = None
        if not self._unvalued and self._deposit is not None:
            gross = money_from_wire(self._floating, self._deposit[1])
            net = gross + swap + commission
            equity = balance + net
        margin = self._sums.used_margin(corrected)
        if equity is not None and margin is not None:
            free = equity - margin
            level = equity / margin * 100 if margin else None
        return AccountTotals(balance, gross, net, equity, margin, free, level, swap, commission)

    def tick_values(self, symbol: Symbol) -> TickValues | None:
        """Return what one tick of one lot is worth, or None while the conversion is unknown."""
        legs = self._legs(symbol.light.quote_asset_id)
        if legs is None:
            return None
        profit, loss = _rate(legs, is_profit=True), _rate(legs, is_profit=False)
        if profit is None or loss is None:
            return None
        value = symbol.tick_size * symbol.units_per_lot
        return TickValues(value * profit[0] / profit[1], value * loss[0] / loss[1])

    def rate(self, asset_id: int) -> Decimal | None:
        """Return what a unit of an asset is worth in the account's, sold now; None if unknown."""
        legs = self._legs(asset_id)
        rate = None if legs is None else _rate(legs, is_profit=True)
        return None if rate is None else Decimal(rate[0]) / rate[1]

    def conversions_wanted(
        self, symbol_ids: Iterable[int], assets: Iterable[int] = ()
    ) -> set[tuple[int, int]]:
        """Return the pairs of assets, from and to, that these symbols (and ``assets``) need and
        nobody set yet."""
        if self._deposit is None:
            return set()
        deposit = self._deposit[0]
        assets = set(assets) | {
            self._lights[symbol_id].quote_asset_id
            for symbol_id in symbol_ids
            if symbol_id in self._lights
        }
        return {(asset, deposit) for asset in assets - {deposit} - self._chains.keys()}

    def leg_symbols(self, symbol_ids: Iterable[int], assets: Iterable[int] = ()) -> set[int]:
        """Return the symbols whose quotes convert the results of these symbols, and ``assets``."""
        wanted = set(assets) | {
            self._lights[symbol_id].quote_asset_id
            for symbol_id in symbol_ids
            if symbol_id in self._lights
        }
        return {light.symbol_id for asset in wanted for light in self._chains.get(asset, ())}

    def _quote(self, symbol_id: int) -> LiveQuote:
        quote = self.quotes.get(symbol_id)
        if quote is None:
            quote = self.quotes[symbol_id] = LiveQuote(symbol_id)
        return quote

    def _legs(self, asset_id: int) -> tuple[Leg, ...] | None:
        if self._deposit is None:
            return None
        if asset_id == self._deposit[0]:
            return ()
        legs: list[Leg] = []
        for light in self._chains.get(asset_id, ()):
            multiplies = light.base_asset_id == asset_id
            legs.append(Leg(self._quote(light.symbol_id), multiplies))
            asset_id = _other_asset(light, asset_id)
        return tuple(legs) or None

    def _expose(self, position: Position) -> None:
        light = self._lights.get(position.symbol_id)
        legs = None if light is None else self._legs(light.quote_asset_id)
        money_digits = position.money_digits if self._deposit is None else self._deposit[1]
        exposure = Exposure(
            position, self._quote(position.symbol_id), legs, money_digits, self._unvalued
        )
        before = self._exposures.get(position.position_id)
        self._floating += exposure.gross or 0
        if before is not None:
            self._unvalued.discard(before)
            self._floating -= before.gross or 0
        self._exposures[position.position_id] = exposure
        for symbol_id in self._symbols_behind(position):
            self._dependents.setdefault(symbol_id, {})[position.position_id] = exposure

    def _symbols_behind(self, position: Position) -> set[int]:
        return {position.symbol_id} | self.leg_symbols([position.symbol_id])

    def _rebuild(self) -> None:
        self._dependents.clear()
        for position in self._positions.values():
            self._expose(position)


def _other_asset(light: LightSymbol, asset_id: int) -> int:
    if asset_id == light.base_asset_id:
        return light.quote_asset_id
    if asset_id == light.quote_asset_id:
        return light.base_asset_id
    raise MappingError(f"symbol {light.name} does not trade asset {asset_id}, so converts nothing")
