"""Alerts: what an operator must hear of at once, without holding up anything.

``alerts.tell(Alert(...))`` from anywhere in the loop: it never waits and never raises. Repetitions
are dropped, the rest goes to the services of ``CTRADER_ALERT_URLS`` and Telegram, if there are any.
"""

from fxpool.alerts.alert import Alert, Repeats, Severity
from fxpool.alerts.desk import Alerts, AlertSender
from fxpool.alerts.services import ServiceSender, alerts_from, sender_from

__all__ = [
    "Alert",
    "AlertSender",
    "Alerts",
    "Repeats",
    "ServiceSender",
    "Severity",
    "alerts_from",
    "sender_from",
]
