"""One account: its live book and valuation (pure), and the driver that keeps them true."""

from fxpool.account.answers import Closed, Placed, Protection
from fxpool.account.book import AccountBook
from fxpool.account.call_tickets import CallTickets
from fxpool.account.driver import Account, AccountObserver, AccountState
from fxpool.account.evidence import Finding
from fxpool.account.phase import Phase, Trigger
from fxpool.account.preflight import MarginCheck
from fxpool.account.resolver import Resolver
from fxpool.account.tickets import ORDER, Answer, TicketObserver, Tickets
from fxpool.account.trading import Trading

__all__ = [
    "ORDER",
    "Account",
    "AccountBook",
    "AccountObserver",
    "AccountState",
    "Answer",
    "CallTickets",
    "Closed",
    "Finding",
    "MarginCheck",
    "Phase",
    "Placed",
    "Protection",
    "Resolver",
    "TicketObserver",
    "Tickets",
    "Trading",
    "Trigger",
]
