"""Whether an account may trade a symbol now: rights, hours, limits and money. Pure.

Each check returns or raises Refusal; what a command says of itself is checked in ``checks``.
"""

from __future__ import annotations

from fxpool.simulator.engine.accounts import AccessRights, AccountType
from fxpool.simulator.engine.book import Book
from fxpool.simulator.engine.checks import check_volume
from fxpool.simulator.engine.commands import (
    AmendOrder,
    AmendProtection,
    ClosePosition,
    Command,
    PlaceOrder,
)
from fxpool.simulator.engine.model import Position, Side
from fxpool.simulator.engine.symbols import Symbol, TradingMode
from fxpool.simulator.refusal import Carrier, Refusal, invalid_request

_NO_ACCESS = frozenset({AccessRights.NO_TRADING, AccessRights.NO_LOGIN})
_DISABLED = frozenset(
    {
        TradingMode.DISABLED_WITH_PENDINGS_EXECUTION,
        TradingMode.DISABLED_WITHOUT_PENDINGS_EXECUTION,
    }
)


class Permits:
    """The permissions of one account."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._worth = book.worth

    def check_access(self) -> None:
        """The account may do something at all."""
        if self._book.spec.access_rights in _NO_ACCESS:
            raise Refusal("TRADING_NOT_ALLOWED", "Trading is not allowed for this account")

    def check_not_taken(self, command: Command) -> None:
        """Neither an order that is being filled nor its position is changed meanwhile.

        A cancellation is not refused: it is told by a rejected one.
        """
        taken, account_id = self._book.floor.taken, self._book.spec.account_id
        match command:
            case AmendOrder(order_id=order_id) if taken.is_of(account_id, order_id):
                text = f"Order {order_id} is being executed"
                raise Refusal("CONCURRENT_MODIFICATION", text, order_id=order_id)
            case AmendProtection(position_id=held) if taken.holds(account_id, held):
                raise Refusal("POSITION_LOCKED", f"Position {held} is locked", position_id=held)
            case ClosePosition(position_id=held) | PlaceOrder(position_id=int(held)) if taken.holds(
                account_id, held
            ):
                text = f"Position {held} has an order in execution"
                raise Refusal("PENDING_EXECUTION", text, position_id=held)

    def check_enabled(self, symbol: Symbol) -> None:
        """The symbol takes orders of clients."""
        if symbol.trading_mode in _DISABLED:
            raise self._untraded("TRADING_DISABLED", f"Trading is disabled for {symbol.name}")

    def check_size(self, volume: int, symbol: Symbol) -> None:
        """The volume is one that the symbol takes; spread betting calls it a stake."""
        is_stake = self._book.spec.account_type is AccountType.SPREAD_BETTING
        check_volume(volume, symbol, "TRADING_BAD_STAKE" if is_stake else "TRADING_BAD_VOLUME")

    def check_hours(self, symbol: Symbol, at_ms: int) -> None:
        """The market of the symbol is open."""
        if symbol.has_holiday(at_ms):
            raise self._untraded("SYMBOL_HAS_HOLIDAY", f"{symbol.name} has a holiday")
        if not symbol.is_open(at_ms):
            raise self._untraded("MARKET_CLOSED", f"Market is closed for {symbol.name}")

    def _untraded(self, code: str, text: str) -> Refusal:
        """Return the refusal of an order whose symbol does not trade (SW-49)."""
        carrier = Carrier(self._book.floor.rules.market_closed_carrier.value)
        return Refusal(code, text, carrier=carrier)

    def check_guarantee(self, *, is_guaranteed: bool) -> None:
        """An account of limited risk opens nothing without a guaranteed stop."""
        if self._book.spec.is_limited_risk and not is_guaranteed:
            raise invalid_request(
                "Guaranteed Stop Loss should be specified for limited risk accounts"
            )

    def check_opening(
        self, target: Position | None, symbol: Symbol, side: Side, volume: int
    ) -> None:
        """What an order opens beyond its target is allowed and paid for; a reduction needs nothing.

        Every rate that a fill needs exists, so that a fill never stops half way.
        """
        self._check_conversions(symbol)
        if target is not None and target.side is not side:
            volume -= target.volume
        if volume <= 0:
            return
        self.check_rights(symbol, side)
        self._check_limits(target, symbol, side, volume)
        if self._worth.extra_margin(symbol.symbol_id, side, volume) > self._worth.free_margin():
            raise Refusal(
                "NOT_ENOUGH_MONEY",
                f"Not enough funds to open position of volume {volume / 100:.2f}",
            )

    def _check_conversions(self, symbol: Symbol) -> None:
        rates, deposit_asset_id = self._book.floor.rates, self._book.spec.deposit_asset_id
        for asset_id in (symbol.base_asset_id, symbol.quote_asset_id, rates.usd_asset_id):
            rates.rate(asset_id, deposit_asset_id, selling=True)
        rates.rate(symbol.base_asset_id, rates.usd_asset_id, selling=True)

    def check_rights(self, symbol: Symbol, side: Side) -> None:
        """The account may open a position of this side."""
        if self._book.spec.access_rights is AccessRights.CLOSE_ONLY:
            raise Refusal("TRADING_NOT_ALLOWED", "The account may only close positions")
        if symbol.trading_mode is TradingMode.CLOSE_ONLY:
            raise self._untraded("TRADING_DISABLED", f"{symbol.name} is in close-only mode")
        if side is Side.SELL and not symbol.enables_short_selling:
            raise Refusal(
                "SHORT_SELLING_NOT_ALLOWED", f"Short selling is not allowed for {symbol.name}"
            )

    def _check_limits(
        self, target: Position | None, symbol: Symbol, side: Side, volume: int
    ) -> None:
        book, worth = self._book, self._worth
        most = book.spec.max_positions
        is_new = target is None or target.side is not side
        freed = 0 if target is None or target.side is side else 1
        if is_new and most is not None and len(book.positions) - freed >= most:
            raise Refusal("TOO_MANY_POSITIONS", f"No more than {most} positions may be open")
        if symbol.max_exposure is None:
            return
        lot = worth.lot(symbol.symbol_id, side, volume)
        after = worth.exposure(symbol.symbol_id) + lot.volume * lot.usd_rate / 100
        if after * 100 > symbol.max_exposure:
            raise Refusal(
                "MAX_EXPOSURE_REACHED",
                f"Exposure of {symbol.name} would be bigger than maximum allowed = "
                f"{symbol.max_exposure / 100:.2f} USD",
            )
