"""The official SDK at the same work, for scale: run by the bench in .venv-sdk.

`python bench/sdk_quotes.py PORT EVENTS` feeds the SDK's own protocol and client classes; each
quote is extracted and handed to a callback, as the SDK's samples do.
"""

import json
import sys
import time

from ctrader_open_api import Client, Protobuf, TcpProtocol
from ctrader_open_api.messages.OpenApiMessages_pb2 import (
    ProtoOAApplicationAuthReq,
    ProtoOASubscribeSpotsReq,
)
from twisted.internet import reactor

port, events = map(int, sys.argv[1:])
client = Client("127.0.0.1", port, TcpProtocol)
state = {"left": events, "began": 0.0, "cpu": 0.0}


def received(_client, message):
    if message.payloadType != 2131:
        return
    if not state["began"]:
        state["began"] = time.process_time()
    event = Protobuf.extract(message)
    _ = event.symbolId, event.bid, event.ask
    state["left"] -= 1
    if not state["left"]:
        state["cpu"] = time.process_time() - state["began"]
        reactor.stop()


def start(_client):
    client.send(ProtoOAApplicationAuthReq(clientId="bench", clientSecret="bench"))
    client.send(ProtoOASubscribeSpotsReq(ctidTraderAccountId=7000001, symbolId=[1]))


client.setConnectedCallback(start)
client.setMessageReceivedCallback(received)
client.startService()
reactor.run()
print(json.dumps({"cpu": state["cpu"], "events": events}))
