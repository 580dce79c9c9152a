"""Which cTrader accounts are served, from their begin to their end, while others trade."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from fxpool.account import Phase
from fxpool.background import Background
from fxpool.domain.symbol_names import SymbolRule
from fxpool.errors import FxPoolError, SymbolNotFound
from fxpool.history import EquityKeeper
from fxpool.platforms.account_changes import changes
from fxpool.platforms.ctrader_assembly import AccountAssembly
from fxpool.platforms.ctrader_served import Served, ServedAccounts
from fxpool.platforms.ctrader_tokens import CTraderTokens
from fxpool.platforms.routing import AccountConfig

log = structlog.get_logger(__name__)


class CTraderServing:
    """Begins, changes and ends the serving of accounts."""

    def __init__(
        self,
        accounts: ServedAccounts,
        assembly: AccountAssembly,
        tokens: CTraderTokens,
        equity: EquityKeeper,
        background: Background,
    ) -> None:
        self._accounts = accounts
        self._assembly = assembly
        self._tokens = tokens
        self._equity = equity
        self._background = background
        self._serving: dict[str, list[asyncio.Task[None]]] = {}

    def begin(self, served: Served) -> None:
        """Begin to serve an account, if it is enabled."""
        if not served.account.config.enabled:
            served.live.waits_for("disabled by configuration")
            return
        self._serving[served.key] = [
            self._background.start(self._serve(served), f"serve-{served.key}"),
            self._background.start(served.past.keep(), f"history-{served.key}"),
            self._watch(served),
        ]

    async def _end(self, served: Served) -> None:
        """Serve an account no more. The broker's answer to an order that is under way is not
        waited for: its ticket tells what became of it."""
        await self._background.end(self._serving.pop(served.key, []))
        served.feed.close()
        self._equity.forget(served.live)

    async def reload(
        self, accounts: Sequence[AccountConfig], rules: Sequence[SymbolRule]
    ) -> list[str]:
        """Serve these accounts from now on, without touching the others; return what needs a
        restart, in sentences."""
        plan = changes({s.key: s.account.config for s in self._accounts.values()}, accounts)
        for served in self._accounts.values():
            served.account.take(served.account.config, rules)
        for config in plan.taken:
            served = self._accounts[config.key]
            served.account.take(config, rules)
            if served.key in self._serving:
                self._serving[served.key].append(self._watch(served))
        for key in plan.ended:
            await self._end(self._accounts.pop(key))
        for config in plan.begun:
            before = self._accounts.get(config.key)
            self._tokens.add(config)
            self._accounts[config.key] = served = self._assembly.make(config, rules)
            if before is not None:
                await self._end(before)
            self.begin(served)
        return list(plan.refused)

    def parked(self) -> list[str]:
        """The accounts that want another token before they can be served."""
        wanting = {Phase.NEEDS_CONSENT, Phase.REFUSED}
        return [key for key, state in self._accounts.states().items() if state.phase in wanting]

    def reauthorise(self, key: str) -> None:
        """Begin to show the broker an account's new token."""
        live = self._accounts[key].live
        if live.account_id is not None:  # else its seat is still being looked for
            self._background.start(live.channel.reauthorise(), f"reauthorise-{key}")

    async def _serve(self, served: Served) -> None:
        """Keep one account served until cancelled: the outermost frame of its task."""
        try:
            await served.live.serve(await self._tokens.seat(served.account))
        except FxPoolError as exc:
            served.live.refuse(str(exc))
        except Exception as exc:  # the other accounts are served on, and this one tells its end
            log.exception("account ended", account=served.key)
            served.live.refuse(f"an internal error ended it: {type(exc).__name__}")

    def _watch(self, served: Served) -> asyncio.Task[None]:
        return self._background.start(self._watch_configured(served), f"symbols-{served.key}")

    async def _watch_configured(self, served: Served) -> None:
        """Have the configured symbols quoted as soon as the account is live."""
        live = served.live
        if not served.account.config.symbols:
            return
        while not await served.until_live():
            pass  # lost or not there yet; ``until_live`` waits again
        wanted: set[int] = set()
        for name in served.account.config.symbols:
            try:
                wanted |= served.account.symbol_ids(name)
            except SymbolNotFound as exc:
                log.warning("configured symbol", account=served.key, error=str(exc))
        try:
            await live.watch(wanted)
        except FxPoolError as exc:  # they are watched all the same, and the account tries again
            log.warning("configured symbols", account=served.key, error=str(exc))
