"""The JSON shapes of accounts and what is traded on them: MetaApi's field names, with additions.

Shapes of the past, of symbols, of the pool and of events have files of their own.

Ids are strings, volumes are lots, times are ISO 8601 UTC with milliseconds and ``Z``, money is in
the account's currency, ``None`` is JSON null. The values are JSON numbers, rounded at this edge to
the symbol's or the currency's digits; nothing below this module holds a float.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Direction = Literal["POSITION_TYPE_BUY", "POSITION_TYPE_SELL"]
OrderTypeName = Literal[
    "ORDER_TYPE_BUY",
    "ORDER_TYPE_SELL",
    "ORDER_TYPE_BUY_LIMIT",
    "ORDER_TYPE_SELL_LIMIT",
    "ORDER_TYPE_BUY_STOP",
    "ORDER_TYPE_SELL_STOP",
    "ORDER_TYPE_BUY_STOP_LIMIT",
    "ORDER_TYPE_SELL_STOP_LIMIT",
]
OutcomeWord = Literal["executed", "not_executed", "unknown"]


class AccountInformation(TypedDict):
    """One account, as ``GET /account/{id}`` shows it. ``id`` echoes the name the caller used.

    ``unrealizedProfit`` = ``grossProfit`` + ``swap`` + ``commission``, all of open positions; what
    closing them will cost is stated apart and is no part of the equity. Nor is ``credit``, the
    broker's bonus: the protocol does not tell whether it counts. On MetaTrader the estimate is
    null: it does not tell whether an entry's commission pays for the exit. ``history`` is how far
    the account's past is read, while that goes on; events do not carry it.
    """

    id: str
    platform: str
    environment: str
    simulated: bool
    ctidTraderAccountId: str
    login: str
    name: str
    broker: str
    server: str
    currency: str
    balance: float
    equity: float
    margin: float
    freeMargin: float
    marginLevel: float | None
    leverage: float | None
    credit: float
    marginMode: str
    currencyDigits: int
    openPositions: int
    grossProfit: float
    unrealizedProfit: float
    swap: float
    commission: float
    closingCommissionEstimate: float | None
    tradeAllowed: bool
    investorMode: bool
    accessRights: str
    accountType: str
    brokerTime: str
    updateTime: str
    connected: bool
    synchronized: bool
    halted: bool
    history: NotRequired[str]


class PositionInfo(TypedDict):
    """One open position. ``profit`` leaves swap and commission out, ``netProfit`` holds them.

    ``commission`` is what opening the part that is still open cost. What closing it will cost is
    not known before: ``closingCommissionEstimate`` is the same again, and part of no other number.
    Values that need a quote are null while none is known, and so are those that need the past deals
    of the position (``realizedProfit`` and what contains it).
    """

    id: str
    account_id: str
    platform: str
    symbol: str
    type: Direction
    volume: float
    openPrice: float
    currentPrice: float | None
    stopLoss: float | None
    takeProfit: float | None
    profit: float | None
    unrealizedProfit: float | None
    realizedProfit: float | None
    netProfit: float | None
    swap: float
    commission: float
    closingCommissionEstimate: float | None
    usedMargin: float | None
    magic: int
    clientId: str
    comment: str
    time: str
    openTime: str
    updateTime: str
    brokerTime: str
    currentTickValue: float | None
    guaranteedStopLoss: bool
    trailingStopLoss: bool


class PositionList(TypedDict):
    """All open positions of an account, true at ``asOf``."""

    account_id: str
    positions: list[PositionInfo]
    count: int
    synchronized: bool
    asOf: str


class _OrderFacts(TypedDict):
    id: str
    account_id: str
    platform: str
    type: OrderTypeName
    state: str
    symbol: str
    magic: int
    currentPrice: float | None
    volume: float
    currentVolume: float
    stopLoss: float | None
    takeProfit: float | None
    comment: str
    clientId: str
    time: str
    openTime: str
    updateTime: str
    expirationTime: str | None
    positionId: NotRequired[str]
    stopLimitPrice: NotRequired[float]


class OrderInfo(_OrderFacts):
    """One pending order."""

    openPrice: float


class ToldOrder(_OrderFacts):
    """The order of an event. Only an order at the market, told when it ends without an execution,
    has no ``openPrice``."""

    openPrice: NotRequired[float]


class OrderList(TypedDict):
    """All pending orders of an account; protection orders of positions are not among them."""

    account_id: str
    orders: list[OrderInfo]
    count: int
    synchronized: bool
    asOf: str


class DealInfo(TypedDict):
    """One deal. Profit + swap + commission is what it changed the balance by, so the commission is
    0 on an opening deal: cTrader takes it at the close. ``accruedCommission`` is its own charge."""

    id: str
    account_id: str
    platform: str
    type: Literal["DEAL_TYPE_BUY", "DEAL_TYPE_SELL"]
    entryType: Literal["DEAL_ENTRY_IN", "DEAL_ENTRY_OUT"]
    symbol: str
    volume: float
    price: float | None
    commission: float
    accruedCommission: float
    swap: float
    profit: float
    orderId: str
    positionId: str
    time: str
    brokerTime: str


class CloseInfo(TypedDict):
    """How a position closed; ``profit`` is the net result of the closing deal."""

    reason: str
    closePrice: float | None
    closeTime: str
    profit: float | None
    dealId: str


class PriceInfo(TypedDict):
    """The newest quote of a symbol; both sides are known, or there is no PriceInfo.

    ``polledEverySeconds`` is there where prices are asked for, and not pushed by the broker.
    """

    symbol: str
    bid: float
    ask: float
    spread: float
    digits: int
    time: str
    brokerTime: str
    account_id: str
    ageMs: int
    stale: bool
    profitTickValue: float | None
    lossTickValue: float | None
    polledEverySeconds: NotRequired[float]


class TradeResult(TypedDict, total=False):
    """What became of a trading call. ``success`` and ``outcome`` are always there.

    A refusal has ``error`` (with ``detail``, the same text), ``code`` and ``retryable``.
    """

    success: bool
    outcome: OutcomeWord
    error: str
    detail: str
    code: str
    retryable: bool
    message: str
    orderId: str
    order_id: str
    positionId: str
    dealId: str
    symbol: str
    type: str
    state: str
    volume: float
    executedVolume: float
    openPrice: float
    executedPrice: float
    price: float
    stopLoss: float | None
    takeProfit: float | None
    commission: float
    swap: float
    profit: float
    grossProfit: float
    closePrice: float
    closedVolume: float
    remainingVolume: float
    comment: str
    clientId: str
    clientOrderId: str
    time: str
    partial: bool
    protection: Literal["none", "set", "failed"]
    alreadyClosed: bool
    closeReason: str
    closeTime: str
    duplicate: bool
    ticketId: str
    unsynchronized: bool


class TicketStep(TypedDict):
    """One step of a ticket, and what showed it."""

    time: str
    state: str
    text: str


class TicketInfo(TypedDict):
    """One order ticket. ``outcome`` is null while an answer of the broker is waited for, ``result``
    is what the caller was told, ``resolved`` says that the outcome was unknown once."""

    id: str
    accountId: str
    kind: str
    state: str
    outcome: str | None
    resolved: bool
    idempotencyKey: str | None
    clientOrderId: str | None
    intent: dict[str, Any]
    result: dict[str, Any] | None
    evidence: list[TicketStep]
    receivedTime: str
    updatedTime: str


class TicketList(TypedDict):
    """``GET /tickets``: newest first."""

    tickets: list[TicketInfo]
    count: int


class CloseResults(TypedDict):
    """What became of closing several positions: ``success`` means that none of them is left open,
    ``outcome`` is unknown as soon as one of them is, and ``results`` has one row per position."""

    success: bool
    outcome: OutcomeWord
    message: str
    closed: int
    failed: int
    results: list[TradeResult]
    error: NotRequired[str]
    detail: NotRequired[str]
    code: NotRequired[str]
    retryable: NotRequired[bool]


class HaltState(TypedDict):
    """Whether opening is stopped, of an account or (``account_id`` null) of all."""

    success: bool
    account_id: str | None
    halted: bool
    reason: str | None
    since: str | None
    message: str


class GuardInfo(TypedDict):
    """How an account stands to one of its loss limits.

    ``state`` is ok, warning, tripped or unknown; ``unknown`` says in ``reason`` why nobody can
    tell. A tripped limit stays so until a person resets it. The loss is ``countsFrom`` less
    ``equity``; numbers that are not known are null.
    """

    guard: str
    state: str
    reason: str
    action: str
    limit: float
    unit: str
    warnAtPercent: float
    trippedSince: str | None
    countsFrom: float | None
    countsFromTime: str | None
    limitMoney: float | None
    loss: float | None
    equity: float | None


class GuardList(TypedDict):
    """All loss limits of an account; ``state`` is the gravest of them, or none."""

    account_id: str
    timeZone: str
    state: str
    guards: list[GuardInfo]


class StreamingState(TypedDict):
    """What ``POST /streaming/initialize`` answers once positions are loaded."""

    success: bool
    account_id: str
    synchronized: bool
    positions: int


class SubscriptionResult(TypedDict):
    """On which accounts a symbol is quoted now, and why not on the others."""

    success: bool
    symbol: str
    accounts: list[str]
    failed: dict[str, str]
