"""A broker for the order bench: takes orders, stamps each frame that arrives, and may send a flood.

A process of its own with one thread, so that neither the flood nor the answers wait for a lock.
Orders are filled at once; what is not an order gets the prepared answers of ``bench.peer``.
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from bench.peer import ACCOUNT_ID, HEARTBEAT_EVENT, SUBSCRIBE_SPOTS, prepared_answers, spot_frames
from fxpool.openapi import FrameDecoder, answer_type, encode, encode_frame, payload_type_of
from fxpool.openapi.proto import messages_pb2 as oa
from fxpool.openapi.proto import model_pb2 as model
from fxpool.openapi.proto.common_pb2 import ProtoMessage

QUOTES_AT_ONCE = 20
"""One write of the flood: at 20,000 quotes a second one comes every millisecond."""

POSITIONS = 20
"""Open from the beginning, one per symbol, so that every quote revalues one."""

NEW_ORDER = payload_type_of(oa.ProtoOANewOrderReq())
CLOSE = payload_type_of(oa.ProtoOAClosePositionReq())
MARGIN = payload_type_of(oa.ProtoOAExpectedMarginReq())
ACCOUNT_LIST = payload_type_of(oa.ProtoOAGetAccountListByAccessTokenReq())

_AT_MS = 1_700_000_000_000


class OrderBroker:
    """Serves one link at a time until the process ends.

    Attributes:
        arrivals: nanoseconds of the machine's monotonic clock at which order frames were read.
    """

    def __init__(self, certificate: str, quotes_per_second: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._pause = QUOTES_AT_ONCE / quotes_per_second if quotes_per_second else 0.0
        self._flood = b"".join(spot_frames(QUOTES_AT_ONCE))
        self._answers = prepared_answers(POSITIONS) | {payload_type_of(_accounts()): _listed()}
        self._open: dict[int, model.ProtoOAPosition] = {}
        self._last_id = POSITIONS
        self.arrivals: list[int] = []

    def serve(self, listener: socket.socket, told: Connection) -> None:
        """Serve; anything said on ``told`` is answered with the arrivals since the last time."""
        while True:
            raw, _ = listener.accept()
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with self._context.wrap_socket(raw, server_side=True) as link:
                    self._converse(link, told)
            except OSError:
                continue  # the gateway has gone

    def _converse(self, link: ssl.SSLSocket, told: Connection) -> None:
        decoder, due, is_flooding = FrameDecoder(), 0.0, False
        while True:
            wait = max(0.0, due - time.perf_counter()) if is_flooding else None
            ready, _, _ = select.select([link, told], [], [], wait)
            if link in ready:
                data = link.recv(1 << 18)
                at = time.perf_counter_ns()
                if not data:
                    return
                requests = [ProtoMessage.FromString(each) for each in decoder.feed(data)]
                link.sendall(b"".join([self._answer(request, at) for request in requests]))
                subscribed = any(one.payloadType == SUBSCRIBE_SPOTS for one in requests)
                if self._pause and subscribed and not is_flooding:
                    due, is_flooding = time.perf_counter(), True
            if told in ready:
                told.recv()
                told.send(self.arrivals)
                self.arrivals = []
            if is_flooding and time.perf_counter() >= due:
                link.sendall(self._flood)
                due += self._pause

    def _answer(self, request: ProtoMessage, at: int) -> bytes:
        number = request.payloadType
        if number == HEARTBEAT_EVENT:
            return b""
        if number == NEW_ORDER:
            self.arrivals.append(at)
            return self._filled(oa.ProtoOANewOrderReq.FromString(request.payload), request)
        if number == CLOSE:
            self.arrivals.append(at)
            return self._closed(oa.ProtoOAClosePositionReq.FromString(request.payload), request)
        if number == MARGIN:
            asked = oa.ProtoOAExpectedMarginReq.FromString(request.payload)
            return encode(_margin(asked.volume), request.clientMsgId)
        answer = answer_type(number)
        if answer is None:
            raise RuntimeError(f"the bench was asked for {number}")
        reply = ProtoMessage(
            payloadType=answer, payload=self._answers[answer], clientMsgId=request.clientMsgId
        )
        return encode_frame(reply.SerializeToString())

    def _filled(self, order: oa.ProtoOANewOrderReq, request: ProtoMessage) -> bytes:
        self._last_id += 1
        number = self._last_id
        trade = model.ProtoOATradeData(
            symbolId=order.symbolId,
            volume=order.volume,
            tradeSide=order.tradeSide,
            openTimestamp=_AT_MS,
            label=order.label,
            comment=order.comment,
        )
        self._open[number] = model.ProtoOAPosition(
            positionId=number,
            tradeData=trade,
            positionStatus=model.POSITION_STATUS_OPEN,
            swap=0,
            price=1.12507,
            usedMargin=100,
            moneyDigits=2,
        )
        return self._executions(self._open[number], trade, order.clientOrderId, request)

    def _closed(self, close: oa.ProtoOAClosePositionReq, request: ProtoMessage) -> bytes:
        position = self._open.pop(close.positionId)
        position.positionStatus = model.POSITION_STATUS_CLOSED
        trade = model.ProtoOATradeData()
        trade.CopyFrom(position.tradeData)
        is_buy = trade.tradeSide == model.BUY
        trade.tradeSide = model.SELL if is_buy else model.BUY
        return self._executions(position, trade, "", request)

    def _executions(
        self,
        position: model.ProtoOAPosition,
        trade: model.ProtoOATradeData,
        client_order_id: str,
        request: ProtoMessage,
    ) -> bytes:
        """Return the two events of an order that fills at once: accepted, filled."""
        self._last_id += 1
        number = self._last_id
        order = model.ProtoOAOrder(
            orderId=number,
            positionId=position.positionId,
            tradeData=trade,
            orderType=model.MARKET,
            orderStatus=model.ORDER_STATUS_ACCEPTED,
            clientOrderId=client_order_id,
            closingOrder=position.positionStatus == model.POSITION_STATUS_CLOSED,
        )
        accepted = oa.ProtoOAExecutionEvent(
            ctidTraderAccountId=ACCOUNT_ID, executionType=model.ORDER_ACCEPTED, order=order
        )
        order.orderStatus = model.ORDER_STATUS_FILLED
        order.executedVolume = trade.volume
        deal = model.ProtoOADeal(
            dealId=number,
            orderId=number,
            positionId=position.positionId,
            volume=trade.volume,
            filledVolume=trade.volume,
            symbolId=trade.symbolId,
            createTimestamp=_AT_MS,
            executionTimestamp=_AT_MS,
            executionPrice=1.12507,
            tradeSide=trade.tradeSide,
            dealStatus=model.FILLED,
            moneyDigits=2,
        )
        if order.closingOrder:
            deal.closePositionDetail.CopyFrom(
                model.ProtoOAClosePositionDetail(
                    entryPrice=1.12507,
                    grossProfit=0,
                    swap=0,
                    commission=0,
                    balance=1_000_000,
                    moneyDigits=2,
                )
            )
        filled = oa.ProtoOAExecutionEvent(
            ctidTraderAccountId=ACCOUNT_ID,
            executionType=model.ORDER_FILLED,
            order=order,
            position=position,
            deal=deal,
        )
        return encode(accepted, request.clientMsgId) + encode(filled, request.clientMsgId)


def _accounts() -> oa.ProtoOAGetAccountListByAccessTokenRes:
    listed = oa.ProtoOAGetAccountListByAccessTokenRes(accessToken="bench")
    listed.ctidTraderAccount.add(ctidTraderAccountId=ACCOUNT_ID, isLive=False, traderLogin=1)
    return listed


def _listed() -> bytes:
    return _accounts().SerializeToString()


def _margin(volumes: Iterable[int]) -> oa.ProtoOAExpectedMarginRes:
    answer = oa.ProtoOAExpectedMarginRes(ctidTraderAccountId=ACCOUNT_ID, moneyDigits=2)
    for volume in volumes:
        answer.margin.add(volume=volume, buyMargin=100, sellMargin=100)
    return answer


def _run(certificate: str, quotes_per_second: int, told: Connection) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    broker = OrderBroker(certificate, quotes_per_second)
    told.send(listener.getsockname()[1])
    broker.serve(listener, told)


@contextmanager
def order_broker(certificate: str, quotes_per_second: int) -> Iterator[tuple[int, Connection]]:
    """Run a broker in a process of its own; yields its port and what asks for its arrivals."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_run, args=(certificate, quotes_per_second, theirs), daemon=True
    )
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        process.terminate()
        process.join()
