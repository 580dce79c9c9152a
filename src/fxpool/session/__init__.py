"""One authenticated connection to a broker's proxy, with any number of accounts on it.

``phase``, ``trade``, ``refusal`` and ``machine`` are pure; ``link`` and ``driver`` do the I/O.
"""

from fxpool.session.alarm import Alarm, Nap
from fxpool.session.driver import Reply, Session, SessionObserver, SpotSink
from fxpool.session.link import CONNECT_SECONDS, Dialler, Endpoint
from fxpool.session.machine import Timing

__all__ = [
    "CONNECT_SECONDS",
    "Alarm",
    "Dialler",
    "Endpoint",
    "Nap",
    "Reply",
    "Session",
    "SessionObserver",
    "SpotSink",
    "Timing",
]
