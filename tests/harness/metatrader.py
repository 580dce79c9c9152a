"""A small MetaTrader terminal: one hedging account with quotes, positions, orders and a past.

What the two test servers in front of it have in common (``metaapi_server``, ``metaapi_pool``). It
shares no code with the adapter: MetaApi's documented fields are written here a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

Row = dict[str, Any]
COMMISSION_PER_LOT = Decimal("-3.50")
"""Of each side."""

SYMBOLS = {
    "EURUSD": (5, Decimal(100_000), Decimal("1.10000"), Decimal("1.10010")),
    "GBPUSD": (5, Decimal(100_000), Decimal("1.27000"), Decimal("1.27012")),
    "XAUUSD": (2, Decimal(100), Decimal("2911.12"), Decimal("2911.40")),
}


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def broker_time(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"


class Refused(Exception):
    """A trade that the broker refuses."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


@dataclass
class Terminal:
    """One account at a broker.

    Attributes:
        trades: how many trade requests had an effect.
        ahead: by how much its clock is ahead of ours.
    """

    login: str = "12345"
    balance: Decimal = Decimal("10000.00")
    investor: bool = False
    positions: dict[str, Row] = field(default_factory=dict)
    orders: dict[str, Row] = field(default_factory=dict)
    past_orders: list[Row] = field(default_factory=list)
    deals: list[Row] = field(default_factory=list)
    quotes: dict[str, tuple[Decimal, Decimal, datetime]] = field(default_factory=dict)
    trades: int = 0
    ahead: timedelta = timedelta()

    def __post_init__(self) -> None:
        self._ids = count(46648037)
        for symbol, (_, _, bid, ask) in SYMBOLS.items():
            self.quote(symbol, bid, ask)
        self._deal("DEAL_TYPE_BALANCE", profit=self.balance, comment="initial deposit")

    # What it shows

    def quote(self, symbol: str, bid: Decimal, ask: Decimal) -> None:
        """Move a symbol; pending orders and protection that it reaches are executed."""
        self.quotes[symbol] = (bid, ask, self._now())
        for order in [o for o in self.orders.values() if o["symbol"] == symbol]:
            self._trigger(order, bid, ask)
        for position in [p for p in self.positions.values() if p["symbol"] == symbol]:
            self._protect(position, bid, ask)

    def information(self) -> Row:
        open_profit = sum((self._profit(p) for p in self.positions.values()), Decimal(0))
        costs = sum((p["commission"] + p["swap"] for p in self.positions.values()), Decimal(0))
        margin = sum((self._margin(p) for p in self.positions.values()), Decimal(0))
        equity = self.balance + open_profit + costs - self._paid_costs()
        row: Row = {
            "platform": "mt5",
            "broker": "ExampleMarkets",
            "currency": "USD",
            "server": "ExampleMarkets-Demo",
            "balance": self.balance,
            "equity": equity,
            "margin": margin,
            "freeMargin": equity - margin,
            "leverage": 100,
            "tradeAllowed": not self.investor,
            "investorMode": self.investor,
            "marginMode": "ACCOUNT_MARGIN_MODE_RETAIL_HEDGING",
            "name": "Alpha demo",
            "login": int(self.login),
            "credit": 0,
            "type": "ACCOUNT_TRADE_MODE_DEMO",
            "currencyDigits": 2,
        }
        if margin:
            row["marginLevel"] = round(equity / margin * 100, 2)
        return row

    def open_positions(self) -> list[Row]:
        return [self._shown(position) for position in self.positions.values()]

    def pending_orders(self) -> list[Row]:
        rows = []
        for order in self.orders.values():
            bid, ask, _ = self.quotes[order["symbol"]]
            rows.append({**order, "currentPrice": ask if "_BUY" in order["type"] else bid})
        return rows

    def specification(self, symbol: str) -> Row | None:
        if symbol not in SYMBOLS:
            return None
        digits, contract, _, _ = SYMBOLS[symbol]
        point = Decimal(1).scaleb(-digits)
        return {
            "symbol": symbol,
            "description": symbol,
            "digits": digits,
            "point": point,
            "tickSize": point,
            "pipSize": point * 10,
            "minVolume": Decimal("0.01"),
            "maxVolume": 100,
            "volumeStep": Decimal("0.01"),
            "contractSize": contract,
            "baseCurrency": symbol[:3],
            "profitCurrency": symbol[3:],
            "marginCurrency": symbol[:3],
            "fillingModes": ["SYMBOL_FILLING_FOK"],
            "executionMode": "SYMBOL_TRADE_EXECUTION_MARKET",
            "tradeMode": "SYMBOL_TRADE_MODE_FULL",
            "quoteSessions": {},
            "tradeSessions": {},
            "allowedOrderTypes": ["SYMBOL_ORDER_MARKET", "SYMBOL_ORDER_LIMIT"],
            "allowedExpirationModes": ["SYMBOL_EXPIRATION_GTC"],
            "priceCalculationMode": "SYMBOL_CALC_MODE_FOREX",
            "initialMargin": 0,
            "maintenanceMargin": 0,
            "swapMode": "SYMBOL_SWAP_MODE_POINTS",
            "swapRollover3Days": "WEDNESDAY",
            "stopsLevel": 0,
            "freezeLevel": 0,
        }

    def price(self, symbol: str) -> Row | None:
        if symbol not in self.quotes:
            return None
        bid, ask, at = self.quotes[symbol]
        digits, contract, _, _ = SYMBOLS[symbol]
        tick = contract * Decimal(1).scaleb(-digits)
        return {
            "symbol": symbol,
            "bid": bid,
            "ask": ask,
            "profitTickValue": tick,
            "lossTickValue": tick,
            "time": iso(at),
            "brokerTime": broker_time(at),
        }

    # What it does

    def trade(self, body: Row) -> Row:
        """Carry a trade request out and return what MetaApi answers. Raises Refused."""
        if self.investor:
            raise Refused(-8, "ERR_INVESTOR", "Trade is disabled, the account is read-only")
        action = body["actionType"]
        if action in {"ORDER_TYPE_BUY", "ORDER_TYPE_SELL"}:
            done = self._market(body)
        elif action.startswith("ORDER_TYPE_"):
            done = self._pending(body)
        else:
            done = {
                "POSITION_MODIFY": self._modify_position,
                "POSITION_PARTIAL": self._close,
                "POSITION_CLOSE_ID": self._close,
                "POSITIONS_CLOSE_SYMBOL": self._close_symbol,
                "ORDER_MODIFY": self._modify_order,
                "ORDER_CANCEL": self._cancel,
            }[action](body)
        self.trades += 1
        code, name = 10009, "TRADE_RETCODE_DONE"
        return {"numericCode": code, "stringCode": name, "message": "Request completed", **done}

    def _market(self, body: Row) -> Row:
        self._check(body)
        bid, ask, _ = self.quotes[body["symbol"]]
        price = ask if body["actionType"].endswith("BUY") else bid
        self._check_stops(body, price)
        return self._open(body, price, self._id())

    def _open(self, body: Row, price: Decimal, order_id: str) -> Row:
        now, volume = self._now(), Decimal(str(body["volume"]))
        side = "BUY" if "BUY" in body["actionType"] else "SELL"
        position: Row = {
            "id": order_id,
            "type": f"POSITION_TYPE_{side}",
            "symbol": body["symbol"],
            "magic": body.get("magic", 0),
            "time": iso(now),
            "brokerTime": broker_time(now),
            "updateTime": iso(now),
            "openPrice": price,
            "volume": volume,
            "swap": Decimal(0),
            "commission": round(COMMISSION_PER_LOT * volume, 2),
            "realizedProfit": Decimal(0),
            "reason": "POSITION_REASON_EXPERT",
            **self._stops(body),
            **{name: body[name] for name in ("comment", "clientId") if body.get(name)},
        }
        self.positions[order_id] = position
        self._past_order(body, order_id, "ORDER_STATE_FILLED", price, order_id)
        commission = round(COMMISSION_PER_LOT * volume, 2)
        self.balance += commission
        self._deal(
            f"DEAL_TYPE_{side}",
            entryType="DEAL_ENTRY_IN",
            symbol=body["symbol"],
            volume=volume,
            price=price,
            commission=commission,
            swap=Decimal(0),
            profit=Decimal(0),
            positionId=order_id,
            orderId=order_id,
            **{name: body[name] for name in ("comment", "clientId") if body.get(name)},
        )
        return {"orderId": order_id, "positionId": order_id}

    def _pending(self, body: Row) -> Row:
        self._check(body)
        now, order_id = self._now(), self._id()
        volume = Decimal(str(body["volume"]))
        order: Row = {
            "id": order_id,
            "type": body["actionType"],
            "state": "ORDER_STATE_PLACED",
            "magic": 0,
            "time": iso(now),
            "brokerTime": broker_time(now),
            "symbol": body["symbol"],
            "openPrice": Decimal(str(body["openPrice"])),
            "volume": volume,
            "currentVolume": volume,
            "platform": "mt5",
            "reason": "ORDER_REASON_EXPERT",
            "fillingMode": "ORDER_FILLING_RETURN",
            "expirationType": "ORDER_TIME_GTC",
            **self._stops(body),
            **{name: body[name] for name in ("comment", "clientId") if body.get(name)},
        }
        self.orders[order_id] = order
        return {"orderId": order_id}

    def _modify_position(self, body: Row) -> Row:
        position = self._position(body)
        for name in ("stopLoss", "takeProfit"):
            position.pop(name, None)
        position |= self._stops(body) | {"updateTime": iso(self._now())}
        return {"positionId": position["id"]}

    def _close(self, body: Row) -> Row:
        position = self._position(body)
        volume = Decimal(str(body.get("volume", position["volume"])))
        if volume > position["volume"]:
            raise Refused(10038, "TRADE_RETCODE_INVALID_CLOSE_VOLUME", "Invalid close volume")
        bid, ask, _ = self.quotes[position["symbol"]]
        price = bid if position["type"].endswith("BUY") else ask
        return self.close(position["id"], price, volume, "DEAL_REASON_EXPERT")

    def close(
        self, position_id: str, price: Decimal, volume: Decimal | None = None, reason: str = ""
    ) -> Row:
        """Close a position or a part of it, whoever wants it."""
        position = self.positions[position_id]
        volume = position["volume"] if volume is None else volume
        closed = {**position, "volume": volume}
        profit = round(self._profit(closed, price), 2)
        commission = round(COMMISSION_PER_LOT * volume, 2)
        self.balance += profit + commission
        order_id = self._id()
        side = "SELL" if position["type"].endswith("BUY") else "BUY"
        self._deal(
            f"DEAL_TYPE_{side}",
            entryType="DEAL_ENTRY_OUT",
            symbol=position["symbol"],
            volume=volume,
            price=price,
            commission=commission,
            swap=Decimal(0),
            profit=profit,
            positionId=position_id,
            orderId=order_id,
            reason=reason or "DEAL_REASON_CLIENT",
        )
        position["volume"] -= volume
        position["commission"] = round(COMMISSION_PER_LOT * position["volume"], 2)
        if not position["volume"]:
            del self.positions[position_id]
        return {"orderId": order_id, "positionId": position_id}

    def _close_symbol(self, body: Row) -> Row:
        for position in [p for p in self.positions.values() if p["symbol"] == body["symbol"]]:
            self._close({"positionId": position["id"]})
        return {}

    def _modify_order(self, body: Row) -> Row:
        order = self._order(body)
        for name in ("stopLoss", "takeProfit"):
            order.pop(name, None)
        order |= self._stops(body) | {"openPrice": Decimal(str(body["openPrice"]))}
        return {"orderId": order["id"]}

    def _cancel(self, body: Row) -> Row:
        order = self._order(body)
        del self.orders[order["id"]]
        self._done(order, "ORDER_STATE_CANCELED")
        return {"orderId": order["id"]}

    # Parts

    def _trigger(self, order: Row, bid: Decimal, ask: Decimal) -> None:
        kind, level = order["type"], order["openPrice"]
        market = ask if "_BUY" in kind else bid
        falls = kind in {"ORDER_TYPE_BUY_LIMIT", "ORDER_TYPE_SELL_STOP"}
        if (market <= level) if falls else (market >= level):
            del self.orders[order["id"]]
            body = {
                **order,
                "actionType": "ORDER_TYPE_BUY" if "_BUY" in kind else "ORDER_TYPE_SELL",
            }
            self._open(body, market, order["id"])

    def _protect(self, position: Row, bid: Decimal, ask: Decimal) -> None:
        is_buy = position["type"].endswith("BUY")
        market = bid if is_buy else ask
        for name, reason in (("stopLoss", "DEAL_REASON_SL"), ("takeProfit", "DEAL_REASON_TP")):
            level = position.get(name)
            is_under = (name == "stopLoss") is is_buy
            if level is not None and (market <= level if is_under else market >= level):
                self.close(position["id"], market, None, reason)
                return

    def _check(self, body: Row) -> None:
        symbol, volume = body["symbol"], Decimal(str(body["volume"]))
        digits_and_contract = SYMBOLS.get(symbol)
        if digits_and_contract is None:
            raise Refused(10013, "TRADE_RETCODE_INVALID", "Unknown symbol")
        if volume < Decimal("0.01") or volume % Decimal("0.01"):
            raise Refused(10014, "TRADE_RETCODE_INVALID_VOLUME", "Invalid volume")
        _, ask, _ = self.quotes[symbol]
        needed = volume * digits_and_contract[1] * ask / 100
        if needed > self.information()["freeMargin"]:
            raise Refused(10019, "TRADE_RETCODE_NO_MONEY", "There is not enough money")

    def _check_stops(self, body: Row, price: Decimal) -> None:
        stop = body.get("stopLoss")
        is_buy = body["actionType"].endswith("BUY")
        if stop is not None and (Decimal(str(stop)) >= price if is_buy else stop <= price):
            raise Refused(10016, "TRADE_RETCODE_INVALID_STOPS", "Invalid stops")

    def _position(self, body: Row) -> Row:
        position = self.positions.get(str(body["positionId"]))
        if position is None:
            raise Refused(4753, "ERR_TRADE_POSITION_NOT_FOUND", "Position not found")
        return position

    def _order(self, body: Row) -> Row:
        order = self.orders.get(str(body["orderId"]))
        if order is None:
            raise Refused(4754, "ERR_TRADE_ORDER_NOT_FOUND", "Order not found")
        return order

    @staticmethod
    def _stops(body: Row) -> Row:
        return {
            name: Decimal(str(body[name])) for name in ("stopLoss", "takeProfit") if body.get(name)
        }

    def _shown(self, position: Row) -> Row:
        bid, ask, _ = self.quotes[position["symbol"]]
        profit = round(self._profit(position), 2)
        digits, contract, _, _ = SYMBOLS[position["symbol"]]
        return {
            **position,
            "currentPrice": bid if position["type"].endswith("BUY") else ask,
            "currentTickValue": contract * Decimal(1).scaleb(-digits),
            "unrealizedProfit": profit,
            "profit": profit + position["realizedProfit"],
            "platform": "mt5",
        }

    def _profit(self, position: Row, price: Decimal | None = None) -> Decimal:
        bid, ask, _ = self.quotes[position["symbol"]]
        is_buy = position["type"].endswith("BUY")
        market = price if price is not None else bid if is_buy else ask
        moved = market - position["openPrice"]
        contract = SYMBOLS[position["symbol"]][1]
        return (moved if is_buy else -moved) * position["volume"] * contract

    def _margin(self, position: Row) -> Decimal:
        contract = SYMBOLS[position["symbol"]][1]
        margin: Decimal = position["volume"] * contract * position["openPrice"] / 100
        return round(margin, 2)

    def _paid_costs(self) -> Decimal:
        """The entry commissions of open positions, which the balance holds already."""
        return sum((p["commission"] for p in self.positions.values()), Decimal(0))

    def _past_order(
        self, body: Row, order_id: str, state: str, price: Decimal, position_id: str
    ) -> None:
        now = self._now()
        row: Row = {
            "id": order_id,
            "type": body["actionType"],
            "state": state,
            "magic": 0,
            "time": iso(now),
            "brokerTime": broker_time(now),
            "doneTime": iso(now),
            "symbol": body["symbol"],
            "openPrice": price,
            "volume": body["volume"],
            "currentVolume": 0,
            "positionId": position_id,
            "platform": "mt5",
            **{name: body[name] for name in ("comment", "clientId") if body.get(name)},
        }
        self.past_orders.append(row)

    def _done(self, order: Row, state: str) -> None:
        now = self._now()
        self.past_orders.append({**order, "state": state, "doneTime": iso(now)})

    def _deal(self, kind: str, **fields: Any) -> None:
        now = self._now()
        self.deals.append(
            {
                "id": self._id(),
                "type": kind,
                "platform": "mt5",
                "time": iso(now),
                "brokerTime": broker_time(now),
                **fields,
            }
        )

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def _id(self) -> str:
        return str(next(self._ids))
