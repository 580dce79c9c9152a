"""The pool against a scripted broker over TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from random import Random

import pytest
from google.protobuf.message import Message

from fxpool.clock import SystemClock
from fxpool.errors import (
    AuthRefused,
    PoolBusy,
    PoolClosed,
    RateLimited,
    RequestNotSent,
    RequestTimedOut,
)
from fxpool.openapi.proto.messages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAAccountDisconnectEvent,
    ProtoOAAccountLogoutReq,
    ProtoOAAccountLogoutRes,
    ProtoOAAccountsTokenInvalidatedEvent,
    ProtoOAApplicationAuthReq,
    ProtoOAAssetListReq,
    ProtoOAAssetListRes,
    ProtoOAErrorRes,
    ProtoOANewOrderReq,
    ProtoOASpotEvent,
    ProtoOATraderReq,
    ProtoOATraderRes,
    ProtoOAVersionReq,
    ProtoOAVersionRes,
)
from fxpool.openapi.proto.model_pb2 import ORDER_ACCEPTED, ORDER_FILLED
from fxpool.pool import ApplicationCredentials, Environment, Pool, PoolLimits, Seat
from harness.listener import RecordingListener
from harness.peer import Answer, Caller, ScriptedPeer, accept_account, accept_application
from harness.trades import ACCOUNT, execution, new_order
from harness.wait import wait_until

CREDENTIALS = ApplicationCredentials("client", "planted-secret")


@pytest.fixture
async def peer() -> AsyncIterator[ScriptedPeer]:
    async with ScriptedPeer() as peer:
        peer.answers[ProtoOATraderReq] = answer_trader
        yield peer


def make_pool(peer: ScriptedPeer, limits: PoolLimits | None = None) -> Pool:
    endpoints = {Environment.DEMO: peer.endpoint}
    return Pool(endpoints, CREDENTIALS, clock=SystemClock(), random=Random(1), limits=limits)


def seat(account_id: int = ACCOUNT) -> Seat:
    return Seat(account_id, Environment.DEMO, lambda: "token")


def refuse(code: str, text: str = "", **extra: int) -> Answer:
    def answer(caller: Caller, message: Message, request_id: str) -> None:
        caller.send(ProtoOAErrorRes(errorCode=code, description=text, **extra), request_id)

    return answer


def answer_trader(caller: Caller, message: Message, request_id: str) -> None:
    assert isinstance(message, ProtoOATraderReq)
    answer = ProtoOATraderRes(ctidTraderAccountId=message.ctidTraderAccountId)
    answer.trader.ctidTraderAccountId = message.ctidTraderAccountId
    answer.trader.balance = 100_000
    answer.trader.depositAssetId = 1
    caller.send(answer, request_id)


def trader_request(account_id: int = ACCOUNT) -> ProtoOATraderReq:
    return ProtoOATraderReq(ctidTraderAccountId=account_id)


async def test_an_attached_account_is_authorised_and_served(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        assert not channel.is_authorised
        await wait_until(lambda: listener.heard == ["authorised"])
        answer = await channel.request(trader_request())
        assert isinstance(answer, ProtoOATraderRes)
        assert answer.trader.balance == 100_000
        stats = pool.stats()
        assert (stats.sessions_created, stats.reconnects, stats.in_flight) == (1, 0, 0)
        assert stats.links[0].is_connected
        assert (stats.links[0].accounts, stats.links[0].authorised) == (1, 1)
    assert listener.heard == ["authorised", "lost"]


async def test_quotes_go_to_their_own_account(peer: ScriptedPeer) -> None:
    mine, other = RecordingListener(), RecordingListener()
    async with make_pool(peer) as pool:
        pool.attach(seat(1), mine)
        pool.attach(seat(2), other)
        await wait_until(lambda: mine.heard and other.heard)
        for bid in (110_000, 110_001):
            peer.caller.send(ProtoOASpotEvent(ctidTraderAccountId=1, symbolId=9, bid=bid))
        peer.caller.send(ProtoOASpotEvent(ctidTraderAccountId=3, symbolId=9, bid=1))
        await wait_until(lambda: len(mine.spots) == 2)
        assert [spot.bid for spot in mine.spots] == [110_000, 110_001]
        assert other.spots == []


async def test_a_trade_returns_at_the_fill_and_its_events_are_pushed_first(
    peer: ScriptedPeer,
) -> None:
    def fill(caller: Caller, message: Message, request_id: str) -> None:
        caller.send(execution(ORDER_ACCEPTED), request_id)
        caller.send(execution(ORDER_FILLED), request_id)

    peer.answers[ProtoOANewOrderReq] = fill
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard)
        reply = await channel.trade(new_order())
        assert [event.executionType for event in reply.events] == [ORDER_ACCEPTED, ORDER_FILLED]
        assert listener.pushes == list(reply.events)


async def test_answers_out_of_order_reach_their_own_callers(peer: ScriptedPeer) -> None:
    asked: list[tuple[Caller, Message, str]] = []
    peer.answers[ProtoOATraderReq] = lambda *args: asked.append(args)
    one, two = RecordingListener(), RecordingListener()
    async with make_pool(peer) as pool, asyncio.TaskGroup() as tasks:
        first, second = pool.attach(seat(1), one), pool.attach(seat(2), two)
        await wait_until(lambda: one.heard and two.heard)
        replies = [
            tasks.create_task(first.request(trader_request(1))),
            tasks.create_task(second.request(trader_request(2))),
        ]
        await wait_until(lambda: len(asked) == 2)
        for caller, message, request_id in reversed(asked):
            answer_trader(caller, message, request_id)
        answers = await asyncio.gather(*replies)
        assert [answer.ctidTraderAccountId for answer in answers] == [1, 2]


async def test_a_slow_answer_times_out_with_an_unknown_outcome(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard)
        with pytest.raises(RequestTimedOut):
            await channel.trade(new_order(), timeout=0.05)
        assert pool.stats().in_flight == 0
        assert (await channel.request(trader_request())) is not None


async def test_a_disconnected_account_is_authorised_again_with_its_newest_token(
    peer: ScriptedPeer,
) -> None:
    tokens = iter(["old", "new"])
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        pool.attach(Seat(ACCOUNT, Environment.DEMO, lambda: next(tokens)), listener)
        await wait_until(lambda: listener.heard == ["authorised"])
        peer.caller.send(ProtoOAAccountDisconnectEvent(ctidTraderAccountId=ACCOUNT))
        await wait_until(lambda: listener.heard == ["authorised", "lost", "authorised"])
        sent = [message.accessToken for message in peer.caller.of_type(ProtoOAAccountAuthReq)]
        assert sent == ["old", "new"]
        assert pool.stats().reconnects == 0


async def test_an_invalidated_token_that_stays_dead_is_refused_once(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard == ["authorised"])
        peer.answers[ProtoOAAccountAuthReq] = refuse("CH_ACCESS_TOKEN_INVALID", "expired")
        peer.caller.send(ProtoOAAccountsTokenInvalidatedEvent(ctidTraderAccountIds=[ACCOUNT]))
        await wait_until(lambda: listener.heard[-1] == "refused")
        assert isinstance(listener.errors[-1], AuthRefused)
        with pytest.raises(RequestNotSent):
            await channel.request(trader_request())
        await pool.reset()
        assert listener.heard == ["authorised", "lost", "refused"]
        peer.answers[ProtoOAAccountAuthReq] = accept_account
        await channel.reauthorise()
        await wait_until(lambda: listener.heard[-1] == "authorised")


async def test_a_request_that_says_not_authorised_restores_the_account(peer: ScriptedPeer) -> None:
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard)
        peer.answers[ProtoOATraderReq] = refuse(
            "INVALID_REQUEST", "Trading account is not authorized"
        )
        with pytest.raises(AuthRefused):
            await channel.request(trader_request())
        await wait_until(lambda: listener.heard == ["authorised", "lost", "authorised"])


async def test_an_account_that_is_logged_in_already_counts_as_authorised(
    peer: ScriptedPeer,
) -> None:
    peer.answers[ProtoOAAccountAuthReq] = refuse("ALREADY_LOGGED_IN")
    peer.answers[ProtoOAApplicationAuthReq] = refuse("CH_CLIENT_ALREADY_AUTHENTICATED")
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard == ["authorised"])
        assert await channel.request(trader_request())


async def test_a_wrong_application_secret_refuses_all_accounts_and_does_not_loop(
    peer: ScriptedPeer,
) -> None:
    peer.answers[ProtoOAApplicationAuthReq] = refuse("CH_CLIENT_AUTH_FAILURE")
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard == ["refused"])
        with pytest.raises(AuthRefused):
            await pool.request(Environment.DEMO, ProtoOAVersionReq())
        assert len(peer.callers) == 1
        peer.answers[ProtoOAApplicationAuthReq] = accept_application
        await pool.reset()
        await wait_until(lambda: listener.heard == ["refused", "authorised"])


async def test_a_blocked_payload_type_is_held_back_while_others_go_on(peer: ScriptedPeer) -> None:
    peer.answers[ProtoOATraderReq] = refuse("BLOCKED_PAYLOAD_TYPE", retryAfter=60)
    peer.answers[ProtoOAAssetListReq] = lambda caller, message, request_id: caller.send(
        ProtoOAAssetListRes(ctidTraderAccountId=ACCOUNT), request_id
    )
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard)
        with pytest.raises(RateLimited) as refusal:
            await channel.request(trader_request())
        assert refusal.value.retry_after == 60
        with pytest.raises(RequestNotSent):
            await channel.request(trader_request(), timeout=0.05)
        assert await channel.request(ProtoOAAssetListReq(ctidTraderAccountId=ACCOUNT))
        assert len(peer.caller.of_type(ProtoOATraderReq)) == 1


async def test_a_request_without_an_account_opens_a_session(peer: ScriptedPeer) -> None:
    peer.answers[ProtoOAVersionReq] = lambda caller, message, request_id: caller.send(
        ProtoOAVersionRes(version="91"), request_id
    )
    async with make_pool(peer) as pool:
        for _ in range(2):
            answer = await pool.request(Environment.DEMO, ProtoOAVersionReq())
            assert isinstance(answer, ProtoOAVersionRes)
        assert len(peer.callers) == 1
        assert pool.stats().reused == 3  # the application's own introduction was one
    with pytest.raises(PoolClosed):
        await pool.request(Environment.DEMO, ProtoOAVersionReq())


async def test_a_detached_account_is_logged_out_and_hears_nothing_more(peer: ScriptedPeer) -> None:
    peer.answers[ProtoOAAccountLogoutReq] = lambda caller, message, request_id: caller.send(
        ProtoOAAccountLogoutRes(ctidTraderAccountId=ACCOUNT), request_id
    )
    listener = RecordingListener()
    async with make_pool(peer) as pool:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard)
        await pool.detach(ACCOUNT)
        assert len(peer.caller.of_type(ProtoOAAccountLogoutReq)) == 1
        with pytest.raises(RequestNotSent):
            await channel.request(trader_request())
        again = RecordingListener()
        pool.attach(seat(), again)
        await wait_until(lambda: again.heard == ["authorised"])
    assert listener.heard == ["authorised"]


async def test_accounts_spill_over_to_another_session_and_then_are_refused(
    peer: ScriptedPeer,
) -> None:
    listeners = [RecordingListener() for _ in range(3)]
    async with make_pool(peer, PoolLimits(accounts_per_session=1, sessions=2)) as pool:
        for number, listener in enumerate(listeners[:2], start=1):
            pool.attach(seat(number), listener)
        with pytest.raises(PoolBusy):
            pool.attach(seat(3), listeners[2])
        await wait_until(lambda: listeners[0].heard and listeners[1].heard)
        assert len(peer.callers) == 2


async def test_a_full_queue_is_busy_and_what_expires_in_it_was_never_sent(
    peer: ScriptedPeer,
) -> None:
    limits = PoolLimits(requests_per_second=0.001, waiting_requests=1)
    listener = RecordingListener()
    async with make_pool(peer, limits) as pool, asyncio.TaskGroup() as tasks:
        channel = pool.attach(seat(), listener)
        await wait_until(lambda: listener.heard)
        while (await _sent_now(channel.request(trader_request(), timeout=0.05))) is not None:
            pass  # until the burst is spent
        waiting = tasks.create_task(_error_of(channel.request(trader_request(), timeout=0.2)))
        await wait_until(lambda: pool.stats().waiting == 1)
        with pytest.raises(PoolBusy):
            await channel.request(trader_request())
        error = await waiting
        assert type(error) is RequestNotSent


async def test_a_listener_that_raises_costs_only_its_own_account(peer: ScriptedPeer) -> None:
    class Broken(RecordingListener):
        def spot(self, event: ProtoOASpotEvent) -> None:
            super().spot(event)
            raise ZeroDivisionError

    broken, healthy = Broken(), RecordingListener()
    async with make_pool(peer) as pool:
        pool.attach(seat(1), broken)
        pool.attach(seat(2), healthy)
        await wait_until(lambda: broken.heard and healthy.heard)
        peer.caller.send(ProtoOASpotEvent(ctidTraderAccountId=1, symbolId=9, bid=1))
        peer.caller.send(ProtoOASpotEvent(ctidTraderAccountId=2, symbolId=9, bid=1))
        await wait_until(lambda: broken.heard == ["authorised", "lost", "authorised"])
        assert len(healthy.spots) == 1
        assert healthy.heard == ["authorised"]
        assert len(peer.callers) == 1


async def test_secrets_are_in_no_repr_and_no_error(peer: ScriptedPeer) -> None:
    peer.answers[ProtoOAApplicationAuthReq] = refuse("CH_CLIENT_AUTH_FAILURE")
    assert "planted-secret" not in repr(CREDENTIALS)
    async with make_pool(peer) as pool:
        with pytest.raises(AuthRefused) as refusal:
            await pool.request(Environment.DEMO, ProtoOAVersionReq())
        assert "planted-secret" not in repr(refusal.value)
        assert "planted-secret" not in repr(pool.stats())


async def _sent_now(request: Awaitable[Message]) -> Message | None:
    try:
        return await request
    except RequestNotSent:
        return None


async def _error_of(request: Awaitable[Message]) -> RequestNotSent | None:
    try:
        await request
    except RequestNotSent as exc:
        return exc
    return None
