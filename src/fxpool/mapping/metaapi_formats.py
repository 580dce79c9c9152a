"""The JSON shapes of MetaApi's REST API, as our gateway answers them.

Not the pool's shapes (``formats``): here an optional value that is not known is a missing key and
never null, and broker times have a form of their own. What only this service knows of an entity is
in its one object ``ctrader``.

Source: MetaApi documentation, models of the client API and of the provisioning API.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from fxpool.mapping.formats import Direction
from fxpool.mapping.symbol_formats import SymbolTermsInfo, TradingSession


class MetaApiAccountExtras(TypedDict):
    """What MetaApi's account information has no field for."""

    platform: str
    environment: str
    simulated: bool
    ctidTraderAccountId: str
    accountType: str
    accessRights: str
    halted: bool


class MetaApiInformation(TypedDict):
    """``account-information``. ``platform`` is a MetaTrader word on every account, because
    applications switch on it; the true one is in ``ctrader``."""

    platform: str
    broker: str
    currency: str
    server: str
    balance: float
    equity: float
    margin: float
    freeMargin: float
    leverage: NotRequired[float]
    marginLevel: NotRequired[float]
    tradeAllowed: bool
    investorMode: bool
    marginMode: str
    name: str
    login: NotRequired[int]
    credit: float
    type: str
    currencyDigits: int
    ctrader: NotRequired[MetaApiAccountExtras]


class MetaApiPositionExtras(TypedDict):
    """What MetaApi's position has no field for."""

    label: str
    guaranteedStopLoss: bool
    usedMargin: NotRequired[float]
    closingCommissionEstimate: NotRequired[float]


class MetaApiPosition(TypedDict):
    """An open position. ``swap`` and ``commission`` are those of the part that is open;
    ``realizedProfit`` is net of those of the closed parts, which are told apart only while nothing
    was closed."""

    id: str
    platform: str
    type: Direction
    symbol: str
    magic: int
    time: str
    brokerTime: str
    updateTime: str
    openPrice: float
    currentPrice: float
    currentTickValue: float
    volume: float
    swap: float
    realizedSwap: NotRequired[float]
    unrealizedSwap: float
    commission: float
    realizedCommission: NotRequired[float]
    unrealizedCommission: float
    profit: float
    unrealizedProfit: float
    realizedProfit: float
    stopLoss: NotRequired[float]
    takeProfit: NotRequired[float]
    trailingStopLoss: NotRequired[dict[str, Any]]
    comment: NotRequired[str]
    clientId: NotRequired[str]
    reason: str
    ctrader: NotRequired[MetaApiPositionExtras]


class MetaApiOrder(TypedDict):
    """A pending order, or one of the past (with ``doneTime``, and without ``currentPrice``). Only
    a symbol that the broker lists no more has no lots, and so no volumes."""

    id: str
    platform: str
    type: str
    state: str
    symbol: str
    magic: int
    time: str
    brokerTime: str
    doneTime: NotRequired[str]
    doneBrokerTime: NotRequired[str]
    openPrice: NotRequired[float]
    currentPrice: NotRequired[float]
    stopLimitPrice: NotRequired[float]
    stopLoss: NotRequired[float]
    takeProfit: NotRequired[float]
    trailingStopLoss: NotRequired[dict[str, Any]]
    volume: NotRequired[float]
    currentVolume: NotRequired[float]
    positionId: NotRequired[str]
    comment: NotRequired[str]
    clientId: NotRequired[str]
    reason: str
    fillingMode: str
    expirationType: str
    expirationTime: NotRequired[str]
    ctrader: NotRequired[dict[str, Any]]


class MetaApiDealExtras(TypedDict, total=False):
    """What MetaApi's deal has no field for: the balance after it, and what an opening cost."""

    balance: float
    balanceVersion: int
    openingCommission: float
    conversionFee: float
    operation: str


class MetaApiDeal(TypedDict):
    """One execution, or a cash operation, which has no symbol. Profit + swap + commission is what
    it changed the balance by."""

    id: str
    platform: str
    type: str
    time: str
    brokerTime: str
    profit: float
    swap: NotRequired[float]
    commission: NotRequired[float]
    entryType: NotRequired[str]
    symbol: NotRequired[str]
    magic: NotRequired[int]
    volume: NotRequired[float]
    price: NotRequired[float]
    positionId: NotRequired[str]
    orderId: NotRequired[str]
    comment: NotRequired[str]
    clientId: NotRequired[str]
    reason: NotRequired[str]
    stopLoss: NotRequired[float]
    takeProfit: NotRequired[float]
    ctrader: NotRequired[MetaApiDealExtras]


class MetaApiPrice(TypedDict):
    """The newest quote of a symbol."""

    symbol: str
    bid: float
    ask: float
    time: str
    brokerTime: str
    profitTickValue: float
    lossTickValue: float


class MetaApiSpecification(TypedDict):
    """What may be traded of a symbol. Sessions are in UTC; ``digits`` on are always there."""

    symbol: str
    digits: int
    tickSize: float
    contractSize: float
    minVolume: NotRequired[float]
    maxVolume: NotRequired[float]
    volumeStep: NotRequired[float]
    description: NotRequired[str]
    path: NotRequired[str]
    point: NotRequired[float]
    pipSize: NotRequired[float]
    baseCurrency: NotRequired[str]
    profitCurrency: NotRequired[str]
    marginCurrency: NotRequired[str]
    fillingModes: NotRequired[list[str]]
    executionMode: NotRequired[str]
    tradeMode: NotRequired[str]
    quoteSessions: NotRequired[dict[str, list[TradingSession]]]
    tradeSessions: NotRequired[dict[str, list[TradingSession]]]
    allowedOrderTypes: NotRequired[list[str]]
    allowedExpirationModes: NotRequired[list[str]]
    orderGTCMode: NotRequired[str]
    priceCalculationMode: NotRequired[str]
    initialMargin: NotRequired[float]
    maintenanceMargin: NotRequired[float]
    hedgedMargin: NotRequired[float]
    hedgedMarginUsesLargerLeg: NotRequired[bool]
    swapMode: NotRequired[str]
    swapLong: NotRequired[float]
    swapShort: NotRequired[float]
    swapRollover3Days: NotRequired[str]
    stopsLevel: NotRequired[float]
    freezeLevel: NotRequired[float]
    ctrader: NotRequired[SymbolTermsInfo]


class MetaApiTick(TypedDict):
    """One quote. cTrader tells no deal prices, so there is no ``last``."""

    symbol: str
    time: str
    brokerTime: str
    bid: NotRequired[float]
    ask: NotRequired[float]


class MetaApiCandle(TypedDict):
    """A bar of bid prices. ``spread`` and ``volume`` are always 0: nobody tells them."""

    symbol: str
    timeframe: str
    time: str
    brokerTime: str
    open: float
    high: float
    low: float
    close: float
    tickVolume: int
    spread: int
    volume: int


class MetaApiBookLevel(TypedDict):
    """One price of a book; ``volume`` is in lots."""

    type: str
    price: float
    volume: float


class MetaApiBook(TypedDict):
    """The depth of a symbol, dearest first."""

    symbol: str
    time: str
    brokerTime: str
    book: list[MetaApiBookLevel]


class MetaApiServerTime(TypedDict):
    """The time now, and that of the newest quote if one is known."""

    time: str
    brokerTime: str
    lastQuoteTime: NotRequired[str]
    lastQuoteBrokerTime: NotRequired[str]


class MetaApiMargin(TypedDict, total=False):
    """The margin of an order in the account's currency; without the key it cannot be computed."""

    margin: float


class MetaApiTradeExtras(TypedDict, total=False):
    """What only we say of a trade: the pool's own words on it."""

    outcome: str
    code: str
    protection: str
    duplicate: bool
    ticketId: str


class MetaApiTradeAnswer(TypedDict):
    """What became of a trade; ``numericCode`` decides."""

    numericCode: int
    stringCode: str
    message: str
    orderId: NotRequired[str]
    positionId: NotRequired[str]
    ctrader: NotRequired[MetaApiTradeExtras]


class MetaApiProvisioned(TypedDict):
    """An account as it is set up here."""

    _id: str
    name: str
    login: str
    server: str
    type: str
    version: int
    region: str
    state: str
    connectionStatus: str
    reliability: str
    magic: int
    manualTrades: bool
