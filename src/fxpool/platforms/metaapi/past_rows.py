"""MetaApi's deals and candles -> the rows that callers read of the past. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from fxpool.history import ClosedPart
from fxpool.mapping.history_formats import BarInfo, TradeInfo
from fxpool.mapping.instants import iso, ms_from_instant
from fxpool.mapping.numbers import number
from fxpool.platforms.metaapi import shapes
from fxpool.platforms.metaapi.ledger import Ledger, lots
from fxpool.platforms.metaapi.model import Candle, Deal


def part_row(part: ClosedPart, ledger: Ledger) -> TradeInfo:
    """Return what a deal closed. Comment and id are those of the deal that opened it."""
    deal = ledger.deals[part.deal_id]
    opening = ledger.openings.get(part.position_id, deal)
    closed_at, volume = iso(part.closed_at), float(lots(part.volume_cents))
    return TradeInfo(
        id=str(part.deal_id),
        positionId=str(part.position_id),
        orderId=str(part.order_id),
        symbol=deal.symbol,
        type="DEAL_TYPE_SELL" if deal.type == "DEAL_TYPE_BUY" else "DEAL_TYPE_BUY",
        entryType="DEAL_ENTRY_OUT",
        volume=volume,
        executedVolume=volume,
        openPrice=float(part.open_price),
        closePrice=number(part.close_price),
        price=number(part.close_price),
        openTime=None if part.opened_at is None else iso(part.opened_at),
        closeTime=closed_at,
        time=closed_at,
        profit=float(part.profit),
        swap=float(part.swap),
        commission=float(part.commission),
        netProfit=float(part.net_profit),
        pips=None,
        reason=shapes.close_reason(deal),
        comment=opening.comment,
        clientId=opening.client_id,
        state="CLOSED",
    )


def cash_row(deal: Deal) -> TradeInfo:
    """Return a cash operation as a row among trades."""
    at = iso(deal.time)
    return TradeInfo(
        id=str(deal.id),
        type=deal.type,
        profit=float(deal.profit),
        swap=float(deal.swap),
        commission=float(deal.commission),
        netProfit=float(deal.net_profit),
        time=at,
        closeTime=at,
        comment=deal.comment,
        clientId=deal.client_id,
        state="CLOSED",
    )


def bar_row(candle: Candle) -> BarInfo:
    """Return a bar with the digits that came."""
    return BarInfo(
        time=ms_from_instant(candle.time),
        open=float(candle.open),
        high=float(candle.high),
        low=float(candle.low),
        close=float(candle.close),
        volume=int(candle.tick_volume),
    )


def all_lots(volumes: Iterable[int]) -> Decimal:
    """Return volumes of the record in lots."""
    return sum(map(lots, volumes), Decimal(0))
