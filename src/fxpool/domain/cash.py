"""What changed a balance without a deal: the broker's own list of reasons. Values only.

Enum values equal the wire's numbers; brokers' servers are newer than this list, so one is left for
a number that is not here.
Source: ProtoOAChangeBalanceType.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class CashOperation(Enum):
    """Why money came or went."""

    UNKNOWN = -1
    """One that this build does not know; ``CashFlow.is_transfer`` decides by where money went."""
    DEPOSIT = 0
    WITHDRAW = 1
    DEPOSIT_STRATEGY_COMMISSION_INNER = 3
    WITHDRAW_STRATEGY_COMMISSION_INNER = 4
    DEPOSIT_IB_COMMISSIONS = 5
    WITHDRAW_IB_SHARED_PERCENTAGE = 6
    DEPOSIT_IB_SHARED_PERCENTAGE_FROM_SUB_IB = 7
    DEPOSIT_IB_SHARED_PERCENTAGE_FROM_BROKER = 8
    DEPOSIT_REBATE = 9
    WITHDRAW_REBATE = 10
    DEPOSIT_STRATEGY_COMMISSION_OUTER = 11
    WITHDRAW_STRATEGY_COMMISSION_OUTER = 12
    WITHDRAW_BONUS_COMPENSATION = 13
    WITHDRAW_IB_SHARED_PERCENTAGE_TO_BROKER = 14
    DEPOSIT_DIVIDENDS = 15
    WITHDRAW_DIVIDENDS = 16
    WITHDRAW_GSL_CHARGE = 17
    WITHDRAW_ROLLOVER = 18
    DEPOSIT_NONWITHDRAWABLE_BONUS = 19
    WITHDRAW_NONWITHDRAWABLE_BONUS = 20
    DEPOSIT_SWAP = 21
    WITHDRAW_SWAP = 22
    DEPOSIT_MANAGEMENT_FEE = 27
    WITHDRAW_MANAGEMENT_FEE = 28
    DEPOSIT_PERFORMANCE_FEE = 29
    WITHDRAW_FOR_SUBACCOUNT = 30
    DEPOSIT_TO_SUBACCOUNT = 31
    WITHDRAW_FROM_SUBACCOUNT = 32
    DEPOSIT_FROM_SUBACCOUNT = 33
    WITHDRAW_COPY_FEE = 34
    WITHDRAW_INACTIVITY_FEE = 35
    DEPOSIT_TRANSFER = 36
    WITHDRAW_TRANSFER = 37
    DEPOSIT_CONVERTED_BONUS = 38
    DEPOSIT_NEGATIVE_BALANCE_PROTECTION = 39

    @property
    def is_transfer(self) -> bool:
        """Whether it is known to move the owner's capital; the rest are charges and credits, so
        results."""
        return self in _TRANSFERS


_TRANSFERS: Final = frozenset(
    {
        CashOperation.DEPOSIT,
        CashOperation.WITHDRAW,
        CashOperation.DEPOSIT_NONWITHDRAWABLE_BONUS,
        CashOperation.WITHDRAW_NONWITHDRAWABLE_BONUS,
        CashOperation.WITHDRAW_FOR_SUBACCOUNT,
        CashOperation.DEPOSIT_TO_SUBACCOUNT,
        CashOperation.WITHDRAW_FROM_SUBACCOUNT,
        CashOperation.DEPOSIT_FROM_SUBACCOUNT,
        CashOperation.DEPOSIT_TRANSFER,
        CashOperation.WITHDRAW_TRANSFER,
        CashOperation.DEPOSIT_CONVERTED_BONUS,
        CashOperation.DEPOSIT_NEGATIVE_BALANCE_PROTECTION,
    }
)
