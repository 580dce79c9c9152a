"""The JSON shapes of symbols: their specification, what they are called, and which ones there are.

A specification has MetaApi's fields, the broker's own under ``ctrader``. What has no source at the
broker is left out; what is only not known at the moment is null.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

MatchWord = Literal["broker_rule", "rule", "equal", "normalised", "alias", "suffix"]

TradingSession = TypedDict("TradingSession", {"from": str, "to": str})
"""A part of a day, ``HH:mm:ss.SSS`` in UTC; 23:59:59.999 is the end of the day."""


class HolidayInfo(TypedDict):
    """A day, or a part of one, without trading; seconds of the day in its own time zone."""

    name: str
    date: str
    recurring: bool
    startSecond: int
    endSecond: int
    timeZone: str


class SymbolTermsInfo(TypedDict):
    """What only cTrader tells of a symbol, as the broker sent it.

    Distances are in ``distanceUnit``. ``gslCharge``, ``maxExposure`` and ``rolloverCommission`` are
    the broker's numbers; their scale is not documented.
    """

    symbolId: int
    name: str
    category: str | None
    assetClass: str | None
    lotSize: float
    multiplier: float
    pipPosition: int
    measurementUnits: str
    tradingMode: str
    shortSelling: bool | None
    leverageId: int | None
    commissionType: str
    commissionRate: float
    minCommission: float | None
    minCommissionAsset: str | None
    conversionFeePercent: float
    swapType: str
    swapLong: float | None
    swapShort: float | None
    swapPeriodHours: int | None
    swapTimeMinutes: int | None
    skipSwapPeriods: int | None
    chargeSwapAtWeekends: bool | None
    rolloverCommission: int | None
    rolloverCommission3Days: str
    skipRolloverDays: int | None
    distanceUnit: str
    slDistance: int
    tpDistance: int
    gslDistance: int | None
    gslCharge: int | None
    guaranteedStopLoss: bool | None
    maxExposure: int | None
    scheduleTimeZone: str | None
    holidays: list[HolidayInfo]


class SymbolSpecification(TypedDict):
    """What may be traded of a symbol, in MetaApi's words; volumes are lots, distances points.

    Sessions are those of the present week in UTC, null where the broker tells no hours. Tick values
    are what a price change of ``tickSize`` is worth on one lot, in the account's currency; null
    while a price that they need is not known: subscribe to the symbol.
    """

    symbol: str
    description: NotRequired[str]
    path: NotRequired[str]
    digits: int
    point: NotRequired[float]
    tickSize: float
    pipSize: NotRequired[float | None]
    minVolume: float | None
    maxVolume: float | None
    volumeStep: float | None
    contractSize: float
    baseCurrency: NotRequired[str]
    profitCurrency: NotRequired[str]
    marginCurrency: NotRequired[str]
    profitTickValue: NotRequired[float | None]
    lossTickValue: NotRequired[float | None]
    fillingModes: NotRequired[list[str]]
    executionMode: NotRequired[str]
    tradeMode: NotRequired[str]
    quoteSessions: NotRequired[dict[str, list[TradingSession]] | None]
    tradeSessions: NotRequired[dict[str, list[TradingSession]] | None]
    allowedOrderTypes: NotRequired[list[str]]
    allowedExpirationModes: NotRequired[list[str]]
    orderGTCMode: NotRequired[str]
    priceCalculationMode: NotRequired[str]
    initialMargin: NotRequired[float]
    maintenanceMargin: NotRequired[float]
    hedgedMargin: NotRequired[float]
    hedgedMarginUsesLargerLeg: NotRequired[bool]
    swapMode: NotRequired[str]
    swapLong: NotRequired[float | None]
    swapShort: NotRequired[float | None]
    swapRollover3Days: NotRequired[str]
    stopsLevel: NotRequired[float | None]
    freezeLevel: NotRequired[float]
    account_id: NotRequired[str]
    ctrader: NotRequired[SymbolTermsInfo]


class SymbolMapping(TypedDict):
    """How a MetaTrader name is called at the broker of an account, and what may be traded of it.

    ``matchedBy`` is what led to the symbol: an entry of the symbols file for this broker or for
    all, the equal name, the name without separators and case, a known alias, or the name without a
    suffix. Asked without an account, ``byAccount`` has what each account that knows the name means
    by it, and ``cTraderId`` is null where the ids differ.
    """

    mt5Symbol: str
    cTraderSymbol: str
    cTraderName: str
    cTraderId: int | None
    digits: int
    pipPosition: int
    lotSize: float
    minVolume: float | None
    maxVolume: float | None
    volumeStep: float | None
    multiplier: float
    account_id: str
    source: str
    matchedBy: MatchWord
    byAccount: NotRequired[dict[str, BrokerSymbol]]


class BrokerSymbol(TypedDict):
    """What a name means on one account; ids belong to one broker."""

    cTraderId: int | None
    cTraderName: str
    multiplier: float


class SymbolList(TypedDict):
    """The symbols of an account by MetaTrader name, with the broker's own name and state.

    ``symbols`` are those that can be traded; ``archived`` are the broker's names of those that it
    lists no more.
    """

    symbols: list[str]
    details: dict[str, SymbolDetail]
    archived: NotRequired[list[str]]


class SymbolDetail(TypedDict):
    """The broker's side of one symbol; ``category`` is where it stands in the broker's tree."""

    cTraderName: str
    enabled: bool
    cTraderId: NotRequired[int]
    description: NotRequired[str]
    baseAsset: NotRequired[str | None]
    quoteAsset: NotRequired[str | None]
    category: NotRequired[str | None]
    assetClass: NotRequired[str | None]
