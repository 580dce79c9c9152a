"""How far an account's past is read, told where the account is told, while the reading goes on."""

from __future__ import annotations

import asyncio

import msgspec

from fxpool.mapping.formats import AccountInformation
from fxpool.openapi import payload_type_of
from fxpool.openapi.proto.messages_pb2 import ProtoOADealListReq
from fxpool.platforms.base import Platform
from fxpool.simulator.fault_kinds import Fault, FaultKind
from harness.stack import Stack
from harness.wait import wait_until

DEALS = payload_type_of(ProtoOADealListReq())


async def test_an_account_tells_the_progress_of_its_past_until_it_is_read(
    platform: Platform, stack: Stack
) -> None:
    stack.simulator.faults.stand(Fault(FaultKind.DELAY_ANSWERS, DEALS, seconds=1.5))
    assert "history" not in await platform.account_information("alpha"), "nobody asked for it"
    asking = asyncio.create_task(platform.metrics("alpha"))
    past = stack.platform._accounts.find("alpha").past
    await wait_until(lambda: past.reading)
    info = await platform.account_information("12345")
    assert msgspec.convert(info, AccountInformation) == info
    assert "% of the account's history is read" in info["history"]
    await asking
    assert "history" not in await platform.account_information("alpha")
