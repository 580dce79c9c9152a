"""The pool's rows -> the entities of MetaApi's REST API. Pure.

A value that MetaApi promises and nobody knows yet is NotReady; one that it calls optional is left
out; what has no source is a constant that docs/metaapi.md names. Broker times are UTC, because
cTrader has no broker's wall clock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from fxpool.errors import NotReady
from fxpool.mapping.formats import (
    AccountInformation,
    OrderInfo,
    PositionInfo,
    PriceInfo,
)
from fxpool.mapping.history_formats import BarInfo, TickInfo
from fxpool.mapping.instants import iso, iso_ms
from fxpool.mapping.metaapi_formats import (
    MetaApiAccountExtras,
    MetaApiCandle,
    MetaApiInformation,
    MetaApiOrder,
    MetaApiPosition,
    MetaApiPositionExtras,
    MetaApiPrice,
    MetaApiProvisioned,
    MetaApiServerTime,
    MetaApiSpecification,
    MetaApiTick,
)
from fxpool.mapping.metaapi_labels import read_label
from fxpool.mapping.pool_formats import AccountListing
from fxpool.mapping.symbol_formats import SymbolSpecification

METATRADER: Final = frozenset({"mt4", "mt5"})
SHOWN_PLATFORM: Final = "mt5"
"""What an account of any other platform is called: the format knows no third word."""

REGION: Final = "fxpool"
"""Where every account is; MetaApi's regions only choose hosts, and here is one."""

_TYPES: Final = {"demo": "ACCOUNT_TRADE_MODE_DEMO", "live": "ACCOUNT_TRADE_MODE_REAL"}


def shown_platform(platform: str) -> str:
    """Return the MetaTrader word under which an account of a platform is shown."""
    return platform if platform in METATRADER else SHOWN_PLATFORM


def broker_time(text: str) -> str:
    """Return a time as brokers write it, from ISO 8601 UTC; one that is so already stays."""
    return text.removesuffix("Z").replace("T", " ")


def account_information(row: AccountInformation) -> MetaApiInformation:
    """Return an account's information."""
    is_ours = row["platform"] not in METATRADER
    environment = row["environment"]
    server = f"{row['broker']}-cTrader-{environment.title()}" if is_ours else row["server"]
    found = MetaApiInformation(
        platform=shown_platform(row["platform"]),
        broker=row["broker"],
        currency=row["currency"],
        server=server,
        balance=row["balance"],
        equity=row["equity"],
        margin=row["margin"],
        freeMargin=row["freeMargin"],
        tradeAllowed=row["tradeAllowed"],
        investorMode=row["investorMode"],
        marginMode=row["marginMode"],
        name=row["name"],
        credit=row["credit"],
        type=_TYPES.get(environment, _TYPES["live"]),
        currencyDigits=row["currencyDigits"],
    )
    if row["leverage"] is not None:
        found["leverage"] = row["leverage"]
    if row["marginLevel"] is not None:
        found["marginLevel"] = row["marginLevel"]
    if row["login"].isdecimal():
        found["login"] = int(row["login"])
    if is_ours:
        found["ctrader"] = MetaApiAccountExtras(
            platform=row["platform"],
            environment=environment,
            simulated=row["simulated"],
            ctidTraderAccountId=row["ctidTraderAccountId"],
            accountType=row["accountType"],
            accessRights=row["accessRights"],
            halted=row["halted"],
        )
    return found


def position(row: PositionInfo) -> MetaApiPosition:
    """Return an open position. Raises NotReady while its result is not known."""
    current, tick, profit = row["currentPrice"], row["currentTickValue"], row["profit"]
    unrealised, realised = row["unrealizedProfit"], row["realizedProfit"]
    if current is None or tick is None or profit is None or unrealised is None:
        raise _unknown(f"the result of position {row['id']}")
    if realised is None:
        realised = profit - unrealised
    label = read_label(row["clientId"])
    found = MetaApiPosition(
        id=row["id"],
        platform=shown_platform(row["platform"]),
        type=row["type"],
        symbol=row["symbol"],
        magic=row["magic"] or label.magic,
        time=row["time"],
        brokerTime=broker_time(row["brokerTime"]),
        updateTime=row["updateTime"],
        openPrice=row["openPrice"],
        currentPrice=current,
        currentTickValue=tick,
        volume=row["volume"],
        swap=row["swap"],
        unrealizedSwap=row["swap"],
        commission=row["commission"],
        unrealizedCommission=row["commission"],
        profit=profit,
        unrealizedProfit=unrealised,
        realizedProfit=realised,
        reason="POSITION_REASON_UNKNOWN",
    )
    if not realised:
        found["realizedSwap"] = found["realizedCommission"] = 0.0
    if row["stopLoss"] is not None:
        found["stopLoss"] = row["stopLoss"]
    if row["takeProfit"] is not None:
        found["takeProfit"] = row["takeProfit"]
    if row["trailingStopLoss"]:
        found["trailingStopLoss"] = {}
    if row["comment"]:
        found["comment"] = row["comment"]
    if label.client_id:
        found["clientId"] = label.client_id
    if row["platform"] not in METATRADER:
        found["ctrader"] = _position_extras(row)
    return found


def _position_extras(row: PositionInfo) -> MetaApiPositionExtras:
    extras = MetaApiPositionExtras(
        label=row["clientId"], guaranteedStopLoss=row["guaranteedStopLoss"]
    )
    if row["usedMargin"] is not None:
        extras["usedMargin"] = row["usedMargin"]
    if row["closingCommissionEstimate"] is not None:
        extras["closingCommissionEstimate"] = row["closingCommissionEstimate"]
    return extras


def pending_order(row: OrderInfo) -> MetaApiOrder:
    """Return a pending order."""
    label = read_label(row["clientId"])
    expires = row["expirationTime"]
    found = MetaApiOrder(
        id=row["id"],
        platform=shown_platform(row["platform"]),
        type=row["type"],
        state=row["state"],
        symbol=row["symbol"],
        magic=row["magic"] or label.magic,
        time=row["time"],
        brokerTime=broker_time(row["time"]),
        openPrice=row["openPrice"],
        volume=row["volume"],
        currentVolume=row["currentVolume"],
        reason="ORDER_REASON_UNKNOWN",
        fillingMode="ORDER_FILLING_RETURN",
        expirationType="ORDER_TIME_GTC" if expires is None else "ORDER_TIME_SPECIFIED",
    )
    if row["currentPrice"] is not None:
        found["currentPrice"] = row["currentPrice"]
    if row["stopLoss"] is not None:
        found["stopLoss"] = row["stopLoss"]
    if row["takeProfit"] is not None:
        found["takeProfit"] = row["takeProfit"]
    if "stopLimitPrice" in row:
        found["stopLimitPrice"] = row["stopLimitPrice"]
    if "positionId" in row:
        found["positionId"] = row["positionId"]
    if expires is not None:
        found["expirationTime"] = expires
    if row["comment"]:
        found["comment"] = row["comment"]
    if label.client_id:
        found["clientId"] = label.client_id
    if row["platform"] not in METATRADER:
        found["ctrader"] = {"label": row["clientId"]}
    return found


def price(row: PriceInfo) -> MetaApiPrice:
    """Return a quote. Raises NotReady while the worth of a tick is not known."""
    gain, loss = row["profitTickValue"], row["lossTickValue"]
    if gain is None or loss is None:
        raise _unknown(f"what a tick of {row['symbol']} is worth")
    return MetaApiPrice(
        symbol=row["symbol"],
        bid=row["bid"],
        ask=row["ask"],
        time=row["time"],
        brokerTime=broker_time(row["brokerTime"]),
        profitTickValue=gain,
        lossTickValue=loss,
    )


def current_tick(row: PriceInfo) -> MetaApiTick:
    """Return the newest quote as a tick."""
    return MetaApiTick(
        symbol=row["symbol"],
        time=row["time"],
        brokerTime=broker_time(row["brokerTime"]),
        bid=row["bid"],
        ask=row["ask"],
    )


def past_tick(row: TickInfo, symbol: str) -> MetaApiTick:
    """Return a tick of the past: the side that changed, and nothing about the other one."""
    at = iso_ms(row["time"])
    tick = MetaApiTick(symbol=symbol, time=at, brokerTime=broker_time(at))
    if "bid" in row:
        tick["bid"] = row["bid"]
    if "ask" in row:
        tick["ask"] = row["ask"]
    return tick


def candle(row: BarInfo, symbol: str, timeframe: str) -> MetaApiCandle:
    """Return a bar."""
    opened = iso_ms(row["time"])
    return MetaApiCandle(
        symbol=symbol,
        timeframe=timeframe,
        time=opened,
        brokerTime=broker_time(opened),
        open=row["open"],
        high=row["high"],
        low=row["low"],
        close=row["close"],
        tickVolume=row["volume"],
        spread=0,
        volume=0,
    )


def specification(row: SymbolSpecification) -> MetaApiSpecification:
    """Return what may be traded of a symbol, without what is not known, and without tick values,
    which belong to prices in MetaApi's format."""
    known = {
        name: value
        for name, value in row.items()
        if value is not None and name in MetaApiSpecification.__annotations__
    }
    return cast("MetaApiSpecification", known)


def server_time(at: datetime, last_quote: str | None) -> MetaApiServerTime:
    """Return the time now, and that of the newest quote if one is known."""
    now = iso(at)
    found = MetaApiServerTime(time=now, brokerTime=broker_time(now))
    if last_quote is not None:
        found["lastQuoteTime"] = last_quote
        found["lastQuoteBrokerTime"] = broker_time(last_quote)
    return found


def provisioned(
    row: AccountListing, phase: str, information: AccountInformation | None
) -> MetaApiProvisioned:
    """Return how an account is set up; ``phase`` is what health says of it, and ``information`` is
    None while it is not known."""
    is_mt4 = information is not None and information["platform"] == "mt4"
    known = None if information is None else account_information(information)
    return MetaApiProvisioned(
        _id=row["id"],
        name=row["name"],
        login="" if information is None else information["login"],
        server="" if known is None else known["server"],
        type="cloud-g2",
        version=4 if is_mt4 else 5,
        region=REGION,
        state="DEPLOYED" if row["enabled"] else "UNDEPLOYED",
        connectionStatus=_connection(phase),
        reliability="regular",
        magic=0,
        manualTrades=True,
    )


def _connection(phase: str) -> str:
    """Return what a phase of an account is called; none means that it is not served at all."""
    if phase == "live":
        return "CONNECTED"
    return "DISCONNECTED_FROM_BROKER" if phase else "DISCONNECTED"


def _unknown(what: str) -> NotReady:
    return NotReady(f"{what} is not known yet", phase="live")
