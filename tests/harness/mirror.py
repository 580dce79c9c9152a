"""A book that is kept by the bytes of a simulated broker, without sockets: what we would hold.

Every message passes our real mapping; the broker's own ledger is asked only by the tests.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from fxpool.account.book import AccountBook
from fxpool.account.events import BookEvent
from fxpool.mapping import from_wire
from fxpool.mapping.symbols import asset_from, leverage_tiers_from, light_symbol_from, symbol_from
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.simulator.venue import Venue
from harness.terminal import TOKEN, Terminal


class Mirror:
    """One account as its client sees it.

    Attributes:
        events: what the book told since the mirror was made.
    """

    def __init__(
        self,
        venue: Venue,
        account_id: int,
        *,
        rereads_margins: bool = True,
        hears_margins: bool = True,
    ) -> None:
        """``rereads_margins``: a snapshot is read where margins are in doubt, as the driver does;
        else the book goes on with what it computed. Without ``hears_margins`` the broker says none
        at all."""
        self.book = AccountBook()
        self.account_id = account_id
        self.events: list[BookEvent] = []
        self._terminal = Terminal(venue)
        self._subscribed: set[int] = set()
        self._rereads_margins = rereads_margins
        self._hears_margins = hears_margins
        self._terminal.authenticate()
        self._terminal.authorise(account_id, TOKEN)
        self._begin()

    def trade(self, request: Message, at_ms: int) -> bool:
        """Send an order request for the account; return whether the broker took it."""
        answers = self.send(request, at_ms)
        refusals = m.ProtoOAOrderErrorEvent | m.ProtoOAErrorRes
        return not any(isinstance(each, refusals) for each in answers)

    def send(self, request: Message, at_ms: int) -> list[Any]:
        """Send a request; return the messages that followed, which the book has taken."""
        self._terminal.at_ms = at_ms
        self.hear()
        answers = [message for message, _ in self._terminal.ask_all(request)]
        for answer in answers:
            self._take(answer)
        self.complete()
        return answers

    def hear(self) -> None:
        """Take all that the broker pushed since the last call."""
        for message, _ in self._terminal.heard():
            self._take(message)
        self.complete()

    def read_again(self) -> None:
        """Take the trader record and a snapshot, as after an outage."""
        self._take_trader()
        self._reconcile()
        self.complete()

    def complete(self) -> None:
        """Read and subscribe until the book misses nothing, as the driver does."""
        book = self.book
        if book.margins_doubted and self._rereads_margins:
            self._reconcile()
        while True:
            details = book.symbols_wanting_details()
            conversions = book.conversions_wanted()
            leverages = book.leverages_wanted()
            quotes = book.quotes_wanted() - self._subscribed
            if not (details or conversions or leverages or quotes):
                return
            for leverage_id in leverages:
                answer = self._ask(m.ProtoOAGetDynamicLeverageByIDReq(leverageId=leverage_id))
                book.add_leverage(leverage_id, leverage_tiers_from(answer.leverage))
            if details:
                self._details(details)
            for first, last in conversions:
                answer = self._ask(
                    m.ProtoOASymbolsForConversionReq(firstAssetId=first, lastAssetId=last)
                )
                chain = [light_symbol_from(light) for light in answer.symbol]
                book.set_conversion(first, last, chain)
            if quotes:
                self._subscribed |= quotes
                self._ask(m.ProtoOASubscribeSpotsReq(symbolId=sorted(quotes)))

    def _begin(self) -> None:
        self._take_trader()
        assets = self._ask(m.ProtoOAAssetListReq())
        self.book.load_assets([asset_from(asset) for asset in assets.asset])
        symbols = self._ask(m.ProtoOASymbolsListReq())
        self.book.load_symbols([light_symbol_from(light) for light in symbols.symbol])
        self._reconcile()
        self.complete()

    def _take_trader(self) -> None:
        answer = self._ask(m.ProtoOATraderReq())
        self.events += self.book.load_trader(from_wire.trader_from(answer.trader))

    def _reconcile(self) -> None:
        self.book.begin_reconcile()
        answer = self._ask(m.ProtoOAReconcileReq(returnProtectionOrders=True))
        self.events += self.book.reconcile(
            [from_wire.position_from(self._heard(position)) for position in answer.position],
            [from_wire.order_from(order) for order in answer.order],
        )

    def _details(self, symbol_ids: set[int]) -> None:
        answer = self._ask(m.ProtoOASymbolByIdReq(symbolId=sorted(symbol_ids)))
        for full in answer.symbol:
            light = self.book.light_symbols[full.symbolId]
            self.book.add_symbol(symbol_from(light, full))

    def _ask(self, request: Any) -> Any:
        """Send a request of our account and return its answer; pushes around it are taken too."""
        request.ctidTraderAccountId = self.account_id
        found = None
        for message, is_ours in self._terminal.ask_all(request):
            if is_ours:
                found = message
            else:
                self._take(message)
        assert not isinstance(found, m.ProtoOAErrorRes), found
        return found

    def _heard(self, position: Any) -> Any:
        """Return a position as this client hears it."""
        if not self._hears_margins:
            position.ClearField("usedMargin")
        return position

    def _take(self, message: Any) -> None:
        book = self.book
        match message:
            case m.ProtoOASpotEvent():
                book.apply_quote(
                    message.symbolId,
                    message.bid if message.HasField("bid") else None,
                    message.ask if message.HasField("ask") else None,
                    None,
                    0.0,
                )
            case m.ProtoOAExecutionEvent():
                if message.HasField("position"):
                    self._heard(message.position)
                self.events += book.apply_execution(from_wire.execution_from(message))
            case m.ProtoOAMarginChangedEvent() if self._hears_margins:
                self.events += book.apply_margin(*from_wire.margin_from(message))
            case m.ProtoOATraderUpdatedEvent():
                self.events += book.load_trader(from_wire.trader_from(message.trader))
