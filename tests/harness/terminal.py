"""A client of the simulated broker without a socket: asks in, messages out, bytes kept."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from fxpool.openapi import MESSAGE_BY_PAYLOAD_TYPE
from fxpool.openapi.proto import messages_pb2 as m
from fxpool.openapi.proto.common_pb2 import ProtoMessage
from fxpool.openapi.registry import payload_type_of
from fxpool.simulator.catalogue import DEFAULT_ACCOUNTS, DEFAULT_CATALOGUE, USD
from fxpool.simulator.conversation import Conversation
from fxpool.simulator.engine.accounts import AccountSpec
from fxpool.simulator.fault_kinds import Fault
from fxpool.simulator.profile import Profile
from fxpool.simulator.switches import RefreshReply
from fxpool.simulator.tokens import Scope
from fxpool.simulator.venue import Credentials, Venue

ACCOUNT, EUR_ACCOUNT, NETTED, LIVE = (spec.account_id for spec in DEFAULT_ACCOUNTS)
EURUSD, GBPUSD, EURJPY, USDJPY, GOLD = 1, 2, 3, 4, 22
START_MS = 1_600_000_000_000
TOKEN = "token-of-the-test"
LOT = 10_000_000

NO_LIMITS = Profile(
    requests_per_second=None,
    history_per_second=None,
    history_quota=None,
    refresh_reply=RefreshReply.NORMAL,
)


def make_venue(profile: Profile = NO_LIMITS, *, funded_elsewhere: bool = False) -> Venue:
    """Return a broker with one quote of each symbol and a grant for all its accounts."""
    accounts = DEFAULT_ACCOUNTS
    if funded_elsewhere:
        accounts = (AccountSpec(ACCOUNT, 12_345, deposit_asset_id=USD, balance=0),)
    venue = Venue(
        Credentials("client", "secret"),
        iter(f"made-up-{number}" for number in range(1000)).__next__,
        opened_ms=START_MS,
        profile=profile,
        accounts=accounts,
    )
    for symbol_id, price in DEFAULT_CATALOGUE.start_prices.items():
        spread = DEFAULT_CATALOGUE.spreads[symbol_id]
        venue.tick(symbol_id, price, price + spread, START_MS)
    account_ids = tuple(spec.account_id for spec in accounts)
    venue.tokens.grant(account_ids, access_token=TOKEN, refresh_token="refresh-of-the-test")
    venue.tokens.grant(account_ids, Scope.VIEW, access_token="view-token")
    return venue


class Terminal:
    """One connection to a venue.

    Attributes:
        sent: every byte that the broker sent.
        late: frames that come after some seconds.
        suffered: faults that struck the link.
        now, at_ms: what time it is; move them as you like.
    """

    def __init__(self, venue: Venue, *, is_live: bool = False) -> None:
        self.venue = venue
        self.sent = bytearray()
        self.late: list[tuple[float, bytes]] = []
        self.suffered: list[Fault] = []
        self.now, self.at_ms = 1000.0, START_MS
        self.is_closed = False
        self._read = 0
        self._names = 0
        self.conversation = Conversation(venue, self, is_live=is_live, now=self.now)

    def write(self, frame: bytes) -> None:
        self.sent += frame

    def write_later(self, frame: bytes, seconds: float) -> Callable[[], bool]:
        late = (seconds, frame)
        self.late.append(late)

        def take_back() -> bool:
            is_under_way = late in self.late
            if is_under_way:
                self.late.remove(late)
            return is_under_way

        return take_back

    def suffer(self, fault: Fault) -> None:
        self.suffered.append(fault)

    def arrive(self) -> None:
        """Let what is late arrive."""
        for _, frame in self.late:
            self.write(frame)
        self.late.clear()

    def close(self) -> None:
        self.is_closed = True

    def cut(self) -> None:
        self.is_closed = True

    def tell(self, payload_type: int, payload: bytes, request_id: str = "") -> None:
        """Send raw bytes as a payload of this type."""
        envelope = ProtoMessage(payloadType=payload_type, payload=payload, clientMsgId=request_id)
        data = envelope.SerializeToString()
        self.conversation.receive(struct.pack(">I", len(data)) + data, self.now, self.at_ms)

    def heard(self) -> list[tuple[Any, str]]:
        """Return the messages since the last call, each with its request id."""
        messages = []
        while self._read < len(self.sent):
            (size,) = struct.unpack_from(">I", self.sent, self._read)
            envelope = ProtoMessage.FromString(
                bytes(self.sent[self._read + 4 : self._read + 4 + size])
            )
            self._read += 4 + size
            message_class = MESSAGE_BY_PAYLOAD_TYPE[envelope.payloadType]
            messages.append((message_class.FromString(envelope.payload), envelope.clientMsgId))
        return messages

    def ask_all(self, request: Message) -> list[tuple[Any, bool]]:
        """Send a request; return all that follows, each with whether it carries our id."""
        self.heard()
        self._names += 1
        name = f"request-{self._names}"
        self.tell(payload_type_of(request), request.SerializePartialToString(), name)
        return [(message, request_id == name) for message, request_id in self.heard()]

    def ask(self, request: Message) -> Any:
        """Send a request and return its one answer."""
        ((answer, is_ours),) = self.ask_all(request)
        assert is_ours
        return answer

    def authenticate(self) -> None:
        """Authenticate the application."""
        answer = self.ask(m.ProtoOAApplicationAuthReq(clientId="client", clientSecret="secret"))
        assert isinstance(answer, m.ProtoOAApplicationAuthRes)

    def authorise(self, account_id: int = ACCOUNT, token: str = TOKEN) -> Any:
        """Authorise an account and return the answer."""
        return self.ask(m.ProtoOAAccountAuthReq(ctidTraderAccountId=account_id, accessToken=token))

    def order(self, **fields: Any) -> list[tuple[Any, bool]]:
        """Place an order; a market buy of 0.01 lots EURUSD unless fields say otherwise."""
        request = {
            "ctidTraderAccountId": ACCOUNT,
            "symbolId": EURUSD,
            "orderType": 1,
            "tradeSide": 1,
            "volume": 100_000,
        } | fields
        return self.ask_all(m.ProtoOANewOrderReq(**request))


def ready_terminal(venue: Venue, account_id: int = ACCOUNT) -> Terminal:
    """Return a connection with its application and one account authorised."""
    terminal = Terminal(venue)
    terminal.authenticate()
    assert isinstance(terminal.authorise(account_id), m.ProtoOAAccountAuthRes)
    return terminal
