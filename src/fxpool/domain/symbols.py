"""Symbols and assets of one account: what is traded, in which steps, and against which currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from fxpool.domain.market_hours import MarketHours
from fxpool.domain.symbol_terms import SymbolTerms
from fxpool.errors import InvalidVolume


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency, metal, coin or synthetic asset; told apart by id, since names repeat."""

    asset_id: int
    name: str
    digits: int | None


@dataclass(frozen=True, slots=True)
class LightSymbol:
    """What the symbol list says of a symbol; the trading parameters are in ``Symbol``."""

    symbol_id: int
    name: str
    enabled: bool
    base_asset_id: int
    quote_asset_id: int
    category_id: int | None
    description: str


class CommissionType(Enum):
    """How the broker charges commission, per side."""

    USD_PER_MILLION_USD = 1
    USD_PER_LOT = 2
    PERCENTAGE_OF_VALUE = 3
    QUOTE_CURRENCY_PER_LOT = 4


@dataclass(frozen=True, slots=True)
class LeverageTier:
    """A step of dynamic leverage.

    Attributes:
        until_usd: where it ends: open volume of a symbol and side, in dollars.
        leverage: the number behind 1: (3.33 for 1:3.33).
    """

    until_usd: Decimal
    leverage: Decimal


class TradingMode(Enum):
    """Whether orders on a symbol are accepted."""

    ENABLED = 0
    DISABLED_WITHOUT_PENDINGS_EXECUTION = 1
    DISABLED_WITH_PENDINGS_EXECUTION = 2
    CLOSE_ONLY = 3


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol with its trading parameters, joined from the light and the full record.

    Volumes are in cents of a unit (1/100 of the base asset), as on the wire. What the broker did
    not send is None, never a guess.
    """

    light: LightSymbol
    digits: int
    pip_position: int
    lot_size_cents: int
    min_volume_cents: int | None
    max_volume_cents: int | None
    step_volume_cents: int | None
    trading_mode: TradingMode
    short_selling: bool | None
    commission_type: CommissionType
    precise_commission_rate: int
    conversion_fee_rate: int
    leverage_id: int | None
    stop_loss_distance: int
    take_profit_distance: int
    measurement_units: str
    terms: SymbolTerms
    hours: MarketHours | None = None

    @property
    def symbol_id(self) -> int:
        return self.light.symbol_id

    @property
    def name(self) -> str:
        return self.light.name

    @property
    def tick_size(self) -> Decimal:
        """The smallest price change, in price units."""
        return Decimal(1).scaleb(-self.digits)

    @property
    def pip_size(self) -> Decimal:
        return Decimal(1).scaleb(-self.pip_position)

    @property
    def units_per_lot(self) -> Decimal:
        return Decimal(self.lot_size_cents).scaleb(-2)

    def lots(self, volume_cents: int) -> Decimal:
        """Return a wire volume in lots."""
        return Decimal(volume_cents) / self.lot_size_cents

    def volume_cents(self, lots: Decimal) -> int:
        """Return lots as a wire volume that the symbol allows; nothing is rounded.

        Raises InvalidVolume, naming the limit, if it is off the step or out of range.
        """
        return self._allowed(lots * self.lot_size_cents, f"{lots:f} lots")

    def volume_cents_of_units(self, units: Decimal) -> int:
        """Return units of the base asset as a wire volume that the symbol allows; nothing is
        rounded. Raises InvalidVolume as ``volume_cents`` does."""
        return self._allowed(units * 100, f"{units:f} units")

    def _allowed(self, cents: Decimal, said: str) -> int:
        volume = int(cents)
        step = self.step_volume_cents or 1
        if cents <= 0 or cents != volume or volume % step:
            raise self._refuse(said, "is not a positive multiple of", step)
        if self.min_volume_cents and volume < self.min_volume_cents:
            raise self._refuse(said, "is below the minimum of", self.min_volume_cents)
        if self.max_volume_cents and volume > self.max_volume_cents:
            raise self._refuse(said, "is above the maximum of", self.max_volume_cents)
        return volume

    def _refuse(self, said: str, why: str, limit_cents: int) -> InvalidVolume:
        limit = self.lots(limit_cents).normalize()
        return InvalidVolume(f"invalid volume: {said} of {self.name} {why} {limit:f} lots")

    def round_price(self, price: Decimal) -> Decimal:
        """Round a price to the symbol's digits."""
        return price.quantize(self.tick_size)


@dataclass(frozen=True, slots=True)
class TickValues:
    """What one tick of one lot is worth in the account's currency, for a profit and for a loss."""

    profit: Decimal
    loss: Decimal
