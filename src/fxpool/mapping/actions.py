"""What callers say to name a new order: its side and its type. Pure.

Callers name an order in up to five fields, in two vocabularies (MetaTrader's and MetaApi's), in any
case. What they say must agree, and a word that is not in the table is refused: it never becomes a
side by default. Source: MetaApi documentation, tradeRequest actionType; callers of older pools say
BUY, SELL and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fxpool.domain.trades import OrderType, Side
from fxpool.errors import InvalidCall, InvalidOrder
from fxpool.mapping.spellings import missing

_PREFIX: Final = "ORDER_TYPE_"


@dataclass(frozen=True, slots=True)
class Action:
    """The side and the type of a new order."""

    side: Side
    type: OrderType

    @property
    def word(self) -> str:
        """MetaTrader's word, for example ``SELL_LIMIT``."""
        is_market = self.type is OrderType.MARKET
        return self.side.name if is_market else f"{self.side.name}_{self.type.name}"

    @property
    def order_type(self) -> str:
        """MetaApi's word, for example ``ORDER_TYPE_SELL_LIMIT``."""
        return _PREFIX + self.word


_ACTIONS: Final = tuple(
    Action(side, type_)
    for side in Side
    for type_ in (OrderType.MARKET, OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT)
)

WORDS: Final[Mapping[str, Action]] = {
    **{action.word: action for action in _ACTIONS},
    **{action.order_type: action for action in _ACTIONS},
}


def parse_action(value: object, field: str = "action") -> Action:
    """Return what a word asks for, whatever its case. Raises InvalidOrder for anything else."""
    action = WORDS.get(value.strip().upper()) if isinstance(value, str) else None
    if action is None:
        raise InvalidOrder(
            f"{field}={value!r:.60} is an unknown action; send BUY, SELL or an {_PREFIX} word "
            f"such as {_PREFIX}BUY_LIMIT"
        )
    return action


def agreed_action(given: Mapping[str, object], kind: OrderType | None = None) -> Action:
    """Return the one action that all ``given`` fields agree on.

    ``kind`` is what the call is for, if it is for one type of order: a plain BUY means that type
    there. A plain word in ``side`` never says more than the side.
    Raises InvalidCall that names the field and what it may hold.
    """
    if not given:
        raise InvalidCall(missing("action"))
    read = {field: parse_action(value, field) for field, value in given.items()}
    if kind is None and len(read) == 1:
        return next(iter(read.values()))
    sides = {action.side for action in read.values()}
    types = {
        action.type
        for field, action in read.items()
        if action.type is not OrderType.MARKET or (kind is None and field != "side")
    } or {kind or OrderType.MARKET}
    if len(sides) > 1 or len(types) > 1:
        said = ", ".join(f"{field}={value}" for field, value in given.items())
        raise InvalidCall(f"{said} contradict each other; send one of them")
    agreed = Action(sides.pop(), types.pop())
    if kind is not None and agreed.type is not kind:
        raise InvalidOrder(f"{agreed.word} is not a {spoken(kind)} order")
    return agreed


def spoken(order_type: OrderType) -> str:
    """Return a type of order as people say it, for example ``stop-limit``."""
    return order_type.name.lower().replace("_", "-")
