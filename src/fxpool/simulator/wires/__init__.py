"""How the same conversation travels: Protobuf or JSON, on a raw TLS stream or over WebSocket.

Bytes in, Protobuf frames out, and the other way round; no socket, nothing of the broker.
"""

from fxpool.simulator.wires.wire import RawProtobuf, Wire, WireBroken, json_wire, protobuf_wire

__all__ = ["RawProtobuf", "Wire", "WireBroken", "json_wire", "protobuf_wire"]
