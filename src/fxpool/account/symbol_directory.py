"""What an account's symbols stand under, and those that its broker lists no more.

Read when somebody asks, once for each reading of the symbol list: trading needs none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from fxpool.account.book import AccountBook
from fxpool.account.reads import AccountReads
from fxpool.domain.symbol_terms import ArchivedSymbol, SymbolGroup


class SymbolDirectory:
    """One account's groups of symbols, and its archived ones.

    Both raise NotReady while the account is not live, and what ``AccountReads`` raises.
    """

    def __init__(self, book: AccountBook, reads: Callable[[], AccountReads]) -> None:
        """``reads`` gives the requests of a live account. Raises NotReady for another one."""
        self._book = book
        self._reads = reads
        self._list: object = None
        self._groups: dict[int, SymbolGroup] | None = None
        self._archived: dict[int, ArchivedSymbol] | None = None
        self._reading = asyncio.Lock()

    async def groups(self) -> Mapping[int, SymbolGroup]:
        """Return where symbols stand in the broker's tree, by category id."""
        async with self._reading:
            self._forget_older()
            if self._groups is None:
                self._groups = await self._reads().symbol_groups()
            return self._groups

    async def archived(self) -> Mapping[int, ArchivedSymbol]:
        """Return the symbols that are listed no more, by id."""
        async with self._reading:
            self._forget_older()
            if self._archived is None:
                found = await self._reads().archived_symbols()
                self._archived = {symbol.symbol_id: symbol for symbol in found}
            return self._archived

    def _forget_older(self) -> None:
        """Forget what was read before the account's list of symbols was read anew."""
        if self._list is not self._book.light_symbols:
            self._list = self._book.light_symbols
            self._groups = self._archived = None
