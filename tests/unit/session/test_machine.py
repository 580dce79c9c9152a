from __future__ import annotations

from itertools import count

import pytest
from google.protobuf.message import Message

from fxpool.errors import (
    ApplicationDisconnected,
    AuthRefused,
    FrameTooLarge,
    HeartbeatMissed,
    LinkLost,
    LocalProtocolError,
    Outcome,
    RemoteProtocolError,
    RequestAbandoned,
    RequestNotSent,
    RequestRefused,
    RequestTimedOut,
    TradeRefused,
)
from fxpool.openapi import HEARTBEAT_FRAME, SPOT_PREFIX, FrameDecoder, decode, encode, encode_frame
from fxpool.openapi.proto.common_pb2 import ProtoErrorRes, ProtoMessage
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAAccountAuthRes,
    ProtoOAAccountDisconnectEvent,
    ProtoOAAccountsTokenInvalidatedEvent,
    ProtoOAApplicationAuthReq,
    ProtoOAApplicationAuthRes,
    ProtoOAClientDisconnectEvent,
    ProtoOAErrorRes,
    ProtoOAMarginCallListReq,
    ProtoOAMarginCallListRes,
    ProtoOAOrderErrorEvent,
    ProtoOASpotEvent,
    ProtoOATraderReq,
    ProtoOATraderUpdatedEvent,
    ProtoOAVersionReq,
    ProtoOAVersionRes,
)
from fxpool.openapi.proto.model_pb2 import (
    ORDER_ACCEPTED,
    ORDER_CANCELLED,
    ORDER_FILLED,
    ORDER_REPLACED,
)
from fxpool.session.machine import (
    AccountLost,
    Ended,
    Event,
    Finished,
    Pushed,
    SessionMachine,
    Timing,
)
from fxpool.session.phase import AccountPhase, Phase
from harness.trades import (
    ACCOUNT,
    amend_order,
    cancel_order,
    close_position,
    execution,
    new_order,
)

TIMING = Timing(heartbeat_every=10.0, silence_limit=60.0)


class Talk:
    """A machine, the time, and what it sent."""

    def __init__(self) -> None:
        self.now = 1000.0
        ids = (f"id-{number}" for number in count(1))
        self.machine: SessionMachine[str] = SessionMachine(self.now, request_ids=ids, timing=TIMING)
        self._frames = FrameDecoder()

    def ask(self, message: Message, tag: str = "asked", *, within: float = 10.0) -> str:
        """Send a request and return its id."""
        self.machine.request(message, tag, self.now, self.now + within)
        (payload,) = self._frames.feed(self.machine.data_to_send())
        return decode(payload).request_id

    def hear(self, message: Message, request_id: str = "") -> list[Event[str]]:
        return self.hear_bytes(encode(message, request_id))

    def hear_bytes(self, data: bytes) -> list[Event[str]]:
        return list(self.machine.receive(data, self.now))

    def outcome(self, events: list[Event[str]]) -> object:
        (finished,) = [event for event in events if isinstance(event, Finished)]
        return finished.outcome


@pytest.fixture
def talk() -> Talk:
    """A session that is ready, with one account authorised."""
    talk = Talk()
    request_id = talk.ask(ProtoOAApplicationAuthReq(clientId="c", clientSecret="s"))
    talk.hear(ProtoOAApplicationAuthRes(), request_id)
    authorise(talk)
    return talk


def authorise(talk: Talk) -> None:
    request_id = talk.ask(ProtoOAAccountAuthReq(ctidTraderAccountId=ACCOUNT, accessToken="t"))
    talk.hear(ProtoOAAccountAuthRes(ctidTraderAccountId=ACCOUNT), request_id)
    assert talk.machine.account_phase(ACCOUNT) is AccountPhase.AUTHORISED


def test_nothing_is_sent_before_the_application_is_known() -> None:
    talk = Talk()
    with pytest.raises(RequestNotSent):
        talk.ask(ProtoOAVersionReq())
    request_id = talk.ask(ProtoOAApplicationAuthReq(clientId="c", clientSecret="s"))
    with pytest.raises(LocalProtocolError):
        talk.ask(ProtoOAApplicationAuthReq(clientId="c", clientSecret="s"))
    talk.hear(ProtoOAApplicationAuthRes(), request_id)
    assert talk.machine.phase is Phase.READY
    assert talk.ask(ProtoOAVersionReq())


@pytest.mark.parametrize("account_id", [ACCOUNT + 1, 0])
def test_nothing_is_sent_for_an_account_that_is_not_authorised(talk: Talk, account_id: int) -> None:
    with pytest.raises(RequestNotSent):
        talk.ask(ProtoOATraderReq(ctidTraderAccountId=account_id))
    assert talk.machine.data_to_send() == b""


def test_a_request_that_lacks_a_field_leaves_no_trace(talk: Talk) -> None:
    message = new_order()
    message.ClearField("volume")
    with pytest.raises(LocalProtocolError):
        talk.ask(message)
    with pytest.raises(LocalProtocolError):
        talk.ask(ProtoOASpotEvent(ctidTraderAccountId=ACCOUNT, symbolId=1))
    assert talk.machine.in_flight == 0


def test_answers_find_their_requests_in_any_order(talk: Talk) -> None:
    first = talk.ask(ProtoOAVersionReq(), "first")
    second = talk.ask(ProtoOAMarginCallListReq(ctidTraderAccountId=ACCOUNT), "second")
    assert first != second
    (event,) = talk.hear(ProtoOAMarginCallListRes(), second)
    assert isinstance(event, Finished)
    assert event.tag == "second"
    (event,) = talk.hear(ProtoOAVersionRes(version="91"), first)
    assert isinstance(event, Finished)
    assert event.tag == "first"
    assert talk.machine.in_flight == 0


def test_a_deadline_leaves_the_outcome_unknown_and_the_late_answer_is_a_stray(talk: Talk) -> None:
    request_id = talk.ask(ProtoOAVersionReq(), within=2.0)
    assert talk.machine.next_deadline() == talk.now + 2.0
    assert talk.machine.time_passed(talk.now + 1.9) == []
    error = talk.outcome(talk.machine.time_passed(talk.now + 2.0))
    assert isinstance(error, RequestTimedOut)
    assert error.outcome is Outcome.UNKNOWN
    assert talk.hear(ProtoOAVersionRes(version="91"), request_id) == []
    assert talk.machine.stray_answers == 1


def test_a_deadline_that_has_passed_is_not_sent(talk: Talk) -> None:
    with pytest.raises(RequestNotSent):
        talk.ask(ProtoOAVersionReq(), within=0.0)


def test_a_heartbeat_follows_ten_seconds_without_a_send(talk: Talk) -> None:
    assert talk.machine.next_deadline() == talk.now + 10.0
    talk.now += 6.0
    request_id = talk.ask(ProtoOAVersionReq(), within=30.0)
    talk.hear(ProtoOAVersionRes(version="91"), request_id)
    talk.machine.time_passed(talk.now + 9.9)
    assert talk.machine.data_to_send() == b""
    talk.machine.time_passed(talk.now + 10.0)
    assert talk.machine.data_to_send() == HEARTBEAT_FRAME
    assert talk.machine.next_deadline() == talk.now + 20.0


def test_a_silent_broker_ends_the_session_and_any_byte_delays_that(talk: Talk) -> None:
    talk.now += 50.0
    talk.hear_bytes(HEARTBEAT_FRAME[:3])
    assert not [e for e in talk.machine.time_passed(talk.now + 59.0) if isinstance(e, Ended)]
    (event,) = talk.machine.time_passed(talk.now + 60.0)
    assert isinstance(event, Ended)
    assert isinstance(event.error, HeartbeatMissed)
    assert talk.machine.time_passed(talk.now + 61.0) == []


def test_the_end_of_the_link_abandons_what_was_on_the_wire(talk: Talk) -> None:
    talk.ask(new_order(), "order")
    talk.ask(ProtoOAVersionReq(), "version")
    *finished, ended = talk.machine.end(LinkLost("cut"))
    assert [event.tag for event in finished if isinstance(event, Finished)] == ["order", "version"]
    for event in finished:
        assert isinstance(event, Finished)
        assert isinstance(event.outcome, RequestAbandoned)
        assert event.outcome.outcome is Outcome.UNKNOWN
    assert isinstance(ended, Ended)
    with pytest.raises(RequestNotSent):
        talk.ask(ProtoOAVersionReq())
    assert talk.machine.end(LinkLost("again")) == []


def test_a_spot_event_comes_out_bare_whatever_its_field_order(talk: Talk) -> None:
    spot = ProtoOASpotEvent(ctidTraderAccountId=ACCOUNT, symbolId=1, bid=110_000)
    assert talk.hear(spot) == [spot]
    inner = spot.SerializeToString()
    backwards = b"\x12" + bytes([len(inner)]) + inner + b"\x08\xd3\x10"
    assert talk.hear_bytes(encode_frame(backwards)) == [spot]


def test_a_push_is_handed_to_its_account(talk: Talk) -> None:
    message = ProtoOATraderUpdatedEvent(ctidTraderAccountId=ACCOUNT)
    message.trader.ctidTraderAccountId = ACCOUNT
    message.trader.balance = 1
    message.trader.depositAssetId = 1
    assert talk.hear(message) == [Pushed(ACCOUNT, message)]


def test_an_unknown_payload_type_is_counted_and_ignored(talk: Talk) -> None:
    request_id = talk.ask(ProtoOAVersionReq())
    unknown = ProtoMessage(payloadType=9999, payload=b"??", clientMsgId=request_id)
    assert talk.hear_bytes(encode_frame(unknown.SerializeToString())) == []
    assert talk.machine.unknown_messages == 1
    assert talk.machine.in_flight == 1


@pytest.mark.parametrize("garbage", [b"\xff\xff", SPOT_PREFIX + b"\xff"])
def test_garbage_ends_the_session_after_what_came_before_it(talk: Talk, garbage: bytes) -> None:
    spot = ProtoOASpotEvent(ctidTraderAccountId=ACCOUNT, symbolId=1, bid=1)
    events = talk.hear_bytes(encode(spot) + encode_frame(garbage) + encode(spot))
    assert events[0] == spot
    assert isinstance(events[-1], Ended)
    assert isinstance(events[-1].error, RemoteProtocolError)
    assert len(events) == 2


def test_a_frame_that_is_too_large_ends_the_session(talk: Talk) -> None:
    (event,) = talk.hear_bytes(b"\xff\xff\xff\xff")
    assert isinstance(event, Ended)
    assert isinstance(event.error, FrameTooLarge)


def test_an_order_finishes_at_its_fill_and_every_event_is_pushed(talk: Talk) -> None:
    request_id = talk.ask(new_order())
    accepted, filled = execution(ORDER_ACCEPTED), execution(ORDER_FILLED)
    assert talk.hear(accepted, request_id) == [Pushed(ACCOUNT, accepted)]
    pushed, finished = talk.hear(filled, request_id)
    assert pushed == Pushed(ACCOUNT, filled)
    assert isinstance(finished, Finished)
    assert finished.outcome == (accepted, filled)


@pytest.mark.parametrize("request_message", [new_order(), close_position()])
def test_a_fill_without_an_id_finishes_the_order_that_it_names(
    talk: Talk, request_message: Message
) -> None:
    request_id = talk.ask(request_message)
    talk.hear(execution(ORDER_ACCEPTED), request_id)
    assert len(talk.hear(execution(ORDER_FILLED, order_id=99))) == 1
    assert len(talk.hear(execution(ORDER_FILLED, account_id=ACCOUNT + 1))) == 1
    assert isinstance(talk.outcome(talk.hear(execution(ORDER_FILLED))), tuple)
    assert len(talk.hear(execution(ORDER_FILLED), request_id)) == 1  # the same fill, again


def test_an_event_with_an_id_that_we_never_sent_finishes_nothing(talk: Talk) -> None:
    request_id = talk.ask(new_order())
    talk.hear(execution(ORDER_ACCEPTED), request_id)
    assert len(talk.hear(execution(ORDER_FILLED), "somebody-else-1")) == 1
    assert talk.machine.in_flight == 1


def test_a_cancellation_and_an_amendment_of_one_order_do_not_mix(talk: Talk) -> None:
    amending = talk.ask(amend_order(), "amend")
    talk.ask(cancel_order(), "cancel")
    (_, event) = talk.hear(execution(ORDER_CANCELLED))
    assert isinstance(event, Finished)
    assert event.tag == "cancel"
    (_, event) = talk.hear(execution(ORDER_REPLACED), amending)
    assert isinstance(event, Finished)
    assert event.tag == "amend"


@pytest.mark.parametrize(
    "refusal",
    [
        ProtoOAOrderErrorEvent(ctidTraderAccountId=ACCOUNT, errorCode="NOT_ENOUGH_MONEY"),
        ProtoOAErrorRes(errorCode="NOT_ENOUGH_MONEY"),
        ProtoErrorRes(errorCode="NOT_ENOUGH_MONEY"),
        execution(ORDER_ACCEPTED, error="NOT_ENOUGH_MONEY"),
    ],
)
def test_an_order_can_be_refused_by_four_carriers(talk: Talk, refusal: Message) -> None:
    request_id = talk.ask(new_order())
    assert isinstance(talk.outcome(talk.hear(refusal, request_id)), TradeRefused)
    assert talk.machine.in_flight == 0


def test_a_refused_application_may_introduce_itself_again() -> None:
    talk = Talk()
    request_id = talk.ask(ProtoOAApplicationAuthReq(clientId="c", clientSecret="s"))
    events = talk.hear(ProtoOAErrorRes(errorCode="CH_CLIENT_AUTH_FAILURE"), request_id)
    assert isinstance(talk.outcome(events), AuthRefused)
    assert talk.machine.phase is Phase.CONNECTED


def test_being_authorised_already_is_a_success(talk: Talk) -> None:
    request_id = talk.ask(ProtoOAAccountAuthReq(ctidTraderAccountId=ACCOUNT, accessToken="t"))
    assert talk.machine.account_phase(ACCOUNT) is AccountPhase.AUTHORISING
    events = talk.hear(ProtoOAErrorRes(errorCode="ALREADY_LOGGED_IN"), request_id)
    assert isinstance(talk.outcome(events), RequestRefused)
    assert talk.machine.account_phase(ACCOUNT) is AccountPhase.AUTHORISED


@pytest.mark.parametrize(
    "event",
    [
        ProtoOAAccountDisconnectEvent(ctidTraderAccountId=ACCOUNT),
        ProtoOAAccountsTokenInvalidatedEvent(ctidTraderAccountIds=[ACCOUNT, 1]),
    ],
)
def test_the_broker_drops_an_account_once(talk: Talk, event: Message) -> None:
    (lost,) = talk.hear(event)
    assert isinstance(lost, AccountLost)
    assert lost.account_id == ACCOUNT
    assert talk.hear(event) == []
    with pytest.raises(RequestNotSent):
        talk.ask(ProtoOATraderReq(ctidTraderAccountId=ACCOUNT))


def test_a_late_drop_does_not_undo_the_running_authorisation(talk: Talk) -> None:
    request_id = talk.ask(ProtoOAAccountAuthReq(ctidTraderAccountId=ACCOUNT, accessToken="t"))
    assert talk.hear(ProtoOAAccountDisconnectEvent(ctidTraderAccountId=ACCOUNT)) == []
    talk.hear(ProtoOAAccountAuthRes(ctidTraderAccountId=ACCOUNT), request_id)
    assert talk.machine.account_phase(ACCOUNT) is AccountPhase.AUTHORISED


def test_a_request_that_says_not_authorised_loses_the_account(talk: Talk) -> None:
    request_id = talk.ask(ProtoOATraderReq(ctidTraderAccountId=ACCOUNT))
    text = "Trading account is not authorized"
    events = talk.hear(ProtoOAErrorRes(errorCode="INVALID_REQUEST", description=text), request_id)
    assert isinstance(events[0], Finished)
    assert isinstance(events[1], AccountLost)
    assert talk.machine.account_phase(ACCOUNT) is AccountPhase.ABSENT


def test_a_session_that_lost_its_application_ends(talk: Talk) -> None:
    request_id = talk.ask(ProtoOAVersionReq())
    events = talk.hear(ProtoOAErrorRes(errorCode="CH_CLIENT_NOT_AUTHENTICATED"), request_id)
    assert isinstance(events[-1], Ended)


def test_an_application_that_is_cut_off_ends_the_session_for_longer(talk: Talk) -> None:
    (event,) = talk.hear(ProtoOAClientDisconnectEvent(reason="blocked"))
    assert isinstance(event, Ended)
    assert isinstance(event.error, ApplicationDisconnected)
