"""The past of accounts: deals, cash flow and bars fetched, kept, and the statistics on them."""

from fxpool.history.equity_keeper import EquityKeeper, RecordedEquity
from fxpool.history.equity_kept import EquityStore, MemoryEquity
from fxpool.history.fetch import HistoryKeeper, Progress
from fxpool.history.kept import HistoryStore, MemoryHistory
from fxpool.history.record import AccountRecord
from fxpool.history.trades import ClosedPart, Trade

__all__ = [
    "AccountRecord",
    "ClosedPart",
    "EquityKeeper",
    "EquityStore",
    "HistoryKeeper",
    "HistoryStore",
    "MemoryEquity",
    "MemoryHistory",
    "Progress",
    "RecordedEquity",
    "Trade",
]
