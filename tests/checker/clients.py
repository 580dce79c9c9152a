"""The clients of a run: they do the steps of the plan over HTTP, and record what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from checker.gateways import Gateway
from checker.history import (
    AMEND_ORDER,
    AMEND_POSITION,
    CANCEL,
    CLOSE,
    PLACE,
    Operation,
    Outcome,
)
from checker.plan import Act, Keyed, Step
from harness.fast_clock import FastClock

UP_SECONDS = 10.0
"""How long a client waits, of the machine's time, for a gateway that is away."""

RETRY_SECONDS = 2.0
"""Between the tries of one order."""

HASTE = 0.8
"""Share of the steps that wait until all accounts are live."""

_OUTCOMES = {"executed": Outcome.OK, "not_executed": Outcome.FAIL, "unknown": Outcome.UNKNOWN}
_TENTH_PIP = Decimal("0.00001")
MID = Decimal("1.12560")


@dataclass(slots=True)
class Known:
    """What a client believes to be open.

    Attributes:
        positions: their sides, by id.
        orders: resting ones with their type, by id.
    """

    positions: dict[str, str] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)


@dataclass
class Client:
    """One client, with positions and orders of its own.

    Attributes:
        record: takes each operation as it ends.
    """

    name: str
    account: str
    gateways: Sequence[Gateway]
    clock: FastClock
    record: list[Operation]
    known: Known = field(default_factory=Known)
    _numbers: int = 0

    def target_of(self, step: Step) -> tuple[Act, str]:
        """Return what a step comes to with what is known now: its act, and on which object."""
        match step.act:
            case Act.CLOSE | Act.CLOSE_PART | Act.PROTECT if self.known.positions:
                return step.act, _pick(list(self.known.positions), step.pick)
            case Act.MOVE | Act.CANCEL if self.known.orders:
                return step.act, _pick(list(self.known.orders), step.pick)
            case Act.CLOSE | Act.CLOSE_PART | Act.PROTECT | Act.MOVE | Act.CANCEL:
                return Act.MARKET, ""
        return step.act, ""

    def new_intent(self) -> str:
        """Return a new name for what a step wants."""
        self._numbers += 1
        return f"{self.name}.{self._numbers}"

    async def do(self, step: Step, intent: str) -> None:
        """Carry out a step, tries and all."""
        act, target = self.target_of(step)
        gateway = self.gateways[step.gateway]
        await self._until_up(gateway)
        if step.pick < HASTE:
            await self._until_live(gateway)
        match act:
            case Act.CLOSE | Act.CLOSE_PART:
                await self._close(step, intent, act, target)
            case Act.PROTECT:
                await self._protect(step, intent, target)
            case Act.MOVE:
                await self._move(step, intent, target)
            case Act.CANCEL:
                body = {"orderId": target}
                await self._change(step, intent, target, body, act=CANCEL, path="/order/cancel")
            case _:
                await self._order(step, intent, act)

    # New orders

    async def _order(self, step: Step, intent: str, act: Act) -> None:
        key = f"Copy_{intent}" if step.keyed is Keyed.COPY else f"key-{intent}"
        body = self._order_body(step, intent, act)
        if step.keyed is Keyed.COPY:
            body["comment"] = key
        if step.keyed is Keyed.GIVEN:
            body["idempotencyKey"] = key
        known = None if step.keyed is Keyed.NOT else key
        gateways = range(len(self.gateways)) if step.twice else (step.gateway,)
        async with asyncio.TaskGroup() as tasks:
            tries = [
                tasks.create_task(self._tries(step, intent, known, body, number))
                for number in gateways
            ]
        for told in (task.result() for task in tries):
            self._learn(act, told, body["action"])

    async def _tries(
        self, step: Step, intent: str, key: str | None, body: dict[str, Any], gateway: int
    ) -> Operation:
        """Send an order until it is ok, or the tries are used up, as copiers do."""
        for _ in range(step.tries):
            told = await self._send(
                step, gateway, PLACE, "/trade/execute", body, intent=intent, key=key
            )
            if told.outcome is Outcome.OK or not _asks_again(told):
                break
            await self.clock.sleep(RETRY_SECONDS)
            await self._until_up(self.gateways[gateway])
        return told

    def _order_body(self, step: Step, intent: str, act: Act) -> dict[str, Any]:
        side = "BUY" if step.is_buy else "SELL"
        body: dict[str, Any] = {
            "symbol": "EURUSD",
            "action": side,
            "volume": step.hundredths / 100,
            "clientId": intent,
        }
        if act is Act.RANGE:
            body["slippagePoints"] = 30
        if act in {Act.LIMIT, Act.STOP}:
            body["action"] = kind = f"{side}_{act.name}"
            body["openPrice"] = float(_resting_price(kind, step))
        elif step.pick > 0.7:
            body["stopLoss"] = float(_off(MID, -200 if step.is_buy else 200))
        return body

    def _learn(self, act: Act, told: Operation, kind: str) -> None:
        if told.outcome is not Outcome.OK:
            return
        if "positionId" in told.result:
            self.known.positions[str(told.result["positionId"])] = kind
        elif act in {Act.LIMIT, Act.STOP}:
            self.known.orders[str(told.result["orderId"])] = kind

    # Changes

    async def _close(self, step: Step, intent: str, act: Act, target: str) -> None:
        body: dict[str, Any] = {"positionId": target}
        if act is Act.CLOSE_PART:
            body["volume"] = 0.01
        told = await self._send(
            step, step.gateway, CLOSE, "/position/close", body, intent=intent, target=target
        )
        is_gone = told.outcome is Outcome.OK and not told.result.get("remainingVolume")
        if is_gone or told.result.get("alreadyClosed") or told.code == "POSITION_NOT_FOUND":
            self.known.positions.pop(target, None)

    async def _protect(self, step: Step, intent: str, target: str) -> None:
        sign = -1 if self.known.positions[target] == "BUY" else 1
        price = _off(MID, sign * (3000 + int(step.pick * 1000)))
        body = {"positionId": target, "stopLoss": float(price)}
        path = "/position/modify"
        await self._change(step, intent, target, body, act=AMEND_POSITION, path=path, wanted=price)

    async def _move(self, step: Step, intent: str, target: str) -> None:
        price = _resting_price(self.known.orders[target], step, further=150)
        body = {"orderId": target, "openPrice": float(price)}
        path = "/order/modify"
        await self._change(step, intent, target, body, act=AMEND_ORDER, path=path, wanted=price)

    async def _change(
        self,
        step: Step,
        intent: str,
        target: str,
        body: dict[str, Any],
        *,
        act: str,
        path: str,
        wanted: Decimal | None = None,
    ) -> None:
        told = await self._send(
            step, step.gateway, act, path, body, intent=intent, target=target, wanted=wanted
        )
        is_gone = act == CANCEL and told.outcome is Outcome.OK
        if is_gone or told.code == "ORDER_NOT_FOUND":
            self.known.orders.pop(target, None)
        if told.code == "POSITION_NOT_FOUND":
            self.known.positions.pop(target, None)

    # Sending

    async def _send(
        self,
        step: Step,
        gateway: int,
        act: str,
        path: str,
        body: dict[str, Any],
        *,
        intent: str,
        key: str | None = None,
        target: str = "",
        wanted: Decimal | None = None,
    ) -> Operation:
        began = self._now()
        outcome, result = await self._ask(
            self.gateways[gateway].post(
                path, {"accountId": self.account, **body}, step.patience / self.clock.speed
            )
        )
        if wanted is not None:
            result["wanted"] = str(wanted)
        told = Operation(
            number=len(self.record),
            client=self.name,
            gateway=gateway,
            act=act,
            account=self.account,
            intent=intent,
            target=target,
            key=key,
            began_ms=began,
            ended_ms=self._now(),
            outcome=outcome,
            result=result,
        )
        self.record.append(told)
        return told

    async def _ask(self, call: Awaitable[httpx.Response]) -> tuple[Outcome, dict[str, Any]]:
        try:
            response = await call
        except httpx.ConnectError:
            return Outcome.FAIL, {"code": "CONNECT"}
        except (httpx.HTTPError, RuntimeError) as exc:  # RuntimeError: the client was closed
            return Outcome.UNKNOWN, {"code": type(exc).__name__}
        result: dict[str, Any] = response.json()
        if response.status_code != httpx.codes.OK:
            return Outcome.FAIL, {"code": f"HTTP_{response.status_code}", "error": response.text}
        return _OUTCOMES[result["outcome"]], result

    async def _until_up(self, gateway: Gateway) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(UP_SECONDS):
                await gateway.up.wait()

    async def _until_live(self, gateway: Gateway) -> None:
        with suppress(TimeoutError, httpx.HTTPError, RuntimeError):
            async with asyncio.timeout(UP_SECONDS):
                while not await gateway.is_healthy():  # noqa: ASYNC110 (a process is asked)
                    await asyncio.sleep(0.05)

    def _now(self) -> int:
        return int(self.clock.at().timestamp() * 1000)


def _rests_below(kind: str) -> bool:
    """Whether an order of this type rests below the market."""
    return ("BUY" in kind) == ("LIMIT" in kind)


def _asks_again(told: Operation) -> bool:
    return told.outcome is Outcome.UNKNOWN or bool(told.result.get("retryable"))


def _pick(names: Sequence[str], pick: float) -> str:
    return names[int(pick * len(names))]


def _resting_price(kind: str, step: Step, further: int = 0) -> Decimal:
    """Return a price at which an order of this type rests, 10 pips and more from the market."""
    sign = -1 if _rests_below(kind) else 1
    return _off(MID, sign * (100 + further + int(step.pick * 100)))


def _off(price: Decimal, tenths: int) -> Decimal:
    """Return a price so many tenths of a pip away."""
    return price + tenths * _TENTH_PIP
