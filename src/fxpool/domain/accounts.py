"""The account itself: what the broker's trader record says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum


class AccessRights(Enum):
    """What the broker lets the account do."""

    FULL_ACCESS = 0
    CLOSE_ONLY = 1
    NO_TRADING = 2
    NO_LOGIN = 3


class AccountType(Enum):
    """How positions on one symbol combine."""

    HEDGED = 0
    NETTED = 1
    SPREAD_BETTING = 2


class MarginMode(Enum):
    """How the sides of one symbol combine into the account's margin."""

    MAX = 0
    SUM = 1
    NET = 2


@dataclass(frozen=True, slots=True)
class Trader:
    """The broker's record of an account.

    ``leverage`` is the number behind 1: (30 for 1:30). What the broker leaves out is None.
    """

    account_id: int
    login: int | None
    broker: str | None
    balance: Decimal
    balance_version: int | None
    bonus: Decimal
    money_digits: int
    deposit_asset_id: int
    leverage: Decimal | None
    access_rights: AccessRights
    account_type: AccountType
    margin_mode: MarginMode
    is_limited_risk: bool
    swap_free: bool
    registered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """What an account is worth now, in its currency.

    Attributes:
        gross: the unrealised result of all open positions without swap and commission.
        net: the same with swap and commission so far.
        margin: by the account's margin mode; None if that of one position is neither told nor
            computable.
        margin_level: equity in percent of margin; None at margin 0.
        swap, commission: of all open positions so far; the closing side is not in it.

    What needs a quote that is not known is None, never 0.
    """

    balance: Decimal
    gross: Decimal | None
    net: Decimal | None
    equity: Decimal | None
    margin: Decimal | None
    free_margin: Decimal | None
    margin_level: Decimal | None
    swap: Decimal
    commission: Decimal
