"""The protection of a position that an order has just filled, against what was asked for. Pure.

Absolute levels travel as distances on a market order, so the broker's own levels are off by the
slippage, and are corrected. What somebody changed after the fill is nobody's slippage.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from fxpool.domain.protection import Level
from fxpool.domain.requests import OrderIntent
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Deal, Position, Side

OWN_PROTECTION: Final = timedelta(seconds=1)
"""How long after a fill the broker may still be making the protection that the order carried; 3 to
20 ms were seen. A later change is somebody else's."""

Levels = tuple[Decimal | None, Decimal | None]
"""A stop loss and a take profit, absolute."""


def levels_of(position: Position) -> Levels:
    """Return the levels that a position has."""
    return position.stop_loss, position.take_profit


def wanted_levels(intent: OrderIntent, position: Position, symbol: Symbol) -> Levels:
    """Return the exact levels that an order asked for, now that its fill is known. A distance was
    measured by the broker itself, so a level that is there is right; so is a trailing stop that
    has followed the price."""

    def wanted(
        level: Level, price: Decimal | None, distance: Decimal | None, present: Decimal | None
    ) -> Decimal | None:
        if price is None and distance is not None:
            price = present or level.price(position.price, position.side, distance)
        return None if price is None else symbol.round_price(price)

    stop = wanted(Level.STOP_LOSS, intent.stop_loss, intent.stop_loss_distance, position.stop_loss)
    if intent.trailing_stop_loss and stop is not None and _has_followed(position, stop):
        stop = position.stop_loss
    target = wanted(
        Level.TAKE_PROFIT, intent.take_profit, intent.take_profit_distance, position.take_profit
    )
    return stop, target


def is_changed_since(position: Position, deals: tuple[Deal, ...]) -> bool:
    """Whether somebody changed a position after these deals, by the broker's clock."""
    if position.updated_at is None:
        return False
    return position.updated_at > max(deal.executed_at for deal in deals) + OWN_PROTECTION


def missing_levels(intent: OrderIntent, position: Position) -> str:
    """Return which levels an order asked for and its position does not have, in words."""
    asked = (
        ("stop loss", intent.has_stop_loss, position.stop_loss),
        ("take profit", intent.has_take_profit, position.take_profit),
    )
    return " and no ".join(name for name, is_asked, level in asked if is_asked and level is None)


def _has_followed(position: Position, stop: Decimal) -> bool:
    """Whether the stop loss is nearer to a profit than it was asked for."""
    present = position.stop_loss
    if present is None or not position.trailing_stop_loss:
        return False
    return present > stop if position.side is Side.BUY else present < stop
