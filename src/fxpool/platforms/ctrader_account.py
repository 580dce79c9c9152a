"""One configured cTrader account as the platform holds it: its names, and how it is shown.

Everything that callers read of one account is built here, from its book. What changes it is in
``ctrader_trades``, what is pushed in ``ctrader_feed``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from fxpool.account import Account, Phase
from fxpool.clock import Clock
from fxpool.domain.quotes import LiveQuote
from fxpool.domain.symbol_names import SymbolNames, SymbolRule
from fxpool.domain.symbols import LightSymbol, Symbol
from fxpool.domain.trades import Deal, Order, Position
from fxpool.errors import NotReady, SymbolNotFound
from fxpool.mapping import metaapi
from fxpool.mapping.formats import (
    AccountInformation,
    DealInfo,
    OrderInfo,
    OrderList,
    PositionInfo,
    PositionList,
    PriceInfo,
    ToldOrder,
)
from fxpool.mapping.instants import iso
from fxpool.mapping.pool_formats import AccountListing, AccountSummary
from fxpool.platforms.directory import AccountNames
from fxpool.platforms.guards import AccountGuard
from fxpool.platforms.halts import Halt, Halts
from fxpool.platforms.routing import AccountConfig
from fxpool.platforms.token_accounts import TokenAccount
from fxpool.platforms.words import explain

STALE_AFTER: Final = 30.0
"""Seconds after which a quote is shown as stale."""

FORGOTTEN_AFTER: Final = 4 * 86_400.0
"""Seconds after which a quote is not shown any more: longer than a long weekend."""

SIMULATOR: Final = "fxpool simulator"
"""What our own simulated broker calls itself (with a hyphen where it writes slugs)."""


@dataclass(frozen=True, slots=True)
class _Label:
    """How callers see a symbol: its MetaTrader name, and broker lots per MetaTrader lot."""

    name: str
    multiplier: Decimal


class CTraderAccount:
    """One account: configuration, live state, and the answers built from both.

    Attributes:
        config: what the configuration says.
        live: the account itself; set by the platform before anything is read.
        opened: what the token's list says of it, None until that was read.
        guard: its loss limits, None where it has none.
    """

    live: Account

    def __init__(
        self, config: AccountConfig, rules: Sequence[SymbolRule], halts: Halts, *, clock: Clock
    ) -> None:
        self.config = config
        self._halts = halts
        self.key = config.key
        self.opened: TokenAccount | None = None
        self.guard: AccountGuard | None = None
        self._rules = rules
        self._clock = clock
        self._named: dict[int, LightSymbol] | None = None
        self._names = SymbolNames(())
        self._labels: dict[int, _Label] = {}

    def take(self, config: AccountConfig, rules: Sequence[SymbolRule]) -> None:
        """Go on with other settings and symbol names."""
        self.config, self._rules, self._named = config, rules, None

    # What it is

    @property
    def known_names(self) -> AccountNames:
        """All names that callers may use for it."""
        ctid = self.live.account_id or self.config.ctid
        login = self.opened.login if self.opened is not None else None
        return AccountNames(self.key, self.config.login, ctid, login)

    @property
    def is_known(self) -> bool:
        """Whether its state was read at least once."""
        try:
            return self.live.book.positions is not None
        except NotReady:
            return False

    @property
    def is_read_only(self) -> bool:
        """Whether configuration or token forbid trading."""
        return self.config.read_only or (self.opened is not None and self.opened.is_view_only)

    @property
    def halt(self) -> Halt | None:
        """What stops it from opening anything, None if nothing does."""
        return self._halts.of(self.key) or (None if self.guard is None else self.guard.halt)

    @property
    def is_simulated(self) -> bool:
        """Whether its broker is our simulator; False while the broker is not known."""
        try:
            broker = self.live.book.trader.broker
        except NotReady:
            return False
        return broker is not None and broker.replace("-", " ").lower() == SIMULATOR

    @property
    def equity(self) -> Decimal | None:
        """Equity now, None while a quote that it needs, or its currency, is not known. Raises
        NotReady."""
        book = self.live.book
        totals = book.totals()
        is_known = totals.margin is not None and book.trader.deposit_asset_id in book.assets
        return totals.equity if is_known else None

    @property
    def names(self) -> SymbolNames:
        """The names of its symbols; made anew when the broker's list was read anew."""
        lights = self.live.book.light_symbols
        if self._named is not lights:
            broker = self.config.broker or self.live.book.trader.broker or ""
            suffix = self.config.symbol_suffix
            assets = self.live.book.assets.values()
            self._names = SymbolNames(
                lights.values(),
                self._rules,
                asset_names={asset.asset_id: asset.name for asset in assets},
                broker=broker,
                suffix=suffix,
            )
            self._named = lights
            self._labels = {}
        return self._names

    def can_show(self, symbol_id: int) -> bool:
        """Whether a symbol's parameters are known; what is on it is told once they are."""
        return symbol_id in self.live.book.symbols

    def mt_name(self, symbol_id: int) -> str:
        """Return the name under which callers are shown a symbol."""
        return self._label(symbol_id).name

    def lots(self, symbol: Symbol, volume_cents: int) -> float:
        """Return a volume in the lots that callers count."""
        return metaapi.lots(volume_cents, symbol, self._label(symbol.symbol_id).multiplier)

    def volume(self, symbol_id: int, volume_cents: int) -> float:
        """Like ``lots``, for a symbol whose parameters are known."""
        return self.lots(self.live.book.symbols[symbol_id], volume_cents)

    def _label(self, symbol_id: int) -> _Label:
        names = self.names
        label = self._labels.get(symbol_id)
        if label is None:
            label = _Label(names.mt_name(symbol_id), names.multiplier(symbol_id))
            self._labels[symbol_id] = label
        return label

    # Its state, as callers read it

    def information(self, shown_id: str) -> AccountInformation:
        """Return the account's row. Raises NotReady while its equity or its currency is not
        known."""
        book = self.live.book
        trader = book.trader
        deposit = book.assets.get(trader.deposit_asset_id)
        if deposit is None:
            text = (
                f"the broker does not list the account's currency (asset {trader.deposit_asset_id})"
            )
            raise NotReady(text, phase="live")
        return metaapi.account_information(
            shown_id=shown_id,
            name=self.config.display_name,
            environment=self.config.environment.value,
            simulated=self.is_simulated,
            broker=trader.broker or self.config.broker,
            login=str(trader.login) if trader.login is not None else self.config.login or "",
            currency=deposit.name,
            trader=trader,
            totals=book.totals(),
            open_positions=len(book.positions),
            investor_mode=self.is_read_only,
            halted=self.halt is not None,
            at=self._clock.at(),
        )

    def positions(self, shown_id: str) -> PositionList:
        """Return all open positions, oldest first."""
        rows = [
            self.position(position, shown_id)
            for _, position in sorted(self.live.book.positions.items())
        ]
        return PositionList(
            account_id=shown_id,
            positions=rows,
            count=len(rows),
            synchronized=True,
            asOf=iso(self._clock.at()),
        )

    def orders(self, shown_id: str) -> OrderList:
        """Return all pending orders, oldest first. Raises NotReady where one cannot be read."""
        self.live.require_readable()
        rows = [self.order(order, shown_id) for _, order in sorted(self.live.book.orders.items())]
        return OrderList(
            account_id=shown_id,
            orders=rows,
            count=len(rows),
            synchronized=True,
            asOf=iso(self._clock.at()),
        )

    def position(self, position: Position, shown_id: str | None = None) -> PositionInfo:
        """Return a position's row, in this state of it; its results are those of now, and None if
        it is not open any more."""
        book = self.live.book
        is_open = book.position(position.position_id) is not None
        return metaapi.position_info(
            position,
            book.symbols[position.symbol_id],
            account=shown_id or self.key,
            symbol_name=self.mt_name(position.symbol_id),
            quote=book.quotes.get(position.symbol_id),
            gross=book.gross(position.position_id) if is_open else None,
            realised=book.realised(position.position_id) if is_open else None,
            ticks=book.tick_values(position.symbol_id),
            multiplier=self._label(position.symbol_id).multiplier,
        )

    def order(self, order: Order, shown_id: str | None = None) -> OrderInfo:
        """Return a pending order's row."""
        return metaapi.order_info(self.told_order(order, shown_id))

    def told_order(self, order: Order, shown_id: str | None = None) -> ToldOrder:
        """Return the row of an event's order, which need not be pending."""
        book = self.live.book
        return metaapi.told_order(
            order,
            book.symbols[order.symbol_id],
            account=shown_id or self.key,
            symbol_name=self.mt_name(order.symbol_id),
            quote=book.quotes.get(order.symbol_id),
            multiplier=self._label(order.symbol_id).multiplier,
        )

    def deal(self, deal: Deal) -> DealInfo:
        """Return a deal's row."""
        return metaapi.deal_info(
            deal,
            self.live.book.symbols[deal.symbol_id],
            account=self.key,
            symbol_name=self.mt_name(deal.symbol_id),
            multiplier=self._label(deal.symbol_id).multiplier,
        )

    # Prices

    def quote_of(self, name: str) -> LiveQuote | None:
        """Return the quote of a caller's symbol, None where there is none with both sides.

        There is none either for a name that this account does not have, or a book never read.
        """
        try:
            symbol_id = self.names.resolve(name).symbol.symbol_id
        except (SymbolNotFound, NotReady):
            return None
        quote = self.live.book.quotes.get(symbol_id)
        return quote if quote is not None and self._is_shown(quote) else None

    def price(self, quote: LiveQuote, shown_id: str | None = None) -> PriceInfo:
        """Return a quote's row; it is stale when it is old or the account is not live."""
        now = self._clock.now()
        is_old = now - quote.received_at > STALE_AFTER or not self.live.is_quoted(quote.symbol_id)
        return metaapi.price_info(
            quote,
            self.live.book.symbols[quote.symbol_id],
            account=shown_id or self.key,
            symbol_name=self.mt_name(quote.symbol_id),
            ticks=self.live.book.tick_values(quote.symbol_id),
            now=now,
            at=self._clock.at(),
            stale=is_old or self.live.state.phase is not Phase.LIVE,
            multiplier=self._label(quote.symbol_id).multiplier,
        )

    def quotes(self) -> dict[str, LiveQuote]:
        """Return all quotes with both sides, by the name that callers are shown."""
        return {
            self.mt_name(symbol_id): quote
            for symbol_id, quote in self.live.book.quotes.items()
            if self._is_shown(quote)
        }

    def _is_shown(self, quote: LiveQuote) -> bool:
        is_young = self._clock.now() - quote.received_at <= FORGOTTEN_AFTER
        return quote.is_complete and is_young and self.can_show(quote.symbol_id)

    # Symbols

    def symbol_ids(self, name: str) -> set[int]:
        """Return the symbols that a caller asks quotes of; ``*`` means all that are mapped by
        configuration, and those of open positions and orders. Raises SymbolNotFound."""
        if name != "*":
            return {self.names.resolve(name).symbol.symbol_id}
        found = self.live.book.quotes_wanted()
        for rule in self._rules:
            try:
                found.add(self.names.resolve(rule.mt_name).symbol.symbol_id)
            except SymbolNotFound:
                continue  # the configuration is for several brokers
        return found

    # One row in lists of accounts

    def listing(self) -> AccountListing:
        """Return what the configuration says of it."""
        return AccountListing(
            id=self.key,
            name=self.config.display_name,
            platform=metaapi.PLATFORM,
            environment=self.config.environment.value,
            type=self.config.type,
            enabled=self.config.enabled,
            readOnly=self.is_read_only,
        )

    def summary(self) -> AccountSummary:
        """Return its row of the summary; without a known state it has no balance."""
        row = AccountSummary(
            name=self.config.display_name,
            platform=metaapi.PLATFORM,
            environment=self.config.environment.value,
            simulated=self.is_simulated,
        )
        try:
            self.live.require_live()
            information = self.information(self.key)
        except NotReady as exc:
            told = explain(exc).detail
            return row | AccountSummary(status="error", connected=False, error=told)
        heard = max((q.received_at for q in self.live.book.quotes.values()), default=None)
        row |= AccountSummary(
            status="connected",
            connected=True,
            balance=information["balance"],
            equity=information["equity"],
            margin=information["margin"],
            currency=information["currency"],
            openPositions=information["openPositions"],
        )
        if heard is not None:
            age = timedelta(seconds=self._clock.now() - heard)
            row["lastActivity"] = iso(self._clock.at() - age)
        return row
