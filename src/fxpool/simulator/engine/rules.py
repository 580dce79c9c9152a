"""Switches of the engine: open questions of the protocol, each with our default. Pure data.

The numbers (SW-nn) are those of docs/simulator.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ExtraDigits(Enum):
    """What becomes of a price with more decimals than its symbol shows (SW-25)."""

    INVALID_REQUEST = "invalid_request"
    BAD_PRICES = "trading_bad_prices"
    ROUNDED = "rounded"


class TierLeverageUnit(Enum):
    """What the leverage of a dynamic tier counts (SW-26)."""

    HUNDREDTHS = "hundredths"
    PLAIN = "plain"


class ConversionSide(Enum):
    """Which side of a quote turns a profit into the deposit asset (SW-30)."""

    BY_DIRECTION = "by_direction"
    ASK = "ask"
    MID = "mid"


class ConversionFee(Enum):
    """What the fee for converting a profit is taken from (SW-31)."""

    GAINS_AND_LOSSES = "gains_and_losses"
    GAINS = "gains"
    NONE = "none"


class StopLimitForm(Enum):
    """What says how far a stop-limit order may fill from its stop (SW-35)."""

    SLIPPAGE = "slippage"
    LIMIT_PRICE = "limit_price"
    BOTH = "both"


class PendingLevels(Enum):
    """How a pending order shows protection that was given as prices (SW-36)."""

    RELATIVE = "relative"
    ABSOLUTE = "absolute"


class IocRemainder(Enum):
    """What becomes of the rest of an immediate-or-cancel limit order (SW-37)."""

    CANCELLED = "cancelled"
    WORKING = "working"


class PartialFills(Enum):
    """How the fills of one order are called (SW-38)."""

    PARTIAL_THEN_FILLED = "partial_then_filled"
    ALWAYS_FILLED = "always_filled"


class TriggeredFill(Enum):
    """How the fill of a waiting order is told (SW-39)."""

    SERVER_EVENT = "server_event"
    PLAIN_EVENT = "plain_event"
    ACCEPTED_FIRST = "accepted_first"


class NettedExcess(Enum):
    """What becomes of the volume by which an opposite order exceeds a position (SW-44)."""

    NEW_POSITION = "new_position"
    SAME_POSITION = "same_position"
    REFUSED = "refused"


class StopOutOrder(Enum):
    """The type of the order that a stop-out closes with (SW-45)."""

    MARKET = "market"
    STOP_LOSS_TAKE_PROFIT = "stop_loss_take_profit"


class WrongSideStops(Enum):
    """What becomes of protective levels on the wrong side of the market (SW-48)."""

    BAD_STOPS = "trading_bad_stops"
    INVALID_REQUEST = "invalid_request"
    ACCEPTED = "accepted"


class MarketClosedCarrier(Enum):
    """Which message says that a symbol does not trade: closed, on holiday, disabled (SW-49)."""

    ORDER_ERROR = "order_error"
    EXECUTION = "execution"
    ERROR_RES = "error_res"


class MarginBasis(Enum):
    """When the margin of a position is worked out; the protocol knows brokers of both kinds."""

    AT_OPENING = "at_opening"
    """At the rates of its opening, which it keeps."""
    AT_EACH_EVENT = "at_each_event"
    """Anew at the present rates, whenever something happens to its account."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the engine answers where documentation and observation leave a choice.

    Attributes:
        repeats_fills: SW-22. A fill that answers a request is told again, without its id.
        extra_digits: SW-25. What becomes of a price with too many decimals.
        tier_leverage_unit: SW-26. What the leverage of a dynamic tier counts.
        conversion_side: SW-30. Which side of a quote turns a profit into the deposit asset.
        conversion_fee: SW-31. What the fee for converting a profit is taken from.
        shows_created_position: SW-32. An acceptance shows the position that the order will open.
        names_own_orders: SW-33. Closing and protective orders get a clientOrderId of the server.
        market_range_takes_levels: SW-34. A market-range order may carry levels as prices.
        stop_limit_form: SW-35. What says how far a stop-limit order may fill from its stop.
        pending_levels: SW-36. How a pending order shows protection that was given as prices.
        ioc_remainder: SW-37. What becomes of the rest of an immediate-or-cancel limit order.
        partial_fills: SW-38. How the fills of one order are called.
        triggered_fill: SW-39. How the fill of a waiting order is told.
        first_protection_accepted: SW-40. First levels are told as ACCEPTED, not as REPLACED.
        removal_cancels: SW-41. Removing both levels is told as CANCELLED, not as REPLACED.
        bare_close_is_closed: SW-42. A full close without protection shows CLOSED, not CREATED.
        cancels_after_hit: SW-43. A level that was hit is followed by its order's cancellation.
        netted_excess: SW-44. What becomes of the volume by which an order exceeds a position.
        stop_out_tells_margin_call: SW-45. A stop-out is announced by a margin call.
        stop_out_order: SW-45. The type of the order that a stop-out closes with.
        lost_execution_chance: SW-46. How likely an execution is never told; 0 to 1.
        amend_delay_ms: SW-47. How long after a fill its position is not found by an amendment.
        wrong_side_stops: SW-48. What becomes of levels on the wrong side of the market.
        market_closed_carrier: SW-49. Which message says that a symbol does not trade: its market
            is closed, has a holiday, or its trading is disabled.
        pushes_account_changes: SW-50. Changes of balance and margin are pushed.
        bonus_counts: SW-51. A bonus is part of the equity.
        margin_basis: when the margin of a position is worked out.
        execution_delay_ms: how long after its acceptance, or after its price was met, an order
            fills. 0 fills at once; a live server was seen to take some 130 ms.
    """

    repeats_fills: bool = False
    extra_digits: ExtraDigits = ExtraDigits.INVALID_REQUEST
    tier_leverage_unit: TierLeverageUnit = TierLeverageUnit.HUNDREDTHS
    conversion_side: ConversionSide = ConversionSide.BY_DIRECTION
    conversion_fee: ConversionFee = ConversionFee.GAINS_AND_LOSSES
    shows_created_position: bool = True
    names_own_orders: bool = True
    market_range_takes_levels: bool = False
    stop_limit_form: StopLimitForm = StopLimitForm.SLIPPAGE
    pending_levels: PendingLevels = PendingLevels.RELATIVE
    ioc_remainder: IocRemainder = IocRemainder.CANCELLED
    partial_fills: PartialFills = PartialFills.PARTIAL_THEN_FILLED
    triggered_fill: TriggeredFill = TriggeredFill.SERVER_EVENT
    first_protection_accepted: bool = True
    removal_cancels: bool = True
    bare_close_is_closed: bool = True
    cancels_after_hit: bool = False
    netted_excess: NettedExcess = NettedExcess.NEW_POSITION
    stop_out_tells_margin_call: bool = True
    stop_out_order: StopOutOrder = StopOutOrder.MARKET
    lost_execution_chance: float = 0.0
    amend_delay_ms: int = 0
    wrong_side_stops: WrongSideStops = WrongSideStops.BAD_STOPS
    market_closed_carrier: MarketClosedCarrier = MarketClosedCarrier.ORDER_ERROR
    pushes_account_changes: bool = False
    bonus_counts: bool = False
    margin_basis: MarginBasis = MarginBasis.AT_OPENING
    execution_delay_ms: int = 0
