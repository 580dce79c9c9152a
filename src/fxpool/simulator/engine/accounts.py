"""What an account is opened as, apart from what it holds. Pure data; enum values are the wire's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class AccountType(IntEnum):
    """How positions of one symbol live together."""

    HEDGED = 0
    NETTED = 1
    SPREAD_BETTING = 2
    """As hedged; a volume is called a stake."""


class AccessRights(IntEnum):
    """What the broker lets an account do."""

    FULL_ACCESS = 0
    CLOSE_ONLY = 1
    NO_TRADING = 2
    NO_LOGIN = 3


class MarginMode(IntEnum):
    """How the margins of buys and sells of one symbol are combined."""

    MAX = 0
    SUM = 1
    NET = 2


class StopOutStrategy(IntEnum):
    """Which position a stop-out closes first."""

    MOST_MARGIN_USED_FIRST = 0
    MOST_LOSING_FIRST = 1


class LimitedRiskMargin(IntEnum):
    """What the margin of a position with a guaranteed stop follows on a limited-risk account."""

    ACCORDING_TO_LEVERAGE = 0
    ACCORDING_TO_GSL = 1
    ACCORDING_TO_GSL_AND_LEVERAGE = 2
    """The larger of the two; the protocol does not say how they are combined."""


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account as the broker opens it.

    Attributes:
        account_id: the ``ctidTraderAccountId``.
        login: the number that the trader sees.
        balance: the first deposit, in 1/100 of the deposit asset.
        leverage_cents: 10000 for 1:100.
        is_limited_risk: every position needs a guaranteed stop.
        fair_stop_out: a stop-out closes positions whole; otherwise only as much as it needs.
        stop_out_percent: margin level at which it begins; the protocol never tells it.
        max_positions: how many may be open at once; None for no limit.
    """

    account_id: int
    login: int
    deposit_asset_id: int
    balance: int
    account_type: AccountType = AccountType.HEDGED
    is_live: bool = False
    leverage_cents: int = 10_000
    access_rights: AccessRights = AccessRights.FULL_ACCESS
    swap_free: bool = False
    margin_mode: MarginMode = MarginMode.SUM
    is_limited_risk: bool = False
    limited_risk_margin: LimitedRiskMargin = LimitedRiskMargin.ACCORDING_TO_LEVERAGE
    fair_stop_out: bool = False
    stop_out_strategy: StopOutStrategy = StopOutStrategy.MOST_MARGIN_USED_FIRST
    stop_out_percent: int = 50
    max_positions: int | None = None
