"""The control API: faults over HTTP, and the few things that a test does by hand.

For whoever tests a client that is not written in Python. JSON in, JSON out, on a port of its own;
the fields of a fault are those of a profile's [[faults]].
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fxpool.errors import SettingsError
from fxpool.simulator.fault_kinds import Fault
from fxpool.simulator.faults import Faults
from fxpool.simulator.profile_file import fault_from
from fxpool.simulator.striker import Striker


class Controlled(Protocol):
    """The broker, as far as the control API handles it."""

    striker: Striker

    @property
    def faults(self) -> Faults:
        """What stands, and what has struck."""
        ...

    def quote(self, symbol_name: str, bid: Decimal, ask: Decimal) -> None:
        """Publish a quote. Raises KeyError."""
        ...

    def deposit(self, account_id: int, amount_cents: int, note: str = "") -> None:
        """Book a deposit. Raises KeyError."""
        ...

    def ready_line(self) -> str:
        """Return what a client needs."""
        ...


def control_app(broker: Controlled) -> Starlette:
    """Return the control API of one broker."""
    api = _Control(broker)
    return Starlette(
        routes=[
            Route("/", api.ready, methods=["GET"]),
            Route("/faults", api.faults, methods=["GET"]),
            Route("/faults", _told(api.strike), methods=["POST"]),
            Route("/faults", api.clear_all, methods=["DELETE"]),
            Route("/faults/{fault_id:int}", api.clear, methods=["DELETE"]),
            Route("/quotes", _told(api.quote), methods=["POST"]),
            Route("/deposits", _told(api.deposit), methods=["POST"]),
        ]
    )


class _Control:
    def __init__(self, broker: Controlled) -> None:
        self._broker = broker

    async def ready(self, request: Request) -> Response:
        return Response(self._broker.ready_line(), media_type="application/json")

    async def faults(self, request: Request) -> Response:
        faults = self._broker.faults
        standing = [
            {"id": one.fault_id, "left": one.left, **_described(one.fault)}
            for one in faults.standing
        ]
        told = {"struck": faults.struck, "standing": standing}
        return JSONResponse({**told, "spots_stalled": faults.spots_stalled})

    async def strike(self, body: dict[str, Any]) -> dict[str, Any]:
        fault = fault_from(body, "fault")
        return {"id": await self._broker.striker.strike(fault)}

    async def clear_all(self, request: Request) -> Response:
        await self._broker.striker.clear()
        return JSONResponse({})

    async def clear(self, request: Request) -> Response:
        self._broker.faults.clear(request.path_params["fault_id"])
        return JSONResponse({})

    async def quote(self, body: dict[str, Any]) -> dict[str, Any]:
        bid, ask = (Decimal(str(body[side])) for side in ("bid", "ask"))
        self._broker.quote(body["symbol"], bid, ask)
        return {}

    async def deposit(self, body: dict[str, Any]) -> dict[str, Any]:
        cents = int(Decimal(str(body["amount"])) * 100)
        self._broker.deposit(int(body["account"]), cents, str(body.get("note", "")))
        return {}


def _told(
    handle: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return a route that reads a JSON object, and answers 400 to one that makes no sense."""

    async def route(request: Request) -> Response:
        try:
            return JSONResponse(await handle(_object(await request.json())))
        except (SettingsError, ValueError, InvalidOperation) as exc:
            return _bad(str(exc))
        except KeyError as exc:
            return _bad(f"missing or unknown: {exc.args[0]}")

    return route


def _object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise SettingsError("the body is no JSON object")
    return body


def _bad(text: str) -> Response:
    return JSONResponse({"error": text}, status_code=400)


def _described(fault: Fault) -> dict[str, Any]:
    values = asdict(fault).items()
    return {name: one.value if isinstance(one, Enum) else one for name, one in values}
