"""A trader's walk with ctrader-api-client, unmodified, in .venv-client.

Run by test_other_clients.py: takes the simulator's ready line on standard input, prints one JSON
line per finished step, and exits 0 after the last. It imports nothing of fxpool. The client trusts
what SSL_CERT_FILE names.
"""

import asyncio
import json
import sys
import time
from decimal import Decimal

from ctrader_api_client import AccountCredentials, ClientConfig, CTraderClient, SpotEvent
from ctrader_api_client.enums import OrderSide, OrderType
from ctrader_api_client.events import ExecutionEvent
from ctrader_api_client.models import AmendPositionRequest, ClosePositionRequest, NewOrderRequest

broker = json.load(sys.stdin)
config = ClientConfig(
    host=broker["host"],
    port=broker["protobuf_port"],
    client_id=broker["client_id"],
    client_secret=broker["client_secret"],
)
client = CTraderClient(config)


def told(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


class Events:
    """Keeps pushed events, so that the walk can wait for one that a condition recognises."""

    def __init__(self):
        self.kept = []
        self.came = asyncio.Event()

    async def take(self, event):
        self.kept.append(event)
        self.came.set()

    async def wait(self, condition):
        async with asyncio.timeout(15):
            while True:
                for event in self.kept:
                    if condition(event):
                        self.kept.remove(event)
                        return event
                self.came.clear()
                await self.came.wait()


async def walk():
    quotes, executions = Events(), Events()
    client.register_handler(SpotEvent, quotes.take)
    client.register_handler(ExecutionEvent, executions.take)
    async with client:
        login = int(broker["accounts"][0]["login"])
        account_id = await client.accounts.resolve_account_id(
            broker["access_token"], trader_login=login
        )
        await client.auth.authenticate_trader(
            AccountCredentials(
                account_id=account_id,
                access_token=broker["access_token"],
                refresh_token=broker["refresh_token"],
                expires_at=time.time() + 2_000_000,
            )
        )
        told("authenticated", account_id=str(account_id))

        listed = await client.symbols.list_all(account_id)
        symbol_id = next(one.symbol_id for one in listed if one.name == "EURUSD")
        symbol = await client.symbols.get_by_id(account_id, symbol_id)
        told("symbols", count=len(listed), lot_size=symbol.lot_size)

        await client.market_data.subscribe_spots(account_id, [symbol_id])
        quote = await quotes.wait(lambda event: event.bid is not None and event.ask is not None)
        told("quote", is_right=quote.ask > quote.bid > 0)

        order = NewOrderRequest(
            symbol_id=symbol_id,
            side=OrderSide.BUY,
            volume=symbol.min_volume,
            order_type=OrderType.MARKET,
            relative_stop_loss=Decimal("0.01"),
        )
        # Answers that arrive together are one to this client: the acceptance, or already the fill.
        fill = await client.trading.place_order(account_id, order)
        if not fill.deal:
            fill = await executions.wait(lambda event: event.deal)
        position_id = fill.position.position_id
        await executions.wait(lambda event: event.is_server_event)
        told("opened", positions=len(await client.trading.get_open_positions(account_id)))

        stop_loss = (quote.bid - Decimal("0.02")).quantize(Decimal("0.00001"))
        await client.trading.amend_position(
            account_id, AmendPositionRequest(position_id=position_id, stop_loss=stop_loss)
        )
        (position,) = await client.trading.get_open_positions(account_id)
        told("amended", is_right=Decimal(str(position.stop_loss)) == stop_loss)

        closed = await client.trading.close_position(
            account_id, ClosePositionRequest(position_id=position_id, volume=symbol.min_volume)
        )
        if not closed.deal:
            await executions.wait(lambda event: event.deal)
        deals = await client.trading.get_deals_by_position_id(account_id, position_id)
        told("closed", deals=len(deals))


asyncio.run(walk())
