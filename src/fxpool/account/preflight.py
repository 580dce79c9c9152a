"""What an order is checked for before it is sent, so that a hopeless one never leaves.

The rules of the symbol cost nothing; the margin costs a question to the broker, which is spared
while what it answered lately says that there is plenty. Whatever cannot be known here is left to
the broker: a check that fails to be made refuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

import structlog

from fxpool.account.book import AccountBook
from fxpool.account.driver import Account
from fxpool.account.reads import AccountReads
from fxpool.clock import Clock
from fxpool.domain.accounts import MarginMode
from fxpool.domain.order_rules import check_symbol, check_tick, opened_volume_cents
from fxpool.domain.requests import OrderIntent
from fxpool.domain.symbols import Symbol
from fxpool.domain.trades import Side
from fxpool.errors import MappingError, RequestError, TradeRefused

MARGIN_SECONDS: Final = 1.0
"""How long an order waits for the broker's answer on its margin."""

REMEMBERED_SECONDS: Final = 300.0
PLENTY: Final = 2
"""An order is not asked about if so many times its margin, by an answer of late, is free: prices
move, and steps of leverage make larger volumes dearer."""

log = structlog.get_logger(__name__)


class MarginCheck(Enum):
    """What is done with an order that needs more margin than is free."""

    REFUSE = "refuse"
    WARN = "warn"
    """It is logged and sent: the broker decides."""
    OFF = "off"
    """The broker is not asked, which saves an order a round trip."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the broker said lately: margin per cent of a unit, and when (monotonic seconds)."""

    rate: Decimal
    at: float


class Preflight:
    """The checks of one account's orders."""

    def __init__(
        self, account: Account, *, clock: Clock, margin_check: MarginCheck = MarginCheck.REFUSE
    ) -> None:
        self._account = account
        self._margin_check = margin_check
        self._clock = clock
        self._asked: dict[tuple[int, Side], _Asked] = {}

    async def check(self, intent: OrderIntent, symbol: Symbol) -> None:
        """Return if nothing is known to speak against an order. Raises TradeRefused."""
        book = self._account.book
        check_tick(symbol, intent)
        opened = opened_volume_cents(intent, book.held_positions(), book.trader.account_type)
        check_symbol(intent, symbol, self._clock.at(), opens=opened > 0)
        if self._margin_check is MarginCheck.OFF or not self._account.is_live:
            return  # an account that is not live trades by name only; what is free is not known
        if opened and not intent.type.rests:  # a pending order's margin is a matter of its fill
            await self._check_margin(symbol, intent.side, opened)

    async def _check_margin(self, symbol: Symbol, side: Side, volume_cents: int) -> None:
        free = _free_margin(self._account.book, symbol.symbol_id, side)
        if free is None or self._is_plenty(symbol.symbol_id, side, volume_cents, free):
            return
        try:
            reads = AccountReads(self._account.channel)
            margin = await reads.expected_margin(
                symbol.symbol_id, side, volume_cents, timeout=MARGIN_SECONDS
            )
        except (RequestError, MappingError) as exc:
            log.warning("margin not checked", account=self._account.key, error=str(exc))
            return
        now = self._clock.now()
        self._asked[symbol.symbol_id, side] = _Asked(margin / volume_cents, now)
        if margin <= free:
            return
        said = (
            f"{symbol.lots(volume_cents).normalize():f} lots of {symbol.name} need "
            f"{margin:.2f} of margin, {free:.2f} is free"
        )
        if self._margin_check is MarginCheck.WARN:
            log.warning("more margin than is free", account=self._account.key, text=said)
            return
        raise TradeRefused("NOT_ENOUGH_MONEY", said)

    def _is_plenty(self, symbol_id: int, side: Side, volume_cents: int, free: Decimal) -> bool:
        asked = self._asked.get((symbol_id, side))
        if asked is None or self._clock.now() - asked.at > REMEMBERED_SECONDS:
            return False
        return asked.rate * volume_cents * PLENTY <= free


def _free_margin(book: AccountBook, symbol_id: int, side: Side) -> Decimal | None:
    """Return what an order may use, None where that is not certain.

    Where the sides of a symbol do not add up, an order against open positions may need no margin
    at all. A bonus may count for the broker (SW-51), so it does here.
    """
    trader = book.trader
    other = Side.SELL if side is Side.BUY else Side.BUY
    adds_up = trader.margin_mode is MarginMode.SUM or not book.has_position(symbol_id, other)
    free = book.totals().free_margin
    return free + trader.bonus if adds_up and free is not None else None
