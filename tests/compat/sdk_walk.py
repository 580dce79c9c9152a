"""A trader's walk with the official SDK, unmodified: run by test_official_sdk.py in .venv-sdk.

Takes the simulator's ready line on standard input, prints one JSON line per finished step, and
exits 0 after the last. It imports nothing of fxpool: the SDK's own classes and messages only.
"""

import json
import sys

from ctrader_open_api import Client, Protobuf, TcpProtocol
from ctrader_open_api.messages.OpenApiMessages_pb2 import (
    ProtoOAAccountAuthReq,
    ProtoOAAmendPositionSLTPReq,
    ProtoOAApplicationAuthReq,
    ProtoOAClosePositionReq,
    ProtoOAGetAccountListByAccessTokenReq,
    ProtoOANewOrderReq,
    ProtoOAReconcileReq,
    ProtoOASubscribeSpotsReq,
    ProtoOASymbolByIdReq,
    ProtoOASymbolsListReq,
)
from ctrader_open_api.messages.OpenApiModelMessages_pb2 import (
    ProtoOAExecutionType,
    ProtoOAOrderType,
    ProtoOATradeSide,
)
from twisted.internet import defer, reactor

broker = json.load(sys.stdin)
account_id = int(broker["accounts"][0]["account_id"])
client = Client(broker["host"], broker["protobuf_port"], TcpProtocol)
failure = []


class Waiter:
    """Lets the walk wait for a pushed message that a condition recognises."""

    def __init__(self):
        self.waiting = []

    def received(self, _client, message):
        extracted = Protobuf.extract(message)
        for entry in list(self.waiting):
            condition, deferred = entry
            if condition(extracted):
                self.waiting.remove(entry)
                deferred.callback(extracted)

    def wait(self, condition, seconds=15):
        deferred = defer.Deferred()
        self.waiting.append((condition, deferred))
        return deferred.addTimeout(seconds, reactor)


pushes = Waiter()


def told(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def execution(kind):
    number = ProtoOAExecutionType.Value(kind)
    return lambda message: getattr(message, "executionType", None) == number


@defer.inlineCallbacks
def ask(message):
    answer = yield client.send(message, responseTimeoutInSeconds=15)
    extracted = Protobuf.extract(answer)
    if getattr(extracted, "errorCode", ""):
        raise RuntimeError(
            f"{type(message).__name__}: {extracted.errorCode} {extracted.description}"
        )
    return extracted


@defer.inlineCallbacks
def walk():
    yield ask(
        ProtoOAApplicationAuthReq(
            clientId=broker["client_id"], clientSecret=broker["client_secret"]
        )
    )
    listed = yield ask(ProtoOAGetAccountListByAccessTokenReq(accessToken=broker["access_token"]))
    told("accounts", ids=[account.ctidTraderAccountId for account in listed.ctidTraderAccount])
    yield ask(
        ProtoOAAccountAuthReq(ctidTraderAccountId=account_id, accessToken=broker["access_token"])
    )
    told("authenticated")

    listed = yield ask(ProtoOASymbolsListReq(ctidTraderAccountId=account_id))
    symbol = next(light for light in listed.symbol if light.symbolName == "EURUSD")
    details = yield ask(
        ProtoOASymbolByIdReq(ctidTraderAccountId=account_id, symbolId=[symbol.symbolId])
    )
    volume = details.symbol[0].minVolume
    told("symbols", count=len(listed.symbol), lot_size=details.symbol[0].lotSize)

    quote = pushes.wait(lambda message: type(message).__name__ == "ProtoOASpotEvent")
    yield ask(ProtoOASubscribeSpotsReq(ctidTraderAccountId=account_id, symbolId=[symbol.symbolId]))
    quote = yield quote
    told("quote", bid=quote.bid, ask=quote.ask)

    filled = pushes.wait(execution("ORDER_FILLED"))
    protected = pushes.wait(
        lambda message: execution("ORDER_ACCEPTED")(message) and message.isServerEvent
    )
    accepted = yield ask(
        ProtoOANewOrderReq(
            ctidTraderAccountId=account_id,
            symbolId=symbol.symbolId,
            orderType=ProtoOAOrderType.Value("MARKET"),
            tradeSide=ProtoOATradeSide.Value("BUY"),
            volume=volume,
            relativeStopLoss=1000,
            relativeTakeProfit=1000,
        )
    )
    fill = yield filled
    protected = yield protected
    told(
        "opened",
        same_position=accepted.position.positionId == fill.position.positionId,
        volume=fill.position.tradeData.volume,
        stop_loss=protected.position.stopLoss,
    )

    position = fill.position
    replaced = yield ask(
        ProtoOAAmendPositionSLTPReq(
            ctidTraderAccountId=account_id,
            positionId=position.positionId,
            stopLoss=round(position.price - 0.02, 5),
        )
    )
    told(
        "amended",
        stop_loss=round(position.price - replaced.position.stopLoss, 5),
        take_profit=replaced.position.HasField("takeProfit"),
    )

    closed = pushes.wait(execution("ORDER_FILLED"))
    yield ask(
        ProtoOAClosePositionReq(
            ctidTraderAccountId=account_id, positionId=position.positionId, volume=volume
        )
    )
    closed = yield closed
    told("closed", closed_volume=closed.deal.closePositionDetail.closedVolume)

    left = yield ask(ProtoOAReconcileReq(ctidTraderAccountId=account_id))
    told("reconciled", positions=len(left.position))


def failed(reason):
    failure.append(reason.getErrorMessage())
    print(reason.getTraceback(), file=sys.stderr)


def start(_client):
    walk().addErrback(failed).addBoth(lambda _: reactor.stop())


client.setConnectedCallback(start)
client.setMessageReceivedCallback(pushes.received)
client.startService()
reactor.run()
sys.exit(1 if failure else 0)
