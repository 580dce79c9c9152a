"""One account: its live book and valuation (pure), and the driver that keeps them true."""

from fxpool.account.book import AccountBook
from fxpool.account.driver import Account, AccountObserver, AccountState
from fxpool.account.phase import Phase, Trigger
from fxpool.account.trading import Closed, Placed, Protection, Trading

__all__ = [
    "Account",
    "AccountBook",
    "AccountObserver",
    "AccountState",
    "Closed",
    "Phase",
    "Placed",
    "Protection",
    "Trading",
    "Trigger",
]
